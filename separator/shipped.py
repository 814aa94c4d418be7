"""Where the files that come with the program are: at the repository's top, or, installed, in the package ``sori``."""

from pathlib import Path

_TOP = Path(__file__).resolve().parent.parent


def shipped_folder(name: str) -> Path:
    """The folder ``checkpoints`` (models, their card, recipes) or ``assets`` (the page's scripts, demo song)."""
    installed = _TOP / "sori" / name
    return installed if installed.is_dir() else _TOP / name


def home_folder() -> Path:
    """Where the page keeps runs, decoded audio and practice songs: the repository; installed, the working folder."""
    return Path.cwd() if (_TOP / "sori" / "checkpoints").is_dir() else _TOP
