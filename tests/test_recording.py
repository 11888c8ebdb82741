"""The recorder between a picture and a store: what it keeps over restarts, failures and clocks that jump."""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from telemetry.health import without_answer
from telemetry.model import AgentHealth, AgentSample, AlertLevel, ClusterSnapshot, State
from telemetry.picture import Picture
from telemetry.recording import MOST_PAIRS, PRUNE_EVERY, WRITE_EVERY, Bounds, Recorder, Span
from telemetry.store import MEMORY, Store, StoreError
from telemetry.store.counts import Counts
from telemetry.testing import FakeClock
from tests.waiting import eventually

BOUNDS = Bounds.of(check_interval=5, retention_days=7, max_mib=64)


@dataclass
class Watch:
    """A daemon's recorder, as far as the timeline goes; seconds count from the first start."""

    path: Path | str
    clock: FakeClock = field(default_factory=FakeClock)
    picture: Picture = field(default_factory=Picture)

    def __post_init__(self) -> None:
        self.began = self.clock.now()
        self.start()

    def start(self) -> None:
        """Begins with a new process: only the file is the same."""
        self.picture = Picture()
        self.store = Store(self.path, owner=True)
        self.recorder = Recorder(self.picture, self.store, self.clock, bounds=lambda: BOUNDS)
        self.recorder._load()  # what `begin` does, but for the task that writes
        self.picture.on_change(self.recorder.look)

    def see(self, seconds: float, cluster: str = "main", restarts: int = 0, **states: State) -> None:
        """Has time pass, and looks."""
        now = self.clock.advance(seconds)
        agents = tuple(
            AgentHealth(AgentSample(name, True, restart_count=restarts), state, "", now, now, now)
            for name, state in states.items()
        )
        self.picture.publish(ClusterSnapshot(cluster, "scripted", agents, now), ())

    def span(self, cluster: str = "main") -> Span:
        """All that is known of a cluster; times count from the first start."""
        now = self.clock.now()
        found = asyncio.run(self.recorder.agents([cluster], now - 7200, now))[cluster]
        return Span(
            [(round(a - self.began, 3), round(b - self.began, 3)) for a, b in found.watched],
            {name: [(round(at - self.began, 3), s) for at, s in pairs] for name, pairs in found.agents.items()},
        )

    def counts(self, seconds: float = 3600, cluster: str = "main") -> Counts:
        now = self.clock.now()
        _, found = asyncio.run(self.recorder.counts([cluster], now - seconds, now, 1000))
        return found[cluster]

    def restarts(self) -> int:
        now = self.clock.now()
        _, found = asyncio.run(self.recorder.counts(["main"], now - 3600, now + 1, 1000))
        return sum(number or 0 for number in found["main"].restarts)


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path / "store.sqlite3")


def test_what_is_asked_is_the_same_before_and_after_it_is_written(watch: Watch) -> None:
    watch.see(0, a=State.BUSY, b=State.IDLE)
    watch.see(7, a=State.STOPPED, b=State.IDLE)
    watch.picture.count_alert("main", AlertLevel.ERROR)
    watch.see(6, a=State.BUSY, b=State.IDLE)
    watch.clock.advance(2)
    before = watch.span(), watch.counts()
    watch.recorder.write()
    assert (watch.span(), watch.counts()) == before
    watch.recorder.write()
    assert (watch.span(), watch.counts()) == before
    assert sum(n or 0 for n in before[1].alerts["error"]) == 1
    assert before[0].agents["a"] == [(0, State.BUSY), (7, State.STOPPED), (13, State.BUSY)]


def test_a_time_in_which_nobody_watched_stays_one(watch: Watch) -> None:
    watch.see(0, a=State.BUSY)
    watch.see(5, a=State.BUSY, old=State.IDLE)
    watch.recorder.write()
    watch.clock.advance(1800)
    watch.start()
    watch.see(0, a=State.STOPPED)
    watch.clock.advance(4)
    assert watch.span() == Span(
        [(0, 5), (1805, 1809)],
        {"a": [(0, State.BUSY), (1805, State.STOPPED)], "old": [(5, State.IDLE), (1805, None)]},
    )
    assert watch.counts().states["busy"].count(None) > 300


def test_restarts_while_nobody_watched_are_counted_once(watch: Watch) -> None:
    watch.see(0, restarts=2, a=State.BUSY)  # how often before, nobody knows when
    watch.see(5, restarts=3, a=State.BUSY)
    watch.recorder.write()
    watch.start()
    watch.see(60, restarts=5, a=State.BUSY)
    assert watch.restarts() == 3
    watch.recorder.write()
    watch.start()
    watch.see(5, restarts=5, a=State.BUSY)
    assert watch.restarts() == 3


