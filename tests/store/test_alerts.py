"""What the pager keeps: all of it comes back, in whole transactions, and the history is found and bounded."""

from __future__ import annotations

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
    StoreError,
    Told,
    ToldKey,
)

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


def test_what_the_file_refuses_is_a_store_error_and_changes_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    store.save(replace(ALL, history=[over("a", 100)]))
    never_over = over("b", 200, resolved_at=None)
    with pytest.raises(StoreError, match="can't be used: NOT NULL constraint failed"):
        store.save(Changes(gone=[("demo", OPEN.key)], history=[over("c", 300), never_over]))
    with pytest.raises(StoreError, match="NOT NULL"):
        store.replace(Kept(), [never_over])
    assert store.load().alerts == {"demo": {OPEN.key: OPEN}}
    assert [alert.agent_name for alert in store.history(HistoryQuery()).alerts] == ["a"]


def test_the_same_again_takes_the_place_of_what_was() -> None:
    store = opened(":memory:")
    store.save(ALL)
    later = replace(OPEN, level=AlertLevel.CRITICAL, acknowledged=None, suppressed=None)
    told = {key: Told(AlertLevel.CRITICAL, 6.0) for key in ALL.told}
    silence = replace(ALL.silences[0], ends_at=9.0)
    store.save(Changes(alerts=[later], told=told, silences=[silence], messages=[QueuedMessage(MESSAGE, 3)]))
    kept = store.load()
    assert kept.alerts == {"demo": {OPEN.key: later}}
    assert (kept.told, kept.silences) == (told, (silence,))
    assert kept.messages == (QueuedMessage(MESSAGE, 3), ALL.messages[1])


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
            over("odd", 2_002.0, message=r"C:\temp", rule="agent_idle"),
        ]
        store.save(Changes(history=rows))
        return store

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            (HistoryQuery(), 12),
            (HistoryQuery(changes=True), 13),
            (HistoryQuery(rule="state_changed"), 1),
            (HistoryQuery(level=AlertLevel.CRITICAL), 1),
            (HistoryQuery(cluster="other"), 1),
            (HistoryQuery(agent="agent3"), 1),
            (HistoryQuery(since=1_005.0), 7),
            (HistoryQuery(until=1_005.0), 5),
            (HistoryQuery(text="STOPPED"), 10),
            (HistoryQuery(text="100% of"), 1),
            (HistoryQuery(text="%"), 1),
            (HistoryQuery(text="_all_"), 1),
            (HistoryQuery(text="a_e"), 0),
            (HistoryQuery(text=r"C:\t"), 1),
            (HistoryQuery(text=r"\\"), 0),
            (HistoryQuery(rule="agent_idle"), 1),
            (HistoryQuery(agent="odd", changes=True, since=2_001.0, until=2_002.0), 1),
            (HistoryQuery(agent="ODD"), 0),
            (HistoryQuery(text="' OR 1=1 --"), 0),
        ],
    )
    def test_each_field_chooses(self, store: AlertStore, query: HistoryQuery, expected: int) -> None:
        page = store.history(query)
        assert (len(page.alerts), page.total) == (expected, expected)

    def test_pages_are_newest_first_and_say_how_many_there_are(self, store: AlertStore) -> None:
        page = store.history(HistoryQuery(limit=3, offset=3))
        assert ([alert.agent_name for alert in page.alerts], page.total) == (["agent8", "agent7", "agent6"], 12)
        assert page.alerts[0] == over("agent8", 1_008.0)

    def test_what_was_over_at_the_same_moment_is_on_one_page_only(self) -> None:
        store = opened(":memory:")
        store.save(Changes(history=[over(f"agent{i}", 5.0) for i in range(9)]))
        pages = [store.history(HistoryQuery(limit=2, offset=offset)).alerts for offset in range(0, 10, 2)]
        assert sorted(alert.agent_name for page in pages for alert in page) == [f"agent{i}" for i in range(9)]

    def test_what_is_older_than_it_may_be_is_dropped(self, store: AlertStore) -> None:
        assert store.prune(1_005.0, 10**9) == 5
        assert store.history(HistoryQuery()).total == 7


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


def test_a_file_that_is_pruned_again_and_again_does_not_grow(tmp_path: Path) -> None:
    store = Database(tmp_path / "store")
    sizes = []
    for round_ in range(6):
        rows = [over(f"agent{i}", round_ * 10_000.0 + i, message="x" * 500) for i in range(2_500)]
        AlertStore(store).save(Changes(history=rows))
        AlertStore(store).prune(0.0, 1024 * 1024)
        store.close()  # what stands in the write-ahead log goes into the file
        sizes.append((tmp_path / "store").stat().st_size)
    assert max(sizes) < 3 * 1024 * 1024, "it would be 9 MiB"
    (newest,) = AlertStore(store).history(HistoryQuery(limit=1)).alerts
    assert newest.resolved_at == 52_499.0
