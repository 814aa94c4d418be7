"""Practice songs: made-up but musical songs with true stems, so that training works with no data at all.

Tempo, key, chords, groove, instruments and singer differ from song to song; what plays them is
``training.practice.synthesis``.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from separator.errors import DatasetError
from separator.files import atomic_write
from separator.progress import Progress
from training.config import PRACTICE_FOLDER
from training.practice.synthesis import Array
from training.practice.synthesis.drums import drum_kit, play_drums
from training.practice.synthesis.filters import apply_filter, highpass, reverb
from training.practice.synthesis.instruments import (
    Instrument,
    Note,
    bass_guitar,
    bell,
    electric_piano,
    lead_synth,
    organ,
    pad,
    play,
    plucked_string,
    round_bass,
    synth_bass,
)
from training.practice.synthesis.mixing import STEMS, fade_out, level_to, quantise, write_song
from training.practice.synthesis.music import (
    BASS_PATTERNS,
    FILLS,
    GROOVES,
    MAJOR,
    MAJOR_PROGRESSIONS,
    MINOR,
    MINOR_PROGRESSIONS,
    PHRASES,
    Key,
    Meter,
    arpeggio,
    bass_notes,
    chord_notes,
    groove_hits,
    sung_phrase,
    triad,
)
from training.practice.synthesis.tones import pan
from training.practice.synthesis.voice import SungNote, Voice, sing

RECIPE_FILE = "practice.json"
# Raised when the songs of a seed change, so that songs of an older recipe are not taken for today's.
RECIPE_VERSION = 1
THREADS = 2

# Singers from low to high: the voice, and the middle of its range as a MIDI note number.
SINGERS: tuple[tuple[Voice, float], ...] = (
    (Voice(tract=0.95, tilt_hz=3500, vibrato_hz=5.0, breathiness=0.05), 50),
    (Voice(tract=1.0, tilt_hz=6500, vibrato_hz=5.6, vibrato_semitones=0.4), 55),
    (Voice(tract=1.05, tilt_hz=8000, vibrato_hz=6.0, scoop_semitones=2.0, glide_seconds=0.06), 60),
    (Voice(tract=1.15, tilt_hz=3000, vibrato_hz=5.2, breathiness=0.16, vibrato_semitones=0.25), 62),
    (Voice(tract=1.17, tilt_hz=5500, vibrato_hz=5.7, glide_seconds=0.12), 66),
    (Voice(tract=1.22, tilt_hz=7000, vibrato_hz=6.2, vibrato_semitones=0.7, vibrato_delay_seconds=0.15), 70),
)
CHORD_INSTRUMENTS = (plucked_string, electric_piano, organ)
SOLO_INSTRUMENTS = (plucked_string, bell, lead_synth, electric_piano)
BASSES = (bass_guitar, synth_bass, round_bass)
CHORD_RHYTHMS = (
    ((0, 8), (8, 8)),
    ((0, 4), (4, 4), (8, 4), (12, 4)),
    ((0, 3), (3, 3), (6, 2), (10, 4)),
    ((2, 2), (6, 2), (10, 2), (14, 2)),
)
ARPEGGIOS = (
    (0, 1, 2, 1, 0, 1, 2, 1),
    (0, 2, 1, 2, 0, 2, 1, 2),
    (2, 1, 0, 1),
    (0, 1, 2, 0, 1, 2, 1, 2, 0, 1, 2, 0, 1, 2, 1, 2),
)


@dataclass(frozen=True)
class Plan:
    """What a song is about: everything its four players have to agree on."""

    meter: Meter
    key: Key
    progression: tuple[int, ...]
    seconds: float

    @property
    def n_bars(self) -> int:
        """Bars begun within the song."""
        return int(self.seconds / self.meter.at(1, 0)) + 1

    def root(self, bar: int) -> int:
        """Scale degree of the bar's chord."""
        return self.progression[bar % len(self.progression)]


