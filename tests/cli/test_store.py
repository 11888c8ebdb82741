"""`store backup|restore`: what is said and kept, and the one line where it can't be done."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from telemetry.cli.store import app
from telemetry.lockfile import Lock
from telemetry.store import AlertStore, Changes, Database
from tests.store.test_alerts import ALL


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ORCHESTRATOR_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def _save(state: Path, changes: Changes) -> None:
    with closing(Database(state / "store.sqlite3")) as database:
        AlertStore(database).save(changes)


def test_there_and_back(state: Path, tmp_path: Path) -> None:
    _save(state, ALL)
    with Lock(state):  # as while a monitor runs
        done = _run("backup", "b")
    assert (done.exit_code, done.stdout) == (0, "b: open alerts: 1, silences: 1, messages that wait: 3\n")
    _save(state, Changes(silences_gone=["s1"]))
    done = _run("restore", "b")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        f"{state}/store.sqlite3: open alerts: 1, silences: 1, messages that wait: 3",
        f"what was there before: {state}/store.sqlite3.before-restore",
    ]
    with closing(Database(state / "store.sqlite3")) as database:
        assert len(AlertStore(database).load().silences) == 1
    assert _run("restore", "--state-dir", tmp_path / "other", "b").stdout.count("\n") == 1, "none was there"


def test_not_while_a_monitor_runs(state: Path) -> None:
    _save(state, ALL)
    _run("backup", "b")
    with Lock(state):
        done = _run("restore", "b")
    assert done.exit_code == 1
    assert done.stderr == (
        f"orchestrator-telemetry: process {os.getpid()} already watches with the state folder {state}: stop it, or "
        "choose another folder with ORCHESTRATOR_STATE_DIR\n"
    )
    assert not (state / "store.sqlite3.before-restore").exists()


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_nothing_to_copy_is_one_line(state: Path, command: str) -> None:
    done = _run(command, "b")
    there = state / "store.sqlite3" if command == "backup" else "b"
    assert (done.exit_code, done.stderr) == (1, f"orchestrator-telemetry: there is no file {there}\n")
    assert not Path("b").exists()
