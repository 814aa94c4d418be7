"""Files that are named after stems: sorted, paired and scored."""

from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor

from separator.audio import write
from separator.errors import Cancelled, ConfigError
from training.evaluation.stem_files import pair_stems, score_stem_files, sort_by_stem, split_mixture

RATE = 8000
Noise = Callable[..., Tensor]


def test_files_are_sorted_by_the_stem_that_ends_their_names() -> None:
    names = ["Vocals", "my song_drums", "song - bass", "1_song_(Other)", "x no_vocals", "choir"]
    assert list(sort_by_stem([Path(f"{name}.wav") for name in names])) == [
        "vocals", "drums", "bass", "other", "accompaniment", "choir",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match=r"a_bass\.wav and b_bass\.wav are both bass; give one file per stem"):
        sort_by_stem([Path("a_bass.wav"), Path("b_bass.wav")])


def test_the_mixture_is_no_stem() -> None:
    folder = [Path("vocals.wav"), Path("mixture.wav"), Path("drums.wav")]
    assert split_mixture(folder) == ([folder[0], folder[2]], folder[1])
    assert split_mixture(folder[1:2]) == (folder[1:2], None)
    assert list(pair_stems(folder[:1], folder)) == ["vocals", "drums"]


def test_names_without_a_common_stem_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"no estimate \(bass\) is of a stem that has a reference \(drums\)"):
        pair_stems([Path("drums.wav")], [Path("a_bass.wav")])


def test_each_stem_of_each_set_has_a_row(tmp_path: Path, noise: Noise) -> None:
    paths = {}
    for name, gain in {"drums": 1, "bass": 1, "a_drums": 0.9, "a_bass": 0.5, "b_drums": 0.99, "b_other": 1}.items():
        paths[name] = tmp_path / f"{name}.wav"
        write(paths[name], gain * noise(RATE, seed=len(name.split("_")[-1])), RATE)
    paths["a_bass"].write_text("no audio")
    estimates = {key: [paths[name] for name in paths if name.startswith(f"{key}_")] for key in ("a", "b")}
    rows = score_stem_files([paths["drums"], paths["bass"]], estimates)
    scores = {(row.stem, row.name): row.score.sdr_db if row.score else row.problem for row in rows}
    assert list(scores) == [("drums", "a"), ("drums", "b"), ("bass", "a"), ("bass", "b"), ("other", "b")]
    assert scores["drums", "a"] == pytest.approx(20, abs=0.01)
    assert scores["drums", "b"] == pytest.approx(40, abs=0.1)
    assert "a_bass.wav" in scores["bass", "a"]
    assert scores["bass", "b"] == "there is no estimate of bass"
    assert scores["other", "b"] == "there is no reference of other"
    with pytest.raises(Cancelled):
        score_stem_files([paths["drums"]], {"a": estimates["a"]}, cancel=lambda: True)
