"""How long does /metrics take for 1,000 agents, beside prometheus_client with the same series?

Each page is of a picture in which every agent was seen and judged anew, and alerts, counters and checks have moved on:
nothing of a page before can be used again but what stands before the values. The peer's metrics are set to the same
values through children that it made beforehand, which is the least it can do, and then written by generate_latest.
Both in turn, in one run; each pair of pages is compared after parsing. Must hold: at most 0.15 of the peer's time.

    python benchmarks/metrics_page.py [--agents 1000] [--rounds 30] [--json]
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from telemetry.model import AgentHealth, AgentSample, Alert, AlertLevel, ClusterSnapshot, Detail, State, TeamTasks
from telemetry.picture import DURATION_BUCKETS, Picture
from telemetry.signals.exposition import Exposition
from telemetry.signals.semconv import METRICS, Kind

MOST = 0.15
"""Of the peer's time."""
CLUSTER = "main"
BEGAN = 1_800_000_000.0

Parsed = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def agents(count: int, now: float, chance: random.Random) -> tuple[AgentHealth, ...]:
    """Every agent as a new object with new values."""
    made = []
    for number in range(count):
        state = chance.choice(list(State))
        sample = AgentSample(
            name=f"agent-{number:04}",
            running=state is not State.STOPPED,
            restart_count=chance.randrange(10),
            last_activity=now - chance.random() * 900,
            reported=state,
            detail=Detail(cpu_seconds=chance.random() * 1e4, memory_bytes=chance.randrange(1 << 32)),
        )
        made.append(AgentHealth(sample, state, "because", now - 60, now - 3600, now))
    return tuple(made)


def move_on(picture: Picture, count: int, now: float, chance: random.Random) -> None:
    """The next check: all of it is other than before."""
    seen = agents(count, now, chance)
    open_alerts = tuple(
        Alert(AlertLevel.ERROR, held.name, "stopped", now, cluster=CLUSTER, rule="agent_stopped")
        for held in seen
        if held.state is State.STOPPED
    )
    tasks = (TeamTasks("alpha", chance.randrange(9), chance.randrange(9), 0, chance.randrange(99), now - 90),)
    picture.publish(ClusterSnapshot(CLUSTER, "bench", seen, now, tasks=tasks), open_alerts)
    picture.count_alert(CLUSTER, AlertLevel.ERROR)
    picture.count_delivery("slack", "delivered")
    picture.observe_check(CLUSTER, "bench", "ok", chance.random() / 10)
    picture.set_store_problem("")


class Peer:
    """prometheus_client with a metric for each of ours."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._setters: dict[str, dict[tuple[str, ...], Callable[[float], Any]]] = {}
        self._made: dict[str, Any] = {}
        for metric in METRICS:
            name, labels = metric.prometheus, metric.attributes
            if metric.kind is Kind.HISTOGRAM:
                made: Any = Histogram(
                    name, metric.description, labels, buckets=DURATION_BUCKETS, registry=self._registry
                )
            else:
                kind = Counter if metric.kind is Kind.COUNTER else Gauge
                made = kind(name, metric.description, labels, registry=self._registry)
            self._made[name] = made

    def values(self, picture: Picture, now: float) -> list[tuple[Callable[[float], Any], float]]:
        """What must be set, with the means to set it; series that are no more are taken out. Isn't timed."""
        found = []
        for metric in METRICS:
            if metric.observe is None:
                continue
            held = self._setters.setdefault(metric.name, {})
            now_there = dict(metric.observe(picture, now))
            for labels in held.keys() - now_there.keys():
                del held[labels]
                self._made[metric.prometheus].remove(*labels)
            for labels, value in now_there.items():
                if labels not in held:
                    made = self._made[metric.prometheus]
                    child = made.labels(*labels) if labels else made
                    # a counter can only be added to: its own value is set, which costs no more than a gauge
                    held[labels] = child.set if metric.kind is Kind.GAUGE else child._value.set  # noqa: SLF001 - the peer at its quickest
                found.append((held[labels], value))
        return found

    def observe(self, cluster: str, source: str, outcome: str, seconds: float) -> None:
        """A check took so long."""
        self._made[METRICS_HISTOGRAM].labels(cluster, source, outcome).observe(seconds)

    def render(self, values: Iterable[tuple[Callable[[float], Any], float]]) -> bytes:
        """What is timed."""
        for set_it, value in values:
            set_it(value)
        return generate_latest(self._registry)


METRICS_HISTOGRAM = next(metric.prometheus for metric in METRICS if metric.kind is Kind.HISTOGRAM)


def parsed(page: bytes) -> Parsed:
    """Every series with its value."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def timed(work: Callable[[], bytes]) -> tuple[float, bytes]:
    """Seconds, and what it gave."""
    gc.collect()
    began = time.perf_counter()
    page = work()
    return time.perf_counter() - began, page


def measure(count: int, rounds: int) -> dict[str, Any]:
    """Both pages of each picture."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # series that ours doesn't have: the peer needn't write them
    chance = random.Random(7)  # noqa: S311 - values, no secrets
    picture = Picture()
    exposition, peer = Exposition(picture), Peer()
    ours, theirs, series = [], [], 0
    for number in range(rounds + 2):
        now = BEGAN + 5.0 * number + chance.random()
        before = {key: replace(held, counts=[*held.counts]) for key, held in picture.checks.items()}
        move_on(picture, count, now, chance)
        for (cluster, source, outcome), held in picture.checks.items():
            known = before.get((cluster, source, outcome))
            peer.observe(cluster, source, outcome, held.total - (known.total if known else 0.0))
        values = peer.values(picture, now)
        seconds, page = timed(lambda now=now: exposition.render(now))  # type: ignore[misc]
        peer_seconds, peer_page = timed(lambda values=values: peer.render(values))  # type: ignore[misc]
        found, expected = parsed(page), parsed(peer_page)
        if not same(found, expected):
            odd = sorted({*found.items()} ^ {*expected.items()})[:4]
            raise SystemExit(f"the pages differ: {odd}")
        series = len(found)
        if number >= 2:
            ours.append(seconds)
            theirs.append(peer_seconds)
    mine, other = statistics.median(ours), statistics.median(theirs)
    return {
        "agents": count,
        "series": series,
        "ours_ms": round(mine * 1000, 2),
        "peer_ms": round(other * 1000, 2),
        "share": round(mine / other, 4),
        "worst_share": round(max(a / b for a, b in zip(ours, theirs, strict=True)), 4),
        "ratio": round(other / mine, 1),
    }


def same(found: Parsed, expected: Parsed) -> bool:
    """Whether both say the same; a sum of durations may differ in its last digit."""
    return found.keys() == expected.keys() and all(
        value == expected[key] or (key[0].endswith("_sum") and abs(value - expected[key]) < 1e-9)
        for key, value in found.items()
    )


def main() -> int:
    """Prints the figures; the status is 1 when the bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked = parser.parse_args()
    found = measure(asked.agents, asked.rounds)
    if asked.json:
        print(json.dumps({"question": __doc__.partition("\n")[0] if __doc__ else "", **found, "most": MOST}))
    else:
        print(
            f"{asked.agents} agents, {found['series']} series, a new picture each time, median of {asked.rounds} pages"
        )
        print(f"  prometheus_client (peer)   {found['peer_ms']:8.2f} ms")
        print(f"  ours                       {found['ours_ms']:8.2f} ms    ratio {found['ratio']:.1f}")
        print(f"  share {found['share']:.3f} (at most {MOST}), worst {found['worst_share']:.3f}; equal after parsing")
    return int(found["share"] > MOST)


if __name__ == "__main__":
    sys.exit(main())
