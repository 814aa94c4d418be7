"""Instruments and a voice made of numpy alone: what the practice songs and the demo song are played on.

Everything here is float64 at ``SAMPLE_RATE``. A mono sound is ``(N,)``, a stereo one ``(2, N)``; pitches are MIDI note
numbers (69 = 440 Hz, fractions allowed), times are seconds, and whatever is random comes from the generator passed in.
No loop runs over samples: time-varying filters work frame by frame in the frequency domain.
"""

from typing import Any

from numpy.typing import NDArray

SAMPLE_RATE = 44_100
Array = NDArray[Any]
