"""Accepts requests only for the page's own host names, and only from the page itself.

A page on 127.0.0.1 is within reach of every web page that its visitor opens: by a name that is made to lead there (DNS
rebinding), or by a form that is sent from elsewhere.
"""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.safety.visitors import LOOPBACK_NAMES, parse_host

REFUSAL = (
    "This call came from another web site, so it was refused; open the page itself, or name that site's host in "
    "--allowed_hosts.\n"
)


def build_site_guards(names: Sequence[str] | None) -> list[Middleware]:
    """Middleware that accepts the loopback names and ``names`` as hosts, and no calls of other sites.

    With ``names`` None any host name is accepted, as a computer in a network may have any.
    """
    known = [*LOOPBACK_NAMES, *(names or ())]
    hosts = [Middleware(TrustedHostMiddleware, allowed_hosts=known, www_redirect=False)] if names is not None else []
    return [*hosts, Middleware(SameSite, names=known)]


class SameSite:
    """ASGI middleware that refuses what a page of another site has sent; following a link to here is no such call."""

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        self.app = app
        self.names = [name.lower() for name in names]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_foreign(scope["method"], Headers(scope=scope)):
            await PlainTextResponse(REFUSAL, status_code=403)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _is_foreign(self, method: str, headers: Headers) -> bool:
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is None:
            is_link = method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
            return site == "cross-site" and not is_link
        if site == "same-origin":  # also where a proxy has changed the Host
            return False
        from_host, host = parse_host(origin), parse_host(headers.get("host", ""))
        return (
            "://" not in origin
            or from_host is None
            or not (from_host == host or (self._is_known(from_host) and self._is_known(host)))
        )

    def _is_known(self, host: str | None) -> bool:
        name = f"[{host}]" if host and ":" in host else host or ""
        return any(name == known or (known.startswith("*.") and name.endswith(known[1:])) for known in self.names)
