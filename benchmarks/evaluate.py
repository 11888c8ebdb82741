"""What judging 1,000 agents costs: health, transitions, alerts, against a plain loop over the same dicts.

The peer is what anybody would write by hand: a Python loop that only counts running, idle and stopped. Must hold: the
judgement costs at most 20 times that loop, even when every agent changes at every check. Beside it, without a bound:
the same with parsing the dicts into samples (types checked, names cleaned). Run: python benchmarks/evaluate.py [--json]
"""

from __future__ import annotations

import json
import sys
import time
from statistics import median
from typing import Any

from telemetry.alerts import Engine, EngineState
from telemetry.health import Limits, evaluate, transitions
from telemetry.model import AgentSample, ClusterSnapshot
from telemetry.sources.status import StatusReader

AGENTS, ROUNDS, LIMIT = 1_000, 200, 20.0
START = 1_800_000_000.0


def status(now: float, changing: int) -> dict[str, Any]:
    """A cluster of which `changing` agents were active just now; every tenth idles, every fiftieth is dead."""
    return {
        "cluster_name": "bench",
        "agents": [
            {
                "name": f"agent-{i}",
                "role": "worker",
                "running": i % 50 != 0,
                "restart_count": i % 3,
                "last_activity": now if i < changing else START - (400 if i % 10 == 0 else 30),
            }
            for i in range(AGENTS)
        ],
    }


def plain(agents: list[dict[str, Any]], now: float) -> tuple[int, int, int]:
    """The peer."""
    running = idle = stopped = 0
    for agent in agents:
        if agent["running"]:
            running += 1
            if now - agent["last_activity"] > 300:
                idle += 1
        else:
            stopped += 1
    return running, idle, stopped


class Judge:
    """A monitor's check without its I/O."""

    def __init__(self) -> None:
        self.reader = StatusReader()
        self.engine, self.limits = Engine(), Limits()
        self.before: ClusterSnapshot | None = None
        self.state = EngineState()

    def parse(self, answer: dict[str, Any]) -> tuple[AgentSample, ...]:
        """What the source does with a manager's answer."""
        return self.reader.read(answer).agents

    def judge(self, samples: tuple[AgentSample, ...], now: float) -> ClusterSnapshot:
        """What the monitor does with a reading."""
        known = self.before.agents if self.before else ()
        snapshot = ClusterSnapshot("bench", "manager", evaluate(samples, known, self.limits, now), now)
        transitions(self.before, snapshot)
        self.state = self.engine.evaluate(self.state, snapshot).state
        self.before = snapshot
        return snapshot


def measure(changing: int) -> dict[str, float]:
    """Medians of interleaved rounds, in microseconds."""
    judge, parsing, judging, peer = Judge(), [], [], []
    judge.judge(judge.parse(status(START, 0)), START)
    for step in range(1, ROUNDS + 1):
        now = START + step
        answer = status(now, changing)
        times = [time.perf_counter()]
        expected = plain(answer["agents"], now)
        times.append(time.perf_counter())
        samples = judge.parse(answer)
        times.append(time.perf_counter())
        snapshot = judge.judge(samples, now)
        times.append(time.perf_counter())
        for figures, before, after in zip((peer, parsing, judging), times, times[1:], strict=False):
            figures.append(after - before)
        assert (sum(a.up for a in snapshot.agents), len(snapshot.agents)) == (expected[0], AGENTS)
    both = [parsed + judged for parsed, judged in zip(parsing, judging, strict=True)]
    return {
        "changing": changing,
        "peer_us": median(peer) * 1e6,
        "judging_us": median(judging) * 1e6,
        "ratio": median(o / p for o, p in zip(judging, peer, strict=True)),
        "ratio_with_parsing": median(o / p for o, p in zip(both, peer, strict=True)),
    }


def main() -> int:
    """Prints the figures; 1 when a ratio is not met."""
    results = [measure(changing) for changing in (0, 50, AGENTS)]
    if "--json" in sys.argv:
        print(json.dumps(results))
    else:
        head = f"{AGENTS} agents, {ROUNDS} rounds, medians"
        print(f"{head}  plain loop     judged   ratio (at most {LIMIT:g})   with parsing")
        for r in results:
            figures = f"{r['peer_us']:7.0f} µs {r['judging_us']:7.0f} µs {r['ratio']:8.1f}"
            print(f"  {r['changing']:4.0f} of them change a check    {figures} {r['ratio_with_parsing']:22.1f}")
    return int(any(r["ratio"] > LIMIT for r in results))


if __name__ == "__main__":
    sys.exit(main())
