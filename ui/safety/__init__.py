"""What stands between a visitor and the computer: names, disk, addresses, logins, limits."""

from collections.abc import Sequence

from starlette.middleware import Middleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ui.safety.disk import new_job_folder
from ui.safety.login_guard import LoginWall, SlowLogin
from ui.safety.names import resolved, safe_name, typed_folder
from ui.safety.site_guard import site_guards
from ui.safety.traffic_guard import EventGuard, UploadGuard
from ui.safety.visitors import ListenerWatch

__all__ = ["guards", "new_job_folder", "resolved", "safe_name", "typed_folder"]


def guards(hosts: Sequence[str] | None, *, on_space: bool) -> list[Middleware]:
    """The middleware of the page, outermost first; ``hosts`` as for ``site_guards``.

    A Space is open to other sites by intent, and its visitors come through a proxy.
    """
    outer = [Middleware(ProxyHeadersMiddleware, trusted_hosts="*")] if on_space else site_guards(hosts)
    return [*outer, *map(Middleware, (SlowLogin, LoginWall, EventGuard, UploadGuard, ListenerWatch))]
