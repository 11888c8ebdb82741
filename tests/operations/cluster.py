"""A monitor with alerts, acknowledgements and silences, and whoever it tells: what must outlive everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.daemons import PROGRAM, Daemon, Tmux, daemon, run
from tests.notify.faulty import Faulty
from tests.waiting import eventually

AGENTS = ("alpha", "beta", "gamma", "delta")


class Watched:
    """Four agents in tmux, a receiver of messages, and the state folder of the monitors that come one after another."""

    def __init__(self, home: Path, tmux: Tmux, receiver: Faulty) -> None:
        self.home, self.tmux, self.receiver = home, tmux, receiver
        self.state = home / ".local/state/orchestrator-telemetry"

    @contextmanager
    def monitor(self, *program: str, **more: str) -> Iterator[Daemon]:
        """A monitor from its first check on; `program` as in `tests.daemons`."""
        arguments = ("dashboard", "--tmux-socket", self.tmux.socket, "--port", "0", "--interval", "0.2")
        more |= {"ORCHESTRATOR_WEBHOOK_URL": self.receiver.url, "ORCHESTRATOR_NOTIFY_GROUP_INTERVAL": "0.1"}
        with daemon(self.home, *arguments, program=program or PROGRAM, **more) as running:
            eventually(lambda: running.get("/readyz") == {"status": "ready"}, what="the first check")
            yield running

    def command(self, *arguments: str, program: tuple[str, ...] = PROGRAM) -> str:
        """What a command says that succeeds."""
        done = run(self.home, *arguments, program=program)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def die(self, running: Daemon, agent: str) -> dict[str, Any]:
        """Kills an agent; its alert."""
        self.tmux.kill(agent)
        return eventually(lambda: alerts(running).get(agent, {}), what=f"the alert about {agent}")

    def told(self, agent: str) -> int:
        """How many messages about an agent were taken."""
        return sum(f'"{agent}"' in json.dumps(body) for _, _, body in self.receiver.taken)


def alerts(running: Daemon) -> dict[str, dict[str, Any]]:
    """Open alerts about agents that stopped, by agent."""
    found = running.get("/api/v1/alerts/open")["alerts"]
    return {alert["agent_name"]: alert for alert in found if alert["rule"] == "agent_stopped"}


def silenced(running: Daemon) -> list[str]:
    """The agents of all silences."""
    return sorted(silence["agent"] for silence in running.get("/api/v1/silences")["silences"])
