"""Exported pages of the page's models, for the frame of the Live tab.

Each is written when it is first wanted, and served under a path that needs the login where there is one.
"""

import hashlib
import re
import threading
from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from ui.scripts import get_version
from ui.settings import PageSettings

_NAME = re.compile(r"[0-9a-f]{32}")
_WRITING = threading.Lock()


def write_page(settings: PageSettings, models: Sequence[Path], name: str | None = None) -> str:
    """The address, relative to the page, of the exported page of models as one; it is written unless it is there
    already. ``name`` as for ``export_html``.

    Raises SeparatorError as ``export_html``.
    """
    from separator.export import export_html

    files = [f"{model.absolute()} {model.stat().st_mtime_ns}" for model in models]
    key = " ".join([get_version(), *files])
    address = hashlib.sha256(key.encode()).hexdigest()[:32]
    path = _find_page(settings, address)
    with _WRITING:
        if not path.exists():
            export_html(models, path, name=name)
    return f"./gradio_api/live/{address}"


def build_page_route(settings: PageSettings) -> Route:
    """The route that serves them, and nothing else."""

    async def serve_page(request: Request) -> Response:
        name = request.path_params["name"]
        path = _find_page(settings, name)
        if not _NAME.fullmatch(name) or not path.is_file():
            return Response(status_code=404)
        return FileResponse(path, media_type="text/html")

    return Route("/gradio_api/live/{name}", serve_page)


def _find_page(settings: PageSettings, name: str) -> Path:
    return settings.work / "live" / f"{name}.html"
