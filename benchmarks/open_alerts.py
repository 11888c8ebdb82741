"""What a check costs while 10,000 alerts are open, against the same check while ten are.

A whole check of a real monitor, with a desk and a store on disk, over 10,001 agents of whom 10 or 10,000 are dead and
have been told; nothing new is seen. The peer is the check with ten. Must hold: under twice that.
Run: python benchmarks/open_alerts.py [--json]
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from telemetry.model import AgentSample, State
from tests.notify.simulated import Simulation

AGENTS, ROUNDS, LIMIT = 10_001, 40, 2.0


async def prepared(dead: int, folder: Path) -> Simulation:
    """A monitor that has told of `dead` agents."""
    samples = [
        AgentSample(f"a{i}", running=False, reason="exited")
        if i < dead
        else AgentSample(f"a{i}", running=True, reported=State.BUSY, proven=True)
        for i in range(AGENTS)
    ]
    simulation = Simulation(lambda _: samples, path=folder / f"store-{dead}")
    await simulation.pager.load()
    await simulation.run(60)
    assert len({notice.agent for notice in simulation.recorder.notices} - {""}) == dead
    return simulation


async def check(simulation: Simulation) -> float:
    """Seconds of one check, and of the pager's part in it."""
    simulation.clock.advance(5)
    began = time.perf_counter()
    await simulation.monitor.check_now()
    await simulation.pager.tick()
    return time.perf_counter() - began


async def measure(folder: Path) -> dict[str, float]:
    """Medians of interleaved rounds, in milliseconds."""
    few, many = await prepared(10, folder), await prepared(AGENTS - 1, folder)
    times = [(await check(few), await check(many)) for _ in range(ROUNDS)]
    return {
        "ten_ms": median(few for few, _ in times) * 1e3,
        "many_ms": median(many for _, many in times) * 1e3,
        "ratio": median(many / few for few, many in times),
    }


def main() -> int:
    """Prints the figures; 1 when the ratio is not met."""
    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder)))
    if "--json" in sys.argv:
        print(json.dumps(found))
    else:
        print(f"a check of {AGENTS} agents with nothing new, medians of {ROUNDS}")
        print(f"  10 alerts are open (peer)   {found['ten_ms']:7.1f} ms")
        ratio = f"ratio {found['ratio']:.2f} (below {LIMIT:g})"
        print(f"  {AGENTS - 1} alerts are open      {found['many_ms']:7.1f} ms   {ratio}")
    return int(found["ratio"] >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
