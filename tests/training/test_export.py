"""Shipping a model: half the weight on disk, the same masks, the record kept."""

from pathlib import Path

import pytest
import torch

from separator.model import CRNN, CompactConfig, load_model, save_checkpoint
from separator.model.checkpoint import describe
from training.export import main


def test_shipped_model_estimates_the_same_and_keeps_its_record(tiny_checkpoint: Path, tiny_model: CRNN) -> None:
    shipped = tiny_checkpoint.with_name("shipped.pth")
    assert main([str(tiny_checkpoint), str(shipped), "--terms", "non-commercial"]) == 0
    magnitude = torch.rand(1, 513, 20)
    with torch.no_grad():
        difference = load_model(shipped)(magnitude)[0] - tiny_model(magnitude)[0]
    assert difference.abs().max() < 1e-2  # float16 has eleven bits
    assert describe(shipped).training == {"run_name": "tiny", "terms": "non-commercial"}
    assert shipped.stat().st_size < tiny_checkpoint.stat().st_size


def test_the_mean_of_two_models(tiny_checkpoint: Path, tiny_model: CRNN) -> None:
    other, mean = tiny_checkpoint.with_name("other.pth"), tiny_checkpoint.with_name("mean.pth")
    changed = CRNN(tiny_model.config)
    save_checkpoint(other, changed, {})
    assert main([str(tiny_checkpoint), str(mean), "--average_with", str(other)]) == 0
    first, second, both = (dict(model.named_parameters()) for model in (tiny_model, changed, load_model(mean)))
    assert all(torch.allclose(both[name], (first[name] + second[name]) / 2, atol=1e-3) for name in both)


def test_models_with_other_layers_have_no_mean(tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other, mean = tiny_checkpoint.with_name("other.pth"), tiny_checkpoint.with_name("mean.pth")
    save_checkpoint(other, CRNN(CompactConfig.textbook()), {})
    assert main([str(tiny_checkpoint), str(mean), "--average_with", str(other)]) == 2
    assert "has other layers" in capsys.readouterr().err
    assert not mean.exists()


def test_a_missing_model_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.pth"), str(tmp_path / "out.pth")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
