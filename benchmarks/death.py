"""kill -9 of an agent: until its notice is on disk, and until the bytes are on Slack's server; beside a poll of 5 s.

The real thing: our daemon as a process with its default notification settings, an HTTP server in Slack's place, and
agents that are other programs' children (reaped, or left as zombies), tmux panes (with and without remain-on-exit), or
children of the very program that watches them by a `ClusterMonitor` over a manager (`--host`). Each agent dies once.
Measured is from outside: from just before the signal until another connection to the store sees the row in the outbox,
and until the request whose body names the agent has arrived.
The peer, in the same run: the same daemon without pidfd and without tmux's events, which looks every 5 s at the same
agents. Its messages leave a second apart, as Slack wants it, which one poll that finds several dead makes wait.
The first death that a program sees is told apart from the figures, and no cluster ever dies out.
Must hold: on disk p50 <= 5 ms, p99 <= 25 ms; on the server p50 <= 120 ms, p99 <= 200 ms.
Run: python benchmarks/death.py [--kills 200] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import math
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.daemons import ROOT, Daemon, daemon, environment
from tests.notify.faulty import Faulty, serving, status
from tests.sources.real_tmux import TmuxServer
from tests.waiting import eventually

CHILDREN, OTHERS, PANES = KINDS = ("our children", "processes of others", "tmux panes")
ON_DISK = (0.005, 0.025)
TOLD = (0.120, 0.200)
"""Seconds that the median and the 99th percentile may be."""
CLUSTERS_A_KIND = 6
SURVIVORS = 2
"""Agents of each cluster that live to the end."""
APART = (1.2, 1.35)
"""Seconds between two deaths, by chance, so that no poll keeps step: Slack takes a message a second."""
ENDLESS = "100000"
STATE = ".local/state/orchestrator-telemetry"
NAME = re.compile(r"agent-\d{4}")


@dataclass(eq=False)
class Agent:
    """One agent, what it is, and when what happened (Unix s); `on_disk` and `told` by who watched it."""

    name: str
    cluster: str
    kind: str
    pid: int = 0
    killed: float = 0.0
    is_zombie: bool = False
    on_disk: dict[str, float] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)


@dataclass
class Slack(Faulty):
    """Takes everything, and notes when an agent was named first."""

    told: dict[str, float] = field(default_factory=dict)

    def take(self, request: BaseHTTPRequestHandler) -> None:
        """Answers one request."""
        body = request.rfile.read(int(request.headers["Content-Length"])).decode()
        at = time.time()
        status(200, "ok")(request)
        for name in NAME.findall(body):
            self.told.setdefault(name, at)


class Outbox:
    """Another program's outbox, seen through a connection of our own that only reads, a moment each time."""

    def __init__(self, home: Path) -> None:
        path = home / STATE / "store.sqlite3"
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        self._last = 0
        self.seen: dict[str, float] = {}

    def look(self) -> None:
        """Notes the agents of which there are notices now."""
        rows = self._connection.execute("SELECT seq, body FROM notices WHERE seq > ?", (self._last,)).fetchall()
        at = time.time()
        for seq, body in rows:
            self._last = max(self._last, seq)
            self.seen.setdefault(json.loads(body)["agent"], at)

    def close(self) -> None:
        """Closes it."""
        self._connection.close()


# --- the agents -------------------------------------------------------------------------------------------------------


def make_agents(kills: int) -> dict[str, list[Agent]]:
    """By cluster: as many as are to be killed, one that dies first, and those that survive. Kinds take turns."""
    each = math.ceil(kills / (CLUSTERS_A_KIND * len(KINDS))) + 1 + SURVIVORS
    numbers = iter(range(10_000))
    return {
        cluster: [Agent(f"agent-{next(numbers):04}", cluster, kind) for _ in range(each)]
        for at in range(CLUSTERS_A_KIND)
        for kind in KINDS
        for cluster in [f"{kind.rpartition(' ')[2]}-{at}"]
    }


def of_kind(agents: dict[str, list[Agent]], kind: str) -> dict[str, list[Agent]]:
    """Only those clusters."""
    return {cluster: held for cluster, held in agents.items() if held[0].kind == kind}


@contextmanager
def processes(agents: list[Agent], pids: Path, *, reaped: bool) -> Iterator[None]:
    """Children of a shell that reaps them, or of a program that never does; each has a pid file."""
    ending = "wait" if reaped else f"exec sleep {ENDLESS}"
    script = f'for file in "$@"; do sleep {ENDLESS} & echo $! > "$file"; done; {ending}'
    files = [str(pids / agent.name) for agent in agents]
    shell = subprocess.Popen(["sh", "-c", script, "sh", *files], start_new_session=True)
    try:
        yield
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()


