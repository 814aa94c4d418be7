"""What the page offers of a checkpoints folder, whatever else lies in it."""

from pathlib import Path

import pytest
import torch

from separator.errors import CheckpointError
from separator.model.checkpoint import read_checkpoint
from separator.presets import read_preset_stems
from separator.shipped import PRESETS
from tests.serving import small_checkpoints
from ui.model_registry import ModelRegistry


def test_bad_files_leave_the_others_on_the_list(tmp_path: Path) -> None:
    content = read_checkpoint(small_checkpoints(tmp_path) / "vocals.pth")
    odd = {
        "record": content | {"training": {"sdr_db": 10**400}},
        "weight": content | {"weights": {"a": torch.zeros(1).expand(10**12)}},
        "config": content | {"model": {"gru_layers": 10**7}},
        "version": content | {"format_version": 10**5000},
    }
    for name, bad in odd.items():
        torch.save(bad, tmp_path / f"{name}.pth")
    assert [name for _, name in ModelRegistry(tmp_path).list_choices()] == [
        *sorted(PRESETS["4stems"]),
        "my run/best_model.pth",
    ]


def test_a_record_is_one_short_line_on_the_list(tmp_path: Path) -> None:
    path = small_checkpoints(tmp_path) / "my run" / "best_model.pth"
    torch.save(read_checkpoint(path) | {"training": {"run_name": "x" * 5000, "sdr_db": "?", "date": [1] * 99}}, path)
    assert all(len(label) < 200 for label, _ in ModelRegistry(tmp_path).list_choices())


@pytest.mark.slow
def test_a_preset_is_offered_where_its_models_are(tmp_path: Path) -> None:
    registry = ModelRegistry(small_checkpoints(tmp_path))
    assert registry.list_presets() == list(PRESETS)
    assert registry.load(["4stems"]).stems == read_preset_stems("4stems")
    (tmp_path / PRESETS["4stems"][-1]).unlink()
    assert registry.list_presets() == ["2stems"]
    with pytest.raises(CheckpointError, match="'4stems' is not one of them"):
        registry.load(["4stems"])
