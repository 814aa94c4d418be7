"""Live in an exported page, opened from a file: what goes in comes out as stems, and what is missing is a sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from separator.export.delays import separate_as_stream
from separator.live import LiveSeparator
from tests.browser.conftest import fake_microphone
from tests.browser.recorder import start_recording, stop_recording
from tests.serving import ROOT, write_song

pytestmark = pytest.mark.browser

WORDS = json.loads((ROOT / "assets" / "languages" / "stream.json").read_text(encoding="utf-8"))
RUNNING = ".live[data-seconds]"
ONLY_DRUMS = "Object.assign(document.querySelector('#sori').page.live, { levels: [0, -60, -60], delay: 2 })"
REFUSES = "navigator.mediaDevices.{} = async () => {{ throw new DOMException('', '{}'); }};"


def start(page: Any, source: str) -> None:
    page.get_by_role("button", name=WORDS["live"]["en"]).click()
    page.get_by_role("button", name=WORDS[source]["en"]).click()


def test_microphone_comes_out_as_live_separators_stem(
    open_file: Callable[..., Any], checkpoint: Path, tmp_path: Path
) -> None:
    song = write_song(tmp_path / "song.wav", seconds=4, rate=44100)
    page = open_file(flags=fake_microphone(song))
    page.wait_for_selector("[data-mode=live]")
    page.evaluate(ONLY_DRUMS)
    start(page, "microphone")
    page.wait_for_selector(RUNNING, timeout=60_000)
    start_recording(page)
    page.wait_for_selector(".live[data-seconds^='10.']", timeout=120_000)
    late = page.evaluate(
        """(() => {
          const { latency, context } = document.querySelector("#sori").page.live.session;
          return Math.round(latency * context.sampleRate);
        })()"""
    )
    recorded, rate = stop_recording(page, tmp_path / "recorded.raw")
    played, stream = recorded[2:, late:], recorded[:2]
    assert played.shape[1] > 5 * rate
    live = LiveSeparator(checkpoint, 2.0, sample_rate=rate, device="cpu")
    expected = separate_as_stream(live, stream)["drums"][:, : played.shape[1]]
    errors, powers = (
        torch.stack([part.square().sum() for part in signal.split(rate, dim=1)])
        for signal in (played - expected, expected)
    )
    assert 10 * torch.log10(errors / powers).min() < -50  # while other programs run, chunks may come too late
    assert page.problems == []


def test_sound_of_a_tab_is_played_and_ends(open_file: Callable[..., Any]) -> None:
    page = open_file(
        setup="""navigator.mediaDevices.getDisplayMedia = async () => {
          const context = new AudioContext();
          const tone = new OscillatorNode(context);
          const { stream } = tone.connect(new MediaStreamAudioDestinationNode(context));
          tone.start();
          return stream;
        };"""
    )
    start(page, "tab")
    page.wait_for_selector(RUNNING, timeout=60_000)
    page.evaluate(
        "document.querySelector('#sori').page.live.session.stream.getTracks()[0].dispatchEvent(new Event('ended'))"
    )
    page.get_by_text(WORDS["ended"]["en"]).wait_for()
    assert page.problems == []


@pytest.mark.parametrize(
    ("source", "setup", "sentence"),
    [
        ("microphone", REFUSES.format("getUserMedia", "NotAllowedError"), "refused"),
        ("microphone", REFUSES.format("getUserMedia", "NotFoundError"), "no_microphone"),
        ("microphone", "delete MediaDevices.prototype.getUserMedia;", "no_microphone"),
        ("microphone", "delete window.AudioWorkletNode;", "no_worklet"),
        ("tab", REFUSES.format("getDisplayMedia", "NotAllowedError"), "not_shared"),
        ("tab", "delete MediaDevices.prototype.getDisplayMedia;", "no_sharing"),
        ("tab", "MediaDevices.prototype.getDisplayMedia = async () => new MediaStream();", "no_sound"),
    ],
)
def test_what_is_missing_is_a_sentence(open_file: Callable[..., Any], source: str, setup: str, sentence: str) -> None:
    page = open_file(setup=setup)
    start(page, source)
    page.get_by_text(WORDS[sentence]["en"]).wait_for()
    assert page.problems == []


def test_song_that_is_dropped_ends_live(open_file: Callable[..., Any], song: Path, tmp_path: Path) -> None:
    page = open_file(flags=fake_microphone(song), part="#live")
    start(page, "microphone")
    page.wait_for_selector(RUNNING, timeout=60_000)
    page.locator("input[type=file]").set_input_files(song)
    page.wait_for_selector(".sori-player[data-ready]", timeout=60_000)
    assert page.evaluate("document.querySelector('#sori').page.live.session") is None
    assert page.problems == []


@pytest.mark.parametrize("dark", [False, True])
def test_live_is_accessible(open_file: Callable[..., Any], axe: str, dark: bool) -> None:
    page = open_file(dark=dark, part="#live", width=390)
    page.wait_for_selector(".live")
    page.evaluate(axe)
    found = page.evaluate("axe.run().then((r) => r.violations.map((v) => [v.id, v.nodes.map((n) => n.html)]))")
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_live_tab_is_the_exported_page(visit: Callable[..., Any]) -> None:
    page = visit(locale="ko-KR", dark=True)
    page.get_by_role("tab", name=WORDS["live"]["ko"], exact=True).click()
    frame = page.frame_locator("#live iframe")
    frame.get_by_role("button", name=WORDS["microphone"]["ko"]).wait_for(timeout=60_000)
    assert frame.locator("body.dark.embedded").count() == 1
    assert not frame.locator("[data-mode=song]").is_visible()
    assert page.problems == []
