"""Opens the page: ``python app.py``, then http://127.0.0.1:7860 in the browser.

python app.py                                   this computer only
python app.py --host 0.0.0.0 --auth me:secret   everyone in the local network who knows the password
python app.py --share                           a temporary public link
python app.py --mcp                             the endpoints as tools of the Model Context Protocol, too
"""

import argparse
import sys
from collections.abc import Sequence

from training.mlflow_store import disable_telemetry

disable_telemetry()  # before Gradio is imported

from ui.page import build_page, launch_options  # noqa: E402
from ui.settings import PageSettings  # noqa: E402

LOOPBACK = "127.0.0.1"


def parse_flags(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Flags of the page; exits with code 2 and a sentence when they cannot be used."""
    parser = argparse.ArgumentParser(description="Open Sori's page: separate songs, train models, score results.")
    parser.add_argument("--host", help=f"address to listen on (default: {LOOPBACK}, or every address on a Space)")
    parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 7860)")
    parser.add_argument("--share", action="store_true", help="make a temporary public link")
    parser.add_argument("--auth", metavar="NAME:PASSWORD", help="ask every visitor for this name and password")
    parser.add_argument("--mcp", action="store_true", help="also offer the endpoints as MCP tools (needs gradio[mcp])")
    parser.add_argument("--no_browser", action="store_true", help="do not open a browser window")
    flags = parser.parse_args(arguments)
    if flags.auth is not None and not all(flags.auth.partition(":")):
        parser.error("--auth needs NAME:PASSWORD with both parts, such as --auth me:secret")
    if flags.port is not None and not 0 <= flags.port <= 65535:
        parser.error(f"--port is {flags.port}; it must be from 0 to 65535")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page until Ctrl-C. Returns the exit code."""
    flags = parse_flags(arguments)
    settings = PageSettings()
    name, _, password = (flags.auth or "").partition(":")
    try:
        demo.launch(
            server_name=flags.host or ("0.0.0.0" if settings.on_space else LOOPBACK),
            server_port=flags.port,
            share=flags.share,
            auth=(name, password) if flags.auth else None,
            mcp_server=flags.mcp,
            inbrowser=not (flags.no_browser or settings.on_space),
            **launch_options(settings),
        )
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


demo = build_page()

if __name__ == "__main__":
    sys.exit(main())