def test_how_agents_were_last_is_known_to_the_next_monitor_in_this_run_and_in_the_next(watch: Watch) -> None:
    assert watch.recorder.last_seen("main") == {}
    watch.see(0, a=State.BUSY, b=State.IDLE)
    watch.see(5, a=State.UNKNOWN, b=State.IDLE)
    watch.recorder.write()
    seen = watch.recorder.last_seen("main")
    assert {name: (held.state, held.since - watch.began) for name, held in seen.items()} == {
        "a": (State.BUSY, 0),
        "b": (State.IDLE, 5),
    }
    watch.start()
    assert watch.recorder.last_seen("main") == seen
    watch.see(5)  # a source that says nobody is there, and in the same run something else
    assert watch.recorder.last_seen("main") == seen
    watch.see(5, c=State.WAITING)
    assert set(watch.recorder.last_seen("main")) == {"c"}
    watch.recorder.write()
    watch.start()
    assert set(watch.recorder.last_seen("main")) == {"c"}


def test_that_a_source_hangs_says_nothing_of_how_its_agents_were_last(watch: Watch) -> None:
    watch.see(0, a=State.STOPPED, b=State.IDLE)
    before = watch.recorder.last_seen("main")
    snapshot = watch.picture.snapshot("main")
    assert snapshot is not None
    now = watch.clock.advance(60)
    hung = without_answer(snapshot.agents, "no answer within 60 s", timed_out=True, now=now)
    watch.picture.publish(ClusterSnapshot("main", "scripted", hung, now, source_error="no answer within 60 s"), ())
    after = watch.recorder.last_seen("main")
    assert {name: (seen.state, seen.since) for name, seen in after.items()} == {
        name: (seen.state, seen.since) for name, seen in before.items()
    }


def test_a_process_that_is_killed_loses_what_was_not_written(watch: Watch) -> None:
    watch.see(0, a=State.BUSY)
    watch.clock.advance(10)
    watch.recorder.write()
    watch.see(0, a=State.STOPPED)
    watch.clock.advance(3)  # and dies
    watch.start()
    assert watch.span() == Span([(0, 10)], {"a": [(0, State.BUSY)]})


