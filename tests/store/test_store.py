"""The store keeps what it is given, for its owner's eyes only, and fails in one way."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from telemetry.store import RememberedAgent, RestartRecord, Store, StoreError
from telemetry.store.schema import VERSION

if TYPE_CHECKING:
    from pathlib import Path

AGENT = RememberedAgent(
    name="worker#2",
    called="worker",
    origin="option",
    role="役",
    pane_id="%7",
    server_pid=4711,
    session_id="$3",
    session_name="work",
    session_created=1_700_000_000,
    program="claude",
    wrapper="12@34",
    last_activity=1_700_000_123.5,
)
OTHER = RememberedAgent(name="a", called="a", origin="file")


def test_agents_come_back_as_they_were_in_their_order(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    store.remember_agents("c", [AGENT, OTHER])
    store.remember_agents("c", [AGENT])
    store.remember_agents("other", [OTHER])
    store.close()
    assert Store(tmp_path / "state.db").agents("c") == (AGENT, OTHER)


def test_forgotten_agents_keep_their_restarts() -> None:
    store = Store(":memory:")
    store.remember_agents("c", [AGENT, OTHER])
    store.remember_restarts("c", {AGENT.name: RestartRecord("1@2", 3)})
    store.forget_agents("c", {AGENT.name, "nobody"})
    assert store.agents("c") == (OTHER,)
    assert store.restarts("c") == {AGENT.name: RestartRecord("1@2", 3)}
    store.forget_restarts("c", [AGENT.name])
    assert store.restarts("c") == {}


def test_clusters_are_apart() -> None:
    store = Store(":memory:")
    store.remember_restarts("c", {"a": RestartRecord("1", 1)})
    store.remember_restarts("d", {"a": RestartRecord("2", 2)})
    store.remember_restarts("c", {"a": RestartRecord("3", 3)})
    assert store.restarts("c") == {"a": RestartRecord("3", 3)}
    assert store.restarts("d") == {"a": RestartRecord("2", 2)}


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "state.db"
    store = Store(path)
    store.remember_agents("c", [AGENT])
    assert path.parent.stat().st_mode & 0o777 == 0o700
    files = list(path.parent.iterdir())
    assert {file.name for file in files} >= {"state.db", "state.db-wal"}
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert store.path == str(path)


def test_nothing_is_opened_before_it_is_needed(tmp_path: Path) -> None:
    Store(tmp_path / "state.db").close()
    assert not (tmp_path / "state.db").exists()


def test_write_ahead_log_and_version(tmp_path: Path) -> None:
    Store(tmp_path / "state.db").agents("c")
    with sqlite3.connect(tmp_path / "state.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    connection.close()


@pytest.mark.parametrize("name", ["x'); DROP TABLE agents; --", "日本", "\x00", "a\nb", "", "%"])
def test_any_name(name: str) -> None:
    store = Store(":memory:")
    agent = RememberedAgent(name=name, called=name, origin="option")
    store.remember_agents(name, [agent])
    assert store.agents(name) == (agent,)


class TestFailures:
    def test_corrupt_file(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        path.write_bytes(b"no database" * 1000)
        with pytest.raises(StoreError, match=f"^the store {path} can't be used: file is not a database$"):
            Store(path).agents("c")

    def test_newer_version(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA user_version = {VERSION + 5}")
        connection.close()
        with pytest.raises(
            StoreError, match=rf"written by a newer version of this program \(its schema is {VERSION + 5}"
        ):
            Store(path).agents("c")

    def test_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreError, match=r"File exists|Not a directory"):
            Store(tmp_path / "file" / "state.db").agents("c")

    def test_locked_for_longer_than_we_wait(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        store = Store(path, lock_timeout=0.05)
        store.remember_agents("c", [OTHER])
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="database is locked"):
            store.remember_agents("c", [AGENT])
        assert store.agents("c") == (OTHER,), "readers aren't kept out"
        other.rollback()
        other.close()
        store.remember_agents("c", [AGENT])
        assert store.agents("c") == (OTHER, AGENT)

    def test_all_or_none(self, tmp_path: Path) -> None:
        store = Store(tmp_path / "state.db")
        bad = RememberedAgent(name="b", called="b", origin="option", server_pid=None)  # type: ignore[arg-type] # refused by the table
        with pytest.raises(StoreError, match="NOT NULL"):
            store.remember_agents("c", [AGENT, bad])
        assert store.agents("c") == ()

    def test_file_that_was_mended_is_used_again(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        path.write_bytes(b"no database" * 1000)
        store = Store(path)
        with pytest.raises(StoreError):
            store.agents("c")
        path.unlink()
        assert store.agents("c") == ()


def test_several_threads(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")

    def write(number: int) -> None:
        for count in range(20):
            store.remember_restarts("c", {f"agent{number}": RestartRecord("x", count)})

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.restarts("c") == {f"agent{number}": RestartRecord("x", 19) for number in range(4)}


def test_two_monitors_open_it_at_once(tmp_path: Path) -> None:
    stores = [Store(tmp_path / "state.db", lock_timeout=5) for _ in range(6)]
    failures: list[StoreError] = []

    def begin(store: Store) -> None:
        try:
            store.remember_agents("c", [AGENT])
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=begin, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
