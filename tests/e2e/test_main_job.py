"""The user's sentence: set the OTLP endpoint variables, run the collector, query any supported backend."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.backends.prometheus import Prometheus, Sample, promtool_check_metrics
from tests.backends.server import free_ports
from tests.e2e.world import JOB, World, monitor
from tests.sources.real_tmux import TmuxServer
from tests.waiting import eventually

pytestmark = pytest.mark.slow

AGENTS = (
    "grand_boss",
    "middle_manager",
    "coding_writing_specialist",
    "research_analysis_specialist",
    "testing_specialist",
)
VICTIM = "coding_writing_specialist"
AGENT = "sh -c 'while :; do date; sleep 1; done'"


def cluster(tmux: TmuxServer, *, remain_on_exit: bool) -> dict[str, str]:
    """Five panes whose agents print a line a second; {agent: pane id}."""
    panes = {AGENTS[0]: tmux.session("work", AGENT)}
    tmux("set-option", "-g", "remain-on-exit", "on" if remain_on_exit else "off")
    for name in AGENTS[1:]:
        panes[name] = tmux.split("work", AGENT)
    for name, pane in panes.items():
        tmux.name_pane(pane, name, "agent")
    return panes


def is_value(value: float) -> Callable[[list[Sample]], bool]:
    return lambda samples: [sample.value for sample in samples] == [value]


def up(agent: str) -> str:
    return f'orchestrator_agent_up{{agent_name="{agent}",job="{JOB}"}}'


def restarts(agent: str) -> str:
    return f'orchestrator_agent_restarts_total{{agent_name="{agent}",job="{JOB}"}}'


def at_once(since: float, questions: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Asks them all side by side until each has its answer; seconds from `since` until then."""

    def answered(question: Callable[[], object], what: str) -> float:
        eventually(question, what=what)
        return round(time.time() - since, 2)

    with ThreadPoolExecutor(len(questions)) as threads:
        futures = {what: threads.submit(answered, question, what) for what, question in questions.items()}
        return {what: future.result() for what, future in futures.items()}


def error_in_elasticsearch(world: World, agent: str) -> dict[str, Any] | None:
    found = world.elasticsearch.search(
        "logs-*",
        {"bool": {"must": [{"match": {"severity_text": "ERROR"}}, {"match": {"attributes.agent_name": agent}}]}},
    )
    return found[0] if found else None


