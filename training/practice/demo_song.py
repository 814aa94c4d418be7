"""Composes and renders the demo song: 28 s with four true stems, everything in it made here.

    python -m training.practice.demo_song [--out_dir assets/demo]

An intro of two bars, a verse of four, a chorus of four with harmonies, and a last chord. The words are Korean: a sound
(sori) comes to me, a song blooms again; our sounds become one, the song goes on. Instruments and voice are those of
``training.practice.synthesis``.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.practice.synthesis import SAMPLE_RATE, Array
from training.practice.synthesis.drums import Hit, clap, cymbal, kick, play_drums, rim, shaker, snare
from training.practice.synthesis.filters import apply_filter, bandpass, highpass, lowpass, reverb
from training.practice.synthesis.instruments import (
    Note,
    bell,
    electric_piano,
    pad,
    play,
    plucked_string,
    round_bass,
    synth_bass,
)
from training.practice.synthesis.mixing import fade_out, level_to, quantise, write_stem
from training.practice.synthesis.music import MAJOR, Key, Meter, groove_hits, split_syllable
from training.practice.synthesis.tones import pan
from training.practice.synthesis.voice import SungNote, Voice, sing

SECONDS = 28.0
METER = Meter(tempo_bpm=96.0, swing=0.08)
KEY = Key(60, MAJOR)
VERSE, CHORUS, END = 2, 6, 10

# Bar by bar, as (step, steps long, voicing from low to high).
AM, F, C, G = (57, 60, 64, 67, 71), (53, 57, 60, 64, 67), (55, 60, 62, 64, 67), (55, 59, 62, 64, 69)
CHORDS = (
    [(0, 16, AM)], [(0, 16, F)],
    [(0, 16, AM)], [(0, 16, F)], [(0, 16, C)], [(0, 16, G)],
    [(0, 16, F)], [(0, 16, G)], [(0, 16, AM)], [(0, 8, F), (8, 8, G)],
    [(0, 28, (48, 55, 60, 62, 64, 67))],
)  # fmt: skip
BASS_ROOTS: tuple[list[int], ...] = ([], [], [33], [29], [36], [31], [29], [31], [33], [29, 31], [36])

VERSE_GROOVE = {"kick": "9......5..8.....", "rim": "....7.......7..3", "hat": "7.4.6.4.7.4.6.43"}
CHORUS_GROOVE = {
    "kick": "9.....7.9..6....", "snare": "....9..2....9..1", "clap": "....6.......6...",
    "hat": "8.5.8.548.5.8.5.", "open_hat": "..............4.", "shaker": "5353535353535353",
}  # fmt: skip
PICK_UP = {"kick": "9......5..8.....", "snare": "....7.......5677", "hat": "7.4.6.4.7......."}

# The lead: (bar, step, steps long, pitch, syllable).
LEAD = (
    (2, 0, 3, 64, "so"), (2, 3, 3, 67, "ri"), (2, 6, 5, 69, "ga"), (2, 12, 2, 67, "na"), (2, 14, 2, 64, "e"),
    (3, 0, 3, 65, "ge"), (3, 3, 7, 60, "wa"), (3, 12, 2, 60, "no"), (3, 14, 2, 62, "rae"),
    (4, 0, 3, 64, "ga"), (4, 3, 3, 67, "ta"), (4, 6, 4, 69, "shi"), (4, 10, 2, 67, "pi"), (4, 12, 4, 64, "uh"),
    (5, 0, 3, 62, "na"), (5, 3, 2, 64, "ne"), (5, 5, 7, 62, "yo"), (5, 14, 2, 67, "u"),
    (6, 0, 6, 69, "ri"), (6, 6, 2, 67, "so"), (6, 8, 6, 72, "ri"), (6, 14, 2, 71, "ga"),
    (7, 0, 4, 71, "ha"), (7, 4, 3, 69, "na"), (7, 7, 6, 67, "ga"), (7, 14, 2, 67, "de"),
    (8, 0, 6, 69, "uh"), (8, 6, 2, 67, "no"), (8, 8, 4, 69, "rae"), (8, 12, 2, 71, "ga"), (8, 14, 2, 72, "i"),
    (9, 0, 6, 72, "uh"), (9, 6, 2, 71, "chi"), (9, 8, 4, 71, "ne"), (9, 12, 4, 74, "yo"),
    (10, 0, 14, 72, "a"),
)  # fmt: skip
SINGER = Voice(
    tract=1.13, breathiness=0.09, tilt_hz=7000, vibrato_hz=5.6, vibrato_semitones=0.4, vibrato_delay_seconds=0.3,
    glide_seconds=0.08, scoop_semitones=1.5,
)  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Write the stems and the mixture as FLAC."""
    parser = argparse.ArgumentParser(description="Render the demo song.")
    parser.add_argument("--out_dir", type=Path, default=Path("assets/demo"))
    out_dir = parser.parse_args(arguments).out_dir
    out_dir.mkdir(parents=True, exist_ok=True)
    for name, stem in render().items():
        write_stem(out_dir / f"{name}.flac", stem)


