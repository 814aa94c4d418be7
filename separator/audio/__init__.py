"""Audio files in and out."""

from separator.audio.reader import AudioInfo, AudioStream, probe, read
from separator.audio.writer import AudioWriter, write

__all__ = ["AudioInfo", "AudioStream", "AudioWriter", "probe", "read", "write"]
