"""What happens in a training has a kind and values, which a line of JSON can hold."""

import json
import math

import pytest

from tests.events import make_event
from training.runs.events import Averaged, EpochDone, Event, Failed, Started, StepDone, parse_event

EPOCH = EpochDone(
    time=5.0, epoch=3, step=30, train_loss=math.nan, valid_loss=0.5, valid_sdr_db=-math.inf,
    target_sdr_db={"노래": 1.0},
    learning_rate=1e-3, seconds=2.0, eta_seconds=None, audio_seconds_per_second=8.0, data_wait_share=0.0,
    skipped_steps=0, memory_mb=100.0, is_best=True, patience=15, best_loss=0.4, best_epoch=2, bad_epochs=1,
)  # fmt: skip


@pytest.mark.parametrize(
    "event",
    [
        StepDone(epoch=1, step=7, epoch_step=7, loss=0.25),
        Averaged(epochs=[3, 1], valid_loss=0.5, valid_sdr_db=4.0, is_best=False),
        Failed(message="no space left on 디스크"),
    ],
)
def test_an_event_is_read_as_it_was_written(event: Event):
    assert parse_event(json.dumps(event.to_dict()).encode()) == event


def test_numbers_that_json_cannot_hold_become_null():
    values = EPOCH.to_dict()
    json.dumps(values, allow_nan=False)
    assert (values["type"], values["train_loss"], values["valid_sdr_db"]) == ("epoch", None, None)
    read = make_event("epoch", **{name: value for name, value in values.items() if name != "type"})
    assert isinstance(read, EpochDone)
    assert math.isnan(read.train_loss) and math.isnan(read.valid_sdr_db)
    assert (read.time, read.eta_seconds, read.target_sdr_db) == (5.0, None, {"노래": 1.0})


def test_what_an_older_version_did_not_write_is_blank():
    started = make_event("started", epochs=3)
    assert isinstance(started, Started)
    assert (started.epochs, started.n_weights, started.target, started.left_out) == (3, 0, "", [])
    assert math.isnan(started.floor_loss)


def test_what_only_a_newer_version_knows_is_passed_over():
    assert make_event("merged", time=5.0, models=[1, 2]) == Event(time=5.0)
    assert make_event("resumed", time=5.0, epoch=2, place="moon").to_dict() == {
        "type": "resumed", "time": 5.0, "epoch": 2,
    }  # fmt: skip


@pytest.mark.parametrize("line", [b"", b"{", b"[1]", b"7", b'{"epoch": 1}', b"\xff\xfe"])
def test_a_line_that_is_no_event_is_none(line: bytes):
    assert parse_event(line) is None
