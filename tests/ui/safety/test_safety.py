"""Names and paths from visitors do no harm."""

import os
import time
from pathlib import Path

import pytest

from separator.errors import BusyError, ConfigError
from ui.safety import new_job_folder, safe_name, typed_folder
from ui.safety.disk import KEEP_SECONDS, make_room, sweep
from ui.safety.names import MAX_NAME_BYTES


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("song", "song"),
        ("04 絆ふぉーえばー", "04 絆ふぉーえばー"),
        ("../../etc/passwd", "passwd"),
        ("C:\\music\\noël", "noël"),
        ("<b>x<b>", "b_x_b"),
        ("a;rm -rf `x` $(y) | z", "a_rm -rf _x_ _(y) _ z"),
        (".hidden", "hidden"),
        ("...", "song"),
        ("", "song"),
        ("line\nbreak\t\0", "line break"),
        ("CON", "_CON"),
        ("lpt1.wav", "_lpt1.wav"),
    ],
)
def test_names_become_harmless(given: str, made: str) -> None:
    assert safe_name(given) == made


def test_long_names_are_cut_between_characters() -> None:
    name = safe_name("길" * 500)
    assert 0 < len(name.encode()) <= MAX_NAME_BYTES
    assert set(name) == {"길"}


def test_typed_folder_inside_a_root(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert typed_folder(f" {tmp_path / 'data'} ", [tmp_path]) == (tmp_path / "data").resolve()


def test_folders_elsewhere_are_refused(tmp_path: Path) -> None:
    root, secret = tmp_path / "root", tmp_path / "secret"
    root.mkdir()
    secret.mkdir()
    (root / "link").symlink_to(secret)
    for text in (str(secret), str(root / ".." / "secret"), str(root / "link"), str(tmp_path / "root2")):
        with pytest.raises(ConfigError, match="lies outside"):
            typed_folder(text, [root])
    for text, sentence in (("", "No folder was given"), (str(root / "nothing"), "is not a folder")):
        with pytest.raises(ConfigError, match=sentence):
            typed_folder(text, [root])


@pytest.mark.parametrize("text", ["~nobody-of-this-name/music", "music\0"])
def test_what_names_no_path_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="is not the path of a folder"):
        typed_folder(text, [tmp_path])


def test_no_folder_is_typed_on_a_space(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="public Space"):
        typed_folder(str(tmp_path), [tmp_path], on_space=True)


def test_old_jobs_are_swept_and_new_ones_stay(tmp_path: Path) -> None:
    old, new = new_job_folder(tmp_path), new_job_folder(tmp_path)
    (old / "stem.wav").touch()
    (new / "stem.wav").touch()
    long_ago = time.time() - KEEP_SECONDS - 60
    for path in (old / "stem.wav", old, new):
        os.utime(path, (long_ago, long_ago))
    sweep(tmp_path, KEEP_SECONDS)
    assert not old.exists()
    assert (new / "stem.wav").exists(), "one file that is still fresh keeps its folder"


def test_a_file_deleted_from_an_old_job_does_not_make_it_young(tmp_path: Path) -> None:
    job = new_job_folder(tmp_path)
    for name in ("stem.wav", "rest.wav"):
        (job / name).write_bytes(b"x")
        os.utime(job / name, (0, 0))
    (job / "stem.wav").unlink()
    sweep(tmp_path, KEEP_SECONDS)
    assert not job.exists()


def test_a_sweep_survives_files_that_vanish_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = new_job_folder(tmp_path)
    (job / "stem.wav").write_bytes(b"x")
    listed = [job / ".stem.wav.part", job / "stem.wav"]
    monkeypatch.setattr(Path, "rglob", lambda folder, pattern: iter(listed))
    monkeypatch.setattr(Path, "is_file", lambda path: True)
    sweep(tmp_path, KEEP_SECONDS)
    assert (job / "stem.wav").exists()


def test_a_full_disk_loses_the_oldest_work_and_keeps_the_fresh(tmp_path: Path) -> None:
    jobs = [new_job_folder(tmp_path) for _ in range(3)]
    for age, job in zip((3000, 2000, 0), jobs, strict=True):
        (job / "stem.wav").write_bytes(b"x" * 1000)
        os.utime(job / "stem.wav", (time.time() - age, time.time() - age))
    new = new_job_folder(tmp_path, most_bytes=2500)
    assert [job.exists() for job in jobs] == [False, True, True]
    with pytest.raises(BusyError, match="full"):
        new_job_folder(tmp_path, most_bytes=500)
    assert jobs[2].exists() and new.exists()
    assert not make_room(jobs, 10**15, 2500) and jobs[2].exists(), "a claim alone removes nothing"
