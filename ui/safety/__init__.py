"""Protection of the computer from visitors: names, disk, addresses, logins, limits."""

from collections.abc import Sequence

from starlette.middleware import Middleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ui.safety.disk import make_job_folder
from ui.safety.login_guard import LoginGuard, LoginThrottle
from ui.safety.names import resolve_path, resolve_typed_folder, sanitize_name
from ui.safety.site_guard import build_site_guards
from ui.safety.traffic_guard import EventGuard, UploadGuard
from ui.safety.visitors import StreamWatch

__all__ = ["build_guards", "make_job_folder", "resolve_path", "resolve_typed_folder", "sanitize_name"]


def build_guards(hosts: Sequence[str] | None, *, on_space: bool) -> list[Middleware]:
    """The middleware of the page, outermost first; ``hosts`` as for ``build_site_guards``.

    A Space is open to other sites by intent, and its visitors come through a proxy.
    """
    outer = [Middleware(ProxyHeadersMiddleware, trusted_hosts="*")] if on_space else build_site_guards(hosts)
    inner = (LoginThrottle, LoginGuard, EventGuard, UploadGuard, StreamWatch)
    return [*outer, *(Middleware(guard) for guard in inner)]
