"""Asking the C library for memory to be kept or given back, in a process of its own or without such a library."""

import ctypes
import platform
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from separator.runtime import give_back_memory, keep_freed_memory
from tests.serving import ROOT

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this C library is not glibc")
RESIDENT_MB = """
import ctypes, os
from separator.runtime import give_back_memory, keep_freed_memory

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

def filled(megabytes):
    memory = ctypes.create_string_buffer(megabytes * 2**20)
    ctypes.memset(memory, 1, len(memory))
    return memory
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", RESIDENT_MB + code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.slow
@glibc
def test_freed_memory_is_kept_until_it_is_given_back() -> None:
    code = """
keep_freed_memory()
before = resident_mb()
memory = filled(200)
del memory
kept = resident_mb() - before
give_back_memory()
print(kept > 150, resident_mb() - before < 50)
"""
    assert run(code) == "True True"


@pytest.mark.slow
@glibc
def test_by_itself_freed_memory_goes_back() -> None:
    assert run("before = resident_mb(); memory = filled(200); del memory; print(resident_mb() - before < 50)") == "True"


@pytest.mark.parametrize("ask", [keep_freed_memory, give_back_memory])
def test_without_glibc_nothing_happens(ask: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    ask()
