"""What does it cost to follow 1,000 session files of Claude Code, 50 of which change each second, and how late is it?

Real files, written in place by another process as the program itself does, real processes behind them, real inotify,
the whole monitor. The peer is the same monitor over a loop that reads every file again each second; both in turn, in
one run. Counted: processor time of this process, all threads, and the time from the end of a write until
`monitor.snapshot` shows it (asked every 5 ms, which is in both figures).

    python benchmarks/session_files.py [--files 1000] [--changes 50] [--seconds 20] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from telemetry.model import AgentSample, Reading, State
from telemetry.monitor import ClusterMonitor
from telemetry.sources.base import Place, Source
from telemetry.sources.claude.source import ClaudeOptions, ClaudeSource
from telemetry.sources.processes import LinuxProcesses

MOST_CPU = 0.05
"""Of one core."""
LATEST_MS = 200.0
ASKED_EVERY = 0.005
SETTLES = 3.0
_STARTER = "for i in $(seq {count}); do sleep 3600 >/dev/null & echo $!; done; exec >&-; wait"


def session(pid: int, number: int, status: str, at_ms: int) -> bytes:
    """A session file as version 2.1.330 writes it, without what no source reads."""
    info = LinuxProcesses().get(pid)
    assert info is not None
    said = {
        "pid": pid,
        "sessionId": f"f50b2b6e-f685-44f6-b5cd-{number:012}",
        "cwd": f"/home/somebody/project{number}",
        "startedAt": at_ms,
        "procStart": str(info.started),
        "version": "2.1.330",
        "peerProtocol": 1,
        "peerFeatures": ["notify_idle", "reply_across_default_dirs", "artifact_yield"],
        "kind": "interactive",
        "entrypoint": "cli",
        "asksForConvertedSkills": None,
        "tmux": f"main:@1.%{number}",
        "messagingSocketPath": f"/tmp/cc-socks/{pid}.sock",  # noqa: S108 - as it stands there
        "name": f"project{number}-09",
        "nameSource": "derived",
        "nameSince": at_ms,
        "status": status,
        "updatedAt": at_ms,
        "statusUpdatedAt": at_ms,
    }
    return json.dumps(said, separators=(",", ":")).encode()


def write_in_place(path: Path, content: bytes) -> None:
    """Over what is there, and then cut to its length: the same file, not a new one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, content)
    os.ftruncate(descriptor, len(content))
    os.close(descriptor)


def keep_writing(folder: Path, changes: int) -> None:
    """Changes so many files a second, at random moments; tells of each: number, time in ms, when it was there."""
    chance = random.Random(5)  # noqa: S311 - moments, no secrets
    files = sorted(folder.glob("*.json"), key=lambda path: int(path.stem))
    for turn in range(1, 1_000_000):
        number = turn % len(files)
        at_ms = time.time_ns() // 1_000_000
        status = "busy" if (turn // len(files)) % 2 == 0 else "idle"
        write_in_place(files[number], session(int(files[number].stem), number, status, at_ms))
        sys.stdout.write(f"{number} {at_ms} {time.monotonic()}\n")
        sys.stdout.flush()
        time.sleep(chance.expovariate(changes))


class PollingSource:
    """The peer: reads every file again at each check."""

    name = "polling"
    cluster = "benchmark"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, now: float) -> Reading:
        return await asyncio.get_running_loop().run_in_executor(None, self._read)

    def _read(self) -> Reading:
        found: list[AgentSample] = []
        for path in self._folder.glob("*.json"):
            try:
                said = json.loads(path.read_bytes())
            except ValueError:
                continue
            found.append(
                AgentSample(
                    name=said["name"],
                    running=Path(f"/proc/{said['pid']}").exists(),
                    last_activity=said["statusUpdatedAt"] / 1000,
                    reported=State(said["status"]),
                    pid=said["pid"],
                )
            )
        return Reading(tuple(found))

    async def close(self) -> None:
        """Holds nothing."""


