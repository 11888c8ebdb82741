"""ClusterMonitor: the seed's API, and what a check tells the world."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from dataclasses import replace
from typing import Any

import pytest

from telemetry import Alert, AlertLevel, ClusterMonitor
from telemetry.alerts import CATALOGUE
from telemetry.model import AgentSample, Reading, State
from telemetry.sources.base import SourceError
from telemetry.sources.manager import ManagerSource
from telemetry.testing import CapturedSignals, FakeClock, RecordingNotifier, ScriptedSource
from tests.waiting import eventually

UP = AgentSample("a", running=True, reported=State.BUSY, proven=True)
OTHER = AgentSample("b", running=True, reported=State.BUSY, proven=True)
DOWN = AgentSample("a", running=False, reason="exited")


class Seed:
    """A cluster manager as the seed has it."""

    def __init__(self) -> None:
        self.agents: list[dict[str, Any]] = [self.agent("grand_boss"), self.agent("middle_manager")]

    @staticmethod
    def agent(name: str, running: bool = True) -> dict[str, Any]:
        return {"name": name, "role": "r", "running": running, "restart_count": 0, "last_activity": 0.0}

    def get_status(self) -> dict[str, Any]:
        return {"cluster_name": "cc", "session_name": "s", "session_exists": True, "agents": self.agents}


def monitor_of(*steps: Any, **options: Any) -> tuple[ClusterMonitor, CapturedSignals, FakeClock]:
    clock = FakeClock()
    captured = CapturedSignals(clock)
    source = ScriptedSource.of(*steps)
    return ClusterMonitor.for_source(source, signals=captured.signals, clock=clock, **options), captured, clock


def check(monitor: ClusterMonitor, clock: FakeClock) -> None:
    clock.advance(5)
    try:
        asyncio.run(monitor.check_now())
    except RuntimeError:
        assert monitor.snapshot is not None
        assert monitor.snapshot.source_error


def test_the_seeds_program_works_after_changing_one_import() -> None:
    told: list[Alert] = []
    manager = Seed()

    async def send(alert: Alert) -> None:
        await asyncio.sleep(0)
        told.append(alert)

    async def program() -> None:
        monitor = ClusterMonitor(
            manager,
            check_interval=5.0,
            agent_timeout=60.0,
            max_idle_time=300.0,
            alert_callback=lambda alert: send(alert),  # noqa: PLW0108 - as the seed's users write it
        )
        assert monitor.get_metrics() is None
        monitor.start()
        assert monitor.is_running()
        metrics = await monitor.check_now()
        assert (metrics.total_agents, metrics.running_agents, metrics.unhealthy_agents) == (2, 2, 0)
        manager.agents[1]["running"] = False
        await monitor.check_now()
        await asyncio.sleep(0.01)
        assert [(a.level, a.agent_name) for a in told] == [(AlertLevel.ERROR, "middle_manager")]
        assert [a.agent_name for a in monitor.get_alerts(level=AlertLevel.ERROR, resolved=False)] == ["middle_manager"]
        summary = monitor.get_status_summary()
        assert summary["monitoring"] is True
        assert summary["unresolved_alerts"] == 2
        assert summary["last_metrics"]["running_agents"] == 1
        monitor.resolve_alert(0)
        assert monitor.get_status_summary()["unresolved_alerts"] == 1
        await monitor.check_now()
        assert monitor.get_status_summary()["unresolved_alerts"] == 1
        monitor.clear_alerts()
        assert monitor.get_alerts() == []
        await monitor.stop_async()
        assert not monitor.is_running()

    asyncio.run(program())


def test_start_without_a_loop_watches_from_a_thread_of_its_own() -> None:
    seen = threading.Event()
    callback_threads = set()

    class Manager(Seed):
        def get_status(self) -> dict[str, Any]:
            self.agents[0]["running"] = False
            return super().get_status()

    def callback(alert: Alert) -> None:
        callback_threads.add(threading.current_thread().name)
        seen.set()

    monitor = ClusterMonitor(Manager(), check_interval=0.01, alert_callback=callback)
    monitor.start()
    assert seen.wait(10)
    assert asyncio.run(monitor.check_now()).running_agents == 1
    monitor.stop()
    assert not monitor.is_running()
    assert callback_threads == {"cluster-monitor default"}
    monitor.start()
    assert monitor.is_running()
    monitor.stop()


def test_a_callback_that_raises_or_never_returns_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def bad(alert: Alert) -> None:
        raise ValueError("callback")

    async def bad_async(alert: Alert) -> None:
        raise ValueError("async callback")

    async def never(alert: Alert) -> None:
        await asyncio.Event().wait()

    async def scenario(callback: Any) -> None:
        monitor, _, clock = monitor_of([UP, OTHER], [DOWN, OTHER], [UP, OTHER], alert_callback=callback)
        for _ in range(6):
            clock.advance(5)
            await monitor.check_now()
            await asyncio.sleep(0)
        metrics = monitor.get_metrics()
        assert metrics is not None
        assert metrics.running_agents == 2

    for callback in (bad, bad_async, never):
        asyncio.run(scenario(callback))
    assert caplog.text.count("the alert callback raised") == 4  # an alert fired and was over, of two callbacks


def test_a_callback_hears_of_warning_and_above_and_of_the_end() -> None:
    notifier = RecordingNotifier()
    monitor, _, clock = monitor_of([UP, OTHER], [DOWN, OTHER], [UP, OTHER], alert_callback=notifier)
    for _ in range(6):
        check(monitor, clock)
    assert [(a.agent_name, a.level.value, a.resolved, a.message) for a in notifier.told] == [
        ("a", "error", False, "agent stopped: exited"),
        ("a", "info", True, "over after 20 s: agent stopped: exited"),
    ]


def test_a_callback_hears_the_same_thing_once_and_what_it_means_for_the_cluster_when_it_grows() -> None:
    notifier = RecordingNotifier()
    third = AgentSample("c", running=True, reported=State.BUSY, proven=True)
    also_down = AgentSample("b", running=False, reason="exited")
    monitor, _, clock = monitor_of(
        [UP, OTHER, third], [DOWN, OTHER, third], [DOWN, also_down, third], alert_callback=notifier
    )
    for _ in range(720):
        check(monitor, clock)
    assert sorted((a.agent_name, a.level.value) for a in notifier.told) == [(n, "error") for n in ("a", "b", "demo")]


def test_what_a_person_resolved_is_told_as_over_to_nobody_twice() -> None:
    notifier = RecordingNotifier()
    monitor, _, clock = monitor_of([UP, OTHER], [DOWN, OTHER], alert_callback=notifier)
    check(monitor, clock)
    check(monitor, clock)
    monitor.clear_alerts()
    assert monitor.get_alerts() == []
    for _ in range(10):
        check(monitor, clock)
    assert [(a.agent_name, a.level.value, a.resolved) for a in notifier.told] == [
        ("a", "error", False),
        ("a", "info", True),
    ]


def test_an_alert_that_somebody_takes_care_of_says_so() -> None:
    async def scenario() -> None:
        monitor, _, clock = monitor_of([UP, OTHER], [DOWN, OTHER])
        for _ in range(2):
            clock.advance(5)
            await monitor.check_now()
        (alert,) = monitor.get_alerts(level=AlertLevel.ERROR)
        assert await monitor.acknowledge("no such id", "ann") is None
        assert await monitor.acknowledge(alert.id, "ann", "at it") is not None
        (alert,) = monitor.get_alerts(level=AlertLevel.ERROR)
        assert alert.acknowledged_by == "ann"

    asyncio.run(scenario())


def test_a_source_that_fails_means_unknown_one_alert_a_metric_and_goes_on() -> None:
    monitor, captured, clock = monitor_of([UP, OTHER], SourceError("no tmux"), SourceError("no tmux"), [UP, OTHER])
    for _ in range(3):
        check(monitor, clock)
    assert monitor.snapshot is not None
    assert {agent.state for agent in monitor.snapshot.agents} == {State.UNKNOWN}
    failures = [a for a in monitor.get_alerts() if a.rule == "source_failing"]
    assert [a.message for a in failures] == ["the source does not answer: no tmux"]
    durations = captured.metrics()["orchestrator.monitor.check.duration"]
    assert {dict(key)["outcome"]: point.count for key, point in durations.items()} == {"ok": 1, "error": 2}
    for _ in range(4):
        check(monitor, clock)
    assert {agent.state for agent in monitor.snapshot.agents} == {State.BUSY}
    assert [a.resolved for a in monitor.get_alerts() if a.rule == "source_failing"] == [True]


def test_what_goes_on_after_a_source_that_failed_has_been_so_since_it_began() -> None:
    rules = [replace(rule, enabled=True) for rule in CATALOGUE]
    asks, lost = OTHER._replace(reported=State.WAITING), SourceError("no tmux")
    steps = [[UP, asks], *[[DOWN, asks]] * 14, lost, [DOWN, asks], [UP, asks]]
    monitor, _, clock = monitor_of(*steps, rules=rules)
    began = clock.now() + 5
    for _ in range(len(steps) - 2):
        check(monitor, clock)
    alerts = {alert.rule: alert.id for alert in monitor.open_alerts if alert.rule != "source_failing"}
    assert set(alerts) == {"agent_stopped", "stopped_agents", "agent_waiting"}
    check(monitor, clock)
    assert monitor.snapshot is not None
    assert {a.name: a.since for a in monitor.snapshot.agents} == {"a": began + 5, "b": began}
    assert {alert.rule: alert.id for alert in monitor.open_alerts if alert.rule != "source_failing"} == alerts
    check(monitor, clock)
    assert {a.name: a.since for a in monitor.snapshot.agents} == {"a": clock.now(), "b": began}


def test_a_source_that_raises_what_it_should_not_is_told_as_failing_too() -> None:
    monitor, _, clock = monitor_of(ZeroDivisionError("oops"))
    check(monitor, clock)
    assert monitor.snapshot is not None
    assert monitor.snapshot.source_error.startswith("ZeroDivisionError")


def test_a_source_that_does_not_answer_in_time_makes_its_agents_unresponsive() -> None:
    class Hangs(ScriptedSource):
        async def read(self, now: float) -> Any:
            if self.reads:
                await asyncio.Event().wait()
            return await super().read(now)

    clock = FakeClock()
    captured = CapturedSignals(clock)
    source = Hangs.of([UP])
    monitor = ClusterMonitor.for_source(source, agent_timeout=0.01, signals=captured.signals, clock=clock)
    check(monitor, clock)
    check(monitor, clock)
    assert monitor.snapshot is not None
    assert [agent.state for agent in monitor.snapshot.agents] == [State.UNRESPONSIVE]
    assert captured.metric("orchestrator.agent.state", cluster="demo", agent_name="a", state="unresponsive") == 1
    assert captured.metric("orchestrator.agent.up", cluster="demo", agent_name="a") == 1


def test_only_a_check_that_holds_something_becomes_a_trace() -> None:
    monitor, captured, clock = monitor_of([UP, OTHER], [UP, OTHER], [DOWN, OTHER], [DOWN, OTHER])
    for _ in range(4):
        check(monitor, clock)
    assert [span.name for span in captured.spans] == [
        "orchestrator.source.read",
        "orchestrator.evaluate",
        "orchestrator.check",
    ]
    root = captured.spans[-1]
    assert root.context is not None
    assert root.parent is None
    assert all(span.parent and span.parent.span_id == root.context.span_id for span in captured.spans[:-1])
    (alert,) = monitor.get_alerts(level=AlertLevel.ERROR)
    assert alert.trace_id == format(root.context.trace_id, "032x")
    assert captured.flushes == 1


def test_alerts_are_counted_once_a_level_and_state_changes_as_info() -> None:
    monitor, captured, clock = monitor_of([UP, OTHER], [DOWN, OTHER], [DOWN, OTHER], [UP, OTHER])
    for _ in range(4):
        check(monitor, clock)
    counts = {dict(k)["level"]: v for k, v in captured.metrics()["orchestrator.cluster.alerts"].items()}
    assert counts == {"info": 2, "warning": 1, "error": 1, "critical": 0}


def test_a_cluster_that_its_first_answer_names_leaves_nothing_under_its_first_name() -> None:
    clock = FakeClock()
    captured = CapturedSignals(clock)
    source = ManagerSource(Seed())
    monitor = ClusterMonitor.for_source(source, signals=captured.signals, clock=clock)
    check(monitor, clock)
    assert {cluster for cluster, _ in captured.picture.alert_counts} == {"cc"}


def test_open_alerts_are_told_however_many_there_are() -> None:
    dead = [AgentSample(f"a{i}", running=False) for i in range(1_500)]
    monitor, _, clock = monitor_of(dead)
    check(monitor, clock)
    assert len(monitor.get_alerts(level=AlertLevel.ERROR, limit=5_000)) == 1_500


def test_a_failing_source_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    monitor, _, clock = monitor_of([UP, OTHER], *[SourceError("no tmux")] * 3, [UP, OTHER])
    with caplog.at_level("INFO"):
        for _ in range(8):
            check(monitor, clock)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert "demo: the source does not answer: no tmux" in caplog.text
    assert "demo: over after 30 s: the source does not answer: no tmux" in caplog.text


def test_a_fault_in_a_source_is_one_traceback_while_it_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    monitor, _, clock = monitor_of(ZeroDivisionError("oops"))
    for _ in range(5):
        check(monitor, clock)
    assert caplog.text.count("Traceback") == 1


def test_nothing_is_told_after_the_end() -> None:
    notifier, hangs, release = RecordingNotifier(), asyncio.Event(), asyncio.Event()

    class Slow(ScriptedSource):
        async def read(self, now: float) -> Any:
            if self.reads:
                hangs.set()
                await release.wait()
            return await super().read(now)

    async def scenario() -> None:
        clock = FakeClock()
        source = Slow([Reading((UP,)), Reading((DOWN,))])
        captured = CapturedSignals(clock)
        monitor = ClusterMonitor.for_source(
            source, check_interval=0.001, signals=captured.signals, clock=clock, alert_callback=notifier
        )
        monitor.start()
        await hangs.wait()
        await monitor.close()
        release.set()
        await asyncio.sleep(0)
        assert (source.closed, source.reads, notifier.told) == (True, 1, [])

    asyncio.run(scenario())


@pytest.mark.parametrize("turns", [0, 1, 2, 5])
def test_a_monitor_whose_loop_was_closed_runs_no_more_and_can_be_started_again(
    turns: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever the loop left its check."""
    monitor, _, _ = monitor_of([UP], check_interval=0.01)
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # asyncio says that a task was left, which is meant

    async def begin() -> None:
        monitor.start()
        for _ in range(turns):
            await asyncio.sleep(0)

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        loop.run_until_complete(begin())
        loop.close()
        assert not monitor.is_running()
        before = monitor.snapshot
        monitor.start()
        assert monitor.is_running()
        gc.collect()  # what the closed loop left must not end what was begun since
        eventually(lambda: monitor.snapshot is not before, what="a check")
        monitor.stop()
        gc.collect()
    assert [str(one.message) for one in warned] == []
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 4])
def test_a_monitor_that_is_stopped_in_a_check_and_started_again_at_once_goes_on(turns: int) -> None:
    answered = asyncio.Event()

    class Slow(ScriptedSource):
        async def read(self, now: float) -> Any:
            await asyncio.sleep(0.01)
            answered.set()
            return await super().read(now)

    clock = FakeClock()
    monitor = ClusterMonitor.for_source(
        Slow([Reading((UP,))]), signals=CapturedSignals(clock).signals, clock=clock, check_interval=0.001
    )

    async def program() -> None:
        monitor.start()
        for _ in range(turns):
            await asyncio.sleep(0)
        monitor.stop()
        monitor.start()
        await answered.wait()
        assert monitor.is_running()
        await monitor.stop_async()

    asyncio.run(asyncio.wait_for(program(), 10))


