"""The file under the alert store: older, newer, damaged, locked, full. It is told in one line, and the file is kept."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from telemetry.store import AlertStore, Changes, Database, HistoryQuery, Kept, Store, StoreError
from telemetry.store.schema import STEPS, VERSION
from tests.daemons import ROOT, environment
from tests.store.test_alerts import ALL, OPEN, opened, over


def change(path: Path, statement: str) -> None:
    """As another program would."""
    other = sqlite3.connect(path)
    with other:
        other.execute(statement)
    other.close()


def test_one_of_the_version_before_keeps_its_agents(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store") as old:
        for statement in STEPS[0]:
            old.execute(statement)
        old.execute("INSERT INTO restarts (cluster, name, identity, count) VALUES ('demo', 'a', 'x', 4)")
        old.execute(
            "INSERT INTO agents VALUES ('demo', 'a', 'a', 'option', '役', '%1', 2, '$3', 'work', 4, 'claude', '', 5.5)"
        )
        old.execute("PRAGMA user_version = 1")
    store = Store(tmp_path / "store")
    AlertStore(store).save(ALL)
    assert store.restarts("demo")["a"].count == 4
    (agent,) = store.agents("demo")
    assert (agent.name, agent.role, agent.session_created, agent.last_activity) == ("a", "役", 4, 5.5)
    assert AlertStore(store).load().alerts


def test_one_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store") as newer:
        newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StoreError, match="was written by a newer version of this program") as told:
        opened(tmp_path / "store", owner=True).load()
    assert "\n" not in str(told.value)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


UNREADABLE = {
    "not that value": "UPDATE alerts SET body = '{\"no\": 1}'",
    "no text": "UPDATE alerts SET body = CAST(x'ff0a67656865696d' AS TEXT)",
    "no JSON": "UPDATE memory SET body = '['",
    "a list of no times": """UPDATE memory SET body = '{"fires": [["a", "r", "xyz"]], "restarts": {}}'""",
    "no level": "UPDATE told SET level = 'loud'",
    "no time": "UPDATE told SET at = 'soon'",
    "no number": "UPDATE messages SET attempts = 'many'",
}


@pytest.mark.parametrize("damage", ["overwritten", "cut", "no database", *UNREADABLE])
def test_a_damaged_one_is_kept_and_a_new_one_is_begun(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "store"
    first = Database(path)
    AlertStore(first).save(replace(ALL, history=[over(f"agent{i}", float(i)) for i in range(2_000)]))
    first.close()
    content = path.read_bytes()
    if damage == "overwritten":
        path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "no database":
        path.write_bytes(b"these are notes of mine\n" * 500)
    else:
        change(path, UNREADABLE[damage])
    bad = path.read_bytes()
    store = opened(path, owner=True)
    with pytest.raises(StoreError, match=r"is damaged \(.*\): kept as .*store\.damaged-1, a new one is begun") as told:
        store.load()
    assert "\n" not in str(told.value)
    assert "geheim" not in str(told.value)
    assert (tmp_path / "store.damaged-1").read_bytes() == bad
    assert store.load() == Kept()
    store.save(ALL)
    assert opened(path).load().alerts


def test_a_history_that_can_not_be_read_is_a_damaged_file_too(tmp_path: Path) -> None:
    path = tmp_path / "store"
    Path(tmp_path / "store.damaged-1").write_text("of last week")
    opened(path).save(Changes(history=[over("a", 5.0)]))
    change(path, "UPDATE history SET level = 'loud'")
    with pytest.raises(StoreError, match="can't be used: it holds what this program can't read"):
        opened(path).history(HistoryQuery())
    store = opened(path, owner=True)
    with pytest.raises(StoreError, match=r"kept as .*store\.damaged-2"):
        store.history(HistoryQuery())
    assert store.history(HistoryQuery()).total == 0
    assert (tmp_path / "store.damaged-1").read_text() == "of last week"


def test_what_another_user_of_the_file_began_anew_takes_no_changes_before_all_that_is_known(tmp_path: Path) -> None:
    path = tmp_path / "store"
    agents = Store(path, owner=True)
    store = AlertStore(agents)
    store.save(ALL)
    agents.close()
    path.write_bytes(b"these are notes of mine\n" * 500)
    with pytest.raises(StoreError, match="a new one is begun"):
        agents.agents("demo")
    assert agents.agents("demo") == ()
    with pytest.raises(StoreError, match=r"is damaged .* kept as .*, a new one is begun"):
        store.save(Changes(silences_gone=["s1"]))
    store.replace(Kept(alerts={"demo": {OPEN.key: OPEN}}), [])
    store.save(Changes(silences=ALL.silences))
    assert opened(path).load() == Kept(alerts={"demo": {OPEN.key: OPEN}}, silences=tuple(ALL.silences))


def test_a_damaged_one_that_is_not_ours_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "store"
    path.write_bytes(b"these are notes of mine\n" * 500)
    with pytest.raises(StoreError, match="can't be used"):
        opened(path).load()
    assert [found.name for found in tmp_path.iterdir()] == ["store"]


def test_one_that_is_locked_is_told_and_can_be_used_afterwards(tmp_path: Path) -> None:
    store = opened(tmp_path / "store", owner=True)
    store.save(ALL)
    holder = sqlite3.connect(tmp_path / "store", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="can't be used: database is locked"):
        store.save(Changes(gone=[("demo", OPEN.key)]))
    holder.execute("ROLLBACK")
    assert store.load().alerts
    store.save(Changes(gone=[("demo", OPEN.key)]))
    assert not store.load().alerts


@pytest.mark.slow
def test_a_full_disk_is_told_and_loses_nothing_that_was_written(tmp_path: Path) -> None:
    """A file that may not grow is what a full disk is to SQLite; a process of its own has that limit."""
    opened(tmp_path / "store").save(ALL)
    program = (
        "import resource, signal, sys\n"
        "from tests.store.test_alerts import *\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "store = opened(sys.argv[1], owner=True)\n"
        "try:\n"
        "    store.save(Changes(history=[over(f'a{i}', float(i), message='x' * 900) for i in range(2_000)]))\n"
        "except StoreError as error:\n"
        "    print(error)\n"
        "assert store.load().alerts, 'it can still be read'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "store")],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "can't be used" in done.stdout
    kept = opened(tmp_path / "store")
    assert kept.load().alerts == {"demo": {OPEN.key: OPEN}}
    assert kept.history(HistoryQuery()).total == 0
    assert list(tmp_path.glob("*damaged*")) == []
