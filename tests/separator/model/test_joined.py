"""Several models as one give what each gives by itself."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from separator.api import Separator
from separator.errors import ConfigError
from separator.export import export_onnx
from separator.inference.onnx_model import read_onnx
from separator.live import LiveSeparator
from separator.metrics import sdr
from separator.model import CRNN, CompactConfig, DualPathConfig, JoinedModel, load_joined, load_model, save_checkpoint

VOCALS = replace(DualPathConfig(), channels=(2, 3, 4, 5), gru_hidden=4, local_channels=3)
RHYTHM = replace(VOCALS, targets=("drums", "bass"), channels=(3, 2, 2, 2), gru_layers=5, local_channels=2)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    torch.manual_seed(0)
    found = [tmp_path / "vocals.pth", tmp_path / "rhythm.pth"]
    for path, config, date in zip(found, (VOCALS, RHYTHM), ("2026-11-23", "2026-11-28"), strict=True):
        save_checkpoint(path, CRNN(config).eval(), {"terms": "for tests", "date": date})
    return found


def test_masks_and_states_are_those_of_each(paths: list[Path]) -> None:
    joined, single = load_joined(paths), [load_model(path) for path in paths]
    magnitude = torch.rand(2, 2, joined.config.stft.n_bins, 64)
    states: list[tuple[Tensor, ...] | None] = [None, None]
    state = None
    for _ in range(2):
        masks, state = joined(magnitude, state, 32)
        own = [model(magnitude, before, 32) for model, before in zip(single, states, strict=True)]
        states = [after for _, after in own]
        assert torch.equal(masks, torch.cat([mask for mask, _ in own], dim=1))
        assert all(torch.equal(a, b) for a, b in zip(state, [x for after in states for x in after or ()], strict=True))
    assert joined.n_weights() == sum(model.n_weights() for model in single)
    assert [x.shape for x in joined.empty_state()] == [x.shape for model in single for x in model.empty_state()]


@pytest.mark.slow
def test_one_exported_file_separates_as_the_models_together(
    paths: list[Path], noise: Callable[..., Tensor], tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    exported = export_onnx(paths, tmp_path / "stems.onnx")
    song = noise(44100 * 3)
    expected = Separator.from_checkpoints(paths, "cpu").separate(song, 44100)
    for model in (read_onnx(exported), load_joined(paths)):
        stems = Separator([model], "cpu").separate(song, 44100)
        assert list(stems) == ["vocals", "drums", "bass", "other"]
        assert all(sdr(song, song + stem - expected[name]) > 80 for name, stem in stems.items())
    live = [LiveSeparator(model, 0.5).push(song) for model in (exported, load_joined(paths))]
    assert list(live[0]) == ["vocals", "drums", "bass", "other"]
    assert all(sdr(song, song + stem - live[1][name]) > 80 for name, stem in live[0].items())
    assert read_onnx(exported).metadata["license"] == "for tests"


def test_models_that_do_not_go_together_are_a_sentence(paths: list[Path], tmp_path: Path) -> None:
    for config in (replace(RHYTHM, input_channels=1), CompactConfig(("drums",)), replace(RHYTHM, local_channels=0)):
        with pytest.raises(ConfigError, match="different spectrograms"):
            JoinedModel([CRNN(VOCALS), CRNN(config)])
    with pytest.raises(ConfigError, match="twice"):
        load_joined([paths[0], paths[0]])
    with pytest.raises(ConfigError, match="not from exported files"):
        load_joined([paths[0], tmp_path / "rhythm.onnx"])
