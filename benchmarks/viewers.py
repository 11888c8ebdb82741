"""What do 200 viewers of the event stream cost, with 1,000 agents of which one changes each second?

The real daemon, agents that report over HTTP, and viewers on real connections that read all they are sent. Counted:
processor time of the daemon, minus the same without viewers; and the time from an agent's report until each viewer has
read the change. The peer, in the same run and against the same daemon: 200 viewers that ask /api/agents each second, as
the dashboard did before there was a stream; where the daemon can't answer so many, what each answer cost counts.
Must hold: at most 20 % of a core.

    python benchmarks/viewers.py [--agents 1000] [--viewers 200] [--seconds 20] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.daemons import daemon

MOST_CPU = 0.20
"""Of one core."""
SETTLES = 3.0
Address = tuple[str, int]
Told = dict[str, float]
"""When each agent said something."""


async def report(address: Address, names: list[str], state: str) -> None:
    """Agents say how they are, one after another on one connection."""
    reader, writer = await asyncio.open_connection(*address)
    for name in names:
        body = json.dumps({"state": state}).encode()
        head = f"POST /api/v1/agents/{name}/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        status, _ = await answer(reader)
        assert status == "200", status
    writer.close()


async def answer(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Status and body of an answer whose length is given."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    return head.split()[1], await reader.readexactly(length)


class Viewers:
    """Everybody who watches: when each read which change."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self.read_at: dict[str, list[float]] = {}
        self.begun = 0
        self.taken = 0

    async def watch(self) -> None:
        """One of them. A chunk that holds a change begins with its id."""
        reader, writer = await asyncio.open_connection(*self._address, limit=1 << 22)
        writer.write(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
        try:
            await reader.readuntil(b"event: snapshot")
            self.begun += 1
            while True:
                await reader.readuntil(b"event: change\ndata: ")
                data = await reader.readuntil(b"\n\n")
                self.taken += 1
                if b'"agent/' in data:
                    name = data.partition(b'"agent/')[2].partition(b'"')[0].rpartition(b"/")[2].decode()
                    self.read_at.setdefault(name, []).append(time.monotonic())
        finally:
            writer.close()


class Pollers:
    """The peer: everybody who asks for all agents each second."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self.answers = 0

    async def watch(self) -> None:
        """One of them. An answer that comes late is followed by the next question at once."""
        reader, writer = await asyncio.open_connection(*self._address, limit=1 << 22)
        due = time.monotonic()
        try:
            while True:
                writer.write(b"GET /api/agents HTTP/1.1\r\nHost: localhost\r\n\r\n")
                status, _ = await answer(reader)
                assert status == "200", status
                self.answers += 1
                due = max(due + 1.0, time.monotonic())
                await asyncio.sleep(due - time.monotonic())
        finally:
            writer.close()


def used(process: psutil.Process) -> float:
    """Processor seconds so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


async def changing(address: Address, agents: list[str], seconds: float, state: str) -> Told:
    """One agent changes each second; returns when each of them said so."""
    said: Told = {}
    began = time.monotonic()
    for number in range(int(seconds)):
        await asyncio.sleep(max(0.0, began + number - time.monotonic()))
        said[agents[number]] = time.monotonic()
        await report(address, [agents[number]], state)
    await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
    return said


@dataclass(frozen=True)
class Cost:
    """What the daemon used meanwhile: its share of a core, and for how many seconds."""

    share: float
    seconds: float


async def cost(process: psutil.Process, work: Coroutine[Any, Any, Told]) -> tuple[Cost, Told]:
    """What the daemon uses while something is done, and what that gave."""
    before, began = used(process), time.monotonic()
    found = await work
    seconds = time.monotonic() - began
    return Cost((used(process) - before) / seconds, seconds), found


async def measure(address: Address, process: psutil.Process, asked: argparse.Namespace) -> dict[str, Any]:
    """Without viewers, with them, and with the peer's."""
    agents = [f"agent-{number:04}" for number in range(asked.agents)]
    await report(address, agents, "busy")
    await asyncio.sleep(SETTLES)
    alone, _ = await cost(process, changing(address, agents, asked.seconds, "idle"))

    viewers = Viewers(address)
    watching = [asyncio.create_task(viewers.watch()) for _ in range(asked.viewers)]
    while viewers.begun < asked.viewers:  # noqa: ASYNC110 - two hundred tasks count it
        await asyncio.sleep(0.05)
    await asyncio.sleep(SETTLES)
    viewers.read_at.clear()
    taken = viewers.taken
    ours, said = await cost(process, changing(address, agents, asked.seconds, "busy"))
    taken = viewers.taken - taken
    await asyncio.sleep(1.0)
    late = [(at - said[name]) * 1000 for name in said for at in viewers.read_at.get(name, [])]
    await end(watching)

    pollers = Pollers(address)
    polling = [asyncio.create_task(pollers.watch()) for _ in range(asked.viewers)]
    await asyncio.sleep(SETTLES)
    answers = pollers.answers
    theirs, _ = await cost(process, changing(address, agents, asked.seconds, "idle"))
    answers = pollers.answers - answers
    await end(polling)
    for_one = (theirs.share - alone.share) * theirs.seconds / answers
    more = ours.share - alone.share
    return {
        "agents": asked.agents,
        "viewers": asked.viewers,
        "alone_percent": round(alone.share * 100, 2),
        "viewers_percent": round(more * 100, 2),
        "changes_a_second": round(taken / asked.viewers / ours.seconds, 2),
        "seen_by_all": len(late) == len(said) * asked.viewers,
        "p50_ms": round(statistics.median(late), 1),
        "worst_ms": round(max(late), 1),
        "peer_percent": round((theirs.share - alone.share) * 100, 2),
        "peer_answers_a_second": round(answers / theirs.seconds, 1),
        "peer_percent_for_all": round(for_one * asked.viewers * 100, 1),
        "ratio": round(for_one * asked.viewers / more, 1) if more > 0 else None,
    }


async def end(tasks: list[asyncio.Task[None]]) -> None:
    """Ends them; a fault of one of them is raised."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


def main() -> int:
    """Prints the figures; the status is 1 when the bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as home,
        daemon(Path(home), "dashboard", "--source", "push", "--port", "0", ORCHESTRATOR_PUSH_TTL="86400") as running,
    ):
        host, _, port = running.url.removeprefix("http://").rpartition(":")
        found = asyncio.run(measure((host, int(port)), psutil.Process(running.process.pid), asked))
    kept = found["viewers_percent"] <= MOST_CPU * 100 and found["seen_by_all"]
    if asked.json:
        print(json.dumps({"question": __doc__.partition("\n")[0] if __doc__ else "", **found, "most": MOST_CPU * 100}))
    else:
        print(f"{asked.agents} agents, one changes each second, {asked.viewers} viewers, {asked.seconds:g} s each")
        print("                                                  % of a core")
        for what, value in (
            ("nobody watches", found["alone_percent"]),
            (f"/api/agents, {found['peer_answers_a_second']:g} answers a second (peer), more", found["peer_percent"]),
            (f"  the same for {asked.viewers} answers a second", found["peer_percent_for_all"]),
            (f"the stream (at most {MOST_CPU:.0%}), more", found["viewers_percent"]),
        ):
            print(f"  {what:<50} {value:8.2f}")
        print(f"  ratio {found['ratio']}; {found['changes_a_second']} changes a second", end="")
        print(f"; from the report until read: median {found['p50_ms']} ms, worst {found['worst_ms']} ms")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
