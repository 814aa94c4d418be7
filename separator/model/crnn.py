"""CRNN: the magnitude spectrogram of a mixture -> the masks of one or more targets.

Four convolutional encoder layers fold frequency, a three-layer bidirectional GRU follows the music through time, four
transposed convolutions with U-Net skips unfold it again, the last one into a mask for each target. The model owns its
STFT settings, so training and inference cannot differ.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from separator.model.config import CompactConfig, DualPathConfig, ModelConfig
from separator.model.dual_path import DualPathBottleneck, UNetDecoderLayer, UNetEncoderLayer, UNetOutputLayer
from separator.model.recurrent import State, Steps, run_gru_layers


class CRNN(nn.Module):
    """Mask estimator of S targets, which share all layers but the last.

    References: U-Net for singing voice, Jansson et al. 2017; convolutional-recurrent masks, Takahashi et al. 2018
    (MMDenseLSTM); frequency transform, Choi et al. 2020 (TFC-TDF).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.normalise = BinNormalisation(config.stft.n_fft // 2, config.input_power)
        self.encoder = nn.ModuleList()
        self.decoder = nn.ModuleList()
        self.bottleneck: nn.Module
        if isinstance(config, DualPathConfig):
            self._build_dual_path(config)
        elif isinstance(config, CompactConfig):
            self._build_compact(config)

    def _build_compact(self, config: CompactConfig) -> None:
        bins = config.stft.n_fft // 2
        channels = config.input_channels
        level_bins: list[int] = []  # the first level, with the most bins, is left unrefined: it would cost most
        for width, fold, pool in zip(config.channels, config.frequency_strides, config.time_strides, strict=True):
            bins //= fold
            self.encoder.append(EncoderLayer(config, channels, width, fold, pool, bins if level_bins else 0))
            channels = width
            level_bins.append(bins)
        self.bottleneck = Bottleneck(config, channels, bins)
        for level in reversed(range(len(config.channels))):
            out = config.channels[level - 1] if level else len(config.targets)
            refine_bins = level_bins[level - 1] if level > 1 else 0
            fold, pool = config.frequency_strides[level], config.time_strides[level]
            layer = DecoderLayer(config, config.channels[level], out, fold, pool, refine_bins, is_last=not level)
            self.decoder.append(layer)

    def _build_dual_path(self, config: DualPathConfig) -> None:
        side = config.kernel_size
        strides = list(zip(config.time_strides, config.frequency_strides, strict=True))
        widths = (config.input_channels, *config.channels)
        for i, stride in enumerate(strides):
            self.encoder.append(UNetEncoderLayer(widths[i], widths[i + 1], side, stride))
        bins = config.stft.n_fft // 2 // config.frequency_factor
        self.bottleneck = DualPathBottleneck(config, widths[-1], bins)
        for i in reversed(range(1, len(strides))):
            self.decoder.append(UNetDecoderLayer(2 * widths[i + 1], widths[i], side, strides[i]))
        self.decoder.append(UNetOutputLayer(2 * widths[1], len(config.targets), side, strides[0]))

    def forward(self, magnitude: Tensor, state: State | None = None, hop: Steps = None) -> tuple[Tensor, State]:
        """Magnitude ``(B, F, T)`` of the mono mixture -> masks ``(B, S, F, T)`` in [0, 1], for any T >= 1.

        Args:
            magnitude: at the scale of ``separator.spectral.stft`` of a waveform in [-1, 1] with the model's own
                STFT settings. A model with two input channels takes left and right, ``(B, 2, F, T)``; of a mono
                mixture both are the same.
            state: what the previous segment of the song has returned; None at the start of a song.
            hop: frames from the start of this segment to the start of the next, for the returned state; a multiple of
                ``config.time_factor``. None for the end of this segment.
        """
        frames = magnitude.shape[-1]
        x, skips = self.encode(magnitude)
        x, state = self.bottleneck(x, state, None if hop is None else hop // self.config.time_factor)
        for decode, skip in zip(self.decoder, reversed(skips), strict=True):
            x = decode(x, skip)
        masks = self._masks(x[:, :, :frames].float().contiguous())  # (B, S, T, F - 1)
        return torch.cat((masks, masks[..., -1:]), dim=-1).transpose(
            -2, -1
        ), state  # bins innermost in memory, as in the STFT

    def _masks(self, logits: Tensor) -> Tensor:
        """``(B, S, ...)`` -> the same shape."""
        if not self.config.competing:
            return torch.sigmoid(logits)
        return torch.cat((logits, torch.zeros_like(logits[:, :1])), dim=1).softmax(dim=1)[:, :-1]

    def encode(self, magnitude: Tensor) -> tuple[Tensor, list[Tensor]]:
        """As for ``forward`` -> what reaches the recurrent middle, ``(B, C, T', F')``, and the skips, outermost first.

        Time is filled up with silence to a multiple of the frames that the layers fold into one.
        """
        if magnitude.ndim == 3:
            magnitude = magnitude.unsqueeze(1).expand(-1, self.config.input_channels, -1, -1)
        # The top bin carries half a band; leaving it out makes the number of bins a power of two.
        x = magnitude[:, :, :-1].transpose(2, 3)  # (B, C, T, F - 1)
        x = self.normalise(F.pad(x, (0, 0, 0, -magnitude.shape[-1] % self.config.time_factor)))
        skips = []
        for layer in self.encoder:
            x, skip = layer(x)
            skips.append(skip)
        return x, skips

    def empty_state(self) -> State:
        """The state at the start of a song, as ``forward`` takes and returns it, on the CPU."""
        return tuple(torch.zeros(1, *shape) for shape in self.bottleneck.state_shapes)  # type: ignore[union-attr]

    def n_weights(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())


class BinNormalisation(nn.Module):
    """Power compression, then a learned shift and scale for every frequency bin."""

    def __init__(self, bins: int, power: float) -> None:
        super().__init__()
        self.power = power
        self.shift = nn.Parameter(torch.full((bins,), -1.0))
        self.scale = nn.Parameter(torch.ones(bins))

    def forward(self, x: Tensor) -> Tensor:
        """``(..., F)`` magnitudes -> the same shape. In float32: small powers of small numbers underflow in half."""
        with torch.autocast(x.device.type, enabled=False):
            compressed: Tensor = (x.float() + 1e-6) ** self.power
            return (compressed + self.shift) * self.scale


class EncoderLayer(nn.Module):
    """A strided convolution that folds frequency (and, where asked, time), refined where ``refine_bins`` is given."""

    def __init__(
        self, config: CompactConfig, channels_in: int, channels: int, fold: int, pool: int, refine_bins: int
    ) -> None:
        super().__init__()
        kernel = (_stride_kernel(config.kernel_size, pool), _stride_kernel(config.kernel_size, fold))
        padding = ((kernel[0] - pool + 1) // 2, (kernel[1] - fold + 1) // 2)
        self.conv = nn.Conv2d(channels_in, channels, kernel, stride=(pool, fold), padding=padding, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.refine = Refine(config, channels, refine_bins) if config.refine and refine_bins else nn.Identity()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, C_in, T, F)`` -> ``(B, C, T / pool, F / fold)``, for the next layer and as the skip."""
        refined: Tensor = self.refine(F.relu(self.norm(self.conv(x))))
        return refined, refined


class DecoderLayer(nn.Module):
    """A transposed convolution over the joined layer and its skip; the last one gives the masks' logits."""

    def __init__(
        self, config: CompactConfig, channels: int, out: int, fold: int, pool: int, refine_bins: int, *, is_last: bool
    ) -> None:
        super().__init__()
        kernel = (_stride_kernel(config.kernel_size, pool), _stride_kernel(config.kernel_size, fold))
        padding = ((kernel[0] - pool) // 2, (kernel[1] - fold) // 2)
        self.conv = nn.ConvTranspose2d(2 * channels, out, kernel, stride=(pool, fold), padding=padding, bias=is_last)
        self.norm = nn.Identity() if is_last else nn.Sequential(nn.BatchNorm2d(out), nn.ReLU())
        self.refine = Refine(config, out, refine_bins) if config.refine and refine_bins else nn.Identity()

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """``(B, C, T, F)`` and a skip of the same shape -> ``(B, out, T * pool, F * fold)``."""
        refined: Tensor = self.refine(self.norm(self.conv(torch.cat((x, skip), dim=1))))
        return refined


class Refine(nn.Module):
    """A residual convolution, then a residual bottleneck across all bins of each frame."""

    def __init__(self, config: CompactConfig, channels: int, bins: int) -> None:
        super().__init__()
        side = config.kernel_size
        self.conv = nn.Conv2d(channels, channels, side, padding=side // 2, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.squeeze = nn.Linear(bins, max(1, bins // config.frequency_bottleneck))
        self.expand = nn.Linear(max(1, bins // config.frequency_bottleneck), bins)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, T, F)`` -> the same shape."""
        x = x + F.relu(self.norm(self.conv(x)))
        across: Tensor = self.expand(F.relu(self.squeeze(x)))
        return x + across


class Bottleneck(nn.Module):
    """The recurrent middle: each frame's channels and bins as one vector, through a bidirectional GRU, and back."""

    def __init__(self, config: CompactConfig, channels: int, bins: int) -> None:
        super().__init__()
        features = channels * bins
        self.project = nn.Linear(features, config.gru_input) if config.gru_input else nn.Identity()
        self.gru = nn.GRU(
            config.gru_input or features, config.gru_hidden, config.gru_layers, batch_first=True, bidirectional=True
        )
        self.unproject = nn.Linear(2 * config.gru_hidden, features)
        self.state_shapes = [(config.gru_hidden,)] * config.gru_layers

    def forward(self, x: Tensor, state: State | None = None, steps: Steps = None) -> tuple[Tensor, State]:
        """``(B, C, T, F)`` and the state of all layers -> the same shape, and the state after ``steps``."""
        batch, channels, frames, bins = x.shape
        x = x.permute(0, 2, 1, 3).reshape(batch, frames, channels * bins)
        x, state = run_gru_layers(self.gru, self.project(x), state, steps)
        x = F.relu(self.unproject(x))
        return x.reshape(batch, frames, channels, bins).permute(0, 2, 1, 3), state


def _stride_kernel(side: int, stride: int) -> int:
    """The smallest kernel of at least ``side`` that overlaps evenly: twice the stride, where there is one."""
    return side if stride == 1 else max(2 * stride, side + 1 - side % 2 if stride % 2 else side + side % 2)