def open_panes(tmux: TmuxServer, agents: list[Agent]) -> None:
    """A session, an agent a window; every other one stays open when its program ends."""
    for at, agent in enumerate(agents):
        command = f"exec sleep {ENDLESS}"
        pane = (tmux.window if at else tmux.session)(agent.cluster, command)
        tmux.name_pane(pane, agent.name)
        tmux("set-option", "-p", "-t", pane, "remain-on-exit", "on" if at % 2 else "off")


def read_pids(agents: dict[str, list[Agent]], tmux: TmuxServer, pids: Path) -> None:
    """Who is which process."""
    panes = dict(line.split() for line in tmux("list-panes", "-a", "-F", "#{@agent_name} #{pane_pid}").splitlines())
    for agent in (agent for held in agents.values() for agent in held):
        agent.pid = int(panes[agent.name] if agent.kind == PANES else (pids / agent.name).read_text())


# --- who watches ------------------------------------------------------------------------------------------------------


def settings_file(file: Path, clusters: dict[str, list[Agent]], tmux: TmuxServer, pids: Path, **of_tmux: Any) -> str:
    """The settings of a daemon that watches these clusters."""

    def entry(cluster: str, agents: list[Agent]) -> dict[str, Any]:
        if agents[0].kind == PANES:
            place = {"socket": tmux.socket_name, "session": cluster, **of_tmux}
            return {"name": cluster, "sources": "tmux", "tmux": place}
        named = [{"name": agent.name, "pid_file": str(pids / agent.name)} for agent in agents]
        return {"name": cluster, "sources": "process", "process": {"agents": named}}

    # nobody here ever does anything, which is not what is measured
    held = {"max_idle_time": 86_400, "clusters": [entry(*item) for item in clusters.items()]}
    file.write_text(json.dumps(held))
    return str(file)


