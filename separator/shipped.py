"""The files that come with the program: at the repository's top, or, installed, in the package ``sori``."""

from pathlib import Path

from separator.errors import ConfigError

PRESETS = {
    "2stems": ("vocals.pth",),
    "4stems": ("vocals.pth", "rhythm.pth"),
}
"""Name -> shipped models that are run together; the first is the default. Their targets and what these leave over are
the stems (``separator.presets``)."""

_TOP = Path(__file__).resolve().parent.parent


def shipped_folder(name: str) -> Path:
    """The folder ``checkpoints`` (models, their card, recipes) or ``assets`` (the page's scripts, demo song)."""
    installed = _TOP / "sori" / name
    return installed if installed.is_dir() else _TOP / name


def home_folder() -> Path:
    """Where the page keeps runs, decoded audio and practice songs: the repository; installed, the working folder."""
    return Path.cwd() if (_TOP / "sori" / "checkpoints").is_dir() else _TOP


def find_preset(name: str) -> list[Path]:
    """The checkpoints of a preset. Raises ConfigError for an unknown name."""
    if name not in PRESETS:
        raise ConfigError(f"There is no preset {name!r}; choose among {', '.join(PRESETS)}.")
    return [shipped_folder("checkpoints") / file for file in PRESETS[name]]
