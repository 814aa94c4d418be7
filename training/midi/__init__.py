"""Renders MIDI files with soundfonts into songs in true stems, as Slakh2100 was made; FluidSynth makes the sound."""

from training.midi.rendering import Outcome, Rendering, find_midi, render_folder

__all__ = [
    "Outcome",
    "Rendering",
    "find_midi",
    "render_folder",
]