def test_a_store_that_fails_is_told_once_and_gets_it_all_later(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    watch.see(0, a=State.BUSY)
    watch.recorder.write()
    with monkeypatch.context() as broken:

        def fail() -> None:
            raise StoreError("the store /x can't be used: disk I/O error")

        broken.setattr(watch.store, "transaction", fail)
        for _ in range(5):
            watch.see(10, a=State.STOPPED)
            watch.recorder.write()
        with pytest.raises(StoreError):
            watch.span()
    told = [record for record in caplog.records if "timeline" in record.getMessage()]
    assert [record.levelname for record in told] == ["WARNING"]
    watch.recorder.write()
    assert "the timeline is kept again" in caplog.text
    assert watch.span() == Span([(0, 50)], {"a": [(0, State.BUSY), (10, State.STOPPED)]})
    stopped = watch.counts().states["stopped"]
    assert sum(10 * n for n in stopped if n is not None) == pytest.approx(40)


def test_a_failure_in_the_middle_counts_nothing_twice(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    watch.see(0, a=State.BUSY)
    watch.see(10, a=State.BUSY)
    with monkeypatch.context() as broken:
        whole, calls = watch.store.transaction, iter(range(100))

        def sometimes() -> object:
            if next(calls) >= 2:  # what is to come is dropped and the changes are there: the counts fail
                raise StoreError("the store /x can't be used: database is locked")
            return whole()

        broken.setattr(watch.store, "transaction", sometimes)
        watch.recorder.write()
    watch.recorder.write()
    assert sum(10 * n for n in watch.counts().states["busy"] if n is not None) == pytest.approx(10)
    assert watch.span() == Span([(0, 10)], {"a": [(0, State.BUSY)]})


def test_a_file_that_was_begun_anew_knows_every_state_again(watch: Watch) -> None:
    watch.see(0, a=State.BUSY, b=State.STOPPED)
    watch.recorder.write()
    assert isinstance(watch.path, Path)
    watch.store.close()
    watch.path.write_bytes(b"rubbish" * 4000)
    watch.path.with_name(watch.path.name + "-wal").unlink(missing_ok=True)
    watch.see(10, a=State.BUSY, b=State.STOPPED)
    watch.recorder.write()  # finds it, and sets it aside
    watch.see(10, a=State.IDLE, b=State.STOPPED)
    watch.recorder.write()
    found = watch.span()
    assert found.agents["b"][-1][1] is State.STOPPED
    assert found.agents["a"][-1] == (20, State.IDLE)
    watch.start()
    assert watch.span().agents == found.agents


def test_clusters_come_and_go(watch: Watch) -> None:
    watch.see(0, a=State.BUSY)
    watch.see(0, "night", b=State.IDLE)
    watch.picture.count_alert("night", AlertLevel.WARNING)
    watch.see(5, "night", b=State.IDLE)
    watch.picture.remove("night")
    watch.see(5, a=State.BUSY)
    watch.see(5, "night", b=State.BUSY)
    watch.picture.count_alert("night", AlertLevel.WARNING)
    watch.see(0, "night", b=State.BUSY)
    assert watch.span("night") == Span([(0, 5)], {"b": [(0, State.IDLE), (15, State.BUSY)]})
    assert sum(n or 0 for n in watch.counts(cluster="night").alerts["warning"]) == 2
    assert watch.span().watched == [(0, 15)]


def test_a_clock_that_is_set_back_an_hour(watch: Watch) -> None:
    watch.see(0, a=State.BUSY)
    watch.see(10, a=State.BUSY)
    watch.recorder.write()
    watch.see(-3600, a=State.IDLE)
    watch.see(10, a=State.STOPPED)
    watch.recorder.write()
    assert watch.span() == Span([(-3590, -3580)], {"a": [(-3590, State.IDLE), (-3580, State.STOPPED)]})
    watch.clock.advance(3600)
    assert not any(watch.counts().states["busy"]), "nothing is left of the time that never was"


def test_no_agent_has_more_changes_than_fit(watch: Watch) -> None:
    for number in range(2 * MOST_PAIRS):
        watch.see(1, a=State.BUSY if number % 2 else State.IDLE)
    pairs = watch.span().agents["a"]
    assert len(pairs) <= MOST_PAIRS
    assert pairs[-1] == (2 * MOST_PAIRS, State.BUSY)


def test_counts_while_others_ask(watch: Watch) -> None:
    """Writes and questions at the same time: no answer ever holds a restart twice, or one too few."""
    watch.see(0, a=State.BUSY)
    stop, seen, wrong = threading.Event(), [0], []

    def ask() -> None:
        while not stop.is_set():
            least = seen[0]
            counted = watch.restarts()
            if not least <= counted <= seen[0] + 1:
                wrong.append((least, counted))

    asking = threading.Thread(target=ask)
    asking.start()
    for number in range(1, 100):
        watch.see(1, restarts=number, a=State.BUSY)
        seen[0] = number
        watch.recorder.write()
    stop.set()
    asking.join()
    assert wrong == []
    assert watch.restarts() == 99


def test_it_writes_by_itself_prunes_and_writes_once_more_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert WRITE_EVERY == 10, "what a process that is killed loses at most"
    assert PRUNE_EVERY <= 3600
    monkeypatch.setattr("telemetry.recording.WRITE_EVERY", 0.01)
    clock, picture, store = FakeClock(), Picture(), Store(MEMORY)
    picture.count_alert("main", AlertLevel.ERROR)  # before anybody recorded
    recorder = Recorder(picture, store, clock, bounds=lambda: BOUNDS)
    written: list[int] = []

    async def run() -> None:
        await recorder.begin()
        write = recorder.write
        enough = asyncio.Event()
        loop = asyncio.get_running_loop()

        def write_and_tell() -> None:
            write()
            written.append(1)
            if len(written) == 3:
                loop.call_soon_threadsafe(enough.set)

        monkeypatch.setattr(recorder, "write", write_and_tell)
        agents = (AgentHealth(AgentSample("a", True), State.BUSY, "", 0, 0, 0),)
        picture.publish(ClusterSnapshot("main", "scripted", agents, clock.now()), ())
        await enough.wait()
        clock.advance(5)
        await recorder.stop(5)

    asyncio.run(run())
    again = Recorder(Picture(), store, clock, bounds=lambda: BOUNDS)
    found = asyncio.run(again.agents(["main"], clock.now() - 60, clock.now()))["main"]
    assert found.agents == {"a": [(clock.now() - 5, State.BUSY)]}
    assert found.watched == [(clock.now() - 5, clock.now())]
    _, counts = asyncio.run(again.counts(["main"], clock.now() - 60, clock.now(), 100))
    assert sum(n or 0 for n in counts["main"].alerts["error"]) == 0
    picture.publish(ClusterSnapshot("main", "scripted", (), clock.now()), ())  # nobody listens any more
    assert recorder._tallies["main"].pending.changes == ()


def test_a_store_that_hangs_does_not_hold_up_the_end(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    async def end() -> float:
        await watch.recorder.begin()
        monkeypatch.setattr(watch.recorder, "write", lambda: release.wait(30))
        loop = asyncio.get_running_loop()
        began = loop.time()
        await watch.recorder.stop(0.05)
        taken = loop.time() - began
        release.set()
        return taken

    assert asyncio.run(end()) < 5


def test_a_store_that_can_not_be_read_at_the_start_is_no_reason_not_to_watch(tmp_path: Path) -> None:
    folder = tmp_path / "store.sqlite3"
    folder.mkdir()
    watch = Watch(folder)
    watch.see(0, a=State.BUSY)
    watch.recorder.write()
    watch.recorder.prune()
    folder.rmdir()
    watch.see(5, a=State.STOPPED)
    watch.recorder.write()
    eventually(lambda: watch.span().agents["a"] == [(0, State.BUSY), (5, State.STOPPED)], what="all is there")
