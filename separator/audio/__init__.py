"""Audio files in and out, at any rate and number of channels."""

from separator.audio.reader import AUDIO_SUFFIXES, AudioInfo, AudioStream, probe, read
from separator.audio.resampling import resample, to_mono
from separator.audio.writer import (
    OUTPUT_SUFFIXES,
    AudioWriter,
    choose_subtype,
    describe_clipping,
    make_folder,
    refuse_unwritable,
    write,
)

__all__ = [
    "AUDIO_SUFFIXES",
    "OUTPUT_SUFFIXES",
    "AudioInfo",
    "AudioStream",
    "AudioWriter",
    "choose_subtype",
    "describe_clipping",
    "make_folder",
    "probe",
    "read",
    "refuse_unwritable",
    "resample",
    "to_mono",
    "write",
]
