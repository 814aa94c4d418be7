"""A model is taught by a teacher and the truth: what the goal is, and that it comes nearer to it."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from separator.model import CRNN, ModelConfig
from separator.model.checkpoint import describe
from separator.spectral import stft
from training.data.training_data import ValidationExcerpt
from training.distillation.distil import BothNetworks, distil, main, make_checkpointer, make_goal, shifted_teacher_mask
from training.distillation.spleeter import Networks
from training.loop.validation import Evaluator
from training.losses import negative_sdr

RATE = 22050


def test_truth_counts_by_its_share_only_up_to_its_band():
    target, estimate = torch.full((2, 1025, 3), 1 + 0j), torch.full((2, 1025, 3), 3 + 0j)
    mixed = make_goal(target, estimate, 2 * target, torch.tensor([RATE / 2, RATE / 4])).real
    assert bool((mixed[0] == 2.5).all())
    assert bool((mixed[1, :513] == 2.5).all())
    assert bool((mixed[1, 513:] == 3).all())


def test_where_the_target_rests_the_teacher_has_no_say():
    target, estimate = torch.full((1, 1025, 3), 1 + 0j), torch.full((1, 1025, 3), 3 + 0j)
    target[..., 1] = 1e-3
    goal = make_goal(target, estimate, torch.full_like(target, 2), torch.tensor([RATE / 2]))
    assert torch.equal(goal[..., 1], target[..., 1])
    assert bool((goal[..., (0, 2)] == 2.5).all())


class Constant(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, magnitude: Tensor) -> tuple[Tensor, tuple]:
        return torch.full_like(magnitude, self.value), ()


def test_the_teacher_averages_vocals_and_minus_accompaniment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("training.distillation.distil.full_teacher", Constant)
    teacher = BothNetworks(Networks(0.9, 0.3))  # type: ignore[arg-type]
    assert torch.allclose(teacher(torch.rand(1, 1025, 4))[0], torch.tensor(0.8))


class Numbered(nn.Module):
    """Says of each frame how many came before it."""

    def forward(self, magnitude: Tensor) -> tuple[Tensor, tuple]:
        assert magnitude.shape[-1] % 64 == 0
        return torch.arange(magnitude.shape[-1]).expand_as(magnitude)[:, None], ()


@pytest.mark.parametrize("frames", [0, 1, 63])
def test_a_teacher_that_began_earlier_speaks_of_the_same_frames(frames: int):
    mask = shifted_teacher_mask(Numbered(), torch.rand(2, 1025, 128), frames)
    assert mask.shape == (2, 1025, 128)
    assert torch.equal(mask[0, 0], torch.arange(128) + frames)


def noise(seed: int) -> Tensor:
    return 0.1 * torch.randn(1, 512 * 64, generator=torch.Generator().manual_seed(seed))


def small_model(seed: int) -> CRNN:
    torch.manual_seed(seed)
    return CRNN(ModelConfig.unet()).eval()


@pytest.mark.slow
def test_a_model_comes_nearer_to_what_it_is_taught():
    """Of silence and noise, a teacher that lets everything pass and a truth that is the noise: the mask opens."""
    model, teacher = small_model(0), small_model(1)
    torch.nn.init.constant_(teacher.decoder[-1].smooth.bias, 20.0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    mixture = stft(noise(9), 2048, 512)

    def score() -> float:
        with torch.no_grad():
            return float(negative_sdr(model(mixture.abs())[0], mixture, mixture))

    at_first = score()
    kept: list[CRNN] = []
    excerpts = [(noise(i), torch.zeros(1, 512 * 64), torch.tensor([RATE / 2])) for i in range(25)]
    rates = (5e-4, 0.05)  # the usual ones are for outer layers that know most already
    distil(model, teacher, excerpts, minutes=60, log=lambda _: None, checkpoint=kept.append, learning_rates=rates)
    assert score() < at_first - 0.04
    assert kept[-1] is model
    after = model.state_dict()
    first_layer = [weights["encoder.0.conv.weight"] for weights in (before, after)]
    left_less_right = [weight[:, 0] - weight[:, 1] for weight in first_layer]
    assert not torch.allclose(*first_layer, atol=1e-3)
    assert torch.allclose(*left_less_right, atol=1e-5)  # mono teaches nothing about stereo, and spoils nothing
    assert all(
        torch.equal(after[name], before[name]) for name in before if ".norm" in name and "bottleneck" not in name
    )


def test_what_is_kept_says_how_good_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    excerpt = ValidationExcerpt(0, noise(1).numpy(), noise(2)[0].numpy(), (True,), 0.0)
    evaluator = Evaluator([excerpt], ModelConfig.unet().stft, negative_sdr)
    make_checkpointer(tmp_path / "kept.pth", {"run_name": "kept"}, evaluator)(small_model(0))
    record = describe(tmp_path / "kept.pth").training
    assert f"validation SDR {record['sdr_db']:.2f} dB" in capsys.readouterr().out


def test_no_data_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert main([str(tmp_path / "start.pth"), str(tmp_path / "out.pth")]) == 2
    assert "data_dir is missing" in capsys.readouterr().err


def test_what_cannot_be_gone_on_with_is_told(tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    music = ["--data_dir", str(tmp_path), "--device", "cpu"]
    assert main([str(tiny_checkpoint), str(tmp_path / "out.pth"), *music]) == 2
    assert "start from one that init_from_spleeter wrote" in capsys.readouterr().err
    assert main([str(tiny_checkpoint), str(tiny_checkpoint), *music]) == 2
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--minutes", "--outer_learning_rate"])
@pytest.mark.parametrize("wrong", ["0", "-3", "nan", "inf", "soon"])
def test_what_is_no_number_above_zero_is_told(flag: str, wrong: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["start.pth", "out.pth", f"{flag}={wrong}"])
    assert ended.value.code == 2
    assert f"{flag}: {wrong} is not a number above 0" in capsys.readouterr().err
