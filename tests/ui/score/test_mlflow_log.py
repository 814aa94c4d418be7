"""What the page logs is what it has scored."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ui.score.compare import ScoreRequest, compare
from ui.score.mlflow_log import build_comparison

RATE = 8000


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A reference, and estimates with an error of -10 and -20 dB of it."""
    reference, noise = 0.1 * np.random.default_rng(0).standard_normal((2, 12 * RATE))
    waves = {"reference": reference, "worse": reference + 0.32 * noise, "better": reference + 0.1 * noise}
    for name, wave in waves.items():
        soundfile.write(tmp_path / f"{name}.wav", wave, RATE, subtype="FLOAT")
    return {name: tmp_path / f"{name}.wav" for name in waves}


def test_logged_scores_are_the_shown_ones_best_first(files: dict[str, Path], tmp_path: Path) -> None:
    request = ScoreRequest(files["reference"], {"a": files["worse"], "b": files["better"]})
    result = compare(request, tmp_path, lambda *_: None, lambda: False)
    comparison = build_comparison(result)
    assert [estimate.name for estimate in comparison.estimates] == ["B better", "A worse"]
    assert [estimate.score for estimate in comparison.estimates] == [result.scores["b"], result.scores["a"]]
    assert comparison.winner == "B better" and comparison.sample_rate == RATE
    for estimate in comparison.estimates:
        np.testing.assert_allclose(estimate.waveform[0], soundfile.read(estimate.path)[0], atol=2**-22)


def test_one_estimate_is_a_comparison_of_one(files: dict[str, Path], tmp_path: Path) -> None:
    result = compare(ScoreRequest(files["reference"], {"a": files["worse"]}), tmp_path, lambda *_: None, lambda: False)
    comparison = build_comparison(result)
    assert [estimate.score for estimate in comparison.estimates] == [result.scores["a"]]
    assert comparison.winner is None and comparison.mixture is None
