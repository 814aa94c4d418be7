"""Sori's core: waveforms in, stems out. Knows nothing of training, pages or command-line flags.

Legend, used in every docstring and comment:

    B batch · S stems · C channels · N samples · F frequency bins · T frames

Waveforms are float32 tensors in [-1, 1], always ``(..., C, N)``, and never travel without their sample rate in Hz.

On Linux torch's threads wait for more work by turning in circles for some milliseconds, on cores that others may need:
the two directions of a GRU layer, above all. A shorter wait, which has to be asked for before torch is imported, makes
separation on two cores a tenth faster (``tests/benchmarks/separation_speed.py``). Whoever sets the variable keeps it.
"""

import os

os.environ.setdefault("GOMP_SPINCOUNT", "20000")

__version__ = "0.2.0"
