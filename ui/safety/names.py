"""What a visitor may type: file names made harmless, folders kept inside the allowed roots.

No name given by a visitor reaches a shell, HTML or a path without passing here or ``html.escape``.
"""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from separator.errors import ConfigError

MAX_NAME_BYTES = 120
_UNSAFE = re.compile(r"[^\w\s.,()\[\]&+'!-]", re.UNICODE)
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def sanitize_name(name: str, fallback: str = "song") -> str:
    """A file name without folders, control characters, leading dots or excess length, in any script.

    Only the last part of ``name`` counts, whichever slash was used; Windows' reserved names get an underscore.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    cleaned = re.sub(r"\s+", " ", _UNSAFE.sub("_", last)).strip(" .-_")
    while len(cleaned.encode()) > MAX_NAME_BYTES:
        cleaned = cleaned[:-1]
    cleaned = cleaned.strip(" .") or fallback
    return f"_{cleaned}" if _RESERVED.match(cleaned) else cleaned


def resolve_typed_folder(text: str, roots: Iterable[Path], *, on_space: bool = False) -> Path:
    """The folder that a visitor typed, resolved; it must exist and lie in one of ``roots``.

    Raises ConfigError with a sentence otherwise, and always on a Space, where no path may be typed.
    """
    if on_space:
        raise ConfigError("On a public Space no folder can be typed; run Sori on your own computer for that.")
    if not text.strip():
        raise ConfigError("No folder was given; type the path of a folder.")
    folder = resolve_path(text)
    allowed = [root.resolve() for root in roots]
    if not any(folder.is_relative_to(root) for root in allowed):
        raise ConfigError(
            f"{folder} lies outside the folders that the page may read ({', '.join(map(str, allowed))}); "
            "move it there, or name its parent in SORI_DATA_ROOTS before starting the page."
        )
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder.")
    return folder


def resolve_path(text: str) -> Path:
    """The whole path that ``text`` names. Raises ConfigError for one that names none, as a stranger's ``~``."""
    try:
        return Path(text.strip()).expanduser().resolve()
    except (RuntimeError, ValueError, OSError) as error:
        raise ConfigError(f"{text!r} is not the path of a folder: {error}.") from error
