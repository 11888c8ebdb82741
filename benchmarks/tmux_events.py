"""What do many panes cost, and can panes that print without an end hold up the news of a death?

Three parts, each on a tmux server of its own:

- poll: one check of a server with many panes, with and without control mode, beside the plain way, which is one
  `tmux capture-pane` process a pane (as many panes as a check looks at);
- idle: processor time of this program, of tmux's server and of its clients while nothing prints and a monitor watches;
- flood: panes that run `yes`; from kill -9 of an agent's process to the monitor's judgement, and the memory of this
  program and of tmux's server before and after.

    python benchmarks/tmux_events.py [--panes 500] [--floods 20] [--seconds 20] [--kills 20] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import psutil

from telemetry.model import State
from telemetry.monitor import ClusterMonitor
from telemetry.sources.tmux.activity import SCREENS_A_CHECK
from telemetry.sources.tmux.source import TmuxOptions, TmuxSource

SESSION = "benchmark"
MOST_IDLE = 2.0
"""Percent of a core that this program may use while nothing prints."""
LONGEST_NEWS = 500.0
"""Milliseconds within which a death must be judged, whatever else prints."""
MOST_GROWTH = 32.0
"""Megabytes that count as no growth: what an allocator keeps."""


class Server:
    """A tmux server whose panes stand ten in a window, each with an agent's name."""

    def __init__(self, commands: list[str]) -> None:
        self.socket_name = f"benchmark-{uuid.uuid4().hex[:8]}"
        self.run("new-session", "-d", "-s", SESSION, "-x", "200", "-y", "200", commands[0])
        script = ""
        for number, command in enumerate(commands[1:], 1):
            if number % 10 == 0:
                script += f"new-window -d -a -t '{SESSION}:{{end}}' '{command}'\n"
            else:
                script += f"split-window -d -t '{SESSION}:{{end}}' '{command}'\n"
                script += f"select-layout -t '{SESSION}:{{end}}' even-vertical\n"
        self.run("source-file", "-", script=script)
        self.panes = self.run("list-panes", "-s", "-t", SESSION, "-F", "#{pane_id}").split()
        assert len(self.panes) == len(commands)
        names = (f"set-option -p -t {pane} @agent_name agent{pane[1:]}\n" for pane in self.panes)
        self.run("source-file", "-", script="".join(names))
        self.process = psutil.Process(int(self.run("display-message", "-p", "#{pid}")))

    def options(self, **more: Any) -> TmuxOptions:
        return TmuxOptions(socket_name=self.socket_name, session=SESSION, **more)

    def pid(self, pane: str) -> int:
        return int(self.run("display-message", "-p", "-t", pane, "#{pane_pid}"))

    def stop(self) -> None:
        socket = self.run("display-message", "-p", "#{socket_path}").strip()
        self.run("kill-server")
        Path(socket).unlink(missing_ok=True)

    def run(self, *arguments: str, script: str = "") -> str:
        environment = {key: value for key, value in os.environ.items() if key != "TMUX"}
        command = ["tmux", "-L", self.socket_name, "-f", "/dev/null", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment, input=script).stdout


async def listens(source: TmuxSource) -> None:
    """Until the source hears, and one check more, after which it looks at no screen."""
    while not source.events.startswith("events"):  # noqa: ASYNC110 - a property, which nobody is told of
        await asyncio.sleep(0.01)
    await source.read(time.time())
    await source.read(time.time())


def captures(source: TmuxSource) -> list[int]:
    """How many screens each check from now on looks at."""
    counts: list[int] = []
    client = source._client  # noqa: SLF001 - to look on
    ask = client.ask

    def counting(screens_of: Any, meanwhile: Any = None) -> Any:
        counts.append(len(screens_of))
        return ask(screens_of, meanwhile)

    client.ask = counting  # type: ignore[method-assign] # to look on
    return counts


