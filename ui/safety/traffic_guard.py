"""Limits on requests before Gradio handles them: bytes of uploads, and waiting events per address."""

from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.safety.disk import MAX_BYTES, make_room

MAX_UPLOAD_BYTES = 5_000_000_000
"""Of one request, which may hold several songs."""
MAX_WAITING_EVENTS_PER_ADDRESS = 64
"""Of one address, in Gradio's queues; an open page has a handful."""
JOIN_PATHS = ("/gradio_api/queue/join", "/gradio_api/call/")


class UploadGuard:
    """ASGI middleware: uploads must carry a Content-Length, and all together stay within ``max_bytes``."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BYTES) -> None:
        self.app, self.max_bytes = app, max_bytes
        self._arriving = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_upload = scope["type"] == "http" and scope["method"] == "POST" and scope["path"].endswith("/upload")
        if not is_upload:
            await self.app(scope, receive, send)
            return
        size = Headers(scope=scope).get("content-length", "")
        if not size.isdecimal() or len(size) > 15:
            await PlainTextResponse("An upload needs a Content-Length.\n", 411)(scope, receive, send)
            return
        self._arriving += int(size)
        try:
            if int(size) <= MAX_UPLOAD_BYTES and await self._make_room(scope):
                await self.app(scope, receive, send)
            else:
                sentence = "The page has no room for so large an upload; send less, or try again in a quarter hour.\n"
                await PlainTextResponse(sentence, 413)(scope, receive, send)
        finally:
            self._arriving -= int(size)

    async def _make_room(self, scope: Scope) -> bool:
        folders = {Path(path).parent for path in scope["app"].get_blocks().upload_file_set}
        return await run_in_threadpool(make_room, list(folders), self._arriving, self.max_bytes)


class EventGuard:
    """ASGI middleware: an address that has too many events waiting is refused; others are not affected."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_joining = scope["type"] == "http" and scope["method"] == "POST" and scope["path"].startswith(JOIN_PATHS)
        if is_joining and _count_waiting_events(scope) >= MAX_WAITING_EVENTS_PER_ADDRESS:
            sentence = (
                f"{MAX_WAITING_EVENTS_PER_ADDRESS} of your calls are waiting already; try again when some are done."
            )
            await JSONResponse({"detail": sentence}, 429)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _count_waiting_events(scope: Scope) -> int:
    """Events of this address in Gradio's queues."""
    address = (scope.get("client") or ("unknown", 0))[0]
    queues: dict[str, Any] = scope["app"].get_blocks()._queue.event_queue_per_concurrency_id
    events = [event for queue in queues.values() for event in queue.queue]
    return sum(event.request.client is not None and event.request.client.host == address for event in events)
