"""The served page and a song to give it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import served_page, small_checkpoints, write_song


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_checkpoints(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(scope="session")
def url(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page is served."""
    with served_page(checkpoints, tmp_path_factory.mktemp("served")) as address:
        yield address


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A song whose name has everything that names may have."""
    return write_song(tmp_path / "04 절규 & <b>loud<b> '$(x)'.wav")
