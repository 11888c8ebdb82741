"""What the pager keeps: all of it comes back, in whole transactions, and a file that is no use is told and kept."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from telemetry.model import (
    Acknowledgement,
    Alert,
    AlertLevel,
    AlertMemory,
    Key,
    Message,
    Notice,
    NoticeKind,
    OpenAlert,
    Phase,
    Reason,
    Silence,
    Suppression,
)
from telemetry.store import (
    AlertStore,
    Changes,
    Database,
    HistoryQuery,
    Kept,
    QueuedMessage,
    QueuedNotice,
    Store,
    StoreError,
    Told,
    ToldKey,
)
from telemetry.store.schema import STEPS, VERSION
from tests.daemons import ROOT, environment

OPEN = OpenAlert(
    "demo",
    "a",
    "agent_stopped",
    AlertLevel.ERROR,
    "停止 «x»",
    Phase.FIRING,
    100.5,
    101.25,
    102.0,
    lower_since=103.0,
    peak=AlertLevel.CRITICAL,
    flapping=True,
    role="boss",
    trace_id="f" * 32,
    acknowledged=Acknowledgement("ann", 104.0, AlertLevel.ERROR, "at it"),
    suppressed=Suppression(Reason.SILENCED, "silenced by ann"),
)
NOTICE = Notice(NoticeKind.FIRING, OPEN.id, "demo", "a", "agent_stopped", AlertLevel.ERROR, "停止", 1.0, 2.0)
MESSAGE = Message("m1", "slack", "demo", (NOTICE, replace(NOTICE, kind=NoticeKind.RESOLVED)), 3.0)
ALL = Changes(
    alerts=[OPEN],
    memory={"demo": AlertMemory({OPEN.key: (1.0, 2.5)}, {"a": (3.0,)})},
    told={ToldKey("demo", "a", "agent_stopped", "slack"): Told(AlertLevel.ERROR, 5.0)},
    silences=[Silence("s1", "ann", "known", 1.0, 2.0, agent="a*")],
    notices=[QueuedNotice(7, "slack", NOTICE)],
    messages=[QueuedMessage(MESSAGE, 2, 9.0, "no"), QueuedMessage(replace(MESSAGE, id="m2"), failed=True)],
)


def over(agent: str, at: float, **more: object) -> Alert:
    alert = Alert(AlertLevel.ERROR, agent, f"{agent} stopped", at - 10, resolved=True, cluster="demo", resolved_at=at)
    return replace(alert, **{"rule": "agent_stopped", **more})  # type: ignore[arg-type]


def opened(path: Path | str, **options: bool) -> AlertStore:
    return AlertStore(Database(path, lock_timeout=0.05, **options))


def test_everything_comes_back_as_it_was(tmp_path: Path) -> None:
    opened(tmp_path / "store").save(ALL)
    kept = opened(tmp_path / "store").load()
    assert kept == Kept(
        alerts={"demo": {OPEN.key: OPEN}},
        memory=ALL.memory,
        told=ALL.told,
        silences=tuple(ALL.silences),
        notices=tuple(ALL.notices),
        messages=tuple(ALL.messages),
    )


def test_what_is_gone_is_gone_and_the_rest_stays(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    store.save(ALL)
    store.save(
        Changes(
            gone=[("demo", OPEN.key), ("demo", Key("never", "was"))],
            untold=list(ALL.told),
            silences_gone=["s1"],
            notices_gone=[7],
            messages_gone=["m1"],
        )
    )
    assert store.load() == Kept(memory=ALL.memory, messages=(ALL.messages[1],))


def test_a_transaction_that_fails_changes_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    store.save(ALL)
    unwritable = QueuedNotice(8, "slack", replace(NOTICE, cluster=object()))  # type: ignore[arg-type]
    with pytest.raises(Exception, match="object"):
        store.save(Changes(gone=[("demo", OPEN.key)], notices=[unwritable]))
    assert store.load().alerts == {"demo": {OPEN.key: OPEN}}


def test_replacing_leaves_what_is_given_and_the_whole_history(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    store.save(replace(ALL, history=[over("a", 100)]))
    store.replace(Kept(silences=(ALL.silences[0],)), [over("b", 200)])
    assert store.load() == Kept(silences=(ALL.silences[0],))
    assert [alert.agent_name for alert in store.history(HistoryQuery()).alerts] == ["b", "a"]


class TestHistory:
    @pytest.fixture
    def store(self) -> AlertStore:
        store = opened(":memory:")
        rows = [over(f"agent{i}", 1_000.0 + i) for i in range(10)]
        rows += [
            over("odd", 2_000.0, message="100% of _all_", level=AlertLevel.CRITICAL, cluster="other"),
            over("odd", 2_001.0, rule="state_changed", level=AlertLevel.INFO),
        ]
        store.save(Changes(history=rows))
        return store

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            (HistoryQuery(), 11),
            (HistoryQuery(changes=True), 12),
            (HistoryQuery(rule="state_changed"), 1),
            (HistoryQuery(level=AlertLevel.CRITICAL), 1),
            (HistoryQuery(cluster="other"), 1),
            (HistoryQuery(agent="agent3"), 1),
            (HistoryQuery(since=1_005.0), 6),
            (HistoryQuery(until=1_005.0), 5),
            (HistoryQuery(text="STOPPED"), 10),
            (HistoryQuery(text="100% of"), 1),
            (HistoryQuery(text="%"), 1),
            (HistoryQuery(text="_all_"), 1),
            (HistoryQuery(text="a_e"), 0),
            (HistoryQuery(text="' OR 1=1 --"), 0),
        ],
    )
    def test_each_field_chooses(self, store: AlertStore, query: HistoryQuery, expected: int) -> None:
        page = store.history(query)
        assert (len(page.alerts), page.total) == (expected, expected)

    def test_pages_are_newest_first_and_say_how_many_there_are(self, store: AlertStore) -> None:
        page = store.history(HistoryQuery(limit=3, offset=2))
        assert ([alert.agent_name for alert in page.alerts], page.total) == (["agent8", "agent7", "agent6"], 11)
        assert page.alerts[0] == over("agent8", 1_008.0)

    def test_what_is_older_than_it_may_be_is_dropped(self, store: AlertStore) -> None:
        assert store.prune(1_005.0, 10**9) == 5
        assert store.history(HistoryQuery()).total == 6


def test_a_history_that_is_larger_than_it_may_be_loses_its_oldest(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    store.save(replace(ALL, history=[over(f"agent{i}", float(i), message="x" * 500) for i in range(8_000)]))
    most = 2 * 1024 * 1024
    assert (tmp_path / "store").stat().st_size > most or (tmp_path / "store-wal").stat().st_size > most
    store.prune(0.0, most)
    left = store.history(HistoryQuery(limit=10_000))
    assert 500 < left.total < 4_000
    assert left.alerts[0].agent_name == "agent7999"
    assert store.load().alerts, "only the history is shortened"


class TestFile:
    def test_one_of_the_version_before_keeps_its_agents(self, tmp_path: Path) -> None:
        with sqlite3.connect(tmp_path / "store") as old:
            for statement in STEPS[0]:
                old.execute(statement)
            old.execute("INSERT INTO restarts (cluster, name, identity, count) VALUES ('demo', 'a', 'x', 4)")
            old.execute("PRAGMA user_version = 1")
        store = Store(tmp_path / "store")
        AlertStore(store).save(ALL)
        assert store.restarts("demo")["a"].count == 4
        assert AlertStore(store).load().alerts

    def test_one_of_a_newer_version_is_left_alone(self, tmp_path: Path) -> None:
        with sqlite3.connect(tmp_path / "store") as newer:
            newer.execute(f"PRAGMA user_version = {VERSION + 1}")
        with pytest.raises(StoreError, match="was written by a newer version of this program") as told:
            opened(tmp_path / "store", owner=True).load()
        assert "\n" not in str(told.value)
        assert [path.name for path in tmp_path.glob("*damaged*")] == []

    @pytest.mark.parametrize("damage", ["overwritten", "cut", "no database", "a row of another program"])
    def test_a_damaged_one_is_kept_and_a_new_one_is_begun(self, tmp_path: Path, damage: str) -> None:
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
            with sqlite3.connect(path) as other:
                other.execute("UPDATE alerts SET body = '{\"no\": 1}'")
        bad = path.read_bytes()
        store = opened(path, owner=True)
        with pytest.raises(StoreError, match=r"is damaged \(.*\): kept as .*store\.damaged-1, a new one is begun"):
            store.load()
        assert (tmp_path / "store.damaged-1").read_bytes() == bad
        assert store.load() == Kept()
        store.save(ALL)
        assert opened(path).load().alerts

    def test_a_damaged_one_that_is_not_ours_is_not_touched(self, tmp_path: Path) -> None:
        path = tmp_path / "store"
        path.write_bytes(b"these are notes of mine\n" * 500)
        with pytest.raises(StoreError, match="can't be used"):
            opened(path).load()
        assert [found.name for found in tmp_path.iterdir()] == ["store"]

    def test_one_that_is_locked_is_told_and_can_be_used_afterwards(self, tmp_path: Path) -> None:
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

    def test_a_full_disk_is_told_and_loses_nothing_that_was_written(self, tmp_path: Path) -> None:
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
