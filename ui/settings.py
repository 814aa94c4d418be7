"""Folders, addresses and limits of the page: one frozen object."""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from separator.shipped import home_folder, shipped_folder

SPACE_SONG_MINUTES = 12.0


def _find_work_folder() -> Path:
    """A folder inside Gradio's own cache: what lies there is served to its visitor without being copied first."""
    cache = os.environ.get("GRADIO_TEMP_DIR") or Path(tempfile.gettempdir()) / "gradio"
    return Path(cache).resolve() / "sori"


def _read_data_roots() -> tuple[Path, ...]:
    extra = [Path(entry) for entry in os.environ.get("SORI_DATA_ROOTS", "").split(os.pathsep) if entry]
    return (Path.cwd(), Path.home(), *extra)


@dataclass(frozen=True)
class PageSettings:
    """What ``build_page`` and every tab are built from."""

    checkpoints: Path = field(default_factory=lambda: home_folder() / "checkpoints")
    """Models (``*.pth``) and one folder per training run."""
    shipped: Path | None = None
    """The folder of the shipped models, where they are not in ``checkpoints``."""
    demo_song: Path = shipped_folder("assets") / "demo"
    """The demo song: ``mixture.flac`` and its true stems."""
    practice: Path = field(default_factory=lambda: home_folder() / "data" / "practice")
    """Where the made-up practice songs are kept once they are made."""
    practice_songs: int = 12
    practice_seconds: float = 24.0
    cache: Path = field(default_factory=lambda: home_folder() / "cache")
    """Decoded audio of the data folders."""
    work: Path = field(default_factory=_find_work_folder)
    data_roots: tuple[Path, ...] = field(default_factory=_read_data_roots)
    """A folder typed into the page must lie in one of these."""
    on_space: bool = "SPACE_ID" in os.environ
    """True on a public Hugging Face Space: no typed paths, a length limit."""
    tracking_uri: str = "sqlite:///mlflow.db"
    mlflow_url: str = "http://localhost:5000"

    @property
    def max_minutes(self) -> float | None:
        """Longest song accepted, or None for any."""
        return SPACE_SONG_MINUTES if self.on_space else None
