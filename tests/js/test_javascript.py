"""The unit tests of the page's scripts, by node's own test runner (``npm test``)."""

import os
import shutil
import subprocess

import pytest

from tests.serving import ROOT


@pytest.mark.slow
def test_the_unit_tests_of_the_scripts_pass() -> None:
    node = shutil.which("node")
    if node is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("node is not installed: apt-get install nodejs")
    tests = sorted(str(path) for path in (ROOT / "tests" / "js").glob("*.test.js"))
    assert tests
    done = subprocess.run([node, "--test", *tests], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
