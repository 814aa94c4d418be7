"""Practising with the mixer: tempo and pitch, click, loops by bars, presets, markers, and what is remembered."""

import base64
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from tests.browser import mixer
from ui.scripts import build_url

pytestmark = pytest.mark.browser

RATE = 22050
SECONDS = 6
PLAYER = "#practised"
BEATS = [round(0.25 + 0.5 * n, 3) for n in range(11)]  # 120 bpm; bars begin at 0.75, 2.75 and 4.75
ANALYSIS = {
    "tempo_bpm": 120.0, "tempo_confidence": 1.0, "beats": BEATS, "first_downbeat": 1, "beats_per_bar": 4,
    "key": None, "tuning_cents": None, "loudness": {},
}  # fmt: skip
engine = partial(mixer.engine, player=PLAYER)
wait_for = partial(mixer.wait_for, player=PLAYER)
Samples = npt.NDArray[np.float64]


def make_sine(hertz: float, level: float = 0.2) -> Samples:
    return level * np.sin(2 * np.pi * hertz * np.arange(SECONDS * RATE) / RATE)


def open_mixer(page: Any, tracks: dict[str, Samples], analysis: dict[str, Any] | None = None) -> None:
    """Put a mixer of ``tracks`` by kind on the page, as the page itself does with a song's stems."""
    sent = []
    for kind, samples in tracks.items():
        file = io.BytesIO()
        soundfile.write(file, samples, RATE, format="WAV", subtype="PCM_24")
        url = "data:audio/wav;base64," + base64.b64encode(file.getvalue()).decode()
        download = {"file": {"url": url}, "name": f"{kind}.wav"}
        sent.append({"kind": kind, "name": "", "gain_db": 0, "file": {"url": url}, "download": download})
    data = {"mode": "mixer", "title": "song", "sample_rate": RATE, "tracks": sent, "analysis": analysis}
    page.evaluate(
        """async ([module, data]) => {
          const { Mixer } = await import(new URL(module, document.baseURI).href);
          const root = document.createElement("div");
          Object.assign(root, { id: "practised", className: "sori-player", tabIndex: 0 });
          document.querySelector("main").prepend(root);
          root.player = new Mixer(root, data, () => {});
          await root.player.open();
        }""",
        [build_url("js/player/mixer.js"), data],
    )
    if not page.locator(f"{PLAYER} .practice[open]").count():
        page.locator(f"{PLAYER} .practice summary").click()


def set_range(page: Any, label: str, value: float) -> None:
    page.locator(f"{PLAYER} input[type=range][aria-label='{label}']").fill(str(value))


def set_speed(page: Any, percent: int, semitones: int) -> None:
    set_range(page, "Tempo", percent)
    set_range(page, "Pitch", semitones)
    wait_for(page, f"engine.tempo === {percent / 100} && engine.semitones === {semitones}")


def export(page: Any, tmp_path: Path) -> Samples:
    with page.expect_download() as download:
        page.locator(f"{PLAYER} .export").click()
    path = tmp_path / "mix.wav"
    download.value.save_as(path)
    mix, rate = soundfile.read(path, always_2d=True)
    assert rate == RATE
    return mix


def find_pitch(samples: Samples) -> float:
    """The frequency in Hz of a sine, from the peak of its spectrum."""
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 20))
    return float(np.argmax(spectrum) * RATE / (1 << 20))


def test_export_has_the_tempo_and_the_pitch(visit: Callable[..., Any], tmp_path: Path) -> None:
    page = visit()
    open_mixer(page, {"vocals": make_sine(220), "rest": np.zeros(SECONDS * RATE)})
    for percent, semitones in ((50, 0), (150, 0), (100, 7), (80, -12)):
        set_speed(page, percent, semitones)
        mix = export(page, tmp_path)[:, 0]
        assert len(mix) / RATE == pytest.approx(SECONDS / percent * 100, abs=0.02)
        cents = 1200 * np.log2(find_pitch(mix) / (220 * 2 ** (semitones / 12)))
        assert abs(cents) < 5, (percent, semitones)
        assert np.sqrt(np.mean(mix[RATE:-RATE] ** 2)) == pytest.approx(0.2 / np.sqrt(2), rel=0.05)
    assert page.problems == []