def without_pidfd(folder: Path) -> str:
    """A PYTHONPATH with which Python begins as on a system that has no pidfd."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import os\ndel os.pidfd_open\n")
    return f"{folder}:{ROOT}"


def wait_for_all(watching: Daemon, clusters: dict[str, list[Agent]]) -> None:
    """Until a daemon sees everybody alive."""
    names = {agent.name for held in clusters.values() for agent in held}

    def all_live() -> bool:
        states = watching.agents()
        return names == states.keys() and not {"stopped", "unknown"} & set(states.values())

    eventually(all_live, 60, every=0.5, what="all agents are seen")


@contextmanager
def host(home: Path, clusters: dict[str, list[Agent]], pids: Path, url: str) -> Iterator[None]:
    """A program that watches its own children."""
    plan = {cluster: [agent.name for agent in held] for cluster, held in clusters.items()}
    (home / "plan.json").write_text(json.dumps(plan))
    variables = environment(home, SLACK_WEBHOOK_URL=url, ORCHESTRATOR_MAX_IDLE_TIME="86400")
    command = [sys.executable, str(Path(__file__).resolve()), "--host", str(home), str(pids)]
    with (home / "said").open("w") as said:
        running = subprocess.Popen(
            command, env=variables, cwd=home, stdin=subprocess.PIPE, stdout=said, stderr=said, start_new_session=True
        )
    try:
        eventually((home / "ready").exists, 60, what=f"the host is ready: {(home / 'said').read_text()}")
        yield
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.communicate(timeout=20)  # the end of its input is its end
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)  # its children, and itself where it hangs
        running.wait()


class Manager:
    """An orchestrator's manager, the parent of its agents."""

    def __init__(self, cluster: str, agents: list[str], pids: Path) -> None:
        self._cluster = cluster
        self._agents = {
            name: subprocess.Popen(["sleep", ENDLESS], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            for name in agents
        }
        for name, process in self._agents.items():
            (pids / name).write_text(f"{process.pid}\n")

    def get_status(self) -> dict[str, Any]:
        """As the seed's manager answers, with `pid`."""
        return {
            "cluster_name": self._cluster,
            "session_exists": True,
            "agents": [
                {
                    "name": name,
                    "role": "worker",
                    "running": process.poll() is None,
                    "restart_count": 0,
                    "last_activity": 0.0,
                    "pid": process.pid,
                }
                for name, process in self._agents.items()
            ],
        }


async def watch_children(home: Path, pids: Path) -> None:
    """What a daemon is made of, around monitors of managers in the same process; until the input ends."""
    from telemetry import runtime, watching
    from telemetry.clock import SystemClock
    from telemetry.daemon import log_options
    from telemetry.paging import Paging
    from telemetry.settings import load
    from telemetry.sources.manager import ManagerSource
    from telemetry.store import Store

    plan = json.loads((home / "plan.json").read_text())
    managers = [Manager(cluster, names, pids) for cluster, names in plan.items()]
    settings = load().settings
    runtime.configure(log_options(settings))
    signals, store = runtime.shared_signals(), Store(watching.store_path(settings), owner=True)
    desk = Paging(settings, store, SystemClock(), signals, list)
    await desk.begin()
    monitors = [watching.monitor_of(ManagerSource(manager), settings, signals, desk) for manager in managers]
    for monitor in monitors:
        monitor.start()
    await asyncio.gather(*(monitor.check_now() for monitor in monitors))
    (home / "ready").touch()
    await asyncio.to_thread(sys.stdin.read)
    await asyncio.gather(*(monitor.close() for monitor in monitors))
    await desk.stop(1.0)
    store.close()


# --- the deaths -------------------------------------------------------------------------------------------------------


@dataclass
class Watchers:
    """What is heard of the agents: from us, by who watches the kind, and from the peer."""

    ours: dict[str, Outbox]
    peer: Outbox
    slack: Slack
    slack_of_peer: Slack

    def kill(self, agent: Agent, until: float) -> None:
        """Kills an agent and sees what comes of it with us; returns at `until` (Unix s), or when it has come."""
        outbox = self.ours[agent.kind]
        agent.killed = time.time()
        os.kill(agent.pid, signal.SIGKILL)
        while agent.name not in outbox.seen:
            outbox.look()
            assert time.time() < agent.killed + 10, f"nothing of {agent.name}, {agent.kind}, in the outbox"
            time.sleep(0.00015)
        agent.on_disk["ours"] = outbox.seen[agent.name]
        while time.time() < until or agent.name not in self.slack.told:
            self.peer.look()
            assert time.time() < agent.killed + 30, f"nobody was told of {agent.name}, {agent.kind}"
            time.sleep(0.005)
        agent.told["ours"] = self.slack.told[agent.name]
        agent.is_zombie = state(agent.pid) == "Z"

    def wait_for_peer(self, agents: list[Agent]) -> None:
        """Until the peer has told everything."""
        names = {agent.name for agent in agents}
        deadline = time.monotonic() + 120
        while names - self.slack_of_peer.told.keys():
            self.peer.look()
            assert time.monotonic() < deadline, "the peer told not all"
            time.sleep(0.005)
        for agent in agents:
            agent.on_disk["peer"] = self.peer.seen[agent.name]
            agent.told["peer"] = self.slack_of_peer.told[agent.name]


def state(pid: int) -> str:
    """The letter of a process's state, or ""."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def in_turn(clusters: dict[str, list[Agent]], kills: int) -> list[Agent]:
    """Who is killed, in order: every cluster once, then every cluster again."""
    rounds = zip(*(held[1:] for held in clusters.values()), strict=True)
    return [agent for each in rounds for agent in each][:kills]


def measure(kills: int) -> tuple[list[Agent], list[Agent]]:
    """The first death that each program sees, and the others."""
    clusters, tmux = make_agents(kills), TmuxServer()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.callback(tmux.reap)
        homes = [folder / name for name in ("daemon", "host", "peer", "pids")]
        for home in homes:
            home.mkdir()
        *_, pids = homes
        told, told_by_peer = Slack.willing(), Slack.willing()
        stack.enter_context(serving(told))
        stack.enter_context(serving(told_by_peer))
        for at, agents in enumerate(of_kind(clusters, OTHERS).values()):
            stack.enter_context(processes(agents, pids, reaped=at % 2 == 0))
        for agents in of_kind(clusters, PANES).values():
            open_panes(tmux, agents)
        stack.enter_context(host(homes[1], of_kind(clusters, CHILDREN), pids, told.url))
        read_pids(clusters, tmux, pids)
        of_daemon = of_kind(clusters, OTHERS) | of_kind(clusters, PANES)
        command = ("dashboard", "--port", "0", "--config")
        ours = stack.enter_context(
            daemon(
                homes[0],
                *(*command, settings_file(folder / "ours.yaml", of_daemon, tmux, pids)),
                SLACK_WEBHOOK_URL=told.url,
            )
        )
        peer = stack.enter_context(
            daemon(
                homes[2],
                *(*command, settings_file(folder / "peer.yaml", clusters, tmux, pids, events=False), "--interval", "5"),
                SLACK_WEBHOOK_URL=told_by_peer.url,
                PYTHONPATH=without_pidfd(folder / "without"),
            )
        )
        wait_for_all(ours, of_daemon)
        wait_for_all(peer, clusters)
        outboxes = [stack.enter_context(contextlib.closing(Outbox(home))) for home in homes[:3]]
        by_kind = {OTHERS: outboxes[0], PANES: outboxes[0], CHILDREN: outboxes[1]}
        return _kill_one_by_one(clusters, kills, Watchers(by_kind, outboxes[2], told, told_by_peer))


def _kill_one_by_one(
    clusters: dict[str, list[Agent]], kills: int, watchers: Watchers
) -> tuple[list[Agent], list[Agent]]:
    chance = random.Random(0)  # noqa: S311 - pauses
    first = [held[0] for held in list(clusters.values())[-len(KINDS) :]]
    then = in_turn(clusters, kills)
    gc.collect()
    gc.freeze()
    time.sleep(3.0)  # until what a start brings is over
    for agent in (*first, *then):
        watchers.kill(agent, time.time() + chance.uniform(*APART))
    watchers.wait_for_peer([*first, *then])
    return first, then


# --- the figures ------------------------------------------------------------------------------------------------------


def quantile(values: list[float], share: float) -> float:
    """The smallest of the values that so great a share of them doesn't exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def figures(agents: list[Agent]) -> dict[str, Any]:
    """Seconds: p50, p99 and the most, of both, and how much longer the peer took."""
    found: dict[str, Any] = {"kills": len(agents), "zombies": sum(agent.is_zombie for agent in agents)}
    for what in ("on_disk", "told"):
        for who in ("ours", "peer"):
            took = [getattr(agent, what)[who] - agent.killed for agent in agents]
            found[f"{what}_{who}"] = [quantile(took, 0.5), quantile(took, 0.99), max(took)]
        found[f"{what}_ratio"] = found[f"{what}_peer"][0] / found[f"{what}_ours"][0]
    return found


def rows(agents: list[Agent]) -> dict[str, dict[str, Any]]:
    """The figures by kind, of the zombies among them, and of all."""
    groups = {kind: [agent for agent in agents if agent.kind == kind] for kind in KINDS}
    groups["left as zombies"] = [agent for agent in agents if agent.is_zombie]
    return {name: figures(held) for name, held in (*groups.items(), ("all", agents)) if held}


def show(found: dict[str, dict[str, Any]], first: list[Agent], load: list[float]) -> None:
    """Prints all of it, in milliseconds."""
    print(f"kill -9 of {found['all']['kills']} agents, load {load[0]:.2f} before and {load[1]:.2f} after, in ms")
    heads = ("on disk", "at Slack", "peer on disk", "peer at Slack")
    print(f"{'p50, p99, most':20} kills" + "".join(f"  {head:>20}" for head in heads) + "  ratios")
    for name, row in found.items():
        line = f"{name:20} {row['kills']:5}"
        for key, digits in (("on_disk_ours", 1), ("told_ours", 1), ("on_disk_peer", 0), ("told_peer", 0)):
            line += "  " + " ".join(f"{value * 1000:6.{digits}f}" for value in row[key])
        print(f"{line}  {row['on_disk_ratio']:5.0f} {row['told_ratio']:4.0f}")
    for agent in first:
        disk, told = (at["ours"] - agent.killed for at in (agent.on_disk, agent.told))
        print(f"first death, {agent.kind}: on disk {disk * 1000:.1f}, at Slack {told * 1000:.1f}")


def main() -> int:
    """Prints the figures; 1 when a bound is not met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--host", nargs=2, type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.host:
        asyncio.run(watch_children(*asked.host))
        return 0
    load = [os.getloadavg()[0]]
    first, agents = measure(asked.kills)
    load.append(os.getloadavg()[0])
    found = rows(agents)
    if asked.json:
        print(json.dumps(found))
    else:
        show(found, first, load)
    everybody = found["all"]
    return int(
        any(
            value > limit
            for key, limits in (("on_disk_ours", ON_DISK), ("told_ours", TOLD))
            for value, limit in zip(everybody[key], limits, strict=False)
        )
    )


if __name__ == "__main__":
    sys.exit(main())
