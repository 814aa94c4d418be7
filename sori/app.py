"""Opens the page: ``python app.py``, then http://127.0.0.1:7860 in the browser.

python app.py                                   this computer only
python app.py --host 0.0.0.0 --auth me:secret   everyone in the local network who knows the password
python app.py --allowed_hosts music.example.org   behind a proxy on this computer that serves that name
python app.py --share                           a temporary public link
python app.py --mcp                             the endpoints as tools of the Model Context Protocol, too
"""

import argparse
import re
import sys
from collections.abc import Sequence

from separator.shipped import shipped_folder
from training.tracking.mlflow_client import disable_telemetry

LOOPBACK = "127.0.0.1"
HOST_NAME = re.compile(r"(\*\.)?[\w.-]+|\[[0-9a-fA-F:]+\]|\*")
SHARE_HOSTS = ("*.gradio.live",)
"""Where Gradio's temporary public links lead in from."""
OPEN_TO_ALL = (
    "warning: everyone who reaches this computer at {host} can use the page and start trainings on it; "
    "ask for a password with --auth NAME:PASSWORD"
)


def parse_flags(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Flags of the page; exits with code 2 and a sentence when they cannot be used."""
    parser = argparse.ArgumentParser(description="Open Sori's page: separate songs, train models, score results.")
    parser.add_argument("--host", help=f"address to listen on (default: {LOOPBACK}, or every address on a Space)")
    parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 7860)")
    parser.add_argument("--share", action="store_true", help="make a temporary public link")
    parser.add_argument("--auth", metavar="NAME:PASSWORD", help="require this name and password of every visitor")
    parser.add_argument(
        "--allowed_hosts", nargs="+", metavar="NAME",
        help="names that the page is reached by besides localhost, such as music.example.org or *.example.org",
    )  # fmt: skip
    parser.add_argument("--mcp", action="store_true", help="also offer the endpoints as MCP tools (needs gradio[mcp])")
    parser.add_argument("--no_browser", action="store_true", help="do not open a browser window")
    flags = parser.parse_args(arguments)
    if flags.auth is not None and not all(flags.auth.partition(":")):
        parser.error("--auth needs NAME:PASSWORD with both parts, such as --auth me:secret")
    if flags.port is not None and not 0 <= flags.port <= 65535:
        parser.error(f"--port is {flags.port}; it must be from 0 to 65535")
    wrong = [name for name in flags.allowed_hosts or () if not HOST_NAME.fullmatch(name)]
    if wrong:
        parser.error(f"--allowed_hosts has {wrong[0]!r}; give a host name without port, or *. and the end of one")
    return flags


def is_loopback(host: str) -> bool:
    """Whether ``host`` is reachable from this computer only."""
    return host == "localhost" or host.strip("[]") == "::1" or host.startswith("127.")


def allowed_hosts(host: str, named: Sequence[str] | None, *, share: bool) -> list[str] | None:
    """The host names accepted besides the loopback's; None for any, where the page is open to a network."""
    if named is None and not is_loopback(host):
        return None
    return [*(named or ()), *([] if is_loopback(host) else [host]), *(SHARE_HOSTS if share else ())]


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page until Ctrl-C. Returns the exit code."""
    flags = parse_flags(arguments)
    disable_telemetry()  # before Gradio is imported
    from ui.page import build_launch_options, build_page
    from ui.settings import PageSettings

    settings = PageSettings(shipped=shipped_folder("checkpoints"))
    name, _, password = (flags.auth or "").partition(":")
    host = flags.host or ("0.0.0.0" if settings.on_space else LOOPBACK)
    if not (is_loopback(host) or flags.auth or settings.on_space):
        print(OPEN_TO_ALL.format(host=host), file=sys.stderr)
    try:
        build_page(settings).launch(
            server_name=host,
            server_port=flags.port,
            share=flags.share,
            auth=(name, password) if flags.auth else None,
            mcp_server=flags.mcp,
            inbrowser=not (flags.no_browser or settings.on_space),
            **build_launch_options(settings, allowed_hosts(host, flags.allowed_hosts, share=flags.share)),
        )
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
