"""The real page in a process of its own, with the smallest models there are: what page and browser tests share."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import torch

from separator.model import CRNN, CompactConfig, save_checkpoint
from separator.model.checkpoint import describe
from separator.shipped import find_preset

ROOT = Path(__file__).parent.parent
START_SECONDS = 90
SERVER = """
import sys
from pathlib import Path
from ui.page import build_page, build_launch_options
from ui.settings import PageSettings

scratch = Path(sys.argv[4])
settings = PageSettings(
    checkpoints=Path(sys.argv[1]), on_space=False, tracking_uri=sys.argv[3], data_roots=(scratch,),
    practice=scratch / "practice", practice_songs=3, practice_seconds=6.0, cache=scratch / "cache",
)
options = build_launch_options(settings)
auth = tuple(sys.argv[5:]) or None
build_page(settings).launch(server_name="127.0.0.1", server_port=int(sys.argv[2]), auth=auth, quiet=True, **options)
"""


def write_song(path: Path, seconds: float = 1.5, rate: int = 22050, seed: int = 0) -> Path:
    """A stereo WAV of a tone and some noise."""
    moments = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).standard_normal((2, moments.size))
    waveform = 0.3 * np.sin(2 * np.pi * 330 * moments) + 0.05 * noise
    soundfile.write(path, waveform.T, rate, subtype="PCM_16")
    return path


def write_clicks(path: Path, bpm: float, seconds: float = 20.0, rate: int = 22050) -> Path:
    """A click of 1 kHz on each beat."""
    moments = np.arange(round(seconds * rate)) / rate
    since = moments % (60 / bpm)
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 1000 * since) * np.exp(-60 * since), rate, subtype="PCM_16")
    return path


def small_checkpoints(folder: Path) -> Path:
    """A checkpoints folder: the models of the presets, one training run's, and a file that is no model."""
    torch.manual_seed(0)
    small = {"channels": (2, 2, 2, 2), "gru_hidden": 4, "gru_input": 0, "gru_layers": 3, "refine": False}
    for shipped in find_preset("4stems"):
        record = {"sdr_db": 6.25, "date": "2026-11-23T10:00"}
        save_checkpoint(folder / shipped.name, CRNN(CompactConfig(targets=describe(shipped).targets, **small)), record)
    (folder / "my run").mkdir()
    drums = CRNN(CompactConfig(targets=("drums",), **small))
    save_checkpoint(folder / "my run" / "best_model.pth", drums, {"run_name": "my run"})
    save_checkpoint(folder / "my run" / "last.pth", drums, {"run_name": "my run"})
    (folder / "notes.pth").write_text("not a model")
    return folder


@contextmanager
def served_page(checkpoints: Path, scratch: Path, setup: str = "", auth: tuple[str, ...] = ()) -> Iterator[str]:
    """Serve the page on a free port; yields its address. Its temporary files and its MLflow store lie in ``scratch``.

    ``setup`` is Python that runs in the server before the page is built; ``auth`` a name and a password.
    """
    port = free_port()
    environment = os.environ | {"GRADIO_TEMP_DIR": str(scratch / "gradio"), "OMP_NUM_THREADS": "1"}
    store = f"sqlite:///{scratch / 'mlflow.db'}"
    command = [sys.executable, "-c", setup + SERVER, str(checkpoints), str(port), store, str(scratch), *auth]
    with (scratch / "server.log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for_page(url, server, scratch / "server.log")
        yield url
    finally:
        server.terminate()
        server.wait(20)


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_page(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return as soon as the page answers; AssertionError with its log if it has ended or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url + "/theme.css", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"the page did not start:\n{log.read_text()}")
