"""What is installed is what the repository has: the same requirements, one version, and a wheel that works alone."""

import os
import shutil
import subprocess
import sys
import tomllib
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import separator
from tests.serving import free_port, wait_for_page

ROOT = Path(__file__).parents[1]
LAUNCHER = "import sys; from sori.{module} import main; sys.exit(main())"


def read_project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read_requirements(name: str) -> set[str]:
    """A requirements file's packages, each in one spelling."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    return {str(Requirement(line)) for line in lines if line and not line.startswith("-r")}


def listed(*extras: str) -> set[str]:
    """Dependencies of extras in pyproject.toml, without those on other extras."""
    found = [Requirement(line) for extra in extras for line in read_project()["optional-dependencies"][extra]]
    return {str(requirement) for requirement in found if requirement.name != "sori"}


def test_requirements_are_those_of_the_project() -> None:
    core = {str(Requirement(line)) for line in read_project()["dependencies"]}
    assert read_requirements("requirements.txt") == core | listed("train", "ui", "onnx", "all")
    assert read_requirements("requirements-dev.txt") == listed("dev")


def test_changelog_begins_with_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert changelog.index(f"## [{separator.__version__}]") == changelog.index("## [")


def test_base_images_python_is_one_that_the_project_takes() -> None:
    instructions = [line.split() for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()]
    image = next(words[1] for words in instructions if words[:1] == ["FROM"])
    assert image.startswith("python:" + read_project()["requires-python"].removeprefix(">="))
    assert ["EXPOSE", "7860"] in instructions


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds nothing but the unpacked wheel."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob(f"sori-{separator.__version__}-*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "packages")
    return folder / "packages"


@pytest.mark.slow
def test_wheel_has_nothing_but_the_program(installed: Path) -> None:
    about = f"sori-{separator.__version__}.dist-info"
    assert {path.name for path in installed.iterdir()} == {"separator", "training", "ui", "sori", about}
    scripts = (installed / about / "entry_points.txt").read_text(encoding="utf-8")
    assert all(f"{name} = " in scripts for name in read_project()["scripts"])


@pytest.mark.slow
def test_wheel_separates_with_the_model_inside(installed: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "assets" / "demo" / "mixture.flac", tmp_path / "song.flac")
    arguments = ["--input_path", "song.flac", "--output_path", "out"]
    command = [sys.executable, "-c", LAUNCHER.format(module="inference"), *arguments]
    subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(installed)}, check=True)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"song_vocals.wav", "song_accompaniment.wav"}


@pytest.mark.slow
def test_wheel_serves_the_page(installed: Path, tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", LAUNCHER.format(module="app"), "--no_browser", "--port", str(port)]
    environment = os.environ | {"PYTHONPATH": str(installed), "GRADIO_TEMP_DIR": str(tmp_path / "gradio")}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_for_page(f"http://127.0.0.1:{port}", server, tmp_path / "log")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/config", timeout=30) as answer:
            assert b"vocals.pth" in answer.read()
    finally:
        server.terminate()
        server.wait(20)
