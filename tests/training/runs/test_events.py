"""Event lines: appended whole, read by others while they are written."""

import json
import math
from pathlib import Path

from training.runs.events import EventFile, make_event, read_events


def test_events_come_back_in_order_with_their_values(tmp_path: Path):
    write = EventFile(tmp_path / "새 폴더" / "events.jsonl")
    for epoch in range(3):
        write(make_event("epoch", epoch=epoch, name="노래"))
    events = read_events(write.path)
    assert [(event["type"], event["epoch"], event["name"]) for event in events] == [
        ("epoch", 0, "노래"),
        ("epoch", 1, "노래"),
        ("epoch", 2, "노래"),
    ]
    assert events[0]["time"] <= events[2]["time"]


def test_numbers_that_json_cannot_hold_become_null(tmp_path: Path):
    write = EventFile(tmp_path / "events.jsonl")
    write(make_event("epoch", loss=math.nan, best=-math.inf, sdr_db=3.5))
    assert json.loads(write.path.read_text(), parse_constant=lambda name: 1 / 0)["loss"] is None
    (event,) = read_events(write.path)
    assert (event["loss"], event["best"], event["sdr_db"]) == (None, None, 3.5)


def test_a_last_line_that_is_still_being_written_is_left_out(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    EventFile(path)(make_event("started"))
    whole = path.read_bytes()
    line = json.dumps(make_event("epoch", name="노래"), ensure_ascii=False).encode()
    for cut in range(1, len(line) - 1):
        path.write_bytes(whole + line[:cut])
        assert [event["type"] for event in read_events(path)] == ["started"]


def test_after_a_crash_in_the_middle_of_a_line_events_go_on(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    write = EventFile(path)
    write(make_event("started"))
    with path.open("a") as file:
        file.write('{"type": "epo')
    EventFile(path)(make_event("resumed"))
    assert [event["type"] for event in read_events(path)] == ["started", "resumed"]


def test_an_absent_file_holds_no_events(tmp_path: Path):
    assert read_events(tmp_path / "none.jsonl") == []
