"""Audio from one format into another, with its tags."""

from pathlib import Path

from separator.audio.reader import AudioStream
from separator.audio.tags import read_tags, write_tags
from separator.audio.writer import AudioWriter, choose_subtype


def convert(source: Path, destination: Path, bits: int | None = None) -> Path:
    """Copy audio and tags into the format of ``destination``'s suffix, block by block, ``bits`` deep or as deep as the
    source."""
    with AudioStream(source) as stream:
        info = stream.info
        subtype = choose_subtype(destination, bits, info.subtype)
        with AudioWriter(destination, info.sample_rate, info.channels, subtype) as writer:
            for block in stream:
                writer.write(block)
            writer.close()
            write_tags(writer.part, read_tags(source), destination.suffix)
    return destination
