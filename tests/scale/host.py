"""One host: our monitor as a process in a network of its own, and agents that report themselves to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil

from telemetry.control import NAME
from tests.scale.network import host_name, start_on_host
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Host:
    """One that is up.

    Attributes:
        number: Which.
        folder: Where its files are.
        process: Its monitor.
        agents: How many it watches.
        dead: The names of those that were killed.
        steps: How often agents told that their state is another one.
    """

    number: int
    folder: Path
    process: subprocess.Popen[bytes]
    agents: int
    dead: list[str] = field(default_factory=list)
    steps: int = 0

    @classmethod
    def start(cls, number: int, folder: Path, agents: int, gateways: Sequence[str], otlp: dict[str, str]) -> Host:
        """Starts its monitor, which sends to the first of the gateways that it reaches."""
        folder.mkdir()
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "PYDANTIC_DISABLE_PLUGINS": "1",  # those of development tools; a user's installation has none
            **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")},
            "ORCHESTRATOR_STATE_DIR": str(folder / "state"),
            "ORCHESTRATOR_SOURCES": "push",
            "ORCHESTRATOR_CHECK_INTERVAL": "5",
            **otlp,
        }
        turn = number % len(gateways)
        order = [*gateways[turn:], *gateways[:turn]]
        process = start_on_host(number, folder, order, [sys.executable, "-m", "telemetry", "dashboard"], env)
        return cls(number, folder, process, agents)

    @property
    def name(self) -> str:
        """Its `host.name`."""
        return host_name(self.number)

    def until_ready(self) -> None:
        """Waits until its monitor listens, and introduces the agents to it."""
        assert self.process.poll() is None, (self.folder / "output").read_text()
        eventually((self.folder / "state" / NAME).exists, what=f"the socket of {self.name}")
        # A connection for each request: one that was kept might be closed just when the next one is sent.
        once = httpx.Limits(max_keepalive_connections=0)
        socket = httpx.HTTPTransport(uds=str(self.folder / "state" / NAME), limits=once)
        self._client = httpx.Client(transport=socket, base_url="http://localhost", timeout=30)
        eventually(lambda: self._client.get("/readyz").status_code == httpx.codes.OK, what=f"{self.name} is ready")
        for number in range(self.agents):
            self._tell(agent_name(number), state="busy", ttl=86_400)

    def step(self, changing: int) -> None:
        """The first `changing` agents change their state: each is a record in the log."""
        self.steps += 1
        for number in range(changing):
            self._tell(agent_name(number), state=("idle", "busy")[self.steps % 2], reason=f"step {self.steps}")

    def kill_an_agent(self) -> str:
        """The last agent that still lives becomes a real process, and dies; its name."""
        name = agent_name(self.agents - 1 - len(self.dead))
        with subprocess.Popen(["sleep", "infinity"]) as process:
            try:
                self._tell(name, state="busy", pid=process.pid)
            finally:
                process.kill()
        self.dead.append(name)
        return name

    def records(self) -> list[dict[str, Any]]:
        """What its monitor has written to its log so far."""
        lines = [
            line
            for file in sorted((self.folder / "state" / "logs").glob("*.jsonl"))
            for line in file.read_text(encoding="utf-8").splitlines()
        ]
        return [json.loads(line) for line in lines]

    def cost(self) -> tuple[float, int]:
        """Its monitor's CPU seconds so far, and the bytes that only it has in memory."""
        process = psutil.Process(self.process.pid)
        times = process.cpu_times()
        return times.user + times.system, process.memory_full_info().uss

    def end(self) -> None:
        """Its monitor is gone, and so is the host."""
        self.process.kill()
        self.process.wait()

    def _tell(self, agent: str, **event: object) -> None:
        answer = self._client.post(f"/api/v1/agents/{agent}/events", json=event)
        assert answer.status_code == httpx.codes.OK, answer.text


def agent_name(number: int) -> str:
    """The agents of all hosts have the same names: it is the host that tells them apart."""
    return f"agent-{number:02d}"
