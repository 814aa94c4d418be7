"""A visitor's address, and whether the connection that waits for the response is still open."""

import threading
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import gradio as gr
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
DISCONNECT_SECONDS = 10.0
"""A caller without an open response stream for so long counts as gone."""
MAX_REMEMBERED_SESSIONS = 10_000
_FORWARDED = ("x-forwarded-for", "forwarded")


def get_address(request: gr.Request | None) -> str:
    """The address that a request came from; behind the proxy of a Space, the one that the proxy names."""
    client = getattr(request, "client", None)
    return str(getattr(client, "host", None) or "unknown")


def parse_host(address: str) -> str | None:
    """The host of an Origin or a Host header, in small letters and without its port; None where there is none."""
    try:
        return urlsplit(address if "//" in address else f"//{address}").hostname
    except ValueError:  # brackets that do not match
        return None


def is_at_this_computer(request: gr.Request) -> bool:
    """Whether a request comes from the computer that serves the page: by host name, address and no proxy."""
    host = parse_host(request.headers.get("host", ""))
    is_passed_on = any(name in request.headers for name in _FORWARDED)
    is_near = get_address(request) in ("127.0.0.1", "::1", "unknown")
    return host in ("localhost", "127.0.0.1", "::1") and is_near and not is_passed_on


class OpenStreams:
    """Open response streams per session, and since when the other sessions have none. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, int] = {}
        self._left: dict[str, float] = {}

    def count(self, session: str, change: int) -> None:
        """A stream of ``session`` was opened (1) or closed (-1)."""
        with self._lock:
            count = self._open.pop(session, 0) + change
            self._left.pop(session, None)
            if count > 0:
                self._open[session] = count
            else:
                self._leave(session)

    def seconds_gone(self, session: str) -> float:
        """Seconds without an open stream; counted from the first call, where there never was one."""
        with self._lock:
            if session in self._open:
                return 0.0
            if session not in self._left:
                self._leave(session)
            return time.monotonic() - self._left[session]

    def _leave(self, session: str) -> None:
        self._left[session] = time.monotonic()
        while len(self._left) > MAX_REMEMBERED_SESSIONS:
            del self._left[next(iter(self._left))]


def has_disconnected(request: gr.Request | None) -> bool:
    """Whether the session of ``request`` has had no open stream for ``DISCONNECT_SECONDS``."""
    state = getattr(getattr(request, "app", None), "state", None)
    streams: OpenStreams | None = getattr(state, "streams", None)
    if request is None or streams is None:
        return False
    return streams.seconds_gone(request.session_hash or "") > DISCONNECT_SECONDS


class StreamWatch:
    """ASGI middleware that counts open response streams in ``app.state.streams``."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.streams = OpenStreams()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["app"].state.streams = self.streams
        session = _find_session(scope)
        if not session:
            await self.app(scope, receive, send)
            return
        self.streams.count(session, 1)
        try:
            await self.app(scope, receive, send)
        finally:
            self.streams.count(session, -1)


def _find_session(scope: Scope) -> str:
    """The session whose response stream a request opens; empty for any other request."""
    path: str = scope["path"]
    if scope["method"] != "GET":
        return ""
    if path.endswith("/queue/data"):
        query: bytes = scope["query_string"]
        return parse_qs(query.decode("latin-1")).get("session_hash", [""])[0]
    if "/gradio_api/call/" in path:
        event_id = path.rsplit("/", 1)[-1]
        events: dict[str, Any] = scope["app"].get_blocks()._queue.event_ids_to_events
        return str(getattr(events.get(event_id), "session_hash", event_id))
    return ""
