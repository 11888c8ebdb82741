"""What is known of one cluster's alerts between two evaluations, and what an evaluation gives."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from telemetry.alerts.controls import Controls
from telemetry.alerts.findings import Findings
from telemetry.model import Alert, AlertEvent, AlertMemory, Change, ClusterSnapshot, Key, News, OpenAlert, Phase


@dataclass(frozen=True, slots=True)
class EngineState:
    """All that one cluster's evaluation needs of the ones before. Replaced whole; the same object: nothing changed.

    Attributes:
        alerts: Every alert that is pending, firing or dismissed.
        memory: See there. These two outlive the process; the rest is made anew by the first evaluation.
        found: What is wrong with each agent of which anything is; under "" with the cluster.
        seen: The last snapshot for which the source gave an answer.
        shape: What, besides agents, the last evaluation saw of the cluster.
        controls: Those that held at the last evaluation.
        due_at: Until then, what was seen means the same (Unix s).
        judged_at: When that was (Unix s). Earlier than this, the clock was set back, and nothing means the same.
        ahead: Of agents that tell a time of a clock that was set back since: that time, and what it counts as.
    """

    alerts: Mapping[Key, OpenAlert] = field(default_factory=dict)
    memory: AlertMemory = field(default_factory=AlertMemory)
    found: Mapping[str, Findings] = field(default_factory=dict)
    seen: ClusterSnapshot | None = None
    shape: tuple[object, ...] = ()
    controls: Controls | None = None
    due_at: float = -math.inf
    judged_at: float = -math.inf
    ahead: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def firing(self) -> tuple[OpenAlert, ...]:
        """The alerts that fire now."""
        return tuple(alert for alert in self.alerts.values() if alert.phase is Phase.FIRING)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one evaluation.

    Attributes:
        state: What the next one starts from.
        events: What happened, in the order of the catalogue.
        changed: Every alert that is other than before, as it is now; those that are no more aren't in it.
        gone: The keys of those that are no more.
        memory_changed: Whether `state.memory` is other than before.
    """

    state: EngineState
    events: tuple[AlertEvent, ...] = ()
    changed: tuple[OpenAlert, ...] = ()
    gone: tuple[Key, ...] = ()
    memory_changed: bool = False

    @property
    def is_news(self) -> bool:
        """Whether anything is other than before."""
        return bool(self.events or self.changed or self.gone or self.memory_changed)

    def news(self, cluster: str, now: float, over: Iterable[Alert], said: Sequence[AlertEvent] = ()) -> News:
        """For whoever keeps alerts and tells of them.

        Args:
            cluster: Whose outcome it is.
            now: When (Unix s).
            over: What goes into the history.
            said: What a person said since the outcome before.
        """
        alerts = self.state.alerts
        known = {alert.key for alert in self.changed}
        earlier = (alerts[event.alert.key] for event in said if event.alert.key in alerts.keys() - known)
        return News(
            cluster=cluster,
            at=now,
            open=alerts,
            changed=(*earlier, *self.changed),
            gone=self.gone,
            events=(*said, *self.events),
            over=tuple(over),
            memory=self.state.memory if self.memory_changed else None,
        )

    def traced(self, trace_id: str) -> Outcome:
        """The same, where what fired carries the trace of the check that raised it."""
        fired = {event.alert.key for event in self.events if event.change is Change.FIRED}
        if not fired or not trace_id:
            return self
        named = {key: replace(self.state.alerts[key], trace_id=trace_id) for key in fired if key in self.state.alerts}
        return replace(
            self,
            state=replace(self.state, alerts={**self.state.alerts, **named}),
            events=tuple(replace(e, alert=named.get(e.alert.key, e.alert)) for e in self.events),
            changed=tuple(named.get(alert.key, alert) for alert in self.changed),
        )
