"""How the page is put together: nothing heavy at start, nothing public by accident, nothing quick behind slow."""

import asyncio
import gc
import subprocess
import sys
import warnings
from types import SimpleNamespace

import gradio as gr
import pytest

from sori import app
from tests.serving import ROOT
from ui.components.html import make_toast
from ui.page import build_page


@pytest.fixture(scope="module")
def page() -> gr.Blocks:
    """The page, built. That leaves Gradio's event loops behind, open: they go without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        built = build_page()
        asyncio.set_event_loop(None)
        gc.collect()
    return built


@pytest.mark.slow
def test_start_up_imports_nothing_that_can_wait() -> None:
    late = ("museval", "mlflow", "librosa", "matplotlib")
    code = f"import sys; from ui.page import build_page; build_page(); print([m for m in {late} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_event_is_private_or_a_documented_endpoint(page: gr.Blocks) -> None:
    for event in page.fns.values():
        if event.api_visibility != "private":
            assert (event.fn.__doc__ and "Args" in event.fn.__doc__) or "Returns" in event.fn.__doc__, event.api_name


def test_mcp_tools_have_the_names_of_the_endpoints(page: gr.Blocks) -> None:
    public = [event for event in page.fns.values() if event.api_visibility != "private"]
    assert len(public) == 7
    for event in public:
        assert event.fn.__name__ == event.api_name, "Gradio names a tool after its function"


def test_heavy_work_takes_turns_and_stop_does_not_wait(page: gr.Blocks) -> None:
    events = {event.name: event for event in page.fns.values()}
    heavy = [events[name] for name in ("run_queue", "run_scoring", "separate", "score", "score_stems")]
    assert {event.concurrency_limit for event in heavy} == {None}, (
        "they wait for ui.jobs.fair_queue, not in Gradio's queue"
    )
    for name in ("models", "train_status", "train_stop"):
        assert events[name].queue is False
    for name in ("train_status", "train_stop"):
        assert events[name].concurrency_limit is None, "a program may bring them to the queue all the same"
    assert events["validate_form"].concurrency_limit is None, "what is missing is shown at once"


def test_cancel_draws_nothing(page: gr.Blocks) -> None:
    cancels = [event for event in page.fns.values() if event.name == "cancel"]
    assert len(cancels) == 2
    for event in cancels:
        assert event.outputs == [], "what it drew, a drawing of the run that it ends could replace"
        assert event.queue is False


def test_drawings_of_a_training_never_overtake_each_other(page: gr.Blocks) -> None:
    drawings = [event for event in page.fns.values() if event.name == "draw"]
    assert len(drawings) > 5
    assert {(event.concurrency_id, event.concurrency_limit) for event in drawings} == {("drawing", 1)}
    assert all(event.queue is not False for event in drawings)


def test_events_that_refuse_are_queued(page: gr.Blocks) -> None:
    events = {event.name: event for event in page.fns.values()}
    for name in ("validate_form", "check_again", "start", "stop", "resume"):
        assert events[name].queue is not False, "outside of the queue an error is not shown"


def test_a_new_score_clears_the_blind_test_that_is_logged(page: gr.Blocks) -> None:
    events = {event.name: event for event in page.fns.values()}
    _, blind_result = events["log"].inputs
    assert events["run_scoring"].outputs[-1] is blind_result


def test_the_page_is_offered_to_the_loopback_by_default() -> None:
    assert app.LOOPBACK == "127.0.0.1"
    assert app.parse_flags([]).host is None
    assert app.parse_flags(["--host", "0.0.0.0"]).host == "0.0.0.0"


@pytest.mark.parametrize("auth", ["me", "me:", ":secret"])
def test_half_a_password_is_refused(auth: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        app.parse_flags(["--auth", auth])
    assert stopped.value.code == 2
    assert "NAME:PASSWORD" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_cannot_be_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        app.parse_flags([f"--port={port}"])
    assert stopped.value.code == 2
    assert "0 to 65535" in capsys.readouterr().err


def test_allowed_hosts_follow_from_the_address() -> None:
    assert app.allowed_hosts("127.0.0.1", None, share=False) == []
    assert app.allowed_hosts("localhost", ["music.example.org"], share=False) == ["music.example.org"]
    assert app.allowed_hosts("0.0.0.0", None, share=False) is None
    assert app.allowed_hosts("192.168.0.7", ["box"], share=False) == ["box", "192.168.0.7"]
    assert app.allowed_hosts("127.0.0.1", None, share=True) == ["*.gradio.live"]
    with pytest.raises(SystemExit):
        app.parse_flags(["--allowed_hosts", "http://music.example.org"])


@pytest.mark.parametrize(
    ("flags", "n_warnings"),
    [
        (["--host", "0.0.0.0"], 1),
        (["--host", "0.0.0.0", "--auth", "me:secret"], 0),
        (["--host", "127.0.0.1"], 0),
        ([], 0),
    ],
)
def test_an_open_page_without_a_password_warns_in_one_sentence(
    flags: list[str],
    n_warnings: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.setattr("ui.page.build_page", lambda settings: SimpleNamespace(launch=lambda **options: None))
    assert app.main([*flags, "--no_browser"]) == 0
    assert capsys.readouterr().err.count("--auth NAME:PASSWORD") == n_warnings


def test_errors_that_the_page_shows_are_no_html() -> None:
    assert make_toast("a <img src=x onerror=y> of 'b' & c").message == "a &lt;img src=x onerror=y&gt; of 'b' &amp; c"
