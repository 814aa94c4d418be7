"""Event lines: appended whole, and read by others as they come."""

import io
from pathlib import Path
from typing import Any

import pytest

from tests.events import make_event
from training.runs.event_log import EventFile, EventLog, read_events
from training.runs.events import Event


@pytest.fixture
def write(tmp_path: Path) -> EventFile:
    (tmp_path / "새 폴더").mkdir()
    return EventFile(tmp_path / "새 폴더" / "events.jsonl")


def failed(message: str) -> Event:
    return make_event("failed", message=message)


def messages(events: list[Event]) -> list[str]:
    return [event.message for event in events]  # type: ignore[attr-defined]


def test_events_come_back_in_order(write: EventFile):
    events = [failed(f"노래 {n}") for n in range(3)]
    for event in events:
        write(event)
    assert read_events(write.path) == events


def test_a_log_returns_each_event_once(write: EventFile):
    log = EventLog(write.path)
    assert log.read() == (True, [])
    write(failed("1"))
    assert messages(log.read()[1]) == ["1"]
    assert log.read() == (False, [])
    write(failed("2"))
    write(failed("3"))
    is_anew, events = log.read()
    assert (is_anew, messages(events)) == (False, ["2", "3"])


def test_only_appended_bytes_are_read(write: EventFile, monkeypatch: pytest.MonkeyPatch):
    for n in range(1000):
        write(failed(str(n)))
    log = EventLog(write.path)
    log.read()
    before = write.path.stat().st_size
    write(failed("new"))
    added = write.path.stat().st_size - before
    counts: list[int] = []

    class Counted(io.FileIO):
        def read(self, *size: Any) -> bytes:
            counts.append(len(found := super().read(*size) or b""))
            return found

    monkeypatch.setattr(Path, "open", lambda path, mode: Counted(path, "r"))
    assert messages(log.read()[1]) == ["new"]
    # With the line before, by which it sees that the file is still the same; lines differ by a digit of their time.
    assert sum(counts) < 3 * added


def test_a_line_that_is_still_being_written_is_read_when_whole(write: EventFile):
    write(failed("first"))
    log = EventLog(write.path)
    log.read()
    whole = write.path.read_bytes()
    line = '{"type": "failed", "message": "노래"}\n'.encode()
    for cut in range(1, len(line)):
        write.path.write_bytes(whole + line[:cut])
        assert log.read() == (False, [])
    write.path.write_bytes(whole + line)
    assert messages(log.read()[1]) == ["노래"]


@pytest.mark.parametrize("others", [["a"], ["a", "b", "c", "d"], ["one", "b", "two", "three"], []])
def test_a_file_that_was_cut_or_replaced_is_read_anew(write: EventFile, others: list[str]):
    for n in ("one", "two", "three"):
        write(failed(n))
    log = EventLog(write.path)
    log.read()
    write.path.unlink()
    for other in others:
        write(failed(other))
    is_anew, events = log.read()
    assert (is_anew, messages(events)) == (True, others)


def test_after_a_crash_in_the_middle_of_a_line_events_go_on(write: EventFile):
    write(failed("before"))
    with write.path.open("a") as file:
        file.write('{"type": "epo')
    log = EventLog(write.path)
    assert messages(log.read()[1]) == ["before"]
    EventFile(write.path)(failed("after"))
    assert messages(log.read()[1]) == ["after"]
    assert messages(read_events(write.path)) == ["before", "after"]


def test_an_absent_file_holds_no_events(tmp_path: Path):
    assert read_events(tmp_path / "none.jsonl") == []


def test_a_folder_that_was_moved_away_is_not_made_again(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        EventFile(tmp_path / "moved" / "events.jsonl")(failed("disk"))
    assert not (tmp_path / "moved").exists()
