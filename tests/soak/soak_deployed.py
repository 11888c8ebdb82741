"""Every file of deploy/ is exercised by a test that can fail: each is damaged in a copy of the tree, and its test does.

By hand: `make soak`. Some minutes, with real servers for what they alone can tell.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import deployed

FILES = deployed.files()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git has or would take, as it lies there now, in a repository of its own."""
    copy = tmp_path_factory.mktemp("tree")
    line = ["git", "ls-files", "-z", *deployed.KINDS]
    listed = subprocess.run(line, cwd=deployed.ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (deployed.ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(deployed.ROOT / name, copy / name)
    for arguments in (["init", "--quiet"], ["add", "--all", "--force"]):
        subprocess.run(["git", *arguments], cwd=copy, check=True)
    return copy


def outcome(tree: Path, *tests: str) -> tuple[set[str], str]:
    """What became of these tests in that tree: passed, failed, error, …, and all that pytest says."""
    line = [sys.executable, "-m", "pytest", "-rA", "--no-header", "-p", "no:cacheprovider", *tests]
    environ = {**os.environ, "PYTHONPATH": str(tree)}
    said = subprocess.run(line, cwd=tree, env=environ, capture_output=True, text=True, timeout=300, check=False)
    return {one.lower() for one in re.findall(r"^([A-Z]+) tests/", said.stdout, re.MULTILINE)}, said.stdout[-3000:]


def damaged(file: str, content: bytes) -> bytes:
    """Half of it; of a README its title."""
    return content.partition(b"\n")[0] if file.endswith("README.md") else content[: len(content) // 2]


def test_whole_they_pass(tree: Path) -> None:
    became, said = outcome(tree, *sorted({test for file in FILES for test in deployed.tests_of(file)}))
    assert became == {"passed"}, said


@pytest.mark.parametrize("file", FILES)
def test_damaged_its_test_fails(tree: Path, file: str) -> None:
    path = tree / deployed.FOLDER / file
    whole = path.read_bytes()
    path.write_bytes(damaged(file, whole))
    try:
        became, said = outcome(tree, *deployed.tests_of(file))
    finally:
        path.write_bytes(whole)
    assert became & {"failed", "error"}, said
