"""Sori's core: waveforms in, stems out. Knows nothing of training, pages or command-line flags.

Legend, used in every docstring and comment:

    B batch · S stems · C channels · N samples · F frequency bins · T frames

Waveforms are float32 tensors in [-1, 1], always ``(..., C, N)``, and never travel without their sample rate in Hz.
"""
