"""The README's commands run, on tiny data and for a step or two; its table of settings is that of the program."""

import os
import re
import runpy
import shlex
import signal
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from separator.model import CRNN, CompactConfig, save_checkpoint
from tests.soundfont import require_fluidsynth, write_midi, write_soundfont
from training.cli import settings_table
from training.config import TrainConfig
from training.practice.songs import make_practice_songs
from training.practice.synthesis.mixing import STEMS
from training.runs.folder import RunFolder

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RATE = 22050
SERVERS = {"python app.py": 7860, "mlflow ui": 5000}
NOT_RUN = ("python -m pip", "pip install", "sudo apt-get", "docker ", "make ", "python -m pytest")
SCRIPTS: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
OTHER_MACHINES = "--nnodes=2"
SOUNDFONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"
SHORT = (
    "--epochs 1 --steps_per_epoch 1 --batch_size 2 --segment_seconds 0.5 --valid_excerpts 1 --workers 0 --preset small"
)
"""Added to each training: the last of two flags counts. No other part of a command is changed."""


def commands() -> list[str]:
    """Every line of the README's shell blocks, without its comment."""
    blocks = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(NOT_RUN) and OTHER_MACHINES not in line]


def test_table_of_settings_is_that_of_the_program() -> None:
    assert settings_table() in README


def test_korean_readme_has_the_same_commands() -> None:
    korean = (ROOT / "README.ko.md").read_text(encoding="utf-8")
    missing = [command for command in commands() if command not in korean]
    assert not missing


def test_pictures_and_links_are_there() -> None:
    targets = re.findall(r"\]\(([^)]+)\)", README)
    missing = [target for target in targets if "://" not in target and not (ROOT / target).exists()]
    assert not missing


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("command", [command for command in commands() if command not in SERVERS])
def test_command_runs_to_its_end(command: str, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, which has imported torch and MLflow already; what starts processes itself, in its own."""
    if SOUNDFONT in command:
        require_fluidsynth()
    words = shlex.split(command.replace(SOUNDFONT, "tiny.sf2"))
    if words[0] in SCRIPTS:
        words[:1] = ["python", "-m", SCRIPTS[words[0]].removesuffix(":main")]
    if {"train.py", "sori.train"} & set(words):
        words += shlex.split(SHORT)
    if words[0] == "python":
        assert run_python(words[1:], workplace, monkeypatch) == 0
    else:
        with start(words, workplace) as process:
            output, _ = process.communicate(timeout=240)
        assert process.returncode == 0, output


@pytest.mark.slow
@pytest.mark.parametrize("command", list(SERVERS))
def test_server_answers(command: str, workplace: Path) -> None:
    assert command in commands()
    port = SERVERS[command]
    if is_open(port):
        pytest.skip(f"port {port} is in use")
    with start(shlex.split(command), workplace) as process:
        try:
            deadline = time.monotonic() + 120
            while not is_open(port) and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.2)
            assert is_open(port)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=60)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like the repository to the commands, with tiny songs where the README has its own."""
    folder = tmp_path_factory.mktemp("readme")
    for path in ROOT.iterdir():
        if path.name not in ("checkpoints", "data", "cache", "test", ".git") and not path.name.startswith("mlflow"):
            (folder / path.name).symlink_to(path)
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "recipes").symlink_to(ROOT / "checkpoints" / "recipes")
    for shipped in (ROOT / "checkpoints").glob("*.pth"):
        (folder / "checkpoints" / shipped.name).symlink_to(shipped)
    for parent in ("data/train", "data/slakh2100"):
        for name in ("Song One", "Song Two"):
            write_song(folder / parent / name)
    for song in ("test/Test_Song_Name", "test/TEST_SONG"):
        write_song(folder / song)
    mixture, rate = soundfile.read(folder / "data/train/Song One/mixture.wav")
    soundfile.write(folder / "song.mp3", mixture, rate)
    for name in ("ESTIMATE_A.wav", "ESTIMATE_B.wav"):
        soundfile.write(folder / name, 0.5 * mixture, rate)
    write_practice_songs(folder / "data" / "practice")
    write_soundfont(folder / "tiny.sf2")
    write_midi(folder / "data" / "midi" / "song.mid", (9, 0, 36), (1, 33, 40), (0, 0, 69))
    save_run(folder / "checkpoints")
    return folder


def write_song(folder: Path) -> None:
    """Two seconds: a tone as vocals over a lower tone and noise."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(len(folder.name))
    vocals, bass = (0.3 * np.sin(2 * np.pi * hz * np.arange(2 * RATE) / RATE) for hz in (440, 110))
    rest = bass + 0.1 * rng.standard_normal(2 * RATE)
    stems = {"vocals": vocals, "bass": bass, "accompaniment": rest, "mixture": vocals + rest}
    for name, samples in stems.items():
        soundfile.write(folder / f"{name}.wav", samples, RATE)


def write_practice_songs(folder: Path) -> None:
    """The practice songs as the program lays them out, each a second of silence, which takes no time to compose."""
    silence = dict.fromkeys((*STEMS, "mixture"), np.zeros((2, 44100), dtype=np.int16))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.practice.songs.compose", lambda *_: silence)
        make_practice_songs(folder)


def save_run(checkpoints: Path) -> None:
    """A run that was broken off after its first epoch, as the training before would have left it."""
    torch.manual_seed(0)
    RunFolder(checkpoints / "first").create(TrainConfig(data_dir=("data/train",), target="vocals"))
    save_checkpoint(checkpoints / "best_model.pth", CRNN(CompactConfig()), training={"run_name": "first"})


def run_python(words: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run what ``python`` runs with these arguments, in a folder; its exit code."""
    is_module = words[0] == "-m"
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", words[1:] if is_module else words)
    with pytest.raises(SystemExit) as ended:
        if is_module:
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(words[0], run_name="__main__")
    return int(ended.value.code or 0)


def start(words: list[str], folder: Path) -> "subprocess.Popen[str]":
    """Start a program of this environment, with the fewest helpers of its own."""
    words[0] = sys.executable if words[0] == "python" else str(Path(sys.executable).parent / words[0])
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "BROWSER": "true"}
    environment |= {"MLFLOW_WORKERS": "1", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return subprocess.Popen(
        words, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip


def is_open(port: int) -> bool:
    with socket.socket() as connection:
        connection.settimeout(1)
        return connection.connect_ex(("127.0.0.1", port)) == 0
