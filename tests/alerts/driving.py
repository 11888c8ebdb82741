"""Drives the engine through checks, with time as the test says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from telemetry.alerts import Controls, Engine, EngineState, Outcome
from telemetry.health import Limits, evaluate, without_answer
from telemetry.model import AgentHealth, AgentSample, AlertEvent, ClusterSnapshot, Key, OpenAlert, Phase, State

NOW = 1_800_000_000.0
LIMITS = Limits()

UP = AgentSample("a", running=True, reported=State.BUSY, proven=True)
OTHER = AgentSample("b", running=True, reported=State.BUSY, proven=True)
DOWN = AgentSample("a", running=False, reason="exited")


@dataclass
class Cluster:
    """One cluster under one engine."""

    engine: Engine = field(default_factory=Engine)
    state: EngineState = field(default_factory=EngineState)
    controls: Controls = field(default_factory=Controls)
    agents: tuple[AgentHealth, ...] = ()
    now: float = NOW
    last: Outcome | None = None

    def check(
        self, *samples: AgentSample, after: float = 5.0, session: bool = True, error: str = "", hangs: bool = False
    ) -> Sequence[AlertEvent]:
        """One check, `after` seconds after the last; what happened to alerts."""
        self.now += after
        if error:
            self.agents = without_answer(self.agents, error, hangs, self.now)
        else:
            self.agents = evaluate(samples, self.agents, LIMITS, self.now)
        snapshot = ClusterSnapshot("demo", "test", self.agents, self.now, "main", session, error)
        self.last = self.engine.evaluate(self.state, snapshot, self.controls)
        self.state = self.last.state
        return self.last.events

    @property
    def firing(self) -> dict[Key, OpenAlert]:
        """Alerts that fire now."""
        return {key: alert for key, alert in self.state.alerts.items() if alert.phase is Phase.FIRING}

    def told(self) -> set[tuple[str, str]]:
        """(subject, rule) of the alerts that fire and are not suppressed."""
        return {(alert.subject, alert.rule) for alert in self.firing.values() if alert.suppressed is None}

    def why(self, agent: str, rule: str) -> str:
        """Why an alert is not told, by its reason's name; "" where it is."""
        suppressed = self.firing[Key(agent, rule)].suppressed
        return suppressed.reason.name if suppressed else ""


def told(events: Iterable[AlertEvent]) -> set[tuple[str, str, str, str]]:
    """(change, subject, rule, level) of each."""
    return {(e.change.value, e.alert.subject, e.alert.rule, e.alert.level.value) for e in events}
