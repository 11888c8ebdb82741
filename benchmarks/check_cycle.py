"""What does a check of a tmux session cost beside the bare tmux call it makes?

The peer is the same client call with the same commands on its standard input, through plain `subprocess.run`; both in
turn, in one run, on a tmux server of their own whose panes print all the time.

    python benchmarks/check_cycle.py [--panes 5] [--rounds 300] [--scripts] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from telemetry.sources.tmux.activity import SCREENS_A_CHECK
from telemetry.sources.tmux.client import TmuxClient
from telemetry.sources.tmux.source import TmuxOptions, TmuxSource
from telemetry.store import Store

SESSION = "benchmark"
MOST = 1.5
"""So many times the bare call a check over 5 panes may cost."""
PAUSE = 0.01
"""Seconds before each call."""
_PROGRAM = "import time\nwhile True:\n    print(time.time(), flush=True)\n    time.sleep(0.5)"
_SCRIPT = "while :; do date; sleep 0.5; done"
"""A script is looked through for an agent at every check, which costs more than a program."""


class Server:
    """A tmux server with printing panes, one window for each ten."""

    def __init__(self, panes: int, *, scripts: bool) -> None:
        command = (_SCRIPT,) if scripts else (sys.executable, "-I", "-S", "-c", _PROGRAM)
        self.socket_name = f"benchmark-{uuid.uuid4().hex[:8]}"
        self._run("new-session", "-d", "-s", SESSION, "-x", "200", "-y", "200", *command)
        for number in range(1, panes):
            how = ("new-window", "-d") if number % 10 == 0 else ("split-window", "-d")
            self._run(*how, "-t", f"{SESSION}:{'' if number % 10 == 0 else '$'}", *command)
            self._run("select-layout", "-t", f"{SESSION}:$", "even-vertical")
        self.pane_ids = self._run("list-panes", "-s", "-t", SESSION, "-F", "#{pane_id}").split()
        for number, pane_id in enumerate(self.pane_ids):
            self._run("set-option", "-p", "-t", pane_id, "@agent_name", f"agent{number}")

    def stop(self) -> None:
        socket = self._run("display-message", "-p", "#{socket_path}").strip()
        self._run("kill-server")
        Path(socket).unlink(missing_ok=True)

    def _run(self, *arguments: str) -> str:
        environment = {key: value for key, value in os.environ.items() if key != "TMUX"}
        command = ["tmux", "-L", self.socket_name, "-f", "/dev/null", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def bare_call(command: tuple[str, ...], script: bytes) -> None:
    """The peer."""
    subprocess.run(command, input=script, capture_output=True, check=True)


async def measure(server: Server, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds of the bare calls and of the checks."""
    client = TmuxClient(server.socket_name, None, SESSION)
    script = client.script("0" * 32, server.pane_ids[:SCREENS_A_CHECK])
    bare: list[float] = []
    check: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "state.db")
        source = TmuxSource(TmuxOptions(socket_name=server.socket_name, session=SESSION), store)
        for number in range(rounds + 5):
            # The server still clears up after a client that is gone: nobody is to pay for the other.
            await asyncio.sleep(PAUSE)
            before = time.perf_counter()
            bare_call(client.command, script)
            bare_took = time.perf_counter() - before
            await asyncio.sleep(PAUSE)
            before = time.perf_counter()
            reading = await source.read(time.time())
            check_took = time.perf_counter() - before
            assert sum(agent.running for agent in reading.agents) == len(server.pane_ids)
            if number >= 5:  # the first ones open the store and meet the panes
                bare.append(bare_took * 1000)
                check.append(check_took * 1000)
        await source.close()
        store.close()
    return bare, check


def summary(times: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=100)
    return {"p50_ms": round(statistics.median(times), 3), "p99_ms": round(cuts[98], 3)}


def main() -> int:
    """Prints the table; the status is 1 when the limit for 5 panes is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--panes", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--scripts", action="store_true", help="the agents are shell scripts instead of programs")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    server = Server(arguments.panes, scripts=arguments.scripts)
    try:
        bare, check = asyncio.run(measure(server, arguments.rounds))
    finally:
        server.stop()
    ratio = statistics.median(check) / statistics.median(bare)
    kept = ratio <= MOST or arguments.panes != 5
    agents = "scripts" if arguments.scripts else "programs"
    result = {
        "question": "a check of a tmux session against the bare tmux call it makes",
        "panes": arguments.panes,
        "agents": agents,
        "rounds": arguments.rounds,
        "bare_tmux_call": summary(bare),
        "check": summary(check),
        "ratio_of_medians": round(ratio, 3),
        "at_most": MOST,
    }
    if arguments.json:
        print(json.dumps(result))
    else:
        title = f"{arguments.panes} {agents}, {arguments.rounds} rounds"
        print(f"{title:<24} {'p50 ms':>8} {'p99 ms':>8}")
        for label, times in (("bare tmux call", bare), ("check", check)):
            figures = summary(times)
            print(f"{label:<24} {figures['p50_ms']:8.2f} {figures['p99_ms']:8.2f}")
        print(f"{'ratio of medians':<24} {ratio:8.2f}   (at most {MOST} for 5 panes)")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