async def follow(source: Source, interval: float, writer: asyncio.subprocess.Process, seconds: float) -> dict[str, Any]:
    """Watches for so long; the share of a core, and how late each change was seen."""
    monitor = ClusterMonitor.for_source(source, check_interval=interval, agent_timeout=3600)
    monitor.start()
    written: dict[tuple[str, int], float] = {}
    late: list[float] = []

    async def listen() -> None:
        assert writer.stdout is not None
        async for line in writer.stdout:
            number, at_ms, done = line.split()
            written[f"project{int(number)}-09", int(at_ms)] = float(done)

    listening = asyncio.create_task(listen())
    await asyncio.sleep(SETTLES)
    seen: dict[str, AgentSample] = {}
    last, arrived = None, []
    cpu, began = time.process_time(), time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        if monitor.snapshot is not last and monitor.snapshot is not None:
            last = monitor.snapshot
            for agent in last.agents:
                if (before := seen.get(agent.name)) is not agent.sample and (
                    before is None or before.last_activity != agent.sample.last_activity
                ):
                    seen[agent.name] = agent.sample
                    arrived.append((agent.name, round(agent.sample.last_activity * 1000), now))
        await asyncio.sleep(ASKED_EVERY)
    share = (time.process_time() - cpu) / (time.monotonic() - began)
    await asyncio.sleep(0.1)
    listening.cancel()
    agents = len(last.agents) if last else 0
    running = sum(agent.up for agent in last.agents) if last else 0
    late = [(at - written[name, ms]) * 1000 for name, ms, at in arrived if written.get((name, ms), 0.0) > began]
    expected = sum(began < done < began + seconds - 1.5 for done in written.values())
    await monitor.close()
    cuts = statistics.quantiles(late, n=100)
    return {
        "agents": agents,
        "running": running,
        "changes_written": expected,
        "changes_seen": len(late),
        "core_percent": round(share * 100, 2),
        "p50_ms": round(statistics.median(late), 1),
        "p99_ms": round(cuts[98], 1),
        "worst_ms": round(max(late), 1),
    }


async def measure(folder: Path, changes: int, seconds: float) -> dict[str, dict[str, Any]]:
    """Ours, then the peer."""
    sources: dict[str, tuple[Source, float]] = {
        "watched": (ClaudeSource(Place("benchmark", ClaudeOptions(config_dir=folder.parent))), 5.0),
        "polled": (PollingSource(folder), 1.0),
    }
    found: dict[str, dict[str, Any]] = {}
    for kind, (source, interval) in sources.items():
        command = [sys.executable, __file__, "--write", str(folder), "--changes", str(changes)]
        writer = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        try:
            found[kind] = await follow(source, interval, writer, seconds)
        finally:
            writer.kill()
            await writer.wait()
    return found


def main() -> int:
    """Prints the table; the status is 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--changes", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        keep_writing(arguments.write, arguments.changes)
        return 0
    starter = subprocess.Popen(["sh", "-c", _STARTER.format(count=arguments.files)], stdout=subprocess.PIPE, text=True)
    pids: list[int] = []
    try:
        assert starter.stdout is not None
        pids = [int(line) for line in starter.stdout]
        with tempfile.TemporaryDirectory() as home:
            folder = Path(home) / ".claude" / "sessions"
            folder.mkdir(parents=True)
            for number, pid in enumerate(sorted(pids)):
                at_ms = time.time_ns() // 1_000_000
                write_in_place(folder / f"{pid}.json", session(pid, number, "idle", at_ms))
            found = asyncio.run(measure(folder, arguments.changes, arguments.seconds))
    finally:
        for pid in pids:
            os.kill(pid, 9)
        starter.wait()
    ours = found["watched"]
    kept = ours["core_percent"] <= MOST_CPU * 100 and ours["p99_ms"] <= LATEST_MS
    if arguments.json:
        print(json.dumps({"question": __doc__.partition("\n")[0], **found, "most_core_percent": MOST_CPU * 100}))
    else:
        print(f"{arguments.files} files, {arguments.changes} changes a second, {arguments.seconds:g} s each")
        for kind, figures in found.items():
            print(f"{kind:<8} " + "  ".join(f"{name} {value}" for name, value in figures.items()))
        print(f"bounds   core_percent {MOST_CPU * 100:g}  p99_ms {LATEST_MS:g}: {'kept' if kept else 'MISSED'}")
    return 0 if kept and ours["running"] == ours["agents"] == arguments.files else 1


if __name__ == "__main__":
    sys.exit(main())