async def poll(server: Server, rounds: int) -> dict[str, Any]:
    """Milliseconds of a check without and with control mode, and of the plain way."""
    polled: list[float] = []
    heard: list[float] = []
    plain: list[float] = []
    own: list[float] = []
    alone = TmuxSource(server.options(events=False))
    beside = TmuxSource(server.options())
    beside.listen(lambda: None)
    for source in (alone, beside):
        await source.read(time.time())
    await listens(beside)
    looked, looked_beside = captures(alone), captures(beside)
    for _ in range(rounds):
        for source, times in ((alone, polled), (beside, heard)):
            await asyncio.sleep(0.05)
            before, cpu = time.perf_counter(), time.process_time()
            await source.read(time.time())
            times.append((time.perf_counter() - before) * 1000)
            if source is alone:
                own.append((time.process_time() - cpu) * 1000)
    for _ in range(max(1, rounds // 10)):
        before = time.perf_counter()
        for pane in server.panes[:SCREENS_A_CHECK]:
            server.run("capture-pane", "-p", "-t", pane)
        plain.append((time.perf_counter() - before) * 1000)
    await alone.close()
    await beside.close()
    return {
        "check_ms": median(polled),
        "check_own_cpu_ms": median(own),
        "captures_a_check": max(looked),
        "check_with_events_ms": median(heard),
        "captures_a_check_with_events": max(looked_beside),
        "plain_captures_ms": median(plain),
        "plain_captures": min(SCREENS_A_CHECK, len(server.panes)),
    }


async def idle(server: Server, seconds: float) -> dict[str, Any]:
    """Percent of a core, over some seconds in which a monitor with its default interval checks too."""
    source = TmuxSource(server.options())
    monitor = ClusterMonitor.for_source(source, check_interval=10.0)
    monitor.start()
    await listens(source)
    await asyncio.sleep(2)
    ours = psutil.Process()
    clients = [child for child in ours.children() if "tmux" in child.name() or child.name() == "sh"]
    groups = {"this_program": [ours], "tmux_server": [server.process], "control_clients": clients}
    before = {name: spent(group) for name, group in groups.items()}
    began = time.monotonic()
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    used = {name: round((spent(group) - before[name]) / took * 100, 2) for name, group in groups.items()}
    await monitor.close()
    return {f"{name}_percent": percent for name, percent in used.items()} | {
        "seconds": seconds,
        "clients": len(clients),
    }


def spent(processes: list[psutil.Process]) -> float:
    return float(sum(sum(process.cpu_times()[:2]) for process in processes))


async def flood(server: Server, victim: str, kills: int) -> dict[str, Any]:
    """Milliseconds from a kill to the judgement, and how memory grew, while the other panes print."""
    source = TmuxSource(server.options())
    monitor = ClusterMonitor.for_source(source, check_interval=5.0)
    monitor.start()
    await listens(source)
    await asyncio.sleep(2)
    name = f"agent{victim[1:]}"
    ours, memory = psutil.Process(), []
    times: list[float] = []
    late = asyncio.ensure_future(latest())
    for _ in range(kills):
        await until(monitor, name, lambda state: state not in {State.STOPPED, State.UNKNOWN})
        await asyncio.sleep(0.3)
        memory.append((ours.memory_info().rss, server.process.memory_info().rss))
        pid = await asyncio.to_thread(server.pid, victim)
        before = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        await until(monitor, name, lambda state: state is State.STOPPED)
        times.append((time.perf_counter() - before) * 1000)
        await asyncio.to_thread(server.run, "respawn-pane", "-k", "-t", victim, "sleep 1000")
        await monitor.check_now()
    late.cancel()
    last = ours.memory_info().rss, server.process.memory_info().rss
    await monitor.close()
    return {
        "kill_to_judgement_p50_ms": median(times),
        "kill_to_judgement_max_ms": round(max(times), 2),
        "kills": kills,
        "this_program_grew_mb": round((last[0] - memory[0][0]) / 2**20, 1),
        "tmux_server_grew_mb": round((last[1] - memory[0][1]) / 2**20, 1),
        "tmux_server_mb": round(last[1] / 2**20, 1),
        "longest_wait_of_the_loop_ms": round(LATE[0] * 1000, 1),
    }


LATE = [0.0]


async def latest() -> None:
    """How late the loop wakes somebody who wants to be woken every 5 ms."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.005)
        LATE[0] = max(LATE[0], time.perf_counter() - before - 0.005)


async def until(monitor: ClusterMonitor, name: str, right: Any) -> None:
    deadline = time.monotonic() + 20
    while True:
        snapshot = monitor.snapshot
        found = [agent for agent in snapshot.agents if agent.name == name] if snapshot is not None else []
        if found and right(found[0].state):
            return
        assert time.monotonic() < deadline, f"{name} stays {found[0].state if found else 'unseen'}"
        await asyncio.sleep(0.001)


def median(values: list[float]) -> float:
    return round(statistics.median(values), 2)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    result: dict[str, Any] = {"panes": arguments.panes, "floods": arguments.floods}
    server = Server(["sleep 100000"] * arguments.panes)
    try:
        result["poll"] = asyncio.run(poll(server, arguments.rounds))
        result["idle"] = asyncio.run(idle(server, arguments.seconds))
    finally:
        server.stop()
    server = Server(["sleep 100000", *["yes"] * arguments.floods])
    try:
        server.run("set-option", "-g", "remain-on-exit", "on")
        result["flood"] = asyncio.run(flood(server, server.panes[0], arguments.kills))
    finally:
        server.stop()
    return result


def main() -> int:
    """Prints the figures; the status is 1 when a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--panes", type=int, default=500)
    parser.add_argument("--floods", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    result = measure(arguments)
    kept = (
        result["poll"]["captures_a_check"] <= SCREENS_A_CHECK
        and result["idle"]["this_program_percent"] <= MOST_IDLE
        and result["flood"]["kill_to_judgement_max_ms"] <= LONGEST_NEWS
        and max(result["flood"]["this_program_grew_mb"], result["flood"]["tmux_server_grew_mb"]) <= MOST_GROWTH
    )
    result["kept"] = kept
    if arguments.json:
        print(json.dumps(result))
    else:
        print(f"{arguments.panes} panes; {arguments.floods} panes that print without an end")
        for part in ("poll", "idle", "flood"):
            for key, value in result[part].items():
                print(f"{part:<8}{key.replace('_', ' '):<36} {value}")
        limits = f"{SCREENS_A_CHECK} captures, {MOST_IDLE:g} % idle, {LONGEST_NEWS:g} ms, {MOST_GROWTH:g} MB"
        print(f"limits: {limits}: {'kept' if kept else 'MISSED'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
