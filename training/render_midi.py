"""Render MIDI files into songs in true stems, to train on where there are no multitracks::

    python -m training.render_midi --midi_dir DATA/midi --soundfont FluidR3_GM.sf2 --out_dir DATA/rendered

FluidSynth plays channel 10 as drums, the bass programmes of General MIDI as bass and all else as other. Instruments,
drum kit, soundfont, tempo, swing, tuning, room and levels differ from song to song, and are the same for the same seed
and file name. A song without a part has no file for it. Songs that are there already are kept: start it again to go on.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from separator.errors import SeparatorError
from training.midi.rendering import Outcome, Rendering, find_midi, render_folder

MOST_NAMES = 10


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parse(argv)
    rendering = Rendering(
        tuple(options.soundfont),
        options.seed,
        options.sample_rate,
        1 if options.mono else 2,
        options.format,
        options.max_seconds,
    )
    try:
        songs = dict(islice(find_midi(options.midi_dir, options.seed).items(), options.max_songs))
        n_before = sum((options.out_dir / name).exists() for name in songs)
        outcomes = []
        with tqdm(total=len(songs), initial=n_before, unit="song", disable=None) as bar:
            for outcome in render_folder(songs, options.out_dir, rendering, options.workers):
                outcomes.append(outcome)
                bar.update()
    except SeparatorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from here.", file=sys.stderr)
        return 130
    return _report(outcomes, n_before, options.out_dir)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--midi_dir", type=Path, required=True, help="folder of MIDI files, at any depth")
    parser.add_argument(
        "--soundfont", type=Path, nargs="*", default=[], help="files of type .sf2 or .sf3 to choose from"
    )
    parser.add_argument("--out_dir", type=Path, required=True, help="the songs go here, a folder each")
    parser.add_argument("--seed", type=int, default=0, help="another one varies the songs otherwise")
    parser.add_argument("--workers", type=_above_zero, default=2, help="songs rendered at a time")
    parser.add_argument("--sample_rate", type=_above_zero, default=44_100, help="of the stems, in Hz")
    parser.add_argument("--mono", action="store_true", help="write one channel, half the size")
    parser.add_argument("--format", choices=("flac", "ogg"), default="flac", help="file type of the stems")
    parser.add_argument("--max_songs", type=_above_zero, help="render only so many, drawn by lot")
    parser.add_argument("--max_seconds", type=_above_zero, default=300, help="cut longer songs after so many seconds")
    return parser.parse_args(argv)


def _above_zero(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def _report(outcomes: Sequence[Outcome], n_before: int, out_dir: Path) -> int:
    failed = [outcome for outcome in outcomes if outcome.problem]
    for outcome in failed[:MOST_NAMES]:
        print(f"left out: {outcome.name}: {outcome.problem}")
    if len(failed) > MOST_NAMES:
        print(f"left out: {len(failed) - MOST_NAMES} more")
    minutes = sum(outcome.seconds for outcome in outcomes) / 60
    n_rendered = len(outcomes) - len(failed)
    print(
        f"{n_rendered} songs ({minutes:.1f} min) rendered into {out_dir}, {n_before} were there, {len(failed)} left out"
    )
    return 0 if n_rendered + n_before else 2


if __name__ == "__main__":
    sys.exit(main())
