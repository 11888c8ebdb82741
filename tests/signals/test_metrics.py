"""The same picture through both adapters: Prometheus text and OpenTelemetry."""

from __future__ import annotations

import math
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from telemetry.alerts import Engine, EngineState
from telemetry.health import Limits, evaluate
from telemetry.model import AgentSample, AlertLevel, ClusterSnapshot, Detail, State, TeamTasks
from telemetry.picture import CLOSED_ALERTS_SHOWN_FOR, Outlet, Outlets, Picture, Sending
from telemetry.signals.exposition import Exposition, number
from telemetry.signals.semconv import METRICS, Kind
from telemetry.testing import CapturedSignals, FakeClock

HOSTILE = 'a"b\\c, {d="e"} 名前'


def fill(
    picture: Picture, now: float, *samples: AgentSample, cluster: str = "demo", tasks: tuple[TeamTasks, ...] = ()
) -> ClusterSnapshot:
    snapshot = ClusterSnapshot(cluster, "test", evaluate(samples, [], Limits(), now), now, tasks=tasks)
    firing = Engine().evaluate(EngineState(), snapshot).state.firing()
    picture.publish(snapshot, tuple(alert.as_alert() for alert in firing))
    return snapshot


def parsed(page: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_both_adapters_tell_the_same() -> None:
    clock = FakeClock()
    captured = CapturedSignals(clock)
    fill(
        captured.picture,
        clock.now(),
        AgentSample(
            HOSTILE,
            running=True,
            last_activity=clock.now() - 12.5,
            detail=Detail(cpu_seconds=3.25, memory_bytes=123_456_789),
        ),
        AgentSample("dead", running=False, restart_count=3),
        tasks=(TeamTasks("alpha", open=1, in_progress=2, blocked=3, done=4, oldest_at=clock.now() - 90),),
    )
    captured.picture.count_alert("demo", AlertLevel.ERROR)
    captured.picture.count_delivery("slack", "delivered")
    captured.picture.set_store_problem("disk full")
    captured.picture.sent_by(
        lambda: {"logs": Sending(7, {"queue_full": 1}, waiting=3, waiting_bytes=900, capacity_bytes=1000)}
    )
    by_signal = {"logs": 5}
    outlet = Outlet("loki", True, by_signal, by_signal, by_signal, {"logs": 0.25})
    captured.picture.leaves_by(lambda: Outlets([outlet], damaged_files=1))
    for seconds in (0.0005, 0.004, 99.0):
        captured.picture.observe_check("demo", "test", "ok", seconds)
        captured.signals.instruments.observe_check("demo", "test", "ok", seconds)
    page = parsed(Exposition(captured.picture).render(clock.now()))
    collected = captured.metrics()
    assert set(collected) == {metric.name for metric in METRICS}
    for metric in METRICS:
        for attributes, value in collected[metric.name].items():
            if metric.kind is Kind.HISTOGRAM:
                assert page[metric.prometheus + "_count", attributes] == value.count
                assert page[metric.prometheus + "_sum", attributes] == value.sum
                total = 0
                for bound, count in zip([*value.explicit_bounds, math.inf], value.bucket_counts, strict=True):
                    total += count
                    assert page[metric.prometheus + "_bucket", attributes | {("le", number(bound))}] == total
            else:
                assert page[metric.prometheus, attributes] == value
    observed = {name for name, _ in page if not re.search(r"_duration_seconds_(bucket|sum|count)$", name)}
    assert observed == {metric.prometheus for metric in METRICS if metric.kind is not Kind.HISTOGRAM}


def test_the_seeds_four_names_are_exact() -> None:
    clock, picture = FakeClock(), Picture()
    fill(picture, clock.now(), AgentSample("grand_boss", running=True, restart_count=2, last_activity=clock.now() - 7))
    page = Exposition(picture).render(clock.now()).decode().splitlines()
    assert 'orchestrator_agent_up{cluster="demo",agent_name="grand_boss"} 1.0' in page
    assert 'orchestrator_agent_idle_time_seconds{cluster="demo",agent_name="grand_boss"} 7.0' in page
    assert 'orchestrator_agent_restarts_total{cluster="demo",agent_name="grand_boss"} 2.0' in page
    for level in AlertLevel:
        assert f'orchestrator_cluster_alerts_total{{cluster="demo",level="{level.value}"}} 0.0' in page


def test_every_state_has_its_series_and_exactly_one_is_1() -> None:
    clock, picture = FakeClock(), Picture()
    fill(picture, clock.now(), AgentSample("a", running=True, reported=State.WAITING))
    page = parsed(Exposition(picture).render(clock.now()))
    states = {
        dict(labels)["state"]: value for (name, labels), value in page.items() if name == "orchestrator_agent_state"
    }
    assert states == {state.value: float(state is State.WAITING) for state in State}


def test_scrapes_do_not_count() -> None:
    clock, picture = FakeClock(), Picture()
    fill(picture, clock.now(), AgentSample("a", running=True, restart_count=1))
    exposition = Exposition(picture)
    pages = {exposition.render(clock.now()) for _ in range(100)}
    assert len(pages) == 1


def test_an_alert_that_is_over_goes_to_0_and_later_away() -> None:
    clock = FakeClock()
    captured = CapturedSignals(clock)
    picture = captured.picture
    key = {"cluster": "demo", "agent_name": "a", "rule": "agent_stopped", "level": "error"}
    fill(picture, clock.now(), AgentSample("a", running=False), AgentSample("b", running=True))
    assert captured.metric("orchestrator.alert.active", **key) == 1
    fill(picture, clock.advance(5), AgentSample("a", running=True), AgentSample("b", running=True))
    assert captured.metric("orchestrator.alert.active", **key) == 0
    fill(picture, clock.advance(CLOSED_ALERTS_SHOWN_FOR + 1), AgentSample("a", running=True))
    assert "orchestrator.alert.active" not in captured.metrics()


def test_an_agent_or_a_cluster_that_is_watched_no_longer_goes_at_once() -> None:
    clock, picture = FakeClock(), Picture()
    fill(picture, clock.now(), AgentSample("a", running=True), AgentSample("b", running=True))
    fill(picture, clock.now(), AgentSample("x", running=True), cluster="other")
    fill(picture, clock.now(), AgentSample("b", running=True))
    picture.remove("other")
    page = Exposition(picture).render(clock.now()).decode()
    assert 'agent_name="b"' in page
    assert 'agent_name="a"' not in page
    assert 'cluster="other"' not in page


def test_no_unit_and_no_name_that_an_exporter_would_turn_into_another() -> None:
    suffix = {Kind.COUNTER: "_total", Kind.GAUGE: "", Kind.HISTOGRAM: ""}
    for metric in METRICS:
        assert metric.unit != "1"
        unit = {"s": "_seconds", "By": "_bytes"}.get(metric.unit, "")
        assert metric.prometheus == metric.name.replace(".", "_") + unit + suffix[metric.kind]


@pytest.mark.slow
def test_a_thousand_agents_overflow_nothing() -> None:
    from opentelemetry.sdk import metrics as sdk
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    from telemetry.signals.metrics import PictureInstruments
    from telemetry.signals.providers import series_limits

    clock, picture = FakeClock(), Picture()
    reader = InMemoryMetricReader(cardinality_limits=series_limits())
    PictureInstruments(sdk.MeterProvider([reader]).get_meter("test"), picture, clock)
    fill(picture, clock.now(), *(AgentSample(f"agent-{i}", running=i % 7 > 0) for i in range(1_000)))
    data = reader.get_metrics_data()
    assert data is not None
    points = {
        metric.name: [dict(point.attributes or {}) for point in metric.data.data_points]
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }
    assert len(points["orchestrator.agent.state"]) == 6_000
    assert not any("otel.metric.overflow" in attributes for held in points.values() for attributes in held)


def test_numbers_as_prometheus_reads_them() -> None:
    assert [number(x) for x in (1.0, math.inf, -math.inf, math.nan, 1e300)] == ["1.0", "+Inf", "-Inf", "NaN", "1e+300"]
