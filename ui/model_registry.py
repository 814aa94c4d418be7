"""The models that the page offers: those in the checkpoints folder, their labels, and the loaded one."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from separator.api import Separator
from separator.errors import CheckpointError
from separator.model.checkpoint import CheckpointInfo, list_checkpoints
from separator.shipped import PRESETS
from ui.i18n import t

MAX_NAME_LENGTH = 60
"""Of a run's name in a drop-down."""


class ModelRegistry:
    """Lists the shipped checkpoints and those below a folder, keeps the last separator loaded. Safe in threads."""

    def __init__(self, folder: Path, shipped: Path | None = None) -> None:
        self.folder = folder
        self.shipped = shipped or folder
        self._lock = threading.Lock()
        self._loaded: tuple[object, Separator] | None = None

    def list_models(self) -> dict[str, CheckpointInfo]:
        """Name -> record of every model, shipped ones first. A name is the path below its folder, with slashes."""
        runs = sorted(path for path in self.folder.glob("*/") if path.is_dir())
        places = dict.fromkeys((self.shipped, self.folder, *runs))
        found = [info for place in places for info in list_checkpoints(place)]
        names = {self._name(info.path): info for info in found}
        # `last.pth` is for resuming a run, and the loose best_model.pth is a copy of the newest run's.
        return {
            name: info for name, info in names.items() if not name.endswith("last.pth") and name != "best_model.pth"
        }

    def _name(self, path: Path) -> str:
        folder = self.folder if path.is_relative_to(self.folder) else self.shipped
        return path.relative_to(folder).as_posix()

    def list_choices(self) -> list[tuple[str, str]]:
        """(label, name) of every model, for a drop-down."""
        return [(describe_model(name, info), name) for name, info in self.list_models().items()]

    def list_all_choices(self) -> list[tuple[Any, str]]:
        """(label, name) of every model by itself, then of the presets of several."""
        presets = [name for name in self.list_presets() if len(PRESETS[name]) > 1]
        return [*self.list_choices(), *((t(f"separate.preset_{name}"), name) for name in presets)]

    def choose_default(self) -> list[str]:
        """The shipped vocals model, or whatever there is first."""
        names = list(self.list_models())
        return ["vocals.pth"] if "vocals.pth" in names else names[:1]

    def list_presets(self) -> list[str]:
        """The presets whose models are all there."""
        return [name for name, files in PRESETS.items() if all((self.shipped / file).is_file() for file in files)]

    def find_paths(self, names: Sequence[str] | None) -> list[Path]:
        """Files of the models called ``names``, or of presets; only listed ones, so no name leads outside the folder.

        Raises CheckpointError when a name is unknown or none is given.
        """
        presets = {name: [self.shipped / file for file in PRESETS[name]] for name in self.list_presets()}
        known = presets | {name: [Path(info.path)] for name, info in self.list_models().items()}
        unknown = [name for name in names or () if name not in known]
        if unknown or not names:
            wanted = f"{unknown[0]!r} is not one of them" if unknown else "none was chosen"
            raise CheckpointError(f"Choose among the models {', '.join(known) or '(there are none)'}: {wanted}.")
        return [path for name in names for path in known[name]]

    def load(self, names: Sequence[str], *, strict_band: bool = False, tta: bool = False) -> Separator:
        """The separator for these models; loading the same files again costs nothing."""
        paths = self.find_paths(names)
        key = (strict_band, tta, *((path, path.stat().st_mtime_ns) for path in paths))
        with self._lock:
            if self._loaded is None or self._loaded[0] != key:
                self._loaded = (key, Separator.from_checkpoints(paths, strict_band=strict_band, tta=tta))
            return self._loaded[1]


def describe_model(name: str, info: CheckpointInfo) -> str:
    """One line on a model from its own record: target, score, size, date, and where it comes from."""
    record = info.training
    score = record.get("sdr_db")
    parts = [
        ", ".join(info.targets),
        f"{score:.1f} dB" if isinstance(score, int | float) else "",
        f"{info.size_bytes / 1e6:.1f} MB",
        str(record.get("date", ""))[:10],
        str(record.get("run_name", ""))[:MAX_NAME_LENGTH] if "/" in name else "",
        name,
    ]
    return " · ".join(part for part in parts if part)
