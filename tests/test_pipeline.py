"""Alerts about where telemetry goes: kept over restarts, acknowledged, told to a real receiver, and over."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from telemetry.model import PIPELINE
from telemetry.paging import Paging
from telemetry.picture import Outlet, Outlets
from telemetry.pipeline import PipelineAlerts
from telemetry.settings import SettingsError, load
from telemetry.signals.exposition import Exposition
from telemetry.store import HistoryQuery
from telemetry.watching import watches
from tests.test_paging import World, run

TEXT = "channels: {webhook: {url: RECEIVER}}"
LOST: dict[str, int] = {"logs": 0}


class Way:
    """The pipeline of a world whose collector has one backend."""

    def __init__(self, world: World, desk: Paging | None = None) -> None:
        self.world = world
        self.alerts = PipelineAlerts(world.desk.rules, desk or world.desk, world.captured.signals, world.clock)
        self.backend: dict[str, Any] = {}
        world.captured.picture.leaves_by(self._outlets)

    def _outlets(self) -> Outlets:
        loki = Outlet("loki", True, LOST, LOST, LOST, {"logs": self.backend.get("usage", 0.0)})
        return Outlets([loki], damaged_files=0, is_own=True)

    async def look(self, usage: float, after: float = 5.0) -> None:
        """One look at a queue that is so full."""
        self.world.clock.advance(after)
        self.backend["usage"] = usage
        await self.alerts.look()


def page(world: World) -> str:
    """The lines of /metrics about alerts of the pipeline."""
    lines = Exposition(world.captured.picture).render(world.clock.now()).decode().splitlines()
    return "\n".join(line for line in lines if PIPELINE in line)


def test_it_is_told_with_what_to_do_and_its_end_too(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        way = Way(world)
        await way.look(0.2)
        assert way.alerts.open_alerts == ()
        await way.look(0.8)
        (body,) = await world.delivered(1)
        (told,) = body["alerts"]
        assert (told["cluster"], told["agent"], told["rule"]) == (PIPELINE, "loki", "backend_queue_filling")
        assert (told["level"], told["kind"]) == ("warning", "firing")
        assert told["message"] == "the collector's queue of logs for this backend is at least 70 % full"
        assert "ORCHESTRATOR_COLLECTOR_QUEUE_BYTES" in told["todo"]
        assert told["runbook_url"] == "http://d:8000/runbooks#backend_queue_filling"
        labels = 'cluster="@pipeline",agent_name="loki",rule="backend_queue_filling",level="warning"'
        assert f"orchestrator_alert_active{{{labels}}} 1.0" in page(world)
        assert 'orchestrator_cluster_alerts_total{cluster="@pipeline",level="warning"} 1.0' in page(world)
        await way.look(0.2)
        await way.look(0.2, after=60)
        _, body = await world.delivered(2)
        assert (body["alerts"][0]["kind"], body["alerts"][0]["rule"]) == ("resolved", "backend_queue_filling")
        assert f"orchestrator_alert_active{{{labels}}} 0.0" in page(world)
        await way.look(0.2, after=1_000)
        assert f"orchestrator_alert_active{{{labels}}}" not in page(world)
        kept = await world.desk.history(HistoryQuery(cluster=PIPELINE))
        assert [(held.rule, held.agent_name) for held in kept.alerts] == [("backend_queue_filling", "loki")]
        (over,) = way.alerts.get_alerts(resolved=True)
        assert over.rule == "backend_queue_filling"

    run(tmp_path, TEXT, story)


def test_it_stays_open_over_a_restart_and_is_no_news_then(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        way = Way(world)
        await way.look(0.8)
        (before,) = way.alerts.open_alerts
        event = await way.alerts.acknowledge(before.id, "mia", "loki moves")
        assert event is not None
        assert await way.alerts.acknowledge("nosuch", "mia") is None
        await world.delivered(1)
        await world.desk.stop(1.0)

        world.desk = world.made(TEXT)  # the next run
        await world.desk.begin()
        again = Way(world)
        await world.desk.leave({PIPELINE})
        await again.look(0.8)
        (after,) = again.alerts.open_alerts
        assert after.id == before.id
        assert after.acknowledged is not None
        assert after.acknowledged.by == "mia"
        world.clock.advance(60)
        assert len(await world.delivered(1)) == 1

    run(tmp_path, TEXT, story)


def test_where_nothing_is_sent_any_more_what_was_open_ends(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await Way(world).look(0.8)
        await world.delivered(1)
        await world.desk.leave({"main"})
        _, body = await world.delivered(2)
        assert body["alerts"][0]["kind"] == "resolved"

    run(tmp_path, TEXT, story)


def test_other_rules_hold_from_the_next_look_on(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        way = Way(world)
        await way.look(0.6)
        changed = world.settings(
            f"{TEXT}\noverrides: [{{cluster: '@pipeline', agent: loki, rules: "
            "{backend_queue_filling: {thresholds: '50,80,95'}}}]"
        )
        prepared = world.desk.prepared(changed)
        await world.desk.use(prepared)
        way.alerts.use(prepared.rules)
        await way.look(0.6)
        (alert,) = way.alerts.open_alerts
        assert alert.message.endswith("at least 50 % full")
        await way.look(0.96)
        assert way.alerts.open_alerts[0].level == "critical"
        off = world.desk.prepared(world.settings(f"{TEXT}\nrules: {{backend_queue_filling: {{enabled: false}}}}"))
        way.alerts.use(off.rules)
        await way.look(0.6)
        await way.look(0.7)
        assert way.alerts.open_alerts == ()

    run(tmp_path, TEXT, story)


def test_it_looks_by_itself_and_a_fault_of_ours_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(world: World) -> None:
        looks = 0

        async def look() -> None:
            nonlocal looks
            looks += 1
            if looks == 1:
                raise ZeroDivisionError
            done.set()

        done = asyncio.Event()
        way = Way(world)
        monkeypatch.setattr("telemetry.pipeline.EVERY", 0.001)
        monkeypatch.setattr(way.alerts, "look", look)
        way.alerts.start()
        await asyncio.wait_for(done.wait(), 10)
        await way.alerts.stop()

    run(tmp_path, TEXT, story)
    assert caplog.text.count("the pipeline could not be judged") == 1


def test_no_cluster_may_have_its_name(tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text("cluster: {name: '@pipeline'}")
    for text, where in {
        "cluster_name: '@pipeline'": "the name of a cluster",
        "clusters: [{name: '@pipeline'}]": "the name of a cluster",
        "cluster_file: agents.yaml": "agents.yaml: cluster.name",
    }.items():
        (tmp_path / "s.yaml").write_text(text.replace("agents.yaml", str(tmp_path / "agents.yaml")))
        settings = load({}, {"HOME": str(tmp_path)}, tmp_path, str(tmp_path / "s.yaml")).settings
        with pytest.raises(SettingsError, match=f"{where} is '@pipeline': it must be another"):
            watches(settings)
