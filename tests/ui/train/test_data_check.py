"""The data check of the page decodes at the sample rate of the model that would be trained."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from separator.audio import write
from separator.model import CRNN, ModelConfig, save_checkpoint
from training.config import PRESETS, TrainConfig
from training.data.cache import Cache
from ui.settings import PageSettings
from ui.train.data_check import DataChecks


def test_a_check_is_at_the_rate_of_the_model_to_train(
    tmp_path: Path, tiny_config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/vocals", "a/other", "b/vocals", "b/other"):
        path = tmp_path / "songs" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, torch.rand(1, 22050) - 0.5, 22050)
    preset, other = (replace(tiny_config, stft=replace(tiny_config.stft, sample_rate=rate)) for rate in (16000, 12000))
    monkeypatch.setitem(PRESETS, "small", lambda targets: preset)
    save_checkpoint(tmp_path / "other.pth", CRNN(other), {})
    config = TrainConfig(data_dir=(str(tmp_path / "songs"),), cache_dir=str(tmp_path / "cache"), preset="small")
    checks = DataChecks(PageSettings())
    for start_from, rate in ((None, 16000), (tmp_path / "other.pth", 12000)):
        check = checks.start(config, start_from, practice=False, probe=False, again=False)
        assert check.report.finished.wait(60)
        assert check.report.error is None
        assert not Cache(config.cache_dir, rate).missing((tmp_path / "songs").rglob("*.wav"))
        assert checks.start(config, start_from, practice=False, probe=False, again=False) is check
