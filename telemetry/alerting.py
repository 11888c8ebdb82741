"""The alerts of one cluster, or of the pipeline: the engine with its state, what was over, and whoever is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from telemetry.alerts import AlertHistory, Engine, EngineState, Outcome, history
from telemetry.alerts.given import Given
from telemetry.desk import Desk
from telemetry.model import Alert, AlertEvent, AlertLevel, ClusterSnapshot, Key, OpenAlert, Reason, Transition
from telemetry.notify.callback import CallbackChannel


class ClusterAlerts:
    """Any thread may read, and say what a person wants; checks come one after another.

    Args:
        engine: The rules.
        desk: Keeps and tells.
        callback: Told of single alerts besides, or None.
    """

    def __init__(self, engine: Engine, desk: Desk, callback: Callable[[Alert], Any] | None) -> None:
        self._engine, self._desk = engine, desk
        self._callback = CallbackChannel(callback) if callback else None
        self._lock = threading.Lock()
        self._state = EngineState()
        self._history = AlertHistory()
        self._cluster = ""
        self._unsent: list[AlertEvent] = []

    def use(self, engine: Engine) -> None:
        """Goes on by other rules; what is open stays open until they say otherwise."""
        with self._lock:
            self._engine = engine

    # --- one check --------------------------------------------------------------------------------------------------

    async def begin(self, cluster: str, now: float) -> None:
        """Takes up what was left open in a cluster, once; before its first evaluation under this name."""
        if cluster == self._cluster:
            return
        before, self._cluster = self._cluster, cluster
        if self._state.alerts:  # its first answer gave it another name: nothing goes on under the first one
            over = Engine.end_all(self._state, Reason.UNWATCHED, now)
            await self._desk.take(over.news(before, now, self._history_of(over.events)))
        alerts, memory = self._desk.known(cluster)
        self._state = EngineState(alerts=dict(alerts), memory=memory)

    def evaluate(self, snapshot: ClusterSnapshot, tell: Callable[[Outcome], Outcome]) -> Outcome:
        """What is open after a check.

        Args:
            snapshot: What was seen.
            tell: Reports it, and gives it back as it was reported.
        """
        with self._lock:
            outcome = tell(self._engine.evaluate(self._state, snapshot, self._desk.controls))
            self._state = outcome.state
        return outcome

    def judge(self, given: Given, tell: Callable[[Outcome], Outcome]) -> Outcome:
        """The same for what somebody else found."""
        with self._lock:
            outcome = tell(self._engine.judge(self._state, given, self._desk.controls))
            self._state = outcome.state
        return outcome

    async def settle(self, outcome: Outcome, changes: Sequence[Transition], now: float) -> None:
        """Hands on what a check changed."""
        with self._lock:
            said, self._unsent = self._unsent, []
        ended = self._history_of(outcome.events)
        moved = [history.state_change(change) for change in changes]
        self._history.add((), moved)
        if not (outcome.is_news or said or moved):
            return
        news = outcome.news(self._cluster, now, [*history.ended(said), *ended, *moved], said)
        if self._callback is not None:
            self._callback.take(news)
        await self._desk.take(news)

    def _history_of(self, events: Sequence[AlertEvent]) -> list[Alert]:
        ended = history.ended(events)
        self._history.add(ended, ())
        return ended

    # --- what people want -------------------------------------------------------------------------------------------

    def select(self, level: AlertLevel | None, resolved: bool | None, limit: int | None) -> list[Alert]:
        """Alerts, newest first; None selects all."""
        return self._history.select(self._state.firing(), level, resolved, limit)

    @property
    def open(self) -> tuple[OpenAlert, ...]:
        """Every alert that is pending, firing or dismissed."""
        return tuple(self._state.alerts.values())

    def dismiss(self, alert_ids: Sequence[str], now: float) -> None:
        """A person says that these are over; told with the next check."""
        with self._lock:
            wanted = set(alert_ids)
            keys = [key for key, alert in self._state.alerts.items() if alert.id in wanted]
            outcome = Engine.dismiss(self._state, keys, now)
            self._state = outcome.state
            self._unsent.extend(outcome.events)
        self._history_of(outcome.events)

    async def acknowledge(self, alert_id: str, by: str, note: str, now: float) -> AlertEvent | None:
        """Somebody takes care of an alert. None: no such alert fires."""
        with self._lock:
            key = next((key for key, alert in self._state.alerts.items() if alert.id == alert_id), None)
            try:
                outcome = Engine.acknowledge(self._state, key or Key("", ""), by, note, now)
            except KeyError:
                return None
            self._state = outcome.state
        await self._desk.take(outcome.news(self._cluster, now, ()))
        return outcome.events[0]

    def forget(self) -> None:
        """Forgets what was over."""
        self._history.clear()
