"""Title, artist, album and cover of a song: read from any file, written into MP3, FLAC, OGG and M4A."""

import base64
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutagen
from mutagen.asf import ASFTags
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, ID3, TALB, TIT2, TPE1, ID3NoHeaderError, PictureType
from mutagen.mp4 import MP4, AtomDataType, MP4Cover, MP4Tags
from mutagen.oggvorbis import OggVorbis

from separator.errors import AudioError

TEXTS = {
    "title": (TIT2, "\xa9nam", "title", "Title"),
    "artist": (TPE1, "\xa9ART", "artist", "Author"),
    "album": (TALB, "\xa9alb", "album", "WM/AlbumTitle"),
}
"""Field -> its frame in ID3, atom in MP4, key of Vorbis comments, key of WMA."""
_MP4_PICTURES = {AtomDataType.JPEG: "image/jpeg", AtomDataType.PNG: "image/png"}
_PICTURE_KEY = "metadata_block_picture"
_DAMAGE = (mutagen.MutagenError, ValueError, LookupError, TypeError, struct.error)


@dataclass(frozen=True)
class SongTags:
    """What a song's file states about it; several values of a field, such as two artists, stay apart."""

    title: tuple[str, ...] = ()
    artist: tuple[str, ...] = ()
    album: tuple[str, ...] = ()
    cover: bytes = b""
    """A picture file; empty where there is none."""
    cover_type: str = ""
    """Its MIME type, such as image/jpeg."""

    def describe(self) -> dict[str, str]:
        """Field -> text of the fields that are there."""
        return {name: ", ".join(getattr(self, name)) for name in TEXTS if getattr(self, name)}


def read_tags(path: str | Path) -> SongTags:
    """The tags of a song; of one without tags, or with damaged ones, empty."""
    try:
        found = mutagen.File(path)
        if found is None or found.tags is None:
            return SongTags()
        cover, cover_type = _read_cover(found)
        texts = {name: _read_text(found.tags, name) for name in TEXTS}
        return SongTags(**texts, cover=cover, cover_type=cover_type)
    except _DAMAGE:
        return SongTags()


def write_tags(path: Path, tags: SongTags, suffix: str) -> None:
    """Add tags to a finished file, whose suffix its name need not have; formats without tags are left as they are.

    Raises AudioError where the file cannot be changed.
    """
    writers = {".mp3": _write_id3, ".flac": _write_vorbis, ".ogg": _write_vorbis, ".m4a": _write_mp4}
    if tags == SongTags() or suffix.lower() not in writers:
        return
    try:
        writers[suffix.lower()](path, tags)
    except mutagen.MutagenError as error:
        raise AudioError(f"Could not write the tags of {path}: {error}. Is the disk full?") from error


def _read_text(tags: Any, name: str) -> tuple[str, ...]:
    frame, atom, vorbis_key, wma_key = TEXTS[name]
    if isinstance(tags, ID3):
        return tuple(str(text) for found in tags.getall(frame.__name__) for text in found.text)
    key = atom if isinstance(tags, MP4Tags) else wma_key if isinstance(tags, ASFTags) else vorbis_key
    return tuple(str(text) for text in tags.get(key, ()))


def _read_cover(file: Any) -> tuple[bytes, str]:
    """The front cover, or else the first picture, and its MIME type."""
    tags = file.tags
    if isinstance(tags, ID3):
        pictures = tags.getall("APIC")
    elif isinstance(file, FLAC):
        pictures = file.pictures
    elif isinstance(file, MP4):
        return next(((bytes(c), _MP4_PICTURES[c.imageformat]) for c in tags.get("covr", ())), (b"", ""))
    elif isinstance(file, mutagen.ogg.OggFileType):
        pictures = [Picture(base64.b64decode(text)) for text in tags.get(_PICTURE_KEY, ())]
    else:
        pictures = []
    pictures = sorted(pictures, key=lambda picture: picture.type != PictureType.COVER_FRONT)
    return (pictures[0].data, pictures[0].mime) if pictures else (b"", "")


def _write_id3(path: Path, tags: SongTags) -> None:
    try:
        target = ID3(path)
    except ID3NoHeaderError:
        target = ID3()
    for name, (frame, *_) in TEXTS.items():
        if values := getattr(tags, name):
            target.add(frame(encoding=3, text=list(values)))
    if tags.cover:
        target.add(APIC(encoding=3, mime=tags.cover_type, type=PictureType.COVER_FRONT, desc="", data=tags.cover))
    target.save(path)


def _write_vorbis(path: Path, tags: SongTags) -> None:
    with path.open("rb") as file:
        target = FLAC(path) if file.read(4) == b"fLaC" else OggVorbis(path)
    for name, (*_, key, _wma) in TEXTS.items():
        if values := getattr(tags, name):
            target[key] = list(values)
    if tags.cover:
        picture = Picture()
        picture.data, picture.mime, picture.type = tags.cover, tags.cover_type, PictureType.COVER_FRONT
        if isinstance(target, FLAC):
            target.add_picture(picture)
        else:
            target[_PICTURE_KEY] = [base64.b64encode(picture.write()).decode("ascii")]
    target.save()


def _write_mp4(path: Path, tags: SongTags) -> None:
    target = MP4(path)
    for name, (_, atom, *_) in TEXTS.items():
        if values := getattr(tags, name):
            target[atom] = list(values)
    kinds = {mime: kind for kind, mime in _MP4_PICTURES.items()}
    if tags.cover and tags.cover_type in kinds:
        target["covr"] = [MP4Cover(tags.cover, kinds[tags.cover_type])]
    target.save()
