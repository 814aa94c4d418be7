"""An exported page in WebKit, the engine of Safari: a song is dropped, separated and played. Not part of the tests::

apt-get install webkit2gtk-driver xvfb
xvfb-run -a python -m tests.browser.check_webkit [--preset 4stems]
"""

import argparse
import base64
import json
import os
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from separator.export import export_html
from separator.shipped import PRESETS, find_preset
from tests.serving import ROOT

PORT = 4465
BROWSERS = "/usr/lib/*/webkit2gtk-4.*/MiniBrowser"
SONG = ROOT / "assets" / "demo" / "mixture.flac"
PLAYER = "document.querySelector('.sori-player')"


class WebDriver:
    """One session of a W3C WebDriver server."""

    def __init__(self, browser: Path) -> None:
        options = {"binary": str(browser), "args": ["--automation"]}
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        session = self._send("POST", "/session", {"capabilities": wanted})
        self.version = session["capabilities"]["browserVersion"]
        self.path = f"/session/{session['sessionId']}"

    def open(self, page: Path) -> None:
        self._send("POST", f"{self.path}/url", {"url": page.as_uri()})

    def run(self, script: str) -> Any:
        return self._send("POST", f"{self.path}/execute/sync", {"script": script, "args": []})

    def wait_for(self, expression: str, seconds: float = 120.0) -> None:
        end = time.monotonic() + seconds
        while not self.run(f"return Boolean({expression})"):
            if time.monotonic() > end:
                raise TimeoutError(f"{expression}\n{self.run('return document.body.innerText.slice(0, 500)')}")
            time.sleep(0.5)

    def find(self, selector: str) -> str:
        found = self._send("POST", f"{self.path}/element", {"using": "css selector", "value": selector})
        return f"{self.path}/element/{next(iter(found.values()))}"

    def type(self, selector: str, text: str) -> None:
        self._send("POST", f"{self.find(selector)}/value", {"text": text})

    def click(self, selector: str) -> None:
        self._send("POST", f"{self.find(selector)}/click", {})

    def save_screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._send("GET", f"{self.path}/screenshot")))

    def quit(self) -> None:
        self._send("DELETE", self.path)

    @staticmethod
    def _send(method: str, path: str, content: Any = None) -> Any:
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=180) as answer:
            return json.load(answer)["value"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=PRESETS, default="2stems")
    parser.add_argument("--screenshot", type=Path, help="where to save a picture of the end")
    options = parser.parse_args()
    browser = next(Path("/").glob(BROWSERS[1:]), None)
    if browser is None:
        parser.error("WebKit's MiniBrowser was not found: apt-get install webkit2gtk-driver")
    environment = {**os.environ, "WEBKIT_DISABLE_COMPOSITING_MODE": "1"}
    if os.geteuid() == 0:
        environment["WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS"] = "1"  # it refuses to run as root with one
    with tempfile.TemporaryDirectory() as folder:
        page = export_html(find_preset(options.preset), Path(folder) / "page.html")
        server = subprocess.Popen(["WebKitWebDriver", f"--port={PORT}"], env=environment)
        try:
            time.sleep(1)
            check_page(WebDriver(browser), page, options.screenshot)
        finally:
            server.terminate()


def check_page(driver: WebDriver, page: Path, screenshot: Path | None) -> None:
    print(f"WebKit {driver.version}")
    try:
        driver.open(page)
        driver.wait_for("document.querySelector('input[type=file]')")
        driver.type("input[type=file]", str(SONG))
        driver.wait_for(f"{PLAYER}.dataset.ready")
        print(driver.run("return document.querySelector('.card').innerText"))
        driver.click(".play")
        driver.wait_for(f"Number({PLAYER}.dataset.peakDb) > -60 && {PLAYER}.player.engine.position > 0.5")
        driver.click("[data-look=spectrogram]")
        driver.wait_for("document.querySelector('[data-look=spectrogram][data-busy=false]')")
        driver.run(f"{PLAYER}.player.practice.setSpeed({{ percent: 80 }})")
        driver.wait_for(f"{PLAYER}.player.engine.stretched && Number({PLAYER}.dataset.peakDb) > -60")
        if screenshot:
            driver.save_screenshot(screenshot)
        print("dropped, separated, played, drawn and slowed down")
    finally:
        driver.quit()


if __name__ == "__main__":
    main()
