"""Presets: shipped models that are run together, and which of them the stems that are asked for need."""

import pytest

from separator.api import Separator
from separator.errors import ConfigError
from separator.presets import choose_preset, read_preset_stems
from separator.shipped import PRESETS, find_preset


def test_presets_make_two_and_four_stems() -> None:
    assert list(PRESETS) == ["2stems", "4stems"]
    assert read_preset_stems("2stems") == ("vocals", "accompaniment")
    assert read_preset_stems("4stems") == ("vocals", "drums", "bass", "other")


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_separator_of_a_preset_makes_its_stems(name: str) -> None:
    assert all(path.is_file() for path in find_preset(name))
    assert Separator.from_preset(name, "cpu").stems == read_preset_stems(name)


@pytest.mark.parametrize(
    ("stems", "name"),
    [
        ([], "2stems"),
        (["vocals"], "2stems"),
        (["accompaniment"], "2stems"),
        (["other"], "4stems"),
        (["bass", "vocals"], "4stems"),
    ],
)
def test_the_first_preset_that_makes_the_stems_is_chosen(stems: list[str], name: str) -> None:
    assert choose_preset(stems) == name


@pytest.mark.parametrize("stems", [["piano"], ["accompaniment", "drums"]])
def test_stems_that_no_preset_makes_are_refused(stems: list[str]) -> None:
    with pytest.raises(ConfigError, match=f"make {', '.join(stems)} together: 2stems makes vocals, accompaniment; 4st"):
        choose_preset(stems)


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(ConfigError, match="no preset '5stems'; choose among 2stems, 4stems"):
        Separator.from_preset("5stems")
