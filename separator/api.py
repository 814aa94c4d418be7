"""Separator: checkpoint and device in; a waveform or a file to named stems out::

    separator = Separator.from_checkpoint("checkpoints/vocals.pth")
    stems = separator.separate(waveform, sample_rate)           # {"vocals": (C, N), "accompaniment": (C, N)}
    paths = separator.separate_file("song.mp3", "stems")        # streams: constant memory, any length
    Separator.from_preset("4stems")                             # vocals, drums, bass and other

Stems have the song's own rate, channels and length, and add up to the song.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from separator.audio.reader import AudioInfo, AudioStream
from separator.audio.tags import read_tags, write_tags
from separator.audio.writer import describe_clipping, make_folder
from separator.device import is_out_of_memory, resolve_device
from separator.errors import AudioError, ConfigError, SeparatorError
from separator.inference.compile import compile_for_inference, load_for_inference
from separator.inference.expander import expanded
from separator.inference.levels import BLOCK_SAMPLES, Levels, measure_levels
from separator.inference.onnx_model import OnnxModel
from separator.inference.output import StemFile, name_stems, open_stem, refuse_overwriting, refuse_unusable
from separator.inference.overlap_add import Segment, Segmentation, cut, overlap_add
from separator.inference.shifts import average_shifts
from separator.model.crnn import CRNN
from separator.model.joined import JoinedModel
from separator.progress import Cancel, Progress, raise_if_cancelled
from separator.shipped import find_preset, shipped_folder
from separator.spectral.grid import Grid, normalize_masks, resample_mask
from separator.spectral.transforms import istft, stft

SHIPPED_MODEL = shipped_folder("checkpoints") / "vocals.pth"


class Separator:
    """One or more models, each the masks of its targets, over songs of any length, rate and number of channels.

    ``segmentation`` replaces each model's usual one; ``strict_band`` leaves all above the models' 11 kHz to the last
    stem; ``tta`` averages several shifts of the song (``separator.inference.shifts``).
    Raises ConfigError for a device that is not there and for models that do not go together.
    """

    def __init__(
        self,
        models: Sequence[CRNN | JoinedModel | OnnxModel],
        device: str = "auto",
        *,
        segmentation: Segmentation | None = None,
        strict_band: bool = False,
        tta: bool = False,
    ) -> None:
        self.device = resolve_device(device)
        self.strict_band = strict_band
        self.targets = tuple(target for model in models for target in model.config.targets)
        self._refuse_repeated_targets(models)
        self._configs = [model.config for model in models]
        self.segmentations = [segmentation or Segmentation.for_model(config) for config in self._configs]
        self._networks = [compile_for_inference(model, self.device) for model in models]
        if tta:
            strides = [config.time_factor for config in self._configs]
            self._networks = [average_shifts(*pair) for pair in zip(self._networks, strides, strict=True)]
        # Complex numbers on Apple GPUs are slow or missing: there only the network runs on the GPU.
        self._spectral_device = torch.device("cpu") if self.device.type == "mps" else self.device

    @classmethod
    def from_checkpoint(
        cls, path: str | Path | None = None, device: str = "auto", *, strict_band: bool = False, tta: bool = False
    ) -> Self:
        """Load one model, ``.pth`` or ``.onnx``; None stands for the shipped one, vocals. Raises CheckpointError,
        ConfigError."""
        return cls.from_checkpoints([path or SHIPPED_MODEL], device, strict_band=strict_band, tta=tta)

    @classmethod
    def from_checkpoints(
        cls, paths: Sequence[str | Path], device: str = "auto", *, strict_band: bool = False, tta: bool = False
    ) -> Self:
        """Load models of several targets, to be separated in one go. Raises CheckpointError, ConfigError."""
        return cls([load_for_inference(path) for path in paths], device, strict_band=strict_band, tta=tta)

    @classmethod
    def from_preset(cls, name: str, device: str = "auto", *, strict_band: bool = False, tta: bool = False) -> Self:
        """Load the shipped models of a preset, ``2stems`` or ``4stems``. Raises CheckpointError, ConfigError."""
        return cls.from_checkpoints(find_preset(name), device, strict_band=strict_band, tta=tta)

    @property
    def targets_by_model(self) -> tuple[tuple[str, ...], ...]:
        """The targets of each model, in the order in which the models were given."""
        return tuple(config.targets for config in self._configs)

    @property
    def stems(self) -> tuple[str, ...]:
        """The targets, then what they leave over (``separator.inference.output.name_stems``)."""
        return name_stems(self.targets)

    def separate(
        self, waveform: Tensor, sample_rate: int, progress: Progress | None = None, cancel: Cancel | None = None
    ) -> dict[str, Tensor]:
        """A song ``(C, N)`` -> its stems, each ``(C, N)`` on the CPU, which add up to the song.

        Raises AudioError for anything but a finite float waveform of at least one sample, Cancelled.
        """
        refuse_unusable(waveform, sample_rate)
        info = AudioInfo(sample_rate, waveform.shape[0], waveform.shape[1], subtype="FLOAT", format="memory")
        waveform = waveform.float().cpu()
        levels = measure_levels(waveform.split(BLOCK_SAMPLES, dim=1))
        stems = torch.empty(len(self.stems), *waveform.shape)
        done = 0
        for part in self._separate_parts([waveform], info, levels, progress, cancel):
            stems[..., done : done + part.shape[-1]] = part
            done += part.shape[-1]
        return dict(zip(self.stems, stems, strict=True))

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

        The suffix is the format. The depth is that of the input unless ``bits`` (16, 24 or 32) is given; a stem
        that goes above full scale then turns its WAV into float. The files appear together, when all are complete,
        with the song's title, artist, album and cover where their format has tags.
        Warns of stems that had to be clipped. Raises AudioError, ConfigError for an unknown stem, and Cancelled.
        """
        self._refuse_unknown_stems(outputs)
        refuse_overwriting(Path(path), outputs)
        with AudioStream(path) as song:
            levels = measure_levels(_until_cancelled(song.blocks(BLOCK_SAMPLES), cancel))
        with AudioStream(path) as song, ExitStack() as files:
            writers = {stem: files.enter_context(open_stem(out, song.info, bits)) for stem, out in outputs.items()}
            is_empty = True
            for part in self._separate_parts(song, song.info, levels, progress, cancel):
                for stem, writer in writers.items():
                    writer.write(part[self.stems.index(stem)])
                is_empty = False
            if is_empty:
                raise AudioError(f"{Path(path).name} holds no audio.")
            tags = read_tags(path)
            for writer in writers.values():
                writer.close()
                write_tags(writer.part, tags, writer.path.suffix)
        for writer in writers.values():
            if writer.clips:
                warnings.warn(describe_clipping(writer), stacklevel=2)
        return {stem: StemFile.of(writer, song.missing_seconds) for stem, writer in writers.items()}

    @torch.inference_mode()
    def _separate_parts(
        self,
        blocks: Iterable[Tensor],
        song: AudioInfo,
        levels: Levels,
        progress: Progress | None,
        cancel: Cancel | None,
    ) -> Iterator[Tensor]:
        """Consecutive parts ``(S, C, n)`` of all stems of a song, which comes in blocks ``(C, n)``."""
        grids = [Grid.at_rate(song.sample_rate, config.stft) for config in self._configs]
        # All models take the segments of the one whose segments are longest.
        grid, segmentation = max(
            zip(grids, self.segmentations, strict=True), key=lambda p: p[1].samples(p[0].hop_length)
        )
        hop, length = segmentation.samples(grid.hop_length)
        songs = levels.songs()

        def separate(segment: Segment, states: list[Any]) -> tuple[Tensor, list[Any]]:
            raise_if_cancelled(cancel)
            weights = segmentation.weights(segment, grid.hop_length).to(self._spectral_device)
            targets, ends = [], []
            for (channels, gains), state in zip(songs, states, strict=True):
                samples = segment.samples[channels].to(self._spectral_device)
                spectra = {own: stft(samples, own.n_fft, own.hop_length) for own in dict.fromkeys([grid, *grids])}
                masks, end = self._estimate_masks(spectra, gains, state, grids, hop)
                masked = [spectra[grid] * (mask * weights) for mask in normalize_masks(masks)]
                stems = [istft(x, grid.n_fft, grid.hop_length, samples.shape[1]) for x in masked]
                targets.append(torch.stack(stems).cpu())
                ends.append(end)
            return torch.cat(targets, dim=1), ends

        start: list[Any] = [[None] * len(grids) for _ in songs]
        done = 0
        try:
            for mixture, targets in overlap_add(cut(blocks, hop, length), hop, separate, start):
                yield torch.cat((targets, (mixture - targets.sum(dim=0))[None]))
                done += mixture.shape[1]
                if progress is not None:
                    progress(min(1.0, done / max(song.n_samples, 1)), "separating")
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise SeparatorError(f"{self.device} has too little free memory; use the CPU.") from error

    def _estimate_masks(
        self, spectra: dict[Grid, Tensor], gains: Sequence[float], states: list[Any], grids: list[Grid], hop: int
    ) -> tuple[list[Tensor], list[Any]]:
        """The masks ``(F, T)`` of all targets on the first grid of ``spectra``, and the models' states ``hop`` samples
        on. A state is dropped where that is no whole step of its GRU."""
        common, spectrum = next(iter(spectra.items()))
        masks, ends = [], []
        for network, config, grid, state in zip(self._networks, self._configs, grids, states, strict=True):
            magnitude = grid.compute_model_magnitude(spectra[grid], gains, config.input_channels)
            estimates, end = network(magnitude[None], state, hop // grid.hop_length)
            ends.append(None if hop % (grid.hop_length * config.time_factor) else end)
            for mask in estimates[0]:
                mask = expanded(mask, magnitude, config.stft.frames_per_second)
                mask = grid.extend_to_full_band(mask, strict=self.strict_band)
                masks.append(resample_mask(mask, grid, common, (spectrum.shape[-2], spectrum.shape[-1])))
        return masks, ends

    def _refuse_repeated_targets(self, models: Sequence[object]) -> None:
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


def _until_cancelled(blocks: Iterable[Tensor], cancel: Cancel | None) -> Iterator[Tensor]:
    for block in blocks:
        raise_if_cancelled(cancel)
        yield block
