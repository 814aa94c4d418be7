"""The STFT of one segment and its inverse, torch's own beside the one in blocks, on this machine's CPU::

    python -m tests.benchmarks.stft_speed

Freed memory is kept, as `inference.py` does, which makes both faster.
"""

import torch

from separator.runtime import keep_freed_memory
from separator.spectral.stft import istft, stft
from tests.benchmarks.gru_speed import milliseconds

N_FFT, HOP = 4096, 1024
"""Of the shipped vocals at 44.1 kHz."""
FRAMES = 1216
"""In one segment."""


@torch.inference_mode()
def main() -> None:
    keep_freed_memory()
    samples = (FRAMES - 1) * HOP
    waveform, window = torch.randn(2, samples), torch.hann_window(N_FFT)
    spectrum = stft(waveform, N_FFT, HOP)
    pairs = {
        "STFT": (
            lambda x: torch.stft(x, N_FFT, HOP, window=window, return_complex=True),
            lambda x: stft(x, N_FFT, HOP),
            waveform,
        ),
        "inverse": (
            lambda x: torch.istft(x, N_FFT, HOP, window=window, length=samples),
            lambda x: istft(x, N_FFT, HOP, samples),
            spectrum,
        ),
    }
    print("| | torch ms | in blocks ms | ratio |\n|---|---|---|---|")
    for name, (torchs, ours, x) in pairs.items():
        own, blocks = milliseconds([torchs, ours], x)
        print(f"| {name} | {own:.1f} | {blocks:.1f} | {own / blocks:.2f} |")


if __name__ == "__main__":
    main()
