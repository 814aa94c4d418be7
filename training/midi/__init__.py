"""Renders MIDI files with soundfonts into songs in true stems, as Slakh2100 was made; FluidSynth makes the sound."""
