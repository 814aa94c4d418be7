"""Page and commands ask for no address outside of this machine."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor

from separator.audio import write

ROOT = Path(__file__).parents[2]
WAIT_SECONDS = 120
WATCHER = """
import os, socket, sys

def watch(event, arguments):
    if event not in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        return
    address = arguments[0] if isinstance(arguments[0], (str, bytes, type(None))) else arguments[1]
    host = address[0] if isinstance(address, tuple) else address
    host = host.decode() if isinstance(host, bytes) else host
    is_local = not host or host.startswith("/") or host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", OWN)
    if not is_local:
        with open(os.environ["ASKED_FOR"], "a") as file:
            file.write(f"{host}\\n")

OWN = socket.gethostname()
sys.addaudithook(watch)
"""


@pytest.fixture
def watched(tmp_path: Path) -> dict[str, str]:
    """An environment in which every Python process notes the foreign addresses that it asks for."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCHER)
    kept = {name: value for name, value in os.environ.items() if not re.search("TELEMETRY|ANALYTICS|^CI$", name)}
    changes = {"PYTHONPATH": str(tmp_path / "watch"), "ASKED_FOR": str(tmp_path / "asked")}
    return kept | changes | {"GRADIO_TEMP_DIR": str(tmp_path / "gradio")}


@pytest.mark.slow
def test_the_watcher_notices(watched: dict[str, str], tmp_path: Path):
    code = "import socket\ntry: socket.create_connection(('name.invalid', 80), 1)\nexcept OSError: pass"
    subprocess.run([sys.executable, "-c", code], env=watched, check=True)
    assert (tmp_path / "asked").read_text().split() == ["name.invalid"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        "compare_mlflow.py --ref songs/1/vocals.wav --a songs/1/other.wav --b songs/2/vocals.wav",
        "train.py --data_dir songs --mlflow --preset small --epochs 1 --steps_per_epoch 1 --batch_size 1 "
        "--segment_seconds 1 --val_split 0.5 --workers 0",
        "evaluate.py --song_dir songs/1",
        "inference.py --input_path songs/1/vocals.wav --output_path out.wav",
    ],
    ids=lambda words: words.partition(".")[0],
)
def test_a_command_asks_for_no_foreign_address(
    words: str, watched: dict[str, str], tmp_path: Path, noise: Callable[..., Tensor]
):
    for song in ("1", "2"):
        (tmp_path / "songs" / song).mkdir(parents=True)
        for stem in ("vocals", "other"):
            write(tmp_path / "songs" / song / f"{stem}.wav", noise(16000, seed=len(stem)), 8000)
    script, *flags = words.split()
    command = [sys.executable, str(ROOT / script), *flags]
    done = subprocess.run(command, env=watched, cwd=tmp_path, capture_output=True, text=True, timeout=WAIT_SECONDS)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "asked").exists()


@pytest.mark.slow
def test_the_page_asks_for_no_foreign_address(watched: dict[str, str], tmp_path: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(ROOT / "app.py"), "--no_browser", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, env=watched, cwd=tmp_path, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
                time.sleep(0.2)
        time.sleep(1)  # for what starts in the background
    finally:
        server.terminate()
        server.wait(20)
    assert not (tmp_path / "asked").exists(), (tmp_path / "asked").read_text()
