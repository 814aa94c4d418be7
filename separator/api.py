"""Separator: checkpoint and device in; a waveform or a file to named stems out::

    separator = Separator.from_checkpoint("checkpoints/vocals.pth")
    stems = separator.separate(waveform, sample_rate)           # {"vocals": (C, N), "accompaniment": (C, N)}
    paths = separator.separate_file("song.mp3", "stems")        # streams: constant memory, any length

Stems have the song's own rate, channels and length, and add up to the song.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from separator.audio.reader import AudioInfo, AudioStream
from separator.audio.writer import AudioWriter, clipping_sentence, make_folder, output_subtype
from separator.device import is_out_of_memory, resolve_device
from separator.errors import AudioError, Cancelled, ConfigError, SeparatorError
from separator.inference.expander import expanded
from separator.inference.levels import BLOCK_SAMPLES, Levels, measure_levels
from separator.inference.overlap_add import Cut, MaskEstimator, SegmentPlan, Window, overlap_add, window_weights
from separator.inference.tta import averaged_mask
from separator.inference.two_places import hear_from_two_places, period
from separator.model.checkpoint import load_model
from separator.model.crnn import CRNN
from separator.model.dual_path import DualPathBottleneck
from separator.model.optimize.fuse import LayerwiseBottleneck, fused
from separator.model.optimize.onednn_gru import unroll_grus
from separator.shipped import shipped_folder
from separator.spectral.grid import Grid, on_grid, share_out
from separator.spectral.stft import istft, n_frames, stft

SHIPPED_MODEL = shipped_folder("checkpoints") / "vocals.pth"

Progress = Callable[[float, str], None]
"""Called with the fraction done, 0 to 1, and what is being done."""
Cancel = Callable[[], bool]
"""Asked now and then; True means: please stop."""

# Samples per second, over all channels, that the plan's windows were chosen for; wider songs get smaller ones.
_USUAL_WIDTH = 2 * 48000
_GPU_SEGMENTS = 8


@dataclass(frozen=True)
class StemFile:
    """A stem that was written."""

    path: Path
    peak: float
    """Largest absolute sample; 1.0 is full scale."""
    subtype: str
    """How its samples are stored, in libsndfile's words."""
    clips: bool
    """Whether peaks above full scale were lost, because the format has no room for them."""
    missing_seconds: float
    """How much of what the song's header states was damaged or cut off."""


