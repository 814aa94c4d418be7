"""What the served page answers, and to whom: over HTTP, as a stranger's program would ask."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.types import Message

from tests.serving import served_page
from ui.safety import login_guard, visitors
from ui.safety.login_guard import FREE_TRIES, MAX_WAIT_SECONDS, LoginThrottle, compute_wait_seconds

FORM = "multipart/form-data; boundary=x"
UPLOAD = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\nabc\r\n--x--\r\n'
UPLOAD_PATH = "/gradio_api/upload"


def ask(url: str, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes, str]:
    """Status, body and Access-Control-Allow-Origin of one request; underscores in header names become dashes."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers.get("Access-Control-Allow-Origin", "")
    finally:
        connection.close()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "localhost.evil", ""])
def test_a_loopback_page_answers_to_no_other_name(url: str, host: str) -> None:
    status, body, _ = ask(url, "GET", "/config", Host=host)
    assert status == 400 and b"components" not in body


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:7860", "[::1]:7860", "LOCALHOST"])
def test_it_answers_to_every_loopback_name(url: str, host: str) -> None:
    assert ask(url, "GET", "/config", Host=host)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[evil"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"},
        {"Sec_Fetch_Site": "cross-site", "Origin": "https://evil.example"},
    ],
)
def test_calls_and_uploads_of_other_sites_are_refused(url: str, headers: dict[str, str]) -> None:
    status, body, allowed = ask(url, "POST", UPLOAD_PATH, UPLOAD, Content_Type=FORM, **headers)
    assert (status, allowed) == (403, "") and b"another web site" in body
    call = json.dumps({"data": []}).encode()
    assert ask(url, "POST", "/gradio_api/call/models", call, Content_Type="application/json", **headers)[0] == 403


def test_its_own_calls_and_links_to_it_are_answered(url: str) -> None:
    own = [{}, {"Origin": url}, {"Origin": "http://localhost:1234"}, {"Sec_Fetch_Site": "same-origin", "Origin": url}]
    for headers in own:
        assert ask(url, "POST", UPLOAD_PATH, UPLOAD, Content_Type=FORM, **headers)[0] == 200
    assert ask(url, "GET", "/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200


def test_an_upload_needs_a_length_that_fits_the_disk(url: str) -> None:
    assert ask(url, "POST", UPLOAD_PATH, Content_Type=FORM, Content_Length="9" * 14)[0] == 413
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.request("POST", UPLOAD_PATH, iter([UPLOAD]), {"Content-Type": FORM}, encode_chunked=True)
    assert connection.getresponse().status == 411
    connection.close()


def test_one_visitors_waiting_calls_do_not_stop_status_and_stop(url: str) -> None:
    body = json.dumps({"data": [None, ["vocals.pth"], ".wav", 0, False, False]}).encode()
    statuses = {
        ask(url, "POST", "/gradio_api/call/separate", body, Content_Type="application/json")[0] for _ in range(80)
    }
    assert statuses <= {200, 429}
    event = json.loads(
        ask(url, "POST", "/gradio_api/call/train_status", b'{"data": [""]}', Content_Type="application/json")[1]
    )
    answer = ask(url, "GET", f"/gradio_api/call/train_status/{event['event_id']}")
    assert answer[0] == 200 and b"There is no training yet" in answer[1]


@pytest.fixture(scope="module")
def locked(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page that asks for a password."""
    with served_page(checkpoints, tmp_path_factory.mktemp("locked"), auth=("me", "secret")) as address:
        yield address


@pytest.mark.slow
def test_nothing_but_the_login_answers_without_one(locked: str) -> None:
    asked = json.dumps({"session_hash": "a", "fn_index": 0, "event_id": "b"}).encode()
    for method, path in (
        ("POST", "/gradio_api/cancel"), ("POST", "/gradio_api/reset"), ("GET", "/gradio_api/heartbeat/a"),
        ("POST", "/gradio_api/upload"), ("GET", "/gradio_api/mcp/schema"), ("GET", "/gradio_api/info"),
    ):  # fmt: skip
        assert ask(locked, method, path, asked, Content_Type="application/json")[0] == 401, path
    assert ask(locked, "GET", "/")[0] == 200
    form = urlencode({"username": "me", "password": "secret"}).encode()
    request = urllib.request.Request(f"{locked}/login", form)
    with urllib.request.urlopen(request, timeout=30) as answer:
        cookie = "; ".join(value.split(";")[0] for value in answer.headers.get_all("Set-Cookie"))
    status, _, _ = ask(locked, "POST", "/gradio_api/cancel", asked, Content_Type="application/json", Cookie=cookie)
    assert status == 200


def test_wrong_logins_wait_ever_longer() -> None:
    waits = [compute_wait_seconds(n) for n in range(40)]
    assert waits[:FREE_TRIES] == [0] * FREE_TRIES
    assert waits[FREE_TRIES : FREE_TRIES + 3] == [1, 2, 4] and max(waits) == MAX_WAIT_SECONDS == waits[-1]


def test_each_address_pays_for_its_own_wrong_logins(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def login(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200 if right else 400})  # type: ignore[operator]

    async def ignore(message: Message) -> None:
        pass

    def attempt(address: str) -> float:
        scope = {"type": "http", "method": "POST", "path": "/login", "client": (address, 1)}
        with ThreadPoolExecutor(1) as pool:  # browser tests leave an event loop in their own thread
            pool.submit(asyncio.run, guard(scope, ignore, ignore)).result()  # type: ignore[arg-type]
        return waited[-1]

    monkeypatch.setattr(login_guard.asyncio, "sleep", sleep)
    guard, right = LoginThrottle(login), False
    assert [attempt("a") for _ in range(FREE_TRIES + 2)] == [0] * FREE_TRIES + [1, 2]
    assert attempt("b") == 0
    right = True
    attempt("a")
    assert attempt("a") == 0, "a right login ends it"


def test_a_caller_without_a_stream_is_gone_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(visitors.time, "monotonic", lambda: now[0])
    app = Starlette()
    app.state.streams = streams = visitors.OpenStreams()
    request = type("Request", (), {"app": app, "session_hash": "a"})()
    assert not visitors.has_disconnected(request)
    now[0] += visitors.DISCONNECT_SECONDS + 1
    assert visitors.has_disconnected(request), "nobody ever came for the answer"
    streams.count("a", 1)
    now[0] += 1000
    assert not visitors.has_disconnected(request)
    streams.count("a", -1)
    assert not visitors.has_disconnected(request)
    now[0] += visitors.DISCONNECT_SECONDS + 1
    assert visitors.has_disconnected(request)
