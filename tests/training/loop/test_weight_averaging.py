"""The best epochs' models and their mean; the moving average over steps."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from separator.model import CRNN, ModelConfig
from training.loop.weight_averaging import BestModels, make_moving_average


@pytest.fixture
def constant(tiny_config: ModelConfig) -> Callable[[float], CRNN]:
    """A model all of whose numbers are one number."""

    def make(value: float) -> CRNN:
        model = CRNN(tiny_config)
        with torch.no_grad():
            for tensor in [*model.parameters(), *model.buffers()]:
                tensor.fill_(value)
        return model

    return make


def test_the_best_are_kept_and_averaged(constant: Callable[[float], CRNN], tmp_path: Path):
    best = BestModels(tmp_path / "kept", most=2)
    for epoch, (value, score) in enumerate([(1.0, 5.0), (10.0, 1.0), (3.0, 4.0), (20.0, 2.0)], start=1):
        best.offer(constant(value), score, {"epoch": epoch})
    assert best.epochs() == [1, 3]
    assert len(list((tmp_path / "kept").iterdir())) == 2
    weights = best.average()
    assert weights is not None
    for name, value in weights.items():
        expected = 1 if name.endswith("num_batches_tracked") else 2.0  # counters come from the best one
        assert (value == expected).all(), name


def test_what_was_kept_is_found_again_after_a_restart(constant: Callable[[float], CRNN], tmp_path: Path):
    BestModels(tmp_path, most=2).offer(constant(1.0), 1.0, {"epoch": 1})
    again = BestModels(tmp_path, most=2)
    again.offer(constant(2.0), 2.0, {"epoch": 2})
    assert again.epochs() == [2, 1]


def test_one_model_has_no_average_nor_where_none_is_wanted(constant: Callable[[float], CRNN], tmp_path: Path):
    one, none = BestModels(tmp_path / "one", most=2), BestModels(tmp_path / "none", most=0)
    for best in (one, none):
        best.offer(constant(1.0), 1.0, {"epoch": 1})
        assert best.average() is None
    assert not (tmp_path / "none").exists()


def test_a_moving_average_converges_to_constant_weights(constant: Callable[[float], CRNN]):
    average = make_moving_average(constant(100.0), decay=0.9)
    weights = []
    for value in [50.0, *[1.0] * 60]:
        average.update_parameters(constant(value))
        weights.append(next(average.module.parameters()).flatten()[0].item())
    assert weights[:2] == pytest.approx(
        [50, 50 * 2 / 11 + 9 / 11]
    )  # the first is copied; then the decay is 2 / (9 + 2)
    assert weights[-1] == pytest.approx(1.0, abs=0.05)
    assert all((buffer == 1).all() for buffer in average.module.buffers() if not buffer.is_floating_point())