def test_a_source_is_never_read_twice_at_once() -> None:
    class Slow(ScriptedSource):
        inside = most = 0

        async def read(self, now: float) -> Any:
            self.inside += 1
            self.most = max(self.most, self.inside)
            await asyncio.sleep(0.01)
            self.inside -= 1
            return await super().read(now)

    source = Slow([Reading((UP,))])
    monitor = ClusterMonitor.for_source(source, signals=CapturedSignals(FakeClock()).signals, clock=FakeClock())

    async def many() -> None:
        await asyncio.gather(*(monitor.check_now() for _ in range(20)))

    asyncio.run(many())
    assert (source.most, source.reads) == (1, 1)


@pytest.mark.parametrize("name", ["check_interval", "agent_timeout", "max_idle_time"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_impossible_times_are_refused_by_name(name: str, value: float) -> None:
    options: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=f"^{name}: .* allowed is a positive number of seconds"):
        ClusterMonitor(Seed(), **options)


def test_the_metrics_of_an_alert_say_whether_it_is_open_and_whether_anybody_is_told() -> None:
    monitor, captured, clock = monitor_of([UP, OTHER], [DOWN, OTHER], [UP, OTHER])

    def told(rule: str, level: str, agent: str) -> tuple[float, float]:
        names = {"cluster": "demo", "agent_name": agent, "rule": rule}
        return (
            captured.metric("orchestrator.alert.active", **names, level=level),
            captured.metric("orchestrator.alert.suppressed", **names),
        )

    check(monitor, clock)
    check(monitor, clock)
    assert told("agent_stopped", "error", "a") == (1, 0)
    assert told("stopped_agents", "warning", "demo") == (1, 1)
    check(monitor, clock)  # its cause is over: it waits whether that lasts
    assert told("agent_stopped", "error", "a") == (1, 0)
    for _ in range(4):
        check(monitor, clock)
    assert told("agent_stopped", "error", "a") == (0, 0)
