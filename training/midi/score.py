"""A MIDI file as a list of events in time: read, varied, cut to a length, and written again one stem at a time."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mido

from separator.errors import DatasetError
from training.midi.programs import DRUM_CHANNEL, find_stem
from training.midi.variation import Variation

DROPPED_CONTROLS = frozenset({0, 32, 91, 93})
"""Banks, which not every soundfont has, and the sends to reverb and chorus, which are drawn."""
MIDI_TEMPO = 500_000
"""Microseconds per beat, until a file sets another."""
TAIL_SECONDS = 2.0
"""For what still sounds after the last event."""
NEUTRAL_BEND = 8192
ALL_SOUND_OFF = 120


@dataclass(frozen=True)
class Event:
    """Something that happens ``ticks`` after the first note."""

    ticks: int
    message: mido.Message | mido.MetaMessage


@dataclass(frozen=True)
class Score:
    """The events of a song, in order."""

    ticks_per_beat: int
    events: tuple[Event, ...]

    def seconds(self) -> Iterator[float]:
        """The time of each event."""
        tempo, ticks, now = MIDI_TEMPO, 0, 0.0
        for event in self.events:
            now += mido.tick2second(event.ticks - ticks, self.ticks_per_beat, tempo)
            ticks = event.ticks
            if event.message.type == "set_tempo":
                tempo = event.message.tempo
            yield now

    def stems(self) -> set[str]:
        """The stems that have notes."""
        return {stem for _, stem in self.assign() if stem}

    def assign(self) -> Iterator[tuple[Event, str]]:
        """Each event with the stem it belongs to; "" for what concerns them all. A channel may change its stem."""
        programs: dict[int, int] = defaultdict(int)
        for event in self.events:
            message = event.message
            if message.type == "program_change":
                programs[message.channel] = message.program
            is_note = message.type == "note_on" and message.velocity > 0
            yield event, find_stem(message.channel, programs[message.channel]) if is_note else ""


def read_score(path: Path) -> Score:
    """Read a MIDI file from its first note on.

    Raises:
        DatasetError: it is damaged, of a kind that is no song, or has no notes.
    """
    try:
        file = mido.MidiFile(path, clip=True)
        merged = mido.merge_tracks(file.tracks)
    # mido checks little of what it reads: a damaged file may end up as any of these.
    except (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path} is no MIDI file, or a damaged one ({error or type(error).__name__})") from error
    if file.type == 2 or file.ticks_per_beat <= 0:
        raise DatasetError(f"{path} holds separate patterns or film time code, not a song; give files of type 0 or 1")
    events, ticks = [Event(0, mido.MetaMessage("set_tempo", tempo=MIDI_TEMPO))], 0
    for message in merged:
        ticks += message.time
        if _is_kept(message):
            events.append(Event(ticks, message))
    first = next((event.ticks for event in events if event.message.type == "note_on" and event.message.velocity), None)
    if first is None:
        raise DatasetError(f"{path} has no notes")
    return Score(file.ticks_per_beat, tuple(Event(max(0, event.ticks - first), event.message) for event in events))


def _is_kept(message: mido.Message | mido.MetaMessage) -> bool:
    if message.is_meta:
        return bool(message.type == "set_tempo" and message.tempo > 0)
    if message.type == "control_change":
        return message.control not in DROPPED_CONTROLS
    return hasattr(message, "channel")


def vary(score: Score, variation: Variation) -> Score:
    """The same song with the variation's swing, tempo, instruments and drum kit."""
    return Score(
        score.ticks_per_beat,
        tuple(
            Event(swing(event.ticks, score.ticks_per_beat, variation.swing), _vary_message(event.message, variation))
            for event in score.events
        ),
    )


def swing(ticks: int, ticks_per_beat: int, amount: float) -> int:
    """Move the middle of each beat ``amount`` beats later; what lies around it moves along, in order."""
    beat, inside = divmod(ticks, ticks_per_beat)
    middle = ticks_per_beat / 2
    moved = middle + amount * ticks_per_beat
    if inside < middle:
        return round(beat * ticks_per_beat + inside / middle * moved)
    return round((beat + 1) * ticks_per_beat - (ticks_per_beat - inside) / middle * (ticks_per_beat - moved))


def _vary_message(message: mido.Message | mido.MetaMessage, variation: Variation) -> mido.Message | mido.MetaMessage:
    if message.type == "set_tempo":
        return message.copy(tempo=min(0xFFFFFF, max(1, round(message.tempo * variation.stretch))))
    return message


def cut(score: Score, most_seconds: float) -> Score:
    """The events before ``most_seconds``."""
    kept = [event for event, now in zip(score.events, score.seconds(), strict=True) if now < most_seconds]
    return Score(score.ticks_per_beat, tuple(kept))


def write_stem(score: Score, stem: str, variation: Variation, path: Path) -> None:
    """Write a MIDI file of one stem's notes; everything that is no note stays in it."""
    track = mido.MidiTrack(_set_up(stem, variation))
    ticks = 0
    for event, stem_of_note in score.assign():
        if stem_of_note in ("", stem):
            track.append(_play(event.message, variation).copy(time=event.ticks - ticks))
            ticks = event.ticks
    track.append(mido.MetaMessage("marker", text="end", time=_measure_tail(score)))
    # FluidSynth plays on until every voice is silent: a note that was cut, or never ends, would sound for ever.
    track += [mido.Message("control_change", channel=channel, control=ALL_SOUND_OFF) for channel in range(16)]
    mido.MidiFile(type=0, ticks_per_beat=score.ticks_per_beat, tracks=[track]).save(path)


def _play(message: mido.Message | mido.MetaMessage, variation: Variation) -> mido.Message | mido.MetaMessage:
    if message.type != "program_change":
        return message
    return message.copy(program=_choose_program(message.channel, message.program, variation))


def _choose_program(channel: int, program: int, variation: Variation) -> int:
    if channel == DRUM_CHANNEL:
        return program if variation.kit is None else variation.kit
    return variation.programs[program]


def _set_up(stem: str, variation: Variation) -> Iterator[mido.Message]:
    """Instruments, tuning (registered parameter 1, 100 cents each way) and effects before the first event."""
    coarse, fine = divmod(round(NEUTRAL_BEND * (1 + variation.tuning_cents / 100)), 128)
    controls = [(101, 0), (100, 1), (6, coarse), (38, fine), (101, 127), (100, 127)]
    controls += [(91, variation.reverb_sends[stem]), (93, variation.chorus_sends[stem])]
    for channel in range(16):
        yield mido.Message("program_change", channel=channel, program=_choose_program(channel, 0, variation))
        for control, value in controls:
            yield mido.Message("control_change", channel=channel, control=control, value=value)


def _measure_tail(score: Score) -> int:
    tempo = [event.message.tempo for event in score.events if event.message.type == "set_tempo"][-1]
    return int(mido.second2tick(TAIL_SECONDS, score.ticks_per_beat, tempo))
