"""A new model begins with what fits of another: the same masks of the targets that both have."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from separator.model import CRNN, DualPathConfig, ModelConfig, save_checkpoint
from training.config import PRESETS, TrainConfig
from training.loop.initial_weights import init_from_checkpoint

SMALL = replace(DualPathConfig(), channels=(2, 3, 4, 5), gru_hidden=4, gru_layers=1, local_channels=2)


@pytest.fixture
def singer(tmp_path: Path) -> tuple[Path, CRNN]:
    torch.manual_seed(5)
    model = CRNN(SMALL).eval()
    save_checkpoint(tmp_path / "vocals.pth", model, {})
    return tmp_path / "vocals.pth", model


@pytest.mark.parametrize("gru_layers", [1, 2])
def test_targets_that_both_have_begin_with_the_same_mask(
    singer: tuple[Path, CRNN], gru_layers: int, monkeypatch: pytest.MonkeyPatch
):
    path, vocals = singer
    monkeypatch.setitem(PRESETS, "small", lambda targets: replace(SMALL, targets=targets, gru_layers=gru_layers))
    checkpoint, sentence = init_from_checkpoint(path, TrainConfig(preset="small", target=("drums", "vocals")))
    model = CRNN(ModelConfig.from_dict(checkpoint["model"])).eval()
    model.load_state_dict(checkpoint["weights"])
    magnitude = torch.rand(1, 1025, 32)
    with torch.no_grad():
        masks, _ = model(magnitude)
        assert torch.allclose(masks[:, 1:], vocals(magnitude)[0], atol=1e-6)
        assert not torch.allclose(masks[:, :1], vocals(magnitude)[0], atol=1e-3)
    assert sentence.endswith("new: none" if gru_layers == 1 else "new: bottleneck.layers.1")


def test_what_does_not_fit_is_new(singer: tuple[Path, CRNN], monkeypatch: pytest.MonkeyPatch):
    wider = replace(SMALL, channels=(3, 3, 4, 5), targets=("bass",))
    monkeypatch.setitem(PRESETS, "small", lambda targets: wider)
    checkpoint, sentence = init_from_checkpoint(singer[0], TrainConfig(preset="small", target=("bass",)))
    assert "encoder.0" in sentence
    assert "decoder.3" in sentence
    assert torch.equal(checkpoint["weights"]["encoder.2.conv.weight"], singer[1].encoder[2].conv.weight)
