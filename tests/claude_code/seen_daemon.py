"""Our whole, as a person sees it: a daemon that watches the programs of one home, and what it shows of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from tests.claude_code.fixtures import ClaudeCode
from tests.daemons import Daemon, daemon, run
from tests.waiting import eventually

T = TypeVar("T")

INTERVAL = "60"
"""Seconds between two checks: what is seen sooner was heard."""
WITHIN = 10.0
SAMPLE = re.compile(r"(?P<name>\w+)\{(?P<labels>[^}]*)\} (?P<value>\S+)")


@dataclass(frozen=True)
class Seen:
    """What a daemon shows."""

    daemon: Daemon
    claude_code: ClaudeCode

    def agents(self) -> dict[str, dict[str, Any]]:
        """Every agent by its name, as /api/agents has it."""
        known = self.daemon.get("/api/agents")
        return {agent["name"]: agent for cluster in known["clusters"] for agent in cluster["agents"]}

    def states(self) -> dict[str, str]:
        """Every agent's state."""
        return {name: agent["state"] for name, agent in self.agents().items()}

    def wait_for(self, name: str, state: str, **more: Any) -> dict[str, Any]:
        """Wait until an agent is in a state, and is what else is said; the agent."""

        def is_so() -> dict[str, Any] | None:
            agent = self.agents().get(name, {})
            wanted = {"state": state, **more}
            return agent if wanted.items() <= agent.items() else None

        found = self.wait(is_so, f"{name} {state} {more or ''}")
        assert found is not None
        return found

    def wait(self, ask: Callable[[], T | Literal[False] | None], what: str) -> T:
        """Wait for anything else, far less long than until the next check; what it was asked for is there then."""
        try:
            found = eventually(ask, WITHIN, every=0.02, what=what)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\nseen are {json.dumps(self.agents(), indent=1)}") from None
        assert found is not None
        assert found is not False
        return found

    def explain(self, name: str) -> dict[str, Any]:
        """What `check --explain NAME --json` says."""
        done = run(self.daemon.home, "check", "--explain", name, "--json")
        assert done.stdout, done.stderr
        (found,) = json.loads(done.stdout)["explanations"]
        assert isinstance(found, dict)
        return found

    def said_by(self, name: str) -> dict[str, str]:
        """What each source says of an agent: a state, or that it runs."""
        return {word["source"]: word["says"] for word in self.explain(name)["words"]}

    def open_alerts(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The alerts that are open, by agent and rule."""
        found = self.daemon.get("/api/alerts?resolved=false")["alerts"]
        return {(alert["agent_name"], alert["rule"]): alert for alert in found}

    def fired(self) -> list[tuple[str, str]]:
        """Every alert that ever fired: agent and rule."""
        return [
            (line["agent_name"], line["rule"])
            for line in self.daemon.log
            if line.get("event") == "orchestrator.alert.fired"
        ]

    def changes(self, name: str) -> list[str]:
        """Every state that an agent came into, as the log has it."""
        return [
            line["state"]
            for line in self.daemon.log
            if line.get("event") == "orchestrator.agent.state_changed" and line["agent_name"] == name
        ]

    def metric(self, name: str, **labels: str) -> float | None:
        """One figure of /metrics."""
        for sample in SAMPLE.finditer(self.daemon.get("/metrics")):
            its = dict(re.findall(r'(\w+)="([^"]*)"', sample["labels"]))
            if sample["name"] == name and labels.items() <= its.items():
                return float(sample["value"])
        return None


@contextmanager
def watching(claude_code: ClaudeCode, *arguments: str, **more: str) -> Iterator[Seen]:
    """A daemon that the same person starts in a pane of the same tmux, and tells nothing of what there is to see."""
    tmux = claude_code.tmux
    inside = f"{tmux.socket()},{tmux('display-message', '-p', '#{pid}')},0"
    command = ("dashboard", "--port", "0", "--interval", INTERVAL, *arguments)
    with daemon(claude_code.home.folder, *command, **{"TMUX": inside, **more}) as running:
        seen = Seen(running, claude_code)
        seen.wait(lambda: running.url, "the first screen")
        yield seen