def test_a_death_and_a_return_are_seen_in_every_backend(
    everything: World, tmux: TmuxServer, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    world, panes = everything, cluster(tmux, remain_on_exit=True)
    settings = {"ORCHESTRATOR_TMUX_SOCKET": tmux.socket_name, **world.otlp}
    with monitor(tmp_path, port=world.monitor_port, **settings) as watching:
        watching.until_ready()
        for name in AGENTS:
            world.everywhere(up(name), is_value(1.0))
        # every way a restart count is absolute and was 0 before
        world.everywhere(restarts(VICTIM), is_value(0.0))

        tags = [f"agent_name:{VICTIM}"]
        error = f'{{service_name="{JOB}"}} | agent_name="{VICTIM}" | detected_level="error"'
        killed = time.time()
        tmux.kill_process(tmux.pid(panes[VICTIM]))
        seen = at_once(
            killed,
            {
                **{f"prometheus by {way}": _is(server, up(VICTIM), 0.0) for way, server in world.prometheus.items()},
                "loki": lambda: world.loki.query(error),
                "elasticsearch": lambda: error_in_elasticsearch(world, VICTIM),
                "jaeger": lambda: [trace for trace in world.jaeger.traces(JOB) if trace],
                "datadog metric": lambda: _last(world.datadog.metrics("orchestrator.agent.up", tags)) == 0,
                "datadog log": lambda: world.datadog.logs("agent stopped"),
                "datadog span": world.datadog.spans,
            },
        )
        print(f"\nseconds from the kill until seen: {seen}")
        record_property("seconds_until_seen", seen)

        (line,) = world.loki.query(error)
        record_id, trace_id = line.labels["record_id"], line.labels["trace_id"]
        assert len(trace_id) == 32
        assert VICTIM in line.line
        document = error_in_elasticsearch(world, VICTIM)
        assert document
        assert (document["attributes"]["record_id"], document["trace_id"]) == (record_id, trace_id)
        spans = eventually(lambda: world.jaeger.spans(trace_id), what="the trace in Jaeger")
        names = {"orchestrator.check", "orchestrator.source.read", "orchestrator.evaluate"}
        assert {span["operationName"] for span in spans} == names
        (log,) = [log for log in world.datadog.logs(VICTIM) if record_id in json.dumps(log)]
        assert "dd.trace_id" in json.dumps(log)
        eventually(lambda: world.datadog.spans(trace_id), what="the trace at the recorder")

        # the JSON log on disk holds the very same record
        files = list((tmp_path / "state").rglob("*.jsonl"))
        lines = [json.loads(text) for file in files for text in file.read_text().splitlines()]
        assert next(one for one in lines if one["record_id"] == record_id)["trace_id"] == trace_id

        tmux("respawn-pane", "-t", panes[VICTIM], AGENT)
        world.everywhere(up(VICTIM), is_value(1.0))
        world.everywhere(restarts(VICTIM), is_value(1.0))
        for _ in range(100):
            page = watching.get("/metrics").text
        assert f'orchestrator_agent_restarts_total{{cluster="{tmux.socket_name}",agent_name="{VICTIM}"}} 1.0' in page
        world.everywhere(restarts(VICTIM), is_value(1.0))
        assert promtool_check_metrics(page) == []
        assert watching.stop() == 0

    with monitor(tmp_path, port=world.monitor_port, **settings) as again:
        again.until_ready()
        world.everywhere(f"max_over_time({restarts(VICTIM)}[1m])", is_value(1.0))
        world.everywhere(restarts(VICTIM), is_value(1.0))
        counted = world.datadog.metrics("orchestrator.agent.restarts", tags)
        assert sum(value for metric in counted for _, value in metric["points"]) == 1
        assert again.stop() == 0


def test_the_first_of_five_panes_goes_and_tmux_renumbers(everything: World, tmux: TmuxServer, tmp_path: Path) -> None:
    world, panes = everything, cluster(tmux, remain_on_exit=False)
    settings = {"ORCHESTRATOR_TMUX_SOCKET": tmux.socket_name, "ORCHESTRATOR_CLUSTER_NAME": "renumbered", **world.otlp}
    with monitor(tmp_path, port=world.monitor_port, **settings) as watching:
        watching.until_ready()
        tmux.kill_process(tmux.pid(panes[AGENTS[0]]))
        eventually(lambda: panes[AGENTS[0]] not in tmux.panes(), what="tmux closes the pane")
        world.everywhere(
            f'orchestrator_agent_up{{cluster="renumbered",job="{JOB}"}} == 0',
            lambda samples: [sample.labels["agent_name"] for sample in samples] == [AGENTS[0]],
        )
        world.everywhere(
            f'orchestrator_agent_up{{cluster="renumbered",job="{JOB}"}} == 1',
            lambda samples: {sample.labels["agent_name"] for sample in samples} == set(AGENTS[1:]),
        )


def test_the_sdks_own_prometheus_page_is_as_clean(tmux: TmuxServer, tmp_path: Path) -> None:
    import httpx

    cluster(tmux, remain_on_exit=True)
    port, sdk = free_ports(2)
    with monitor(
        tmp_path,
        port=port,
        ORCHESTRATOR_TMUX_SOCKET=tmux.socket_name,
        OTEL_METRICS_EXPORTER="prometheus",
        OTEL_EXPORTER_PROMETHEUS_PORT=str(sdk),
    ) as watching:
        watching.until_ready()
        page = httpx.get(f"http://localhost:{sdk}/metrics", timeout=10, trust_env=False).text
        assert "orchestrator_agent_up{" in page
        assert "overflow" not in page
        assert promtool_check_metrics(page) == []


def _is(server: Prometheus, promql: str, value: float) -> Callable[[], bool]:
    return lambda: [sample.value for sample in server.query(promql)] == [value]


def _last(metrics: list[dict[str, Any]]) -> float | None:
    points = sorted(point for metric in metrics for point in metric["points"])
    return points[-1][1] if points else None
