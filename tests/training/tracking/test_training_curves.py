"""The curves of a training show its events."""

from tests.events import make_event
from training.tracking.training_curves import draw_training_curves


def test_training_curves_follow_the_events() -> None:
    started = make_event("started", floor_sdr_db=-2.0, oracle_sdr_db=12.0, floor_loss=0.5, oracle_loss=0.1)
    epochs = [
        make_event(
            "epoch", epoch=n, train_loss=1 / n, valid_loss=2 / n, valid_sdr_db=n, learning_rate=0.1, best_epoch=2
        )
        for n in (1, 2, 3)
    ]
    figure = draw_training_curves([started, *epochs[:2], make_event("resumed", epoch=2), epochs[1], epochs[2]])
    loss, sdr, rate = figure.axes
    assert loss.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert loss.lines[1].get_ydata().tolist() == [2, 1, 2 / 3]
    names = [text.get_text() for text in loss.get_legend().get_texts()]
    assert names == ["training", "validation", "mixture as it is", "ideal mask", "best"]
    assert [line.get_ydata()[0] for line in sdr.lines] == [1, -2, 12]
    assert rate.lines[0].get_ydata().tolist() == [0.1, 0.1, 0.1]


def test_training_that_has_just_begun_is_drawn() -> None:
    for events in ([], [make_event("started")], [make_event("epoch", epoch=1, train_loss=1.0)]):
        axes = draw_training_curves(events).axes
        assert [axis.get_title(loc="left") for axis in axes] == [
            "Loss",
            "SDR on the validation excerpts",
            "Learning rate",
        ]
