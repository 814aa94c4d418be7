import json
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.errors import AudioError, Cancelled, DatasetError
from separator.files import make_part_path
from training.data.cache import Cache, remove_cache
from training.data.layouts import find_songs

WriteSound = Callable[..., Path]
Melody = Callable[..., np.ndarray]

QUANTISATION = 1 / 32768


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", 22050)


def test_16_bit_audio_at_the_caches_rate_comes_back_exactly(cache: Cache, tmp_path: Path, melody: Melody) -> None:
    samples = (melody(1.0) * 32767).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", samples, 22050)
    audio = cache.load([tmp_path / "a.wav"])
    assert audio.n_samples == 22050
    assert np.array_equal(audio.read(0, 22050), samples.astype(np.float32) / 32768)


def test_excerpts_are_zero_outside_the_signal(cache: Cache, tmp_path: Path, write_sound: WriteSound) -> None:
    audio = cache.load([write_sound(tmp_path / "a.wav", 0.01)])
    whole = audio.read(0, audio.n_samples)
    excerpt = audio.read(-5, audio.n_samples + 10)
    assert np.array_equal(excerpt, np.pad(whole, 5))
    assert not audio.read(audio.n_samples + 3, 4).any()
    assert not audio.read(-10, 4).any()


def test_several_files_are_summed_whatever_their_lengths(cache: Cache, tmp_path: Path, write_sound: WriteSound) -> None:
    paths = [write_sound(tmp_path / "a.wav", 0.2), write_sound(tmp_path / "b.wav", 0.3)]
    both = cache.load(paths)
    one, other = (cache.load([path]) for path in paths)
    assert both.n_samples == other.n_samples
    assert np.allclose(both.read(0, 6615), one.read(0, 6615) + other.read(0, 6615), atol=1e-7)


def test_no_file_is_silence(cache: Cache) -> None:
    nothing = cache.load([])
    assert nothing.n_samples == 0
    assert not nothing.read(0, 100).any()


def test_peaks_above_full_scale_are_kept(cache: Cache, tmp_path: Path, melody: Melody) -> None:
    loud = melody(0.2) * 10
    soundfile.write(tmp_path / "loud.wav", loud, 22050, subtype="FLOAT")
    read = cache.load([tmp_path / "loud.wav"]).read(0, len(loud))
    assert np.abs(loud).max() > 1.5
    assert np.abs(read - loud).max() <= 1.1 * np.abs(loud).max() * QUANTISATION


def test_of_mixture_and_target_alone_the_rest_is_the_difference(cache: Cache, tmp_path: Path, melody: Melody) -> None:
    target, rest = melody(0.5, seed=1), melody(0.5, seed=2)
    folder = tmp_path / "data" / "song"
    folder.mkdir(parents=True)
    soundfile.write(folder / "mixture.wav", target + rest, 22050, subtype="FLOAT")
    soundfile.write(folder / "vocals.wav", target, 22050, subtype="FLOAT")
    (wanted,), other = cache.load_song(find_songs(tmp_path / "data").songs[0], "vocals")
    assert np.allclose(wanted.read(100, 5000), target[100:5100], atol=QUANTISATION)
    assert np.allclose(other.read(100, 5000), rest[100:5100], atol=2 * QUANTISATION)
    assert other.n_samples == wanted.n_samples
    assert (other.mean_square_profile >= 0).all()


def test_silent_stretches_show_in_the_profile(cache: Cache, tmp_path: Path, melody: Melody) -> None:
    waveform = melody(2.0)
    waveform[11025:22050] = 0
    soundfile.write(tmp_path / "a.wav", waveform, 22050)
    profile = cache.load([tmp_path / "a.wav"]).mean_square_profile
    assert list(profile > 1e-6) == [True, False, True, True]
    assert profile[3] == pytest.approx(np.square(waveform[-11025:]).mean(), rel=1e-3)


@pytest.mark.parametrize(("sample_rate", "highest_hz"), [(16000, 8000), (8000, 4000), (44100, 11025)])
def test_the_bandwidth_is_that_of_the_source(
    cache: Cache, tmp_path: Path, write_sound: WriteSound, sample_rate: int, highest_hz: int
) -> None:
    audio = cache.load([write_sound(tmp_path / "a.wav", 2.0, sample_rate)])
    assert audio.bandwidth_hz == pytest.approx(highest_hz, rel=0.05)


def test_only_a_changed_file_is_decoded_again(cache: Cache, tmp_path: Path, write_sound: WriteSound) -> None:
    paths = [write_sound(tmp_path / f"{name}.wav") for name in "abc"]
    assert cache.missing(paths) == paths
    assert cache.prepare([paths]) == []
    assert cache.missing(paths) == []
    before = {path: path.stat().st_mtime_ns for path in cache.folder.iterdir()}
    cache.prepare([paths])
    assert {path: path.stat().st_mtime_ns for path in cache.folder.iterdir()} == before
    write_sound(paths[1], 0.7)
    assert cache.missing(paths) == [paths[1]]
    assert cache.load([paths[1]]).n_samples == round(0.7 * 22050)


def test_bad_files_are_named_and_the_others_decoded(cache: Cache, tmp_path: Path, write_sound: WriteSound) -> None:
    good = write_sound(tmp_path / "good.wav")
    broken = tmp_path / "broken.flac"
    broken.write_bytes(b"fLaC" + bytes(200))
    absent = tmp_path / "absent.wav"
    bad = cache.prepare([[good, broken], [absent]])
    assert [item.path for item in bad] == [absent, broken]
    assert all(item.path.name in item.message for item in bad)
    assert cache.missing([good, broken]) == [broken]
    with pytest.raises(AudioError, match=r"broken\.flac"):
        cache.load([broken])