def test_equal_tracks_cancel_at_any_tempo(visit: Callable[..., Any], tmp_path: Path) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((SECONDS * RATE, 2))
    page = visit()
    open_mixer(page, {"mixture": noise, "vocals": noise})
    set_speed(page, 75, 3)
    page.locator(f"{PLAYER} [data-view=null]").click()
    assert np.abs(export(page, tmp_path)).max() < 1e-4
    page.locator(f"{PLAYER} .play").click()
    page.wait_for_selector(f"{PLAYER}:not([data-position^='0.0'])")
    page.wait_for_timeout(300)
    assert engine(page, "engine.peakDb()") < -80
    page.locator(f"{PLAYER} [data-view=stems]").click()
    wait_for(page, "engine.peakDb() > -30")


def test_stems_add_up_once_the_tempo_is_back(visit: Callable[..., Any], tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    vocals, rest = np.round(generator.uniform(-0.2, 0.2, (2, SECONDS * RATE)) * 2**23) / 2**23
    page = visit()
    open_mixer(page, {"mixture": vocals + rest, "vocals": vocals, "rest": rest})
    set_speed(page, 60, 5)
    page.locator(f"{PLAYER} .practice .chip", has_text="Original").click()
    wait_for(page, "!engine.stretched")
    np.testing.assert_array_equal(export(page, tmp_path)[:, 0], vocals + rest)


def test_a_loop_is_saved_stem_by_stem(visit: Callable[..., Any], tmp_path: Path) -> None:
    vocals, drums = np.round(np.random.default_rng(2).uniform(-0.2, 0.2, (2, SECONDS * RATE)) * 2**23) / 2**23
    page = visit()
    open_mixer(page, {"mixture": vocals + drums, "vocals": vocals, "drums": drums})
    set_range(page, "Volume of Vocals", -20)
    engine(page, "engine.setLoop({ start: 1, end: 2.5 })")
    saved = []
    for name in ("Vocals", "Drums"):
        with page.expect_download() as download:
            page.locator(f"{PLAYER} .head", has_text=name).locator("a").click()
        assert download.value.suggested_filename == f"song - {name.lower()} 1.00-2.50 s.wav"
        download.value.save_as(tmp_path / f"{name}.wav")
        saved.append(soundfile.read(tmp_path / f"{name}.wav")[0])
    np.testing.assert_array_equal(saved, [x[RATE : round(2.5 * RATE)] for x in (vocals, drums)])
    assert page.problems == []


def test_tempo_changes_without_a_restart(visit: Callable[..., Any]) -> None:
    page = visit()
    open_mixer(page, {"vocals": make_sine(220), "rest": make_sine(330)})
    page.locator(f"{PLAYER} .play").click()
    wait_for(page, "engine.position > 0.5")
    set_speed(page, 50, 0)
    wait_for(page, "engine.running.tempo === 0.5 && engine.context.currentTime > engine.running.started + 0.1")
    rate = page.evaluate(
        """async () => {
          const { engine } = document.querySelector("#practised").player;
          const [at, time] = [engine.position, engine.context.currentTime];
          await new Promise((resolve) => setTimeout(resolve, 500));
          return (engine.position - at) / (engine.context.currentTime - time);
        }"""
    )
    assert rate == pytest.approx(0.5, abs=0.02)
    assert engine(page, "engine.position") > 0.5
    assert engine(page, "engine.peakDb()") > -20
    engine(page, "engine.setLoop({ start: 1, end: 1.5 })")
    page.wait_for_timeout(1800)
    assert 1 <= engine(page, "engine.position") <= 1.5
    assert engine(page, "engine.peakDb()") > -20


def test_click_is_on_the_beats(visit: Callable[..., Any], tmp_path: Path) -> None:
    page = visit()
    open_mixer(page, {"vocals": np.zeros(SECONDS * RATE), "rest": np.zeros(SECONDS * RATE)}, ANALYSIS)
    set_speed(page, 50, 0)
    page.locator(f"{PLAYER} .practice .chip", has_text="Click").click()
    loud = np.flatnonzero(np.abs(export(page, tmp_path)[:, 0]) > 0.02)
    starts = loud[np.flatnonzero(np.diff(loud, prepend=-RATE) > RATE / 10)] / RATE
    np.testing.assert_allclose(starts, 2 * np.array(BEATS), atol=0.005)
    page.locator(f"{PLAYER} .practice .chip", has_text="Count-in").click()
    page.locator(f"{PLAYER} .play").click()
    wait_for(page, "engine.peakDb() > -30")
    assert engine(page, "engine.position") == 0
    wait_for(page, "engine.position > 0.1")


def drag(page: Any, begin: float, end: float) -> None:
    lanes = page.locator(f"{PLAYER} .lanes")
    lanes.scroll_into_view_if_needed()
    box = lanes.bounding_box()
    page.mouse.move(box["x"] + begin / SECONDS * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + end / SECONDS * box["width"], box["y"] + 25, steps=4)
    page.mouse.up()


def test_loops_snap_to_bars_unless_alt_is_held(visit: Callable[..., Any]) -> None:
    page = visit()
    open_mixer(page, {"vocals": make_sine(220), "rest": make_sine(330)}, ANALYSIS)
    drag(page, 1.0, 2.5)
    assert engine(page, "engine.loop") == {"start": 0.75, "end": 2.75}
    page.keyboard.down("Alt")
    drag(page, 1.0, 2.5)
    page.keyboard.up("Alt")
    assert engine(page, "engine.loop.start") == pytest.approx(1.0, abs=0.05)


def test_presets_leave_out_what_they_name(visit: Callable[..., Any]) -> None:
    page = visit()
    silence = np.zeros(SECONDS * RATE)
    open_mixer(page, {kind: silence for kind in ("mixture", "vocals", "drums", "other")})
    presets = page.locator(f"{PLAYER} [data-preset]")
    names = presets.evaluate_all("all => all.map(one => one.dataset.preset)")
    assert names == ["everything", "karaoke", "no_drums", "only"]
    for preset, gains in (("karaoke", [0, 0, 1, 1]), ("no_drums", [0, 1, 0, 1]), ("everything", [0, 1, 1, 1])):
        page.locator(f"{PLAYER} [data-preset={preset}]").click()
        assert engine(page, "engine.tracks.map((track) => engine.gainOf(track))") == gains
    page.locator(PLAYER).focus()
    page.keyboard.press("3")
    page.locator(f"{PLAYER} [data-preset=only]").click()
    assert engine(page, "engine.tracks.map((track) => engine.gainOf(track))") == [0, 0, 0, 1]


def test_settings_are_remembered_for_the_song(visit: Callable[..., Any]) -> None:
    page = visit()
    tracks = {"vocals": make_sine(220), "rest": make_sine(330)}
    open_mixer(page, tracks)
    set_speed(page, 85, -2)
    set_range(page, "Volume of Vocals", -12)
    set_range(page, "Balance of Vocals", 0.5)
    engine(page, "engine.seek(2)")
    page.locator(PLAYER).focus()
    page.keyboard.press("k")
    page.locator(f"{PLAYER} .marker-name").fill("Chorus")
    page.locator(f"{PLAYER} .marker-name").press("Enter")
    page.keyboard.press("Tab")
    page.wait_for_function("localStorage.getItem('sori-practice')?.includes('Chorus')")
    page.reload()
    page.wait_for_selector("#songs input[type=file]", state="attached")
    open_mixer(page, tracks)
    assert engine(page, "[engine.tempo, engine.semitones, engine.tracks[0].db, engine.tracks[0].pan]") == [
        0.85, -2, -12, 0.5,
    ]  # fmt: skip
    page.locator(f"{PLAYER} .jump").click()
    assert engine(page, "engine.position") == pytest.approx(2, abs=0.01)
    assert page.locator(f"{PLAYER} .marker-name").input_value() == "Chorus"
    assert page.locator(f"{PLAYER} .marks i").inner_text() == "Chorus"


def test_page_without_storage_works_the_same(visit: Callable[..., Any]) -> None:
    page = visit()
    page.evaluate("Object.defineProperty(window, 'localStorage', { get() { throw new Error('refused'); } })")
    open_mixer(page, {"vocals": make_sine(220), "rest": make_sine(330)})
    set_speed(page, 90, 0)
    page.wait_for_timeout(400)
    assert page.problems == []