def render() -> dict[str, Array]:
    """The stems and ``mixture`` as 16-bit integers (2, N); the stems add up to the mixture exactly."""
    stems = {
        "drums": level_to(drums(), -21.5),
        "bass": level_to(bass(), -21.5),
        "other": level_to(other(), -22.5),
        "vocals": level_to(vocals(), -18.5),
    }
    return quantise({name: fade_out(stem, 1.0) for name, stem in stems.items()})


def drums() -> Array:
    """A dry kit in a small room; the chorus hits harder than the verse."""
    rng = np.random.default_rng(1)
    kit = {
        "kick": kick(rng, 49, 0.3, 0.25), "snare": snare(rng, 190, 0.2), "clap": clap(rng), "rim": rim(rng),
        "hat": cymbal(rng, 0.055, 7500), "open_hat": cymbal(rng, 0.35, 7000), "crash": cymbal(rng, 2.4, 4000),
        "shaker": shaker(rng),
    }  # fmt: skip
    hits = groove_hits({"shaker": "........5353635."}, METER, 0) + groove_hits({"shaker": "6353535363535353"}, METER, 1)
    hits += groove_hits({"kick": "............5.7.", "hat": "........5.4.5.45"}, METER, 1)
    for bar in range(VERSE, CHORUS):
        hits += groove_hits(PICK_UP if bar == CHORUS - 1 else VERSE_GROOVE, METER, bar)
    for bar in range(CHORUS, END):
        hits += groove_hits(CHORUS_GROOVE, METER, bar)
    for bar in (CHORUS, END):
        hits += [Hit(METER.at(bar, 0), "crash", 0.55), Hit(METER.at(bar, 0), "kick", 1.0)]
    dry = np.tanh(1.2 * play_drums(kit, hits, SECONDS, rng)) + swell(rng, METER.at(CHORUS, 0))
    return dry + 0.08 * reverb(dry, rng, seconds=0.6)


def swell(rng: np.random.Generator, peak_seconds: float) -> Array:
    """A cymbal played backwards, (2, N), that breaks off at ``peak_seconds``."""
    sound = np.zeros((2, round(SECONDS * SAMPLE_RATE)))
    backwards = cymbal(rng, 1.6, 4500)[::-1]
    end = round(peak_seconds * SAMPLE_RATE)
    sound[:, end - backwards.size : end] = 0.3 * backwards
    return sound


