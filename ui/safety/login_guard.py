"""With --auth: wrong passwords cost time, and everything but the login needs one."""

import asyncio

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FREE_TRIES = 5
MAX_WAIT_SECONDS = 30.0
MAX_WAITING_LOGINS = 4
"""Logins of one address that may wait; each is answered after the one before it."""
MAX_REMEMBERED_ADDRESSES = 10_000
BEFORE_LOGIN = ("user", "login_check", "startup-events", "theme.css", "app_id", "token")
"""Paths below /gradio_api/ that the login page needs."""


class LoginThrottle:
    """ASGI middleware: after ``FREE_TRIES`` wrong logins from an address each further one waits, twice as long."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._wrong: dict[str, int] = {}
        self._gates: dict[str, tuple[asyncio.Lock, int]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_login = scope["type"] == "http" and scope["method"] == "POST" and scope["path"].rstrip("/") == "/login"
        if not is_login:
            await self.app(scope, receive, send)
            return
        address = (scope.get("client") or ("unknown", 0))[0]
        lock, waiting = self._gates.get(address, (asyncio.Lock(), 0))
        if waiting >= MAX_WAITING_LOGINS:
            await PlainTextResponse("Too many logins at once; try again in a minute.\n", 429)(scope, receive, send)
            return
        self._gates[address] = lock, waiting + 1
        try:
            async with lock:
                await asyncio.sleep(compute_wait_seconds(self._wrong.get(address, 0)))
                await self._attempt(address, scope, receive, send)
        finally:
            lock, waiting = self._gates.pop(address)
            if waiting > 1:
                self._gates[address] = lock, waiting - 1

    async def _attempt(self, address: str, scope: Scope, receive: Receive, send: Send) -> None:
        async def record_result(message: Message) -> None:
            if message["type"] == "http.response.start":
                wrong = self._wrong.pop(address, 0)
                if message["status"] >= 400:
                    self._wrong[address] = wrong + 1
                while len(self._wrong) > MAX_REMEMBERED_ADDRESSES:
                    del self._wrong[next(iter(self._wrong))]
            await send(message)

        await self.app(scope, receive, record_result)


def compute_wait_seconds(n_wrong: int) -> float:
    """Seconds that the next login waits after so many wrong ones."""
    return 0.0 if n_wrong < FREE_TRIES else min(MAX_WAIT_SECONDS, 2.0 ** min(n_wrong - FREE_TRIES, 10))


class LoginGuard:
    """ASGI middleware: requires the login on all paths; Gradio leaves out some (cancel, reset)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "/gradio_api/" in scope["path"] and not self._may_pass(scope):
            await JSONResponse({"detail": {"error": "Not authenticated"}}, 401)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    @staticmethod
    def _may_pass(scope: Scope) -> bool:
        app = scope["app"]
        if app.auth is None or scope["path"].split("/gradio_api/")[1].strip("/") in BEFORE_LOGIN:
            return True
        cookies = HTTPConnection(scope).cookies
        names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
        return any(cookies.get(name) in app.tokens for name in names)
