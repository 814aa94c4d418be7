"""Shipping a model: half the weight on disk, the same masks, the record kept."""

from pathlib import Path

import pytest
import torch

from separator.checkpoint import describe, load_model
from separator.model import CRNN
from training.ship import main


def test_shipped_model_estimates_the_same_and_keeps_its_record(tiny_checkpoint: Path, tiny_model: CRNN) -> None:
    shipped = tiny_checkpoint.with_name("shipped.pth")
    assert main([str(tiny_checkpoint), str(shipped), "--terms", "non-commercial"]) == 0
    magnitude = torch.rand(1, 513, 20)
    with torch.no_grad():
        difference = load_model(shipped)(magnitude) - tiny_model(magnitude)
    assert difference.abs().max() < 1e-2  # float16 has eleven bits
    assert describe(shipped).training == {"run_name": "tiny", "terms": "non-commercial"}
    assert shipped.stat().st_size < tiny_checkpoint.stat().st_size


def test_a_missing_model_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.pth"), str(tmp_path / "out.pth")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
