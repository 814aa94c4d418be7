"""A compiled network gives the masks and the state of the model, from the cache too."""

import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from separator.inference.compile import cache_folder, compile_for_inference
from separator.model import CRNN, CompactConfig, DualPathConfig, ModelConfig

CPU = torch.device("cpu")
COMPACT = CompactConfig(channels=(2, 2, 2, 2), gru_input=12, gru_hidden=8, refine=False)
DUAL_PATH = replace(DualPathConfig(), channels=(2, 3, 4, 5), gru_hidden=4, local_channels=3)
needs_openvino = pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed")

FREED_ELSEWHERE = """
import os, signal, threading, torch
from separator.inference.compile import compile_for_inference
from separator.model import CRNN, CompactConfig, DualPathConfig, ModelConfig
model = CRNN(CompactConfig(channels=(2, 2, 2, 2), gru_input=0, gru_hidden=4, refine=False)).eval()
networks = [compile_for_inference(model, torch.device("cpu"))]
thread = threading.Thread(target=networks.clear)
thread.start()
thread.join()
signal.signal(signal.SIGUSR1, lambda number, frame: print("arrived"))
os.kill(os.getpid(), signal.SIGUSR1)
"""


def model_of(config: ModelConfig) -> CRNN:
    torch.manual_seed(0)
    return CRNN(config).eval()


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    return cache_folder()


@pytest.mark.slow
@pytest.mark.parametrize("config", [COMPACT, DUAL_PATH, replace(COMPACT, targets=("a", "b"), competing=True)])
def test_masks_and_state_are_the_models(config: ModelConfig):
    model = model_of(config)
    network = compile_for_inference(model, CPU)
    state = compiled_state = None
    with torch.inference_mode():
        for batch, frames in ((1, 64), (1, 101), (1, 1)):
            magnitude = 3 * torch.rand(batch, config.stft.n_bins, frames)
            masks, state = model(magnitude, state, 32)
            compiled_masks, compiled_state = network(magnitude, compiled_state, 32)
            assert compiled_masks.shape == masks.shape
            assert torch.allclose(compiled_masks, masks, atol=1e-4)
            for own, compiled in zip(state, compiled_state, strict=True):
                assert torch.allclose(compiled, own, atol=1e-4)


def test_a_batch_of_songs_is_separated_as_one_by_one():
    network = compile_for_inference(model_of(DUAL_PATH), CPU)
    songs = torch.rand(3, 1025, 64)
    masks, state = network(songs, None, 32)
    alone, own_state = network(songs[1:2], None, 32)
    assert torch.allclose(masks[1:2], alone, atol=1e-5)
    assert torch.allclose(state[0][1:2], own_state[0], atol=1e-5)


@needs_openvino
def test_a_network_from_the_cache_gives_equal_masks(own_cache: Path):
    model, magnitude = model_of(COMPACT), torch.rand(1, 513, 50)
    first = compile_for_inference(model, CPU)(magnitude, None, 32)[0]
    (kept,) = own_cache.iterdir()
    written = kept.read_bytes()
    again = compile_for_inference(model, CPU)(magnitude, None, 32)[0]
    assert torch.equal(first, again)
    assert kept.read_bytes() == written


@pytest.mark.slow
@needs_openvino
def test_another_weight_is_another_network(own_cache: Path):
    model, magnitude = model_of(COMPACT), torch.rand(1, 513, 50)
    first = compile_for_inference(model, CPU)(magnitude, None, 32)[0]
    with torch.no_grad():
        model.decoder[-1].conv.bias += 1
    assert not torch.allclose(first, compile_for_inference(model, CPU)(magnitude, None, 32)[0], atol=1e-3)
    assert len(list(own_cache.iterdir())) == 2


@pytest.mark.slow
@needs_openvino
def test_a_damaged_cache_is_made_anew(own_cache: Path):
    model, magnitude = model_of(COMPACT), torch.rand(1, 513, 50)
    first = compile_for_inference(model, CPU)(magnitude, None, 32)[0]
    (kept,) = own_cache.iterdir()
    for content in (b"", b"no network", kept.read_bytes()[:-1000]):
        kept.write_bytes(content)
        assert torch.equal(first, compile_for_inference(model, CPU)(magnitude, None, 32)[0])


@needs_openvino
def test_where_nothing_can_be_kept_it_works_all_the_same(own_cache: Path):
    own_cache.parent.parent.mkdir(parents=True, exist_ok=True)
    own_cache.parent.write_text("a file where a folder should be")
    compile_for_inference(model_of(COMPACT), CPU)(torch.rand(1, 513, 50), None, 32)


@pytest.mark.slow
@needs_openvino
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGUSR1")
def test_a_signal_arrives_after_another_thread_freed_a_network():
    done = subprocess.run([sys.executable, "-c", FREED_ELSEWHERE], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "arrived\n", "")


def test_without_openvino_torch_runs_the_model(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    model, magnitude = model_of(COMPACT), torch.rand(1, 513, 50)
    with torch.inference_mode():
        assert torch.equal(compile_for_inference(model, CPU)(magnitude, None, 32)[0], model(magnitude)[0])
