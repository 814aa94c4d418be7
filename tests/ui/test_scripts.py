"""Modules reach the browser whole, under an address that changes with them, behind a proxy too."""

import hashlib
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ui.scripts import ASSETS, build_head, build_server_options, build_url, get_version, mount_script, read_scripts

VENDORED = sorted(path.parent for path in (ASSETS / "vendor").glob("*/SHA256SUMS"))


@pytest.mark.parametrize(
    ("root_path", "prefix"), [("", ""), ("/behind", ""), ("/behind", "/behind")], ids=["plain", "stripped", "whole"]
)
def test_every_module_is_served_as_what_it_is(root_path: str, prefix: str) -> None:
    client = TestClient(FastAPI(**build_server_options()), root_path=root_path)
    for module, content in read_scripts().items():
        answer = client.get(prefix + build_url(module).removeprefix("."))
        assert (answer.status_code, answer.content) == (200, content), module
        kind = "application/wasm" if module.endswith(".wasm") else "text/javascript"
        assert answer.headers["content-type"].startswith(kind)
        assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("path", ["js/../../app.py", "css/style.css", "js/types.d.ts", "js/missing.js"])
def test_nothing_but_modules_is_served(path: str) -> None:
    client = TestClient(FastAPI(**build_server_options()))
    assert client.get(f"/sori/{get_version()}/{path}").status_code == 404


def test_the_address_changes_with_any_module(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = read_scripts() | {"js/text.js": b"export const changed = true;\n"}
    before = get_version()
    monkeypatch.setattr("ui.scripts.read_scripts", lambda: changed)
    assert get_version.__wrapped__() != before


def test_a_module_that_is_missing_is_refused() -> None:
    with pytest.raises(KeyError, match=r"missing\.js"):
        mount_script("js/missing.js", "mount")


def test_only_the_texts_are_inline() -> None:
    assert build_head().count("<script") == 2
    assert 'type="application/json"' in build_head()
    assert f'src="{build_url("js/uploads.js")}"' in build_head()


@pytest.mark.parametrize("folder", VENDORED, ids=lambda folder: folder.name)
def test_vendored_files_are_the_released_ones(folder: Path) -> None:
    sums = dict(line.split()[::-1] for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines())
    files = {path.name for path in folder.iterdir()} - {"SHA256SUMS", "README.md"}
    assert set(sums) == files and "LICENSE" in files
    assert {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files} == sums
