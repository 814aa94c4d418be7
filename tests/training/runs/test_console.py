"""What a person at a terminal reads."""

import io

from tests.events import make_event
from training.runs.console import Console, describe_event

EPOCH = {
    "epoch": 7, "train_loss": 0.1234, "valid_loss": 0.2345, "valid_sdr_db": 4.56, "bad_epochs": 2, "patience": 15,
    "learning_rate": 1e-3, "audio_seconds_per_second": 12.0, "data_wait_share": 0.013, "skipped_steps": 3,
    "eta_seconds": 600.0, "is_best": True,
}  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_an_epoch_is_one_line_with_all_that_matters():
    line = describe_event(make_event("epoch", **EPOCH))
    assert "\n" not in line
    for part in ("7", "0.12340", "0.23450", "4.56 dB best", "patience 2/15", "1.0e-03", "waiting 1 %", "skipped 3"):
        assert part in line
    assert line.endswith("left 10 min")


def test_the_scores_of_several_targets_stand_beside_their_mean():
    line = describe_event(make_event("epoch", **EPOCH, target_sdr_db={"drums": 4.0, "bass": 5.12}))
    assert "4.56 dB (drums 4.00, bass 5.12) best" in line
    assert "4.56 dB best" in describe_event(make_event("epoch", **EPOCH, target_sdr_db={"vocals": 4.56}))


def test_every_ending_says_why():
    assert "early_stopping" in describe_event(make_event("finished", reason="early_stopping"))
    assert describe_event(make_event("stopped", reason="stopped")) == "stopped"
    assert "not kept" in describe_event(make_event("averaged", epochs=[3, 2], valid_sdr_db=4.0, is_best=False))


def test_a_failure_is_left_to_the_command_which_prints_its_error():
    assert describe_event(make_event("failed", message="the disk is full")) == ""


def test_a_failure_clears_the_bar_before_its_error_is_printed():
    stream = Terminal()
    console = Console(stream)
    console(make_event("step", epoch=1, step=3, epoch_step=3, loss=0.5))
    assert "epoch 1" in stream.getvalue().rpartition("\r")[2]
    console(make_event("failed", message="the disk is full"))
    assert stream.getvalue().rpartition("\r")[2] == ""


def test_steps_are_shown_on_terminals_only():
    stream = io.StringIO()
    console = Console(stream)
    console(make_event("step", epoch=1, step=3, epoch_step=3, loss=0.5))
    assert stream.getvalue() == ""
    console(make_event("resumed", epoch=4))
    assert stream.getvalue() == "going on after 4 whole epochs\n"
