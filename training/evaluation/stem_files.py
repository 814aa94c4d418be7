"""Several stems of a song in files that are named after them: paired with their references, and scored in one go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from separator.errors import Cancelled, ConfigError, SeparatorError
from separator.progress import Cancel, Progress
from training.data.layouts.names import MIXTURE, find_stem_word
from training.evaluation.scoring import Score, SongScore, score_files


def sort_by_stem(paths: Sequence[Path]) -> dict[str, Path]:
    """Files by the stems that their names end in; one whose name ends in no stem's goes by its whole name.

    Raises:
        ConfigError: two files of one stem.
    """
    found: dict[str, Path] = {}
    for path in paths:
        stem = find_stem_word(path.stem) or path.stem.lower()
        if stem in found:
            raise ConfigError(f"{found[stem].name} and {path.name} are both {stem}; give one file per stem")
        found[stem] = path
    return found


def split_mixture(references: Sequence[Path]) -> tuple[list[Path], Path | None]:
    """The true stems of a song's folder, and its mixture where that is among them; a file alone is a stem."""
    mixture = sort_by_stem(references).get(MIXTURE) if len(references) > 1 else None
    return [path for path in references if path != mixture], mixture


def pair_stems(references: Sequence[Path], estimates: Sequence[Path]) -> dict[str, tuple[Path | None, Path | None]]:
    """Reference and estimate of every stem, None where there is none.

    Raises:
        ConfigError: no stem has both, or two files are of one stem.
    """
    true, made = sort_by_stem(references), sort_by_stem(estimates)
    made.pop(MIXTURE, None)
    if not true.keys() & made.keys():
        raise ConfigError(
            f"no estimate ({', '.join(made)}) is of a stem that has a reference ({', '.join(true)}); end the names of "
            "both in the stem's, as in vocals.wav and song_vocals.wav"
        )
    return {stem: (true.get(stem), made.get(stem)) for stem in (*true, *(made.keys() - true.keys()))}


def score_stem_files(
    references: Sequence[Path],
    estimates: Mapping[str, Sequence[Path]],
    mixture: Path | None = None,
    *,
    bss: bool = False,
    fix_offset: bool = False,
    progress: Progress = lambda fraction, stage: None,
    cancel: Cancel = lambda: False,
) -> list[SongScore]:
    """A row for each stem of each set of estimates (name of the set -> files), with the reason where it has no score.

    Raises:
        ConfigError: as `pair_stems`. Cancelled.
    """
    pairs = {name: pair_stems(references, files) for name, files in estimates.items()}
    stems = list(dict.fromkeys(stem for of_set in pairs.values() for stem in of_set))
    todo = [(name, stem) for stem in stems for name in pairs if stem in pairs[name]]
    score = partial(score_files, mixture_path=mixture, bss=bss, fix_offset=fix_offset, cancel=cancel)
    rows = []
    for number, (name, stem) in enumerate(todo):
        progress(number / len(todo), "scoring")
        rows.append(_score_pair(name, stem, *pairs[name][stem], score))
    return rows


def _score_pair(
    name: str, stem: str, reference: Path | None, estimate: Path | None, score: Callable[[Path, Path], Score]
) -> SongScore:
    if reference is None or estimate is None:
        missing = "reference" if reference is None else "estimate"
        return SongScore(name, None, problem=f"there is no {missing} of {stem}", stem=stem)
    try:
        return SongScore(name, score(reference, estimate), stem=stem)
    except Cancelled:
        raise
    except SeparatorError as error:
        return SongScore(name, None, problem=str(error), stem=stem)
