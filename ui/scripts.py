"""The page's JavaScript modules and the FFT, served as files under an address that changes with their content.

``assets/js`` and ``assets/vendor`` are at ``sori/<version>/``, relative to the page as Gradio's own files are, so that
it holds behind a proxy's path. The version is in the path, not in a query, as a module's relative imports keep it.
"""

import hashlib
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from separator.shipped import shipped_folder
from ui.i18n import dump_script_texts

ASSETS = shipped_folder("assets")
SCRIPT_FOLDERS = ("js", "vendor")
FFT = "vendor/kissfft-wasm/kissfft.wasm"
FOR_EVER = "public, max-age=31536000, immutable"


@cache
def read_scripts() -> dict[str, bytes]:
    """Path below ``assets`` -> content of every module, and of the FFT that they use."""
    paths = [*sorted(path for folder in SCRIPT_FOLDERS for path in (ASSETS / folder).rglob("*.js")), ASSETS / FFT]
    return {path.relative_to(ASSETS).as_posix(): path.read_bytes() for path in paths}


@cache
def get_version() -> str:
    """A digest of every module's path and content."""
    digest = hashlib.sha256()
    for path, content in read_scripts().items():
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]


def build_url(module: str) -> str:
    """A module's address, relative to the page; ``module`` is its path below ``assets``."""
    if module not in read_scripts():
        raise KeyError(f"no module {module!r} in {ASSETS}")
    return f"./sori/{get_version()}/{module}"


def mount_script(module: str, function: str) -> str:
    """A ``js_on_load`` that imports ``module`` and calls its ``function`` with the component, as ``Hooks``."""
    return (
        f'import(new URL("{build_url(module)}", document.baseURI).href)'
        f".then((module) => module.{function}({{ element, props, watch, trigger, server }}))"
    )


def build_head() -> str:
    """For the page's ``<head>``: the texts that the modules show, and the module that belongs to no component."""
    return (
        f'<script type="application/json" id="sori-texts">{dump_script_texts()}</script>'
        f'<script type="module" src="{build_url("js/uploads.js")}"></script>'
    )


def build_server_options() -> dict[str, Any]:
    """``app_kwargs`` of ``Blocks.launch`` and ``gr.mount_gradio_app``: the route that serves the modules."""
    return {"routes": [Route(f"/sori/{get_version()}/{{module:path}}", serve_module)]}


async def serve_module(request: Request) -> Response:
    """One module; 404 for any other path."""
    path = request.path_params["module"]
    content = read_scripts().get(path)
    if content is None:
        return Response(status_code=404)
    media_type = "application/wasm" if path == FFT else "text/javascript"
    return Response(content, media_type=media_type, headers={"Cache-Control": FOR_EVER})
