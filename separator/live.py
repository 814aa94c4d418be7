"""A stream of audio into stems, block by block, at a fixed delay::

    live = LiveSeparator("checkpoints/vocals.pth", delay_seconds=2.0, sample_rate=44100, channels=2)
    stems = live.push(block)                            # (C, n) -> {"vocals": (C, n), "accompaniment": (C, n)}

Each *step* new frames of the STFT, the network runs over a segment that ends with the newest frame. Of its masks those
of one step are used, ``lookahead`` frames before the end::

    |- - - - context - - - -|== step ==|- - lookahead - -| newest frame

Only the lookahead is computed again. Forward GRUs go on where they were at the segment's start. They walk in steps of
several frames, so that several chains of states take turns where a step is shorter than that.
"""

import math
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from separator.device import resolve_device
from separator.errors import AudioError, ConfigError
from separator.inference.compile import compile_for_inference, load_for_inference
from separator.inference.expander import WINDOW_SECONDS, expanded
from separator.inference.levels import LevelMeter
from separator.inference.onnx_model import OnnxModel
from separator.inference.output import name_stems, refuse_unusable
from separator.inference.overlap_add import LOOKAHEAD_SECONDS
from separator.model.config import ModelConfig
from separator.model.crnn import CRNN
from separator.model.joined import JoinedModel
from separator.spectral.grid import Grid, normalize_masks
from separator.spectral.transforms import istft, stft

LEVEL_SECONDS = 30.0
"""The level of a stream is measured over so much of its past."""
LIVE_CONTEXT_SECONDS = 0.56
"""Half of that of whole songs, for half of the work at short delays; on the demo song the SDR is as good."""
ENOUGH_LOOKAHEAD_SECONDS = 0.75
"""More than this gains less than 0.05 dB (``python -m tests.benchmarks.live``), so that longer steps come first."""
LONGEST_STEP = 32
"""Frames from one run of the network to the next, a power of two."""
MOST_DELAY_SECONDS = 60.0


