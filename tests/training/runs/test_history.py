"""What events add up to, as they come; how a run stands is in the tests of its folder."""

import pytest

from tests.events import make_event
from training.runs.events import EpochDone
from training.runs.history import RunHistory


def test_a_history_goes_on_from_where_it_was():
    history = RunHistory([make_event("started"), make_event("epoch", epoch=1, valid_sdr_db=3.0)])
    history.add(make_event("epoch", epoch=2, valid_sdr_db=2.0))
    latest = history.get_latest(EpochDone)
    assert (history.epoch, latest and latest.valid_sdr_db, history.best_sdr_db) == (2, 2.0, 3.0)


def test_scores_on_other_songs_do_not_count():
    history = RunHistory(make_event("epoch", epoch=n, valid_sdr_db=db) for n, db in ((1, 9.0), (2, None)))
    assert history.best_sdr_db == 9.0
    for event in (make_event("started"), make_event("validation_changed", epoch=2, valid_sdr_db=4.0)):
        history.add(event)
    assert history.best_sdr_db == 4.0
    assert history.changed is not None
    history.add(make_event("epoch", epoch=3, valid_sdr_db=5.0))
    assert (history.best_sdr_db, history.changed.valid_sdr_db) == (5.0, 4.0)
    history.add(make_event("started"))
    assert history.changed is None


@pytest.mark.parametrize(
    ("kinds", "is_preparing"),
    [
        ([], True),
        (["preparing"], True),
        (["preparing", "validating"], True),
        (["preparing", "started"], False),
        (["step", "resumed"], True),
        (["started", "step", "validating"], False),
    ],
)
def test_scoring_the_limits_is_part_of_preparing(kinds: list[str], is_preparing: bool):
    assert RunHistory(map(make_event, kinds)).is_preparing == is_preparing
