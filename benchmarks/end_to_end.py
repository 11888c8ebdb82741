"""From the death of an agent's process until each backend's own query API shows it.

The real thing: a tmux pane, our monitor with a check a second, our collector, Prometheus (four ways in, scraped each
second), Loki, Elasticsearch, Jaeger and the recorder of Datadog's intake. The peer, in the same run: the pane itself,
as `tmux list-panes` shows it. Must hold: 3 s. Run: python benchmarks/end_to_end.py [--rounds 5] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from telemetry.collector import build
from tests.backends.build import build as build_backends
from tests.e2e.world import JOB, World, monitor, world
from tests.sources.real_tmux import TmuxServer
from tests.waiting import eventually

MOST_SECONDS = 3.0
AGENT = "sh -c 'while :; do date; sleep 1; done'"


def seen_after(killed: float, question: Callable[[], object]) -> float:
    """Seconds from the kill until the answer is there."""
    eventually(question, 30, every=0.02)
    return time.time() - killed


def questions(held: World, tmux: TmuxServer, pane: str, agent: str) -> dict[str, Callable[[], object]]:
    """What is asked of whom."""
    up = f'orchestrator_agent_up{{agent_name="{agent}",job="{JOB}"}} == 0'
    error = f'{{service_name="{JOB}"}} | agent_name="{agent}" | detected_level="error"'
    document = {"bool": {"must": [{"term": {"attributes.agent_name": agent}}, {"term": {"severity_text": "ERROR"}}]}}
    tags = [f"agent_name:{agent}"]
    traces = len(held.jaeger.traces(JOB)) if JOB in held.jaeger.services() else 0
    spans = len(held.datadog.spans())

    def recorded() -> bool:
        points = [point for metric in held.datadog.metrics("orchestrator.agent.up", tags) for point in metric["points"]]
        return bool(points) and max(points)[1] == 0

    return {
        "tmux itself (peer)": lambda: tmux.show(pane, "pane_dead") == "1",
        **{f"Prometheus by {way}": lambda s=server: s.query(up) for way, server in held.prometheus.items()},  # type: ignore[misc]
        "Loki": lambda: held.loki.query(error),
        "Elasticsearch": lambda: held.elasticsearch.search("logs-*", document),
        "Jaeger": lambda: len(held.jaeger.traces(JOB)) > traces,
        "recorder: metric": recorded,
        "recorder: log": lambda: [log for log in held.datadog.logs(agent) if "agent stopped" in json.dumps(log)],
        "recorder: span": lambda: len(held.datadog.spans()) > spans,
    }


def measure(rounds: int) -> dict[str, list[float]]:
    """Kills one agent a round; the seconds until each backend showed it."""
    figures: dict[str, list[float]] = {}
    tmux = TmuxServer()
    build_backends([])
    with tempfile.TemporaryDirectory() as folder, world(Path(folder) / "world", build(print)) as held:
        try:
            panes = [tmux.session("work", AGENT)]
            tmux("set-option", "-g", "remain-on-exit", "on")
            panes += [tmux.split("work", AGENT) for _ in range(rounds)]
            for number, pane in enumerate(panes):
                tmux.name_pane(pane, f"agent-{number}")
            settings = {"ORCHESTRATOR_TMUX_SOCKET": tmux.socket_name, **held.otlp}
            with monitor(Path(folder), port=held.monitor_port, **settings) as watching:
                watching.until_ready()
                for number in range(rounds):
                    alive = f'orchestrator_agent_up{{agent_name="agent-{number}"}} == 1'
                    held.everywhere(alive, bool)
                    asked = questions(held, tmux, panes[number], f"agent-{number}")
                    killed = time.time()
                    tmux.kill_process(tmux.pid(panes[number]))
                    with ThreadPoolExecutor(len(asked)) as threads:
                        times = threads.map(lambda question, at=killed: seen_after(at, question), asked.values())
                        for what, seconds in zip(asked, times, strict=True):
                            figures.setdefault(what, []).append(seconds)
        finally:
            tmux.reap()
    return figures


def main() -> int:
    """Prints the figures; 1 when a backend took longer than it may."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    figures = measure(asked.rounds)
    if asked.json:
        print(json.dumps(figures))
    else:
        print(f"seconds from kill -9 until seen, {asked.rounds} rounds     median    worst (at most {MOST_SECONDS:g})")
        for what, seconds in figures.items():
            print(f"  {what:40s} {median(seconds):9.2f} {max(seconds):8.2f}")
    return int(max(map(max, figures.values())) > MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
