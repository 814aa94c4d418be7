"""Who a visitor is, as far as the page can see: an address, and whether someone still waits for the answer."""

import threading
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import gradio as gr
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
GONE_SECONDS = 10.0
"""A caller of whom nothing has listened for the answer for so long has hung up."""
REMEMBERED = 10_000
_FORWARDED = ("x-forwarded-for", "forwarded")


def address_of(request: gr.Request | None) -> str:
    """The address that a request came from; behind the proxy of a Space, the one that the proxy names."""
    client = getattr(request, "client", None)
    return str(getattr(client, "host", None) or "unknown")


def host_name(address: str) -> str | None:
    """The host of an Origin or a Host header, in small letters and without its port; None where there is none."""
    try:
        return urlsplit(address if "//" in address else f"//{address}").hostname
    except ValueError:  # brackets that do not match
        return None


def is_at_this_computer(request: gr.Request) -> bool:
    """Whether the visitor sits at the computer that serves the page: by name and address, and by no proxy between."""
    host = host_name(request.headers.get("host", ""))
    is_passed_on = any(name in request.headers for name in _FORWARDED)
    is_near = address_of(request) in ("127.0.0.1", "::1", "unknown")
    return host in ("localhost", "127.0.0.1", "::1") and is_near and not is_passed_on


class Listeners:
    """Which sessions have a stream of answers open, and since when the others have none. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, int] = {}
        self._left: dict[str, float] = {}

    def note(self, session: str, change: int) -> None:
        """A stream of ``session`` was opened (1) or closed (-1)."""
        with self._lock:
            count = self._open.pop(session, 0) + change
            self._left.pop(session, None)
            if count > 0:
                self._open[session] = count
            else:
                self._leave(session)

    def seconds_gone(self, session: str) -> float:
        """Since when nobody has listened; from the first question on, where nobody ever has."""
        with self._lock:
            if session in self._open:
                return 0.0
            if session not in self._left:
                self._leave(session)
            return time.monotonic() - self._left[session]

    def _leave(self, session: str) -> None:
        self._left[session] = time.monotonic()
        while len(self._left) > REMEMBERED:
            del self._left[next(iter(self._left))]


def has_hung_up(request: gr.Request | None) -> bool:
    """Whether nobody has waited for the answer to ``request`` for ``GONE_SECONDS``."""
    state = getattr(getattr(request, "app", None), "state", None)
    listeners: Listeners | None = getattr(state, "listeners", None)
    if request is None or listeners is None:
        return False
    return listeners.seconds_gone(request.session_hash or "") > GONE_SECONDS


class ListenerWatch:
    """ASGI middleware that notes in ``app.state.listeners`` who waits for answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.listeners = Listeners()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["app"].state.listeners = self.listeners
        session = _session_of(scope)
        if not session:
            await self.app(scope, receive, send)
            return
        self.listeners.note(session, 1)
        try:
            await self.app(scope, receive, send)
        finally:
            self.listeners.note(session, -1)


def _session_of(scope: Scope) -> str:
    """The session whose answers a request waits for; empty for any other request."""
    path: str = scope["path"]
    if scope["method"] != "GET":
        return ""
    if path.endswith("/queue/data"):
        return parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0]
    if "/gradio_api/call/" in path:
        event_id = path.rsplit("/", 1)[-1]
        events: dict[str, Any] = scope["app"].get_blocks()._queue.event_ids_to_events
        return str(getattr(events.get(event_id), "session_hash", event_id))
    return ""
