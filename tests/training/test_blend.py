"""A blend lies between two models of the same layers."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from separator.checkpoint import describe, load_model, save_checkpoint
from separator.config import ModelConfig
from separator.model import CRNN
from training.blend import blend, main


@pytest.fixture
def pair(tiny_config: ModelConfig) -> tuple[CRNN, CRNN]:
    torch.manual_seed(1)
    return CRNN(tiny_config).eval(), CRNN(tiny_config).eval()


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_every_weight_lies_on_the_line_between(pair: tuple[CRNN, CRNN], share: float):
    one, other = (model.state_dict() for model in pair)
    for name, value in blend(*pair, share).state_dict().items():
        if value.is_floating_point():
            assert torch.allclose(value, (1 - share) * one[name] + share * other[name], atol=1e-6)


def test_the_command_writes_a_model_that_does_not_claim_a_run_or_scores_not_its_own(
    pair: tuple[CRNN, CRNN], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    paths = [str(tmp_path / name) for name in ("one.pth", "other.pth", "out.pth")]
    for path, model in zip(paths[:2], pair, strict=True):
        save_checkpoint(path, model, {"run_name": Path(path).stem, "sdr_db": 9.0, f"from_{Path(path).stem}": True})
    assert main([*paths, "--share", "0.5"]) == 0
    record = describe(paths[2]).training
    assert record["run_name"] == "out"
    assert record["sdr_db"] is None
    assert record["from_one"] and record["from_other"]
    assert load_model(paths[2]).n_weights() == pair[0].n_weights()
    different = CRNN(replace(pair[0].config, gru_hidden=5))
    save_checkpoint(paths[1], different, {})
    assert main(paths) == 2
    assert "differ in their layers" in capsys.readouterr().err