@pytest.mark.parametrize("damage", ["shorten samples", "remove samples", "garble info", "old info"])
def test_a_damaged_entry_is_made_anew(cache: Cache, tmp_path: Path, write_sound: WriteSound, damage: str) -> None:
    path = write_sound(tmp_path / "a.wav")
    whole = cache.load([path]).read(0, 5000)
    (samples,), (info,) = cache.folder.glob("*.pcm"), cache.folder.glob("*.json")
    if damage == "shorten samples":
        samples.write_bytes(samples.read_bytes()[:-2])
    elif damage == "remove samples":
        samples.unlink()
    elif damage == "garble info":
        info.write_text('{"n_samp')
    else:
        info.write_text(json.dumps({"n_samples": 3}))
    assert cache.missing([path]) == [path]
    assert np.array_equal(cache.load([path]).read(0, 5000), whole)


def test_reading_from_a_cache_that_was_removed_says_so(cache: Cache, tmp_path: Path, write_sound: WriteSound) -> None:
    audio = cache.load([write_sound(tmp_path / "a.wav")])
    (samples,) = cache.folder.glob("*.pcm")
    os.truncate(samples, 100)
    with pytest.raises(DatasetError, match="was cut short; start again"):
        audio.read(0, 1000)
    remove_cache(cache.folder)
    with pytest.raises(DatasetError, match="gone from the cache"):
        audio.read(0, 1000)


def test_flipped_bits_are_found_by_the_checksum(cache: Cache, tmp_path: Path, write_sound: WriteSound) -> None:
    path = write_sound(tmp_path / "a.wav")
    cache.load([path])
    assert cache.is_intact(path)
    (samples,) = cache.folder.glob("*.pcm")
    content = bytearray(samples.read_bytes())
    content[100] ^= 1
    samples.write_bytes(content)
    assert not cache.is_intact(path)


def test_progress_ends_at_one_and_stopping_keeps_what_is_done(
    cache: Cache, tmp_path: Path, write_sound: WriteSound
) -> None:
    paths = [write_sound(tmp_path / f"{index}.wav") for index in range(6)]
    fractions: list[float] = []
    with pytest.raises(Cancelled, match="goes on from here"):
        cache.prepare([paths], 1, lambda fraction, _: fractions.append(fraction), lambda: len(fractions) >= 2)
    assert len(cache.missing(paths)) < 6
    cache.prepare([paths], 1, lambda fraction, _: fractions.append(fraction))
    assert fractions[-1] == 1
    assert cache.missing(paths) == []


def _prepare(folder: Path, paths: list[Path]) -> None:
    assert Cache(folder, 22050).prepare([paths], workers=2) == []


@pytest.mark.slow
def test_two_processes_may_fill_it_at_once(cache: Cache, tmp_path: Path, write_sound: WriteSound) -> None:
    paths = [write_sound(tmp_path / f"{index}.wav") for index in range(8)]
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_prepare, args=(cache.folder, paths)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert all(cache.is_intact(path) for path in paths)
    assert len(list(cache.folder.iterdir())) == 2 * len(paths)


def test_leftovers_of_a_killed_process_are_cleared(
    cache: Cache, tmp_path: Path, write_sound: WriteSound, leftover: Callable[[Path], Path]
) -> None:
    cache.folder.mkdir()
    old, new = leftover(cache.folder / "a.pcm"), make_part_path(cache.folder / "a.pcm")
    foreign = cache.folder / ".film.mp4.part"
    for part in (old, new, foreign):
        part.write_bytes(b"half a fi")
    cache.prepare([[write_sound(tmp_path / "a.wav")]])
    assert not old.exists()
    assert new.exists()  # another process may be writing it
    assert foreign.exists()


def test_a_cache_that_cannot_be_written_says_so(tmp_path: Path, write_sound: WriteSound) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match="cannot make the cache folder"):
        Cache(tmp_path / "file" / "cache", 22050).prepare([[write_sound(tmp_path / "a.wav")]])


def test_a_full_disk_stops_it_and_leaves_no_half_entry(
    cache: Cache, tmp_path: Path, write_sound: WriteSound, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_sound(tmp_path / "a.wav")

    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DatasetError, match=r"the disk is full.*free"):
        cache.prepare([[path]])
    assert list(cache.folder.iterdir()) == []


def test_removing_it_leaves_foreign_files(cache: Cache, tmp_path: Path, write_sound: WriteSound) -> None:
    cache.load([write_sound(tmp_path / "a.wav")])
    foreign = {cache.folder / name for name in ("notes.txt", "settings.json", "take1.pcm", ".film.mp4.part")}
    for path in foreign:
        path.write_text("mine")
    assert remove_cache(cache.folder) > 22050
    assert set(cache.folder.iterdir()) == foreign
    for path in foreign:
        path.unlink()
    remove_cache(cache.folder)
    assert not cache.folder.exists()
    assert remove_cache(cache.folder) == 0


def test_ten_hours_are_read_in_little_memory(cache: Cache, tmp_path: Path, melody: Melody) -> None:
    """Ten hours as sparse files: what an excerpt costs must not depend on the length of the set."""
    resource = pytest.importorskip("resource")
    soundfile.write(tmp_path / "a.wav", melody(1.0), 22050)
    audio = cache.load([tmp_path / "a.wav"])
    (samples,), (info,) = cache.folder.glob("*.pcm"), cache.folder.glob("*.json")
    n_samples = 10 * 3600 * 22050
    os.truncate(samples, 2 * n_samples)
    info.write_text(json.dumps({**json.loads(info.read_text()), "n_samples": n_samples}))
    audio = cache.load([tmp_path / "a.wav"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for start in range(0, n_samples, n_samples // 2000):
        audio.read(start, 66150)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert audio.seconds == 36000
    assert grown_kib < 50_000