def make_practice_songs(
    folder: str | Path = PRACTICE_FOLDER,
    n_songs: int = 12,
    seconds: float = 24.0,
    seed: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Make ``n_songs`` songs as ``folder/<song>/{drums,bass,other,vocals,mixture}.wav`` and return ``folder``.

    Files are 44.1 kHz stereo, 16 bits; the four stems add up to the mixture exactly. The same arguments give the same
    bytes. Songs already there are kept, so a second call costs nothing and an interrupted one is completed.

    Args:
        progress: called with the fraction done, 0 to 1, and the name of the song just finished.

    Raises:
        DatasetError: a number that cannot work, or a folder that holds something other than these songs.
    """
    if n_songs < 1 or seconds < 1:
        raise DatasetError(f"{n_songs} practice songs of {seconds} s cannot be made; ask for 1 or more, of 1 s or more")
    folder = Path(folder)
    _claim(folder, {"version": RECIPE_VERSION, "n_songs": n_songs, "seconds": float(seconds), "seed": seed})
    missing = [index for index in range(n_songs) if not (folder / _song_name(index)).exists()]
    with ThreadPoolExecutor(THREADS) as pool:
        for done, name in enumerate(pool.map(lambda index: _make_song(folder, index, seconds, seed), missing), start=1):
            if progress is not None:
                progress((n_songs - len(missing) + done) / n_songs, name)
    return folder


def _claim(folder: Path, recipe: dict[str, float]) -> None:
    """Note in ``folder`` which songs it is for, or check that the note already there is the same."""
    note = folder / RECIPE_FILE
    if note.exists():
        if note.read_text(encoding="utf-8") != json.dumps(recipe):
            raise DatasetError(
                f"`{folder}` holds other practice songs than asked for; delete it, or give another folder"
            )
    elif folder.exists() and any(not path.name.startswith(".") for path in folder.iterdir()):
        raise DatasetError(f"`{folder}` holds files that are not practice songs; give an empty or a new folder")
    else:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(note) as part:
            part.write_text(json.dumps(recipe), encoding="utf-8")


def _song_name(index: int) -> str:
    return f"practice song {index + 1:02d}"


def _make_song(folder: Path, index: int, seconds: float, seed: int) -> str:
    stems = compose(index, seconds, seed)
    name = _song_name(index)
    write_song(folder / name, stems)
    return name


def compose(index: int, seconds: float, seed: int) -> dict[str, Array]:
    """Song number ``index`` of a seed: its stems and ``mixture`` as 16-bit integers of shape (2, N)."""
    rng = np.random.default_rng([seed, index])
    plan = _plan(rng, seconds)
    # Neighbours sing differently: the first six songs have six singers.
    voice, centre = SINGERS[(index + seed) % len(SINGERS)]
    stems = {
        "drums": level_to(_drums(plan, rng), rng.uniform(-22, -19)),
        "bass": level_to(_bass(plan, rng), rng.uniform(-23, -20)),
        "other": level_to(_other(plan, rng), rng.uniform(-24, -20)),
        "vocals": level_to(_vocals(plan, voice, centre, rng), rng.uniform(-20, -18)),
    }
    return quantise({name: fade_out(stems[name], 0.5) for name in STEMS})


def plan_song(index: int, seconds: float, seed: int) -> Plan:
    """What :func:`compose` composes by."""
    return _plan(np.random.default_rng([seed, index]), seconds)


def _plan(rng: np.random.Generator, seconds: float) -> Plan:
    meter = Meter(tempo_bpm=float(rng.uniform(80, 150)), swing=float(rng.choice([0.0, 0.0, 0.0, 0.2, 0.33])))
    scale, progressions = (MAJOR, MAJOR_PROGRESSIONS) if rng.random() < 0.55 else (MINOR, MINOR_PROGRESSIONS)
    progression = progressions[rng.integers(len(progressions))]
    return Plan(meter, Key(int(rng.integers(54, 66)), scale), progression, seconds)


def _drums(plan: Plan, rng: np.random.Generator) -> Array:
    """A groove, a fill each fourth bar, now and then a bar without."""
    groove = GROOVES[str(rng.choice(list(GROOVES)))]
    fill = FILLS[rng.integers(len(FILLS))]
    hits = []
    for bar in range(plan.n_bars):
        if bar == 0 or rng.random() > 0.08:
            hits += groove_hits(fill if bar % 4 == 3 else groove, plan.meter, bar)
        if bar % 4 == 0 and bar > 0:
            hits += groove_hits({"crash": "6..............."}, plan.meter, bar)
    dry = play_drums(drum_kit(rng), hits, plan.seconds, rng)
    return dry + rng.uniform(0.03, 0.12) * reverb(dry, rng, seconds=0.5)


def _bass(plan: Plan, rng: np.random.Generator) -> Array:
    instrument = BASSES[rng.integers(len(BASSES))](rng)
    pattern = BASS_PATTERNS[rng.integers(len(BASS_PATTERNS))]
    notes = []
    for bar in range(plan.n_bars):
        notes += bass_notes(pattern, plan.key, plan.root(bar), plan.root(bar + 1), plan.meter, bar)
    line = apply_filter(play(instrument, notes, plan.seconds), lambda f: highpass(f, 20, 1))
    return pan(line, 0.0)


def _other(plan: Plan, rng: np.random.Generator) -> Array:
    """Struck chords or a pad, and an instrument that plays figures, on different sides of the room."""
    side = float(rng.uniform(0.2, 0.6) * rng.choice([-1, 1]))
    figures = pan(_figures(plan, rng), side)
    chords = _pad_chords(plan, rng) if rng.random() < 0.5 else pan(_struck_chords(plan, rng), -0.7 * side)
    dry = level_to(chords, -20) + level_to(figures, rng.uniform(-24, -20))
    return dry + rng.uniform(0.1, 0.3) * reverb(dry, rng, seconds=float(rng.uniform(0.8, 2.0)))


def _pad_chords(plan: Plan, rng: np.random.Generator) -> Array:
    notes: list[Note] = []
    for bar in range(plan.n_bars):
        notes += chord_notes(plan.key, triad(plan.root(bar), seventh=True), plan.meter, bar, [(0, 16)])
    return pad(notes, plan.seconds, rng)


def _struck_chords(plan: Plan, rng: np.random.Generator) -> Array:
    instrument: Instrument = CHORD_INSTRUMENTS[rng.integers(len(CHORD_INSTRUMENTS))](rng)
    rhythm = CHORD_RHYTHMS[rng.integers(len(CHORD_RHYTHMS))]
    notes: list[Note] = []
    for bar in range(plan.n_bars):
        notes += chord_notes(plan.key, triad(plan.root(bar)), plan.meter, bar, rhythm)
    return play(instrument, notes, plan.seconds)


def _figures(plan: Plan, rng: np.random.Generator) -> Array:
    instrument: Instrument = SOLO_INSTRUMENTS[rng.integers(len(SOLO_INSTRUMENTS))](rng)
    order = ARPEGGIOS[rng.integers(len(ARPEGGIOS))]
    centre = float(rng.uniform(64, 78))
    notes: list[Note] = []
    for bar in range(plan.n_bars):
        if rng.random() < 0.8:
            notes += arpeggio(plan.key, triad(plan.root(bar), seventh=True), plan.meter, bar, order, centre)
    return play(instrument, notes, plan.seconds)


def _vocals(plan: Plan, voice: Voice, centre: float, rng: np.random.Generator) -> Array:
    """The lead, in some songs with a quieter second voice beside it, in a room."""
    melody = compose_melody(plan, centre, rng)
    dry = pan(sing(melody, voice, plan.seconds, rng), float(rng.uniform(-0.1, 0.1)))
    if rng.random() < 0.4:
        second = [replace(note, pitch=plan.key.step(note.pitch, 2)) for note in melody]
        dry += pan(0.4 * sing(second, replace(voice, tract=1.04 * voice.tract), plan.seconds, rng), 0.4)
    return dry + rng.uniform(0.05, 0.2) * reverb(dry, rng, seconds=float(rng.uniform(0.5, 1.6)))


def compose_melody(plan: Plan, centre: float, rng: np.random.Generator) -> list[SungNote]:
    """Phrases of two bars over the song, the first after a bar or two; two rhythms alternate, some phrases rest."""
    rhythms = [PHRASES[index] for index in rng.choice(len(PHRASES), size=2, replace=False)]
    notes: list[SungNote] = []
    for number, bar in enumerate(range(int(rng.integers(1, 3)), plan.n_bars, 2)):
        if number > 0 and rng.random() < 0.12:
            continue
        roots = (plan.root(bar), plan.root(bar + 1))
        notes += sung_phrase(rhythms[number % 2], plan.key, roots, plan.meter, bar, centre, rng)
    return [note for note in notes if note.end_seconds < plan.seconds - 0.1]
