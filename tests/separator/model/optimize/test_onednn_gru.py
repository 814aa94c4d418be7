"""The unrolled GRU is the same function."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from separator.api import Separator
from separator.model.config import ModelConfig
from separator.model.crnn import CRNN
from separator.model.dual_path import ResidualGru
from separator.model.optimize.fuse import fused
from separator.model.optimize.onednn_gru import UnrolledGru, at_once, unroll_grus

TINY = replace(ModelConfig.unet(), channels=(2, 3, 4, 5), gru_hidden=4)
onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch was built without oneDNN")


@pytest.fixture(params=[1, 2, 5])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """How many threads torch works with, during a test."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_two_parallel_calls_share_the_threads(threads: int):
    def told() -> torch.Tensor:
        return torch.tensor([torch.get_num_threads(), threading.get_ident()])

    (one, first), (other, second) = (answer.tolist() for answer in at_once(told, told))
    assert one == other == max(1, threads // 2)
    assert (first == second == threading.get_ident()) == (threads == 1)
    elsewhere: list[int] = []
    thread = threading.Thread(target=lambda: elsewhere.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert elsewhere == [threads] and torch.get_num_threads() == threads


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_two_things_at_once_start_no_more_than_two_threads():
    script = """
import os, torch
from separator.model.optimize.onednn_gru import at_once
torch.set_num_threads(2)
torch.zeros(2**20).sum()
before = len(os.listdir("/proc/self/task"))
at_once(lambda: torch.zeros(2**20).sum(), lambda: torch.zeros(2**20).sum())
print(len(os.listdir("/proc/self/task")) - before)
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert 1 <= int(told.stdout) <= 2  # one, where it was done with the first thing before the second was handed over


@pytest.mark.slow
def test_threads_wait_briefly_unless_the_user_says_otherwise():
    script = "import os, separator; print(os.environ['GOMP_SPINCOUNT'])"
    for given, wanted in (({}, "20000"), ({"GOMP_SPINCOUNT": "7"}, "7")):
        others = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
        told = subprocess.run([sys.executable, "-c", script], env=others | given, capture_output=True, text=True)
        assert told.stdout.split() == [wanted]


def test_an_error_in_one_of_two_things_is_heard(threads: int):
    def broken() -> torch.Tensor:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        at_once(broken, lambda: torch.zeros(1))
    assert at_once(lambda: torch.zeros(1), lambda: torch.ones(1))[1] == 1


@onednn
@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(("batch", "length"), [(1, 1), (1, 9), (7, 1), (5, 12)])
def test_a_layer_gives_the_same_and_is_left_alone(batch: int, length: int):
    torch.manual_seed(0)
    layer = ResidualGru(6, 10).eval()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    x = torch.randn(batch, length, 6)
    with torch.inference_mode():
        expected = layer(x)
        assert torch.allclose(UnrolledGru(layer)(x), expected, atol=1e-6)
        assert torch.equal(layer(x), expected)
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


@onednn
@pytest.mark.parametrize("frames", [1, 31, 100])
def test_a_model_gives_the_same_masks(frames: int):
    torch.manual_seed(0)
    model = CRNN(TINY).eval()
    magnitude = torch.rand(2, 1025, frames)
    with torch.inference_mode():
        unrolled = unroll_grus(fused(model))
        assert any(isinstance(layer, UnrolledGru) for layer in unrolled.modules())
        assert torch.allclose(unrolled(magnitude), model(magnitude), atol=1e-5)


def test_without_onednn_nothing_is_replaced(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    model = CRNN(TINY).eval()
    assert not any(isinstance(layer, UnrolledGru) for layer in unroll_grus(fused(model)).modules())
    separator = Separator([model], "cpu")
    assert separator.separate(torch.rand(2, 4000), 22050)["vocals"].shape == (2, 4000)


def test_other_layouts_keep_their_gru():
    config = ModelConfig(channels=(4, 6, 8, 10), gru_input=12, gru_hidden=8)
    assert not any(isinstance(layer, UnrolledGru) for layer in unroll_grus(fused(CRNN(config))).modules())
