"""Patience: counted from the last better loss, carried over a resume."""

import math

from training.loop.early_stopping import EarlyStopping


def test_it_stops_after_patience_epochs_without_a_better_one():
    stopping = EarlyStopping(patience=2)
    answers = []
    for epoch, loss in enumerate([1.0, 0.5, 0.6, 0.4, 0.41, 0.4], start=1):
        answers.append((stopping.update(epoch, loss), stopping.should_stop))
    assert answers == [(True, False), (True, False), (False, False), (True, False), (False, False), (False, True)]
    assert (stopping.best_epoch, stopping.best_loss) == (4, 0.4)


def test_a_loss_that_is_not_a_number_is_never_the_best():
    stopping = EarlyStopping(patience=3)
    assert not stopping.update(1, math.nan)
    assert stopping.update(2, 10.0)
    assert not stopping.update(3, math.nan)
    assert stopping.bad_epochs == 1


def test_its_state_goes_on_but_its_patience_may_change():
    before = EarlyStopping(patience=5)
    for epoch, loss in enumerate([1.0, 2.0, 2.0], start=1):
        before.update(epoch, loss)
    after = EarlyStopping(patience=2)
    after.load_state_dict(before.state_dict())
    assert after.should_stop
    assert after.best_epoch == 1