class Separator:
    """One or more models, each the masks of its targets, over songs of any length, rate and number of channels.

    ``plan`` says how a song is cut into segments, in frames of each model's own; ``strict_band`` leaves all above the
    models' 11 kHz to the last stem; ``tta`` averages several hearings of the song (``separator.inference.tta``).
    Raises ConfigError for a device that is not there and for models that do not go together.
    """

    def __init__(
        self,
        models: Sequence[CRNN],
        device: str = "auto",
        *,
        plan: SegmentPlan | None = None,
        strict_band: bool = False,
        tta: bool = False,
    ) -> None:
        self.device = resolve_device(device)
        self.strict_band = strict_band
        self.tta = tta
        self.targets = tuple(target for model in models for target in model.config.targets)
        self._refuse_repeated_targets(models)
        self._stfts = [model.config.stft for model in models]
        segments = 1 if self.device.type == "cpu" else _GPU_SEGMENTS
        self.plans = [
            plan or SegmentPlan.for_frame_rate(model.config.stft.frames_per_second, segments, model.config.fold)
            for model in models
        ]
        self._models = [_made_ready(model, self.device, tta) for model in models]
        # Complex numbers on Apple GPUs are slow or missing: there only the network runs on the GPU.
        self._spectral_device = torch.device("cpu") if self.device.type == "mps" else self.device

    @classmethod
    def from_checkpoint(
        cls, path: str | Path | None = None, device: str = "auto", *, strict_band: bool = False, tta: bool = False
    ) -> Self:
        """Load one model; None stands for the shipped one, vocals. Raises CheckpointError, ConfigError."""
        return cls.from_checkpoints([path or SHIPPED_MODEL], device, strict_band=strict_band, tta=tta)

    @classmethod
    def from_checkpoints(
        cls, paths: Sequence[str | Path], device: str = "auto", *, strict_band: bool = False, tta: bool = False
    ) -> Self:
        """Load models of several targets, to be separated in one go. Raises CheckpointError, ConfigError."""
        return cls([load_model(path) for path in paths], device, strict_band=strict_band, tta=tta)

    @property
    def stems(self) -> tuple[str, ...]:
        """The targets, then what is left: ``accompaniment`` when vocals are the only target, otherwise ``rest``."""
        return (*self.targets, "accompaniment" if self.targets == ("vocals",) else "rest")

    def separate(
        self, waveform: Tensor, sample_rate: int, progress: Progress | None = None, cancel: Cancel | None = None
    ) -> dict[str, Tensor]:
        """A song ``(C, N)`` -> its stems, each ``(C, N)`` on the CPU, which add up to the song.

        Raises AudioError for anything but a finite float waveform of at least one sample, Cancelled.
        """
        _refuse_unusable(waveform, sample_rate)
        result = torch.empty(len(self.stems), *waveform.shape)
        done = 0
        info = AudioInfo(sample_rate, waveform.shape[0], waveform.shape[1], subtype="FLOAT", format="memory")
        waveform = waveform.float().cpu()
        levels = measure_levels(waveform.split(BLOCK_SAMPLES, dim=1))
        for stems in self._stretches([waveform], info, levels, cancel):
            result[..., done : done + stems.shape[-1]] = stems
            done += stems.shape[-1]
            _report(progress, done, waveform.shape[1])
        return dict(zip(self.stems, result, strict=True))

    def separate_file(
        self,
        path: str | Path,
        out_dir: str | Path,
        *,
        stems: Sequence[str] | None = None,
        suffix: str = ".wav",
        bits: int | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> dict[str, Path]:
        """Separate a file into ``out_dir/<song>_<stem><suffix>``; the folder is made where its parent exists.

        ``stems`` picks some of ``self.stems``. Otherwise as :meth:`separate_to`.
        """
        folder = Path(out_dir)
        make_folder(folder)
        outputs = {stem: folder / f"{Path(path).stem}_{stem}{suffix}" for stem in stems or self.stems}
        written = self.separate_to(path, outputs, bits=bits, progress=progress, cancel=cancel)
        return {stem: file.path for stem, file in written.items()}

    def separate_to(
        self,
        path: str | Path,
        outputs: Mapping[str, str | Path],
        *,
        bits: int | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> dict[str, StemFile]:
        """Stream a file into one file per stem named in ``outputs``, block by block, at constant memory.

        The suffix says the format. The depth is that of the input unless ``bits`` (16, 24 or 32) says another; a stem
        that goes above full scale then turns its WAV into float. The files appear together, when all are complete.
        Warns of stems that had to be clipped. Raises AudioError, ConfigError for an unknown stem, and Cancelled.
        """
        self._refuse_unknown_stems(outputs)
        _refuse_overwriting(Path(path), outputs)
        with AudioStream(path) as song:
            levels = measure_levels(_until_cancelled(song.blocks(BLOCK_SAMPLES), cancel))
        with AudioStream(path) as song, ExitStack() as open_files:
            writers = {
                stem: open_files.enter_context(_stem_writer(Path(output), song.info, bits))
                for stem, output in outputs.items()
            }
            done = 0
            for stretch in self._stretches(song, song.info, levels, cancel):
                for stem, writer in writers.items():
                    writer.write(stretch[self.stems.index(stem)])
                done += stretch.shape[-1]
                _report(progress, done, song.info.n_samples)
            if done == 0:
                raise AudioError(f"{Path(path).name} holds no audio.")
            for writer in writers.values():
                writer.close()
        for writer in writers.values():
            if writer.clips:
                warnings.warn(clipping_sentence(writer), stacklevel=2)
        missing = song.missing_seconds
        return {stem: StemFile(w.path, w.peak, w.subtype, w.clips, missing) for stem, w in writers.items()}

    @torch.inference_mode()
    def _stretches(
        self, blocks: Iterable[Tensor], info: AudioInfo, levels: Levels, cancel: Cancel | None
    ) -> Iterator[Tensor]:
        """Consecutive stretches of all stems, ``(S, C, n)``: the one engine under memory and files."""
        plans = [_plan_for(plan, info) for plan in self.plans]
        grids = [Grid.at_rate(info.sample_rate, stft_config) for stft_config in self._stfts]
        # Cut and put together as for the model with the longest windows, wherever that one stands.
        grid, plan = max(zip(grids, plans, strict=True), key=lambda pair: Cut.of(pair[1], pair[0].hop_length))
        cut = Cut.of(plan, grid.hop_length)

        def make_estimators() -> list[MaskEstimator]:
            return [
                MaskEstimator(model, own, self.device, window_overlap=_remembered_overlap(model, own, own_grid, cut))
                for model, own, own_grid in zip(self._models, plans, grids, strict=True)
            ]

        songs = [(channels, gains, make_estimators()) for channels, gains in levels.songs()]

        def separate_window(window: Window) -> Tensor:
            _raise_if_cancelled(cancel)
            weights = window_weights(n_frames(window.samples.shape[1], grid.hop_length), window, plan)
            targets = []
            for channels, gains, estimators in songs:
                spectra = self._spectra(window.samples[channels], grids)
                masks = share_out(self._masks(estimators, grids, spectra, gains, grid))
                targets.append(_apply_masks(masks, spectra[grid], weights, grid, window.samples.shape[1]))
            return torch.cat(targets, dim=1).cpu()

        try:
            for mixture, targets in overlap_add(blocks, cut, separate_window):
                yield torch.cat((targets, _rest(mixture, targets)[None]))
        except RuntimeError as error:  # around the network, which sees to its own
            if not is_out_of_memory(error):
                raise
            raise SeparatorError(f"{self.device} has too little free memory; use the CPU.") from error

    def _spectra(self, samples: Tensor, grids: Sequence[Grid]) -> dict[Grid, Tensor]:
        """Complex ``(C, F, T)`` of a window on every grid that is needed, each once."""
        samples = samples.to(self._spectral_device)
        return {grid: stft(samples, grid.n_fft, grid.hop_length) for grid in dict.fromkeys(grids)}

    def _masks(
        self,
        estimators: Sequence[MaskEstimator],
        grids: Sequence[Grid],
        spectra: dict[Grid, Tensor],
        gains: Sequence[float],
        common: Grid,
    ) -> list[Tensor]:
        """The masks of all targets over all bins ``(F, T)`` of a common grid."""
        shape = (spectra[common].shape[-2], spectra[common].shape[-1])
        hearings = [(grid, model.config.input_channels) for grid, model in zip(grids, self._models, strict=True)]
        magnitudes = {(grid, heard): grid.model_magnitude(spectra[grid], gains, heard) for grid, heard in set(hearings)}
        masks = []
        for model, estimate, (grid, heard) in zip(self._models, estimators, hearings, strict=True):
            magnitude = magnitudes[grid, heard]
            if self.tta:
                mask = averaged_mask(estimate, magnitude, spectra[grid], gains, grid, period(model))
            else:
                mask = estimate(magnitude)
            for target in mask:
                target = expanded(target, magnitude, grid.model.frames_per_second)
                masks.append(on_grid(grid.full_band(target, strict=self.strict_band), grid, common, shape))
        return masks

    def _refuse_repeated_targets(self, models: Sequence[CRNN]) -> None:
        if not models:
            raise ConfigError("No model given.")
        if len(set(self.targets)) < len(self.targets):
            raise ConfigError(f"The models' targets are {', '.join(self.targets)}; give one model per target.")
        if "rest" in self.targets:
            raise ConfigError("A model's target is rest, which is what the targets leave over; call it something else.")

    def _refuse_unknown_stems(self, outputs: Mapping[str, str | Path]) -> None:
        unknown = [stem for stem in outputs if stem not in self.stems]
        if unknown or not outputs:
            raise ConfigError(f"Cannot make {', '.join(unknown) or 'no stems'}; this makes {', '.join(self.stems)}.")


def _made_ready(model: CRNN, device: torch.device, tta: bool) -> CRNN:
    """The same network, as it is fastest on a device; with ``tta`` heard from two places where it folds time."""
    ready = fused(model).to(device)
    if device.type == "cpu":
        unroll_grus(ready)
    return hear_from_two_places(ready) if tta else ready


def _remembered_overlap(model: CRNN, plan: SegmentPlan, grid: Grid, cut: Cut) -> int | None:
    """How many of a model's frames windows share, if it can go on in each from where it was in the one before."""
    takes_past = any(isinstance(part, DualPathBottleneck | LayerwiseBottleneck) for part in model.modules())
    is_aligned = plan.stride % model.config.time_factor == 0 and cut.stride % (plan.stride * grid.hop_length) == 0
    return (cut.length - cut.stride) // grid.hop_length + 1 if takes_past and is_aligned else None


def _plan_for(plan: SegmentPlan, info: AudioInfo) -> SegmentPlan:
    """Fewer segments at a time for many channels or high rates, so that a GPU's memory is not outgrown."""
    width = info.sample_rate * info.channels
    return replace(
        plan, window_segments=max(1, min(plan.window_segments, plan.window_segments * _USUAL_WIDTH // width))
    )


def _raise_if_cancelled(cancel: Cancel | None) -> None:
    if cancel is not None and cancel():
        raise Cancelled("Stopped as asked; nothing was written.")


def _until_cancelled(blocks: Iterable[Tensor], cancel: Cancel | None) -> Iterator[Tensor]:
    for block in blocks:
        _raise_if_cancelled(cancel)
        yield block


def _apply_masks(masks: list[Tensor], spectrum: Tensor, weights: Tensor, grid: Grid, length: int) -> Tensor:
    """Masks ``(F, T)`` of S targets over a complex ``(C, F, T)`` -> waveforms ``(S, C, length)``, weighted by frame."""
    weights = weights.to(spectrum.device)
    targets = []
    for i, mask in enumerate(masks, start=1):
        masked = _masked(spectrum, mask * weights, in_place=i == len(masks))
        targets.append(istft(masked, grid.n_fft, grid.hop_length, length))
    return torch.stack(targets)


def _rest(mixture: Tensor, targets: Tensor) -> Tensor:
    rest = mixture - targets[0]
    for target in targets[1:]:
        rest -= target
    return rest


def _masked(spectrum: Tensor, mask: Tensor, *, in_place: bool) -> Tensor:
    """Complex ``(C, F, T)`` times real ``(F, T)``, as one real product: torch would first make the mask complex.

    ``in_place`` overwrites the spectrum, which saves as much memory, for the last target that needs it.
    """
    parts = torch.view_as_real(spectrum.transpose(1, 2)).flatten(-2)  # (C, T, 2 F), a view: bins are innermost
    factors = mask.T.repeat_interleave(2, dim=1)
    product = parts.mul_(factors) if in_place else parts * factors
    return torch.view_as_complex(product.unflatten(-1, (-1, 2))).transpose(1, 2)


def _refuse_unusable(waveform: Tensor, sample_rate: int) -> None:
    if waveform.ndim != 2 or not waveform.is_floating_point():
        raise AudioError(f"A song is a float tensor (C, N); this is {waveform.dtype} of shape {tuple(waveform.shape)}.")
    if waveform.numel() == 0:
        raise AudioError(f"The song holds no audio: its shape is {tuple(waveform.shape)}.")
    if sample_rate <= 0:
        raise AudioError(f"sample_rate is {sample_rate}; it must be a positive number of Hz.")
    if not torch.isfinite(waveform).all():
        second = int((~torch.isfinite(waveform)).any(dim=0).float().argmax()) / sample_rate
        raise AudioError(f"The song has a sample that is not a number (NaN or infinite) at {second:.3f} s.")


def _refuse_overwriting(song: Path, outputs: Mapping[str, str | Path]) -> None:
    places = [Path(output).resolve() for output in outputs.values()]
    if song.resolve() in places:
        raise AudioError(f"The output {song} is the song itself; choose another name, so that the song is kept.")
    if len(set(places)) < len(places):
        raise AudioError("Two stems would be written to the same file; give each its own name.")


def _stem_writer(output: Path, song: AudioInfo, bits: int | None) -> AudioWriter:
    return AudioWriter(
        output,
        song.sample_rate,
        song.channels,
        output_subtype(output, bits, like=song.subtype),
        float_above_full_scale=bits is None,
    )


def _report(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(min(1.0, done / max(total, 1)), "separating")