def bass() -> Array:
    """Round in the verse; in the chorus a synthesiser's edge comes on top and the line moves in eighths."""
    rng = np.random.default_rng(2)
    verse, chorus = [], []
    for bar, roots in enumerate(BASS_ROOTS):
        if VERSE <= bar < CHORUS:
            verse += _bass_line([(0, 6, 0), (7, 3, 0), (10, 4, 7), (14, 2, 12)], roots * 16, bar)
        elif CHORUS <= bar < END:
            line = [(step, 2, 12 if step in (6, 14) else 0) for step in range(0, 16, 2)]
            chorus += _bass_line(line, roots * (16 // len(roots)) if len(roots) == 1 else _halves(roots), bar)
    chorus.append(Note(METER.at(END, 0), 4.5, BASS_ROOTS[END][0]))
    body = play(round_bass(rng), verse + chorus, SECONDS)
    edge = play(synth_bass(rng), chorus, SECONDS)
    mixed = apply_filter(body + 0.45 * edge, lambda f: highpass(f, 25, 1) * lowpass(f, 4000, 1))
    return pan(mixed * (1 - 0.35 * pump()), 0.0)


def _halves(roots: list[int]) -> list[int]:
    return [roots[0]] * 8 + [roots[1]] * 8


def _bass_line(line: list[tuple[int, int, int]], root_by_step: list[int], bar: int) -> list[Note]:
    return [
        Note(METER.at(bar, step), 0.9 * steps * METER.step_seconds, root_by_step[step] + above, 1.0 - 0.15 * (step > 0))
        for step, steps, above in line
    ]


def pump() -> Array:
    """How far the chorus's kick pushes the others down, (N,): 1 at the stroke, dying away."""
    time = np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    depth = np.zeros(time.size)
    for bar in range(CHORUS, END):
        for hit in groove_hits({"kick": CHORUS_GROOVE["kick"]}, METER, bar):
            after = time - hit.start_seconds
            rise = np.clip(1 + after / 0.01, 0, 1)
            depth = np.maximum(depth, rise * np.exp(-np.maximum(after, 0) / 0.13))
    return depth


def other() -> Array:
    """Electric piano and guitar all along; pad and bells in the chorus, the pad pumping with the kick."""
    rng = np.random.default_rng(3)
    piano = _sway(play(electric_piano(rng), _chord_notes(0, END + 1), SECONDS))
    guitar = level_to(pan(play(plucked_string(rng), _guitar_notes(), SECONDS), 0.45), -26)
    chorus_pad = level_to(pad(_chord_notes(CHORUS, END + 1, strum_seconds=0.0), SECONDS, rng), -24)
    bells = level_to(pan(play(bell(rng), _bell_notes(), SECONDS), -0.5), -30)
    dry = level_to(piano, -22) + guitar + chorus_pad * (1 - 0.7 * pump()) + bells
    room = reverb(dry, rng, seconds=2.2, damping_hz=6000)
    return apply_filter(dry + 0.22 * room, lambda f: highpass(f, 70, 1))


def _sway(mono: Array) -> Array:
    """``mono (N,)`` moved slowly between left and right, as a stage piano's tremolo does."""
    time = np.arange(mono.size) / SAMPLE_RATE
    angle = np.pi / 4 * (1 + 0.45 * np.sin(2 * np.pi * time / (8 * METER.step_seconds)))
    return np.stack([np.cos(angle) * mono, np.sin(angle) * mono])


def _chord_notes(first_bar: int, end_bar: int, strum_seconds: float = 0.012) -> list[Note]:
    return [
        Note(METER.at(bar, step) + strum_seconds * number, 0.98 * steps * METER.step_seconds, pitch, 0.9)
        for bar in range(first_bar, end_bar)
        for step, steps, voicing in CHORDS[bar]
        for number, pitch in enumerate(voicing)
    ]


def _guitar_notes() -> list[Note]:
    """Eighths up and down the chord, an octave above its middle; silent where the last chord rings."""
    notes = []
    for bar in range(END):
        for index, which in enumerate((0, 2, 4, 3, 1, 3, 4, 2)):
            voicing = [chord for step, _, chord in CHORDS[bar] if step <= 2 * index][-1]
            loudness = 1.0 if index % 4 == 0 else 0.7
            notes.append(Note(METER.at(bar, 2 * index), 4 * METER.step_seconds, voicing[which] + 12, loudness))
    return notes


def _bell_notes() -> list[Note]:
    """A phrase in each of the chorus's gaps, and a last sparkle."""
    figure = [(7, 10, 83), (7, 12, 79), (8, 4, 88), (8, 6, 84), (9, 4, 84), (9, 6, 88), (10, 4, 91), (10, 8, 96)]
    return [Note(METER.at(bar, step), 1.5, pitch) for bar, step, pitch in [(6, 4, 84), (6, 6, 81), *figure]]


def vocals() -> Array:
    """The lead, doubled softly left and right; a third below it in the chorus; an echo and a plate reverb."""
    lead_notes = [_make_sung_note(*line) for line in LEAD]
    rng = np.random.default_rng(4)
    dry = pan(sing(lead_notes, SINGER, SECONDS, rng), 0.0)
    for side in (-0.7, 0.7):
        take = replace(SINGER, tract=SINGER.tract * (1 + 0.015 * side), breathiness=0.12)
        dry += 0.16 * pan(sing(_loosen(lead_notes, rng), take, SECONDS, rng), side)
    chorus_notes = [note for note in lead_notes if note.start_seconds >= METER.at(CHORUS, 0) - 0.01]
    harmony = [replace(note, pitch=KEY.step(note.pitch, -2)) for note in chorus_notes]
    for side, tract in ((-0.5, 1.09), (0.5, 1.2)):
        singer = replace(SINGER, tract=tract, breathiness=0.14, vibrato_semitones=0.25)
        dry += 0.3 * pan(sing(_loosen(harmony, rng), singer, SECONDS, rng), side)
    # Less mud, more presence, as an engineer would.
    dry = apply_filter(dry, lambda f: highpass(f, 110, 2) * (1 + 0.5 * bandpass(f, 4500.0, 5000.0)))
    wet = 0.16 * reverb(dry, rng, seconds=1.8, damping_hz=7000, predelay_seconds=0.03) + 0.1 * echo(dry)
    return dry + wet


def _make_sung_note(bar: int, step: int, steps: int, pitch: float, syllable: str) -> SungNote:
    consonant, vowel = split_syllable(syllable)
    start = METER.at(bar, step)
    loudness = 0.85 if bar < CHORUS else 1.0
    return SungNote(start, METER.at(bar, step + steps) - start - 0.02, pitch, consonant, vowel, loudness)


def _loosen(notes: list[SungNote], rng: np.random.Generator) -> list[SungNote]:
    """A second take: never quite together with the first, nor quite as in tune."""
    return [
        replace(note, start_seconds=note.start_seconds + rng.uniform(0, 0.018), pitch=note.pitch + rng.normal(0, 0.05))
        for note in notes
    ]


def echo(stereo: Array) -> Array:
    """Two darker repeats of ``stereo (2, N)``, a dotted eighth apart, crossing sides."""
    delay = round(3 * METER.step_seconds * SAMPLE_RATE)
    dark = apply_filter(stereo, lambda f: highpass(f, 300, 1) * lowpass(f, 3500, 1))
    out = np.zeros_like(stereo)
    out[:, delay:] += dark[::-1, :-delay]
    out[:, 2 * delay :] += 0.4 * dark[:, : -2 * delay]
    return out


if __name__ == "__main__":
    main()
