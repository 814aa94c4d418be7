"""LiveSeparator: stems late by exactly its latency, the same for blocks of any size, and near those of the whole."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from separator import LiveSeparator
from separator.api import Separator
from separator.errors import AudioError, ConfigError
from separator.live import LivePlan
from separator.metrics import sdr
from separator.model import CRNN, CompactConfig, DualPathConfig, ModelConfig

Noise = Callable[..., Tensor]
RATE = 22050


class Everything(nn.Module):
    """A model that takes all of the song for its target."""

    config = CompactConfig(targets=("vocals",))

    def forward(self, magnitude: Tensor, *_: object) -> tuple[Tensor, tuple]:
        return torch.ones_like(magnitude)[:, None], ()


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    monkeypatch.setattr("separator.live.compile_for_inference", lambda model, device: model)
    return Everything()


def push_all(live: LiveSeparator, song: Tensor, size: int) -> dict[str, Tensor]:
    """The stems of a song, brought back to its own time."""
    padded = torch.nn.functional.pad(song, (0, live.latency_samples))
    parts = [live.push(block) for block in padded.split(size, dim=1)]
    return {stem: torch.cat([part[stem] for part in parts], dim=1)[:, live.latency_samples :] for stem in live.stems}


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("rate", [8000, 44100, 48000])
@pytest.mark.parametrize("delay", [0.1, 0.2, 0.7])
def test_an_identity_is_the_stream_delayed(everything: CRNN, noise: Noise, delay: float, rate: int, channels: int):
    live = LiveSeparator(everything, delay, sample_rate=rate, channels=channels)
    assert live.latency_samples == round(delay * rate)
    song = noise(rate, channels)
    stems = push_all(live, song, 1000)
    assert (stems["vocals"] - song).abs().max() < 1e-5
    assert stems["accompaniment"].abs().max() < 1e-5


def test_an_impulse_arrives_after_the_latency(everything: CRNN):
    live = LiveSeparator(everything, 0.3, sample_rate=RATE, channels=1)
    stream = torch.zeros(1, RATE)
    stream[0, 100] = 1.0
    stem = torch.cat([live.push(block)["vocals"] for block in stream.split(64, dim=1)], dim=1)
    assert int(stem[0].argmax()) == 100 + live.latency_samples
    assert stem[0, 100 + live.latency_samples] == pytest.approx(1.0, abs=1e-5)


def test_stems_add_up_to_the_delayed_stream(tiny_model: CRNN, noise: Noise):
    live, song = LiveSeparator(tiny_model, 0.4, sample_rate=RATE), noise(2 * RATE)
    stems = push_all(live, song, 700)
    assert (sum(stems.values()) - song).abs().max() < 1e-6
    assert 0 < stems["vocals"].square().sum() < song.square().sum()


@pytest.mark.slow
def test_block_sizes_make_no_difference(tiny_model: CRNN, noise: Noise):
    live, song = LiveSeparator(tiny_model, 0.25, sample_rate=RATE, device="cpu"), noise(RATE)
    expected = push_all(live, song, RATE)["vocals"]
    for size in (37, 512, 7001):
        live.reset()
        assert torch.equal(push_all(live, song, size)["vocals"], expected)


@pytest.mark.slow
@pytest.mark.parametrize(("delay", "difference_db"), [(0.5, -15), (3.0, -30)])
def test_a_longer_delay_comes_nearer_to_the_whole_song(
    tiny_model: CRNN, noise: Noise, delay: float, difference_db: float
):
    song = noise(12 * RATE)
    offline = Separator([tiny_model], "cpu").separate(song, RATE)["vocals"]
    stem = push_all(LiveSeparator(tiny_model, delay, sample_rate=RATE), song, 4096)["vocals"]
    middle = slice(4 * RATE, 8 * RATE)
    assert -float(sdr(offline[:, middle], stem[:, middle])) < difference_db


def test_silence_and_loud_noise_leave_the_state_finite(tiny_model: CRNN, noise: Noise):
    live = LiveSeparator(tiny_model, 0.2, sample_rate=RATE, channels=1)
    for gain in (0.0, 1e-20, 1e4, 0.0, 1.0):
        stems = live.push(gain * noise(RATE, 1))
        assert all(torch.isfinite(stem).all() for stem in stems.values())
    assert all(torch.isfinite(end).all() for state in live._states for end in state)


def test_a_used_buffer_may_be_written_again(tiny_model: CRNN, noise: Noise):
    live, song = LiveSeparator(tiny_model, 0.2, sample_rate=RATE), noise(RATE)
    expected = push_all(live, song, 500)["vocals"]
    live.reset()
    buffer, parts = torch.empty(2, 500), []
    for block in torch.nn.functional.pad(song, (0, live.latency_samples)).split(500, dim=1):
        buffer[:, : block.shape[1]] = block
        parts.append(live.push(buffer[:, : block.shape[1]])["vocals"])
    assert torch.equal(torch.cat(parts, dim=1)[:, live.latency_samples :], expected)


@pytest.mark.parametrize("config", [CompactConfig(), DualPathConfig(), CompactConfig.textbook()])
@pytest.mark.parametrize("frames", [4, 5, 8, 20, 43, 86, 172, 2000])
def test_a_plan_keeps_within_its_delay(config: ModelConfig, frames: int):
    plan = LivePlan.within(frames, config, reach=2)
    assert plan.delay <= frames
    assert plan.length % config.fold == 0
    assert plan.step * plan.chains % config.time_factor == 0
    assert plan.length >= plan.step + plan.lookahead


@pytest.mark.parametrize("delay", [0.0, -1.0, 0.01, 61.0, float("nan")])
def test_a_delay_that_cannot_be_is_refused(tiny_model: CRNN, delay: float):
    with pytest.raises(ConfigError, match="delay"):
        LiveSeparator(tiny_model, delay)


def test_blocks_that_are_no_audio_are_refused(tiny_model: CRNN, tiny_checkpoint: Path):
    live = LiveSeparator(tiny_checkpoint, 0.5, sample_rate=RATE)
    with pytest.raises(AudioError, match="not a number"):
        live.push(torch.full((2, 10), float("nan")))
    with pytest.raises(AudioError, match="no audio"):
        live.push(torch.zeros(2, 0))
    with pytest.raises(AudioError, match="1 channels; this stream has 2"):
        live.push(torch.zeros(1, 10))