@dataclass(frozen=True)
class LivePlan:
    """How a stream is cut into segments, in frames of an STFT."""

    step: int
    lookahead: int
    length: int
    """Frames of a segment."""
    chains: int
    """States that take turns."""
    reach: int
    """Frames that half a window covers."""

    @classmethod
    def within(cls, frames: int, config: ModelConfig, reach: int) -> "LivePlan":
        """A plan whose delay is at most ``frames``: a quarter of it is for the step, or more where enough lookahead is
        left. Raises ConfigError where there is no time for a single frame.
        """
        per_second = config.stft.frames_per_second
        budget = frames - 2 * reach + 1
        if budget < 1:
            raise ConfigError(f"The delay is too short; this model needs at least {2 * reach / per_second:.3f} s.")
        longest = max(-(-budget // 4), budget - round(ENOUGH_LOOKAHEAD_SECONDS * per_second))
        step = min(LONGEST_STEP, 1 << (longest.bit_length() - 1))
        lookahead = min(budget - step, round(LOOKAHEAD_SECONDS * per_second))
        context = round(LIVE_CONTEXT_SECONDS * per_second)
        stride = math.lcm(step, config.time_factor)
        needed = max(context + step + lookahead, stride)
        return cls(step, lookahead, -(-needed // config.fold) * config.fold, stride // step, reach)

    @property
    def delay(self) -> int:
        """Frames from a sample's arrival until its stems are certain to be complete."""
        return self.step - 1 + self.lookahead + 2 * self.reach


class Fifo:
    """Samples ``(..., n)`` that wait, in the order of their arrival."""

    def __init__(self, *blocks: Tensor) -> None:
        self._blocks = deque(blocks)
        self.n_samples = sum(block.shape[-1] for block in blocks)

    def add(self, block: Tensor) -> None:
        self._blocks.append(block)
        self.n_samples += block.shape[-1]

    def take(self, n_samples: int) -> Tensor:
        """The oldest ``n_samples``, of those that there are."""
        parts, left = [], n_samples
        while left:
            block = self._blocks.popleft()
            parts.append(block[..., :left])
            if block.shape[-1] > left:
                self._blocks.appendleft(block[..., left:])
            left -= parts[-1].shape[-1]
        self.n_samples -= n_samples
        return torch.cat(parts, dim=-1)


class LiveSeparator:
    """A model over an endless stream. Stems are late by exactly ``latency_samples`` and add up to the stream.

    ``model`` is a path (``.pth`` or ``.onnx``) or a loaded model, several as one (``load_joined``). The level is
    measured as the stream goes, over the last half minute. The network runs inside of ``push`` whenever a step is
    complete (``plan.step`` frames), so that a host keeps as much output in store as that takes: what a delay costs in
    time, ``tests.benchmarks.live`` prints.
    Raises CheckpointError, and ConfigError for a delay, rate or number of channels that cannot work.
    """

    def __init__(
        self,
        model: CRNN | JoinedModel | OnnxModel | str | Path,
        delay_seconds: float = 2.0,
        *,
        sample_rate: int = 44100,
        channels: int = 2,
        device: str = "auto",
    ) -> None:
        if not 0 < delay_seconds <= MOST_DELAY_SECONDS or sample_rate <= 0 or channels < 1:
            raise ConfigError(
                f"delay_seconds is {delay_seconds}, sample_rate {sample_rate} and channels {channels}; the delay must "
                f"be above 0 and at most {MOST_DELAY_SECONDS:.0f} s, the others at least 1."
            )
        if isinstance(model, (str, Path)):
            model = load_for_inference(model)
        self.sample_rate, self.channels = sample_rate, channels
        self._config = model.config
        self._grid = Grid.at_rate(sample_rate, model.config.stft)
        self.latency_samples = round(delay_seconds * sample_rate)
        reach = -(-self._grid.n_fft // (2 * self._grid.hop_length))
        self.plan = LivePlan.within(self.latency_samples // self._grid.hop_length, model.config, reach)
        self._network = compile_for_inference(model, resolve_device(device))
        self.reset()

    @property
    def stems(self) -> tuple[str, ...]:
        """The targets, then what they leave over."""
        return name_stems(self._config.targets)

    def reset(self) -> None:
        """Begin a new stream: the past is silence."""
        plan, hop = self.plan, self._grid.hop_length
        self._meter = LevelMeter(max(1, round(LEVEL_SECONDS * self.sample_rate / (plan.step * hop))))
        self._states: list[Any] = [None] * plan.chains
        self._runs = 0
        # The first frame is the earliest whose window reaches into the stream.
        self._recent = torch.zeros(self.channels, (2 * plan.reach - 1) * hop)
        self._new = Fifo()
        self._mixture = Fifo(torch.zeros(self.channels, self.latency_samples))
        ready = self.latency_samples - (plan.delay - plan.step) * hop
        self._ready = Fifo(torch.zeros(len(self._config.targets), self.channels, ready))
        self._spectrum = torch.zeros(self.channels, self._grid.n_fft // 2 + 1, plan.length, dtype=torch.complex64)
        frames = plan.step + 2 * plan.reach
        self._masked = self._spectrum.new_zeros(len(self._config.targets), *self._spectrum.shape[:2], frames)

    @torch.inference_mode()
    def push(self, block: Tensor) -> dict[str, Tensor]:
        """The next block ``(C, n)`` of the stream -> each stem of as many samples, ``latency_samples`` late.

        Blocks may have any length of at least one sample, and make no difference to what comes out.
        Raises AudioError for anything but a finite float block of the stream's channels.
        """
        refuse_unusable(block, self.sample_rate)
        if len(block) != self.channels:
            raise AudioError(f"The block has {len(block)} channels; this stream has {self.channels}.")
        block = block.detach().float().cpu().clone()  # a host may use its buffer again
        self._new.add(block)
        self._mixture.add(block)
        while self._new.n_samples >= self.plan.step * self._grid.hop_length:
            self._ready.add(self._separate_step())
        targets, mixture = self._ready.take(block.shape[1]), self._mixture.take(block.shape[1])
        return dict(zip(self.stems, (*targets, mixture - targets.sum(dim=0)), strict=True))

    def _separate_step(self) -> Tensor:
        """The next frames -> the targets' samples ``(S, C, n)`` that they complete, a step of them."""
        plan, grid = self.plan, self._grid
        new = self._new.take(plan.step * grid.hop_length)
        self._meter.add(new)
        samples = torch.cat((self._recent, new), dim=1)
        self._recent = samples[:, new.shape[1] :]
        frames = stft(samples, grid.n_fft, grid.hop_length)[..., plan.reach :][..., : plan.step]
        self._spectrum = torch.cat((self._spectrum[..., plan.step :], frames), dim=-1)
        masked = torch.stack([mask * spectrum for mask, spectrum in self._estimate_masks()])
        self._masked = torch.cat((self._masked[..., plan.step :], masked), dim=-1)
        length = (self._masked.shape[-1] - 1) * grid.hop_length
        waveform = istft(self._masked, grid.n_fft, grid.hop_length, length)
        return waveform[..., plan.reach * grid.hop_length :][..., : plan.step * grid.hop_length]

    def _estimate_masks(self) -> list[tuple[Tensor, Tensor]]:
        """Masks ``(F, step)`` of the targets, each with the frames ``(C, F, step)`` that it is for."""
        plan, config = self.plan, self._config
        magnitude = self._grid.compute_model_magnitude(
            self._spectrum, self._meter.levels().gains, config.input_channels
        )
        chain = self._runs % plan.chains
        masks, self._states[chain] = self._network(magnitude[None], self._states[chain], plan.step * plan.chains)
        self._runs += 1
        end = plan.length - plan.lookahead
        margin = round(WINDOW_SECONDS * config.stft.frames_per_second)  # what is averaged over time reaches so far
        first = max(0, end - plan.step - margin)
        around, used = slice(first, end + margin), slice(end - plan.step - first, end - first)
        finished = []
        for mask in masks[0]:
            mask = expanded(mask[:, around], magnitude[..., around], config.stft.frames_per_second)
            finished.append(self._grid.extend_to_full_band(mask)[:, used])
        return [(mask, self._spectrum[..., end - plan.step : end]) for mask in normalize_masks(finished)]
