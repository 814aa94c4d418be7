"""Device names, as inference and training take them, and errors of a full device."""

import pytest
import torch

from separator.device import is_out_of_memory, resolve_device
from separator.errors import ConfigError


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.usefixtures("two_gpus")
def test_one_of_several_gpus_is_chosen_by_its_number() -> None:
    assert resolve_device("cuda:1") == torch.device("cuda", 1)
    assert resolve_device("cuda") == resolve_device("auto") == torch.device("cuda")


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_beyond_the_last_is_refused_with_their_count() -> None:
    with pytest.raises(ConfigError, match="'cuda:2', but torch sees 2"):
        resolve_device("cuda:2")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("CUDA out of memory. Tried to allocate 2.00 GiB", True),
        ("MPS backend out of memory (MPS allocated: 9 GB)", True),
        ("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate", True),
        ("shapes do not match", False),
    ],
)
def test_a_full_memory_is_recognised(message: str, expected: bool) -> None:
    assert is_out_of_memory(RuntimeError(message)) is expected
