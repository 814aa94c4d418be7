"""Fixtures shared by every room's tests: made-up sounds and a model small enough to run in a blink."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from separator.files import make_part_path
from separator.model import CRNN, CompactConfig, ModelConfig, save_checkpoint


def pytest_configure() -> None:
    """Of several workers (pytest-xdist) each has one core, and so one thread."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        torch.set_num_threads(1)
        os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What drives Chromium or asks a served page (the fixture ``url``) is slow."""
    for item in items:
        if item.get_closest_marker("browser") or "url" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")


@pytest.fixture
def noise() -> Callable[..., Tensor]:
    """White noise ``(C, N)`` at -20 dB, the same for the same arguments."""

    def make(n_samples: int, channels: int = 2, seed: int = 0) -> Tensor:
        return 0.1 * torch.randn(channels, n_samples, generator=torch.Generator().manual_seed(seed))

    return make


@pytest.fixture
def tone() -> Callable[..., Tensor]:
    """A sine ``(C, N)`` of half full scale, each further channel a quarter period later."""

    def make(n_samples: int, frequency_hz: float = 440.0, sample_rate: int = 44100, channels: int = 2) -> Tensor:
        phase = 2 * torch.pi * frequency_hz / sample_rate * torch.arange(n_samples, dtype=torch.float64)
        return torch.stack([0.5 * torch.sin(phase - c * torch.pi / 2) for c in range(channels)]).float()

    return make


@pytest.fixture
def tiny_config() -> ModelConfig:
    """The plain model at its smallest; everything but the widths is the shipped settings."""
    return CompactConfig(channels=(2, 2, 2, 2), gru_hidden=4, gru_input=0, gru_layers=3, refine=False)


@pytest.fixture
def tiny_model(tiny_config: ModelConfig) -> CRNN:
    """Random weights from a fixed seed, ready to estimate."""
    torch.manual_seed(0)
    return CRNN(tiny_config).eval()


@pytest.fixture
def tiny_checkpoint(tiny_model: CRNN, tmp_path: Path) -> Path:
    """A checkpoint file of the tiny model, target vocals."""
    path = tmp_path / "tiny" / "vocals.pth"
    path.parent.mkdir()
    save_checkpoint(path, tiny_model, training={"run_name": "tiny"})
    return path


@pytest.fixture(scope="session", autouse=True)
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled networks of tests, and of processes that they start, stay out of the user's own cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
            patch.setenv(name, str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def torch_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Separators run their models as they are, so that they can be any modules."""
    monkeypatch.setattr("separator.api.compile_for_inference", lambda model, device: model)


@pytest.fixture
def ffmpeg() -> Callable[..., None]:
    """Runs ffmpeg with the given arguments. Without it a test is skipped, except where CI is set: there it fails."""
    if shutil.which("ffmpeg") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("ffmpeg is not installed")

    def run(*arguments: str | Path) -> None:
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], check=True)

    return run


@pytest.fixture
def leftover() -> Callable[[Path], Path]:
    """The name under which a process that has ended was writing a path."""

    def name(path: Path) -> Path:
        part = make_part_path(path)
        return part.with_name(part.name.replace(f".{os.getpid()}.", f".{2**22 + 1}."))  # no process has this number

    return name
