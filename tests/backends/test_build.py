"""The builder: once, whole or not at all, and clear about what lacks; on a command small enough to be built here."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.backends import build, needs
from tests.backends.parts import PARTS, GoSource

pytestmark = pytest.mark.slow


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GoSource:
    """A part of the table whose source is one line, and an empty cache."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "go.mod").write_text("module hello\n\ngo 1.21\n")
    (source / "main.go").write_text('package main\n\nfunc main() { println("hello") }\n')
    made = GoSource(name="hello", version="1", minutes=0.1, source=source)
    monkeypatch.setenv("ORCHESTRATOR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setitem(PARTS, "hello", made)
    return made


def test_two_runs_at_once_build_it_once_and_a_third_not_at_all(part: GoSource) -> None:
    said: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        for run in [pool.submit(build.folder, "hello", said.append) for _ in range(2)]:
            assert run.result() == part.folder
    assert len([line for line in said if "done" in line]) == 1
    assert any("another run is building it" in line for line in said)
    answer = subprocess.run([part.folder / "bin" / "hello"], capture_output=True, text=True, timeout=10, check=True)
    assert answer.stderr == "hello\n"

    said.clear()
    build.build(["hello"], said.append)
    assert said == []
    left = {file.name for file in part.folder.parent.iterdir()}
    assert left == {part.folder.name, ".hello.lock", "hello.log"}


def test_a_failed_build_says_what_failed_and_leaves_nothing(part: GoSource) -> None:
    (part.source / "main.go").write_text("package main\n\nfunc main() { nonsense() }\n")

    with pytest.raises(build.BuildError, match=r"hello 1 could not be built: `.*go build[\s\S]*undefined: nonsense"):
        build.build(["hello"], print)

    assert {file.name for file in part.folder.parent.iterdir()} == {".hello.lock", "hello.log"}


def test_what_a_killed_run_left_is_cleared_away(part: GoSource) -> None:
    left = part.folder.parent / ".building-hello-1"
    left.mkdir(parents=True)
    build.build(["hello"], print)
    assert not left.exists()


def test_what_the_machine_lacks_is_named_before_anything_is_built(
    part: GoSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(needs.MissingError) as missing:
        build.build(["hello", "elasticsearch"], print)
    assert [line.split("`")[1] for line in str(missing.value).splitlines()] == ["javac", "java", "mvn", "go"]

    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go version go1.19.8 linux/amd64\n")
    old.chmod(0o755)
    with pytest.raises(needs.MissingError, match=r"go` is 1\.19\.8: needs Go .* at least 1\.21"):
        build.build(["hello"], print)
    assert not part.folder.exists()


def test_the_command_line_refuses_what_it_does_not_know() -> None:
    command = [sys.executable, "-m", "tests.backends", "build", "nonsense"]
    root = Path(__file__).parents[2]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=root, check=False)
    assert answer.returncode == 2
    assert "nonsense is none of prometheus, loki" in answer.stderr
