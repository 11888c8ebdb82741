"""The current picture of every cluster: the monitor writes it, web, command line and metrics read it.

Snapshots and tuples are replaced whole, so a reader in another thread (a scrape, the OpenTelemetry reader) needs no
lock for them; counters and histograms are added to under one.
"""

from __future__ import annotations

import logging
import threading
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from telemetry.model import Alert, AlertLevel, ClusterSnapshot

_log = logging.getLogger(__name__)

CLOSED_ALERTS_SHOWN_FOR = 900.0
"""Seconds for which an alert that is over is still reported, as 0: a backend that gets its series pushed would go on
showing the last 1 for as long as it looks back (Prometheus: five minutes)."""

DURATION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds in seconds of the histogram of check durations; one more bucket holds the rest."""

DELIVERY_OUTCOMES = ("delivered", "retry", "failed")
"""What an attempt to send a notification can come to."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What became of the records of one signal (`logs`, `traces`) that leave this process over OTLP.

    Attributes:
        sent: How many the endpoint took since the start.
        dropped: How many are lost since then, by reason.
        waiting: How many wait on disk until it takes them; None where there is no spool.
        waiting_bytes: The room that they take.
        capacity_bytes: The room that they may take; beyond that the oldest are dropped.
    """

    sent: int
    dropped: Mapping[str, int]
    waiting: int | None = None
    waiting_bytes: int = 0
    capacity_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Outlet:
    """How it is with one backend that the collector sends to; the numbers count from the collector's start, by signal.

    Attributes:
        name: As it is chosen in BACKENDS.
        up: Whether it takes what is sent; None: nobody can tell.
        sent, failed, refused: Metric points, log records and spans: taken, given up, not taken.
        usage: How full its queues are, 0 to 1.
        takes_nothing: Whether nothing is sent to it though something waits, or all that comes is given up.
        word: What the collector wrote about it lately; "" for nothing.
    """

    name: str
    up: bool | None
    sent: Mapping[str, int]
    failed: Mapping[str, int]
    refused: Mapping[str, int]
    usage: Mapping[str, float]
    takes_nothing: bool = False
    word: str = ""


@dataclass(frozen=True, slots=True)
class Outlets:
    """Every backend, and the collector itself.

    Attributes:
        backends: Each that it sends to.
        damaged_files: Of its queues, set aside at its start; None: nobody can tell.
        untaken: The signals of this process of which it took nothing for a moment, up to now.
        problem: Why a collector of our own doesn't answer; "" otherwise.
        is_own: Whether it started with us, so that all that it counts is news.
    """

    backends: Sequence[Outlet] = ()
    damaged_files: int | None = None
    untaken: Sequence[str] = ()
    problem: str = ""
    is_own: bool = False


AlertName = tuple[str, str, str]
"""(cluster, agent name, rule) of an alert."""
AlertKey = tuple[str, str, str, AlertLevel]
"""The same with its level."""


def alert_key(alert: Alert) -> AlertKey:
    """What tells this alert, at its level, from every other."""
    return alert.cluster, alert.agent_name, alert.rule, alert.level


@dataclass(slots=True)
class Histogram:
    """Counts of observed durations by bucket (the last bucket is +Inf), and their sum in seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(DURATION_BUCKETS) + 1))
    total: float = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(DURATION_BUCKETS, seconds)] += 1
        self.total += seconds


class Picture:
    """What is known now. One for a process; every cluster's monitor publishes into it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshots: dict[str, ClusterSnapshot] = {}
        self._open_alerts: dict[str, tuple[Alert, ...]] = {}
        self._alert_keys: dict[str, dict[AlertKey, bool]] = {}
        self._closed: dict[AlertKey, float] = {}
        self._suppressed: dict[str, frozenset[AlertName]] = {}
        self._alert_counts: dict[tuple[str, AlertLevel], int] = {}
        self._checks: dict[tuple[str, str, str], Histogram] = {}
        self._heartbeats: dict[str, float] = {}
        self._deliveries: dict[tuple[str, str], int] = {}
        self._store_problem: str | None = None
        self._listeners: dict[object, Callable[[], None]] = {}
        self._sending: Callable[[], Mapping[str, Sending]] = dict
        self._outlets: Callable[[], Outlets] = Outlets

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Has `callback` called after every change, in the thread that made it: it must be quick.

        What it raises is logged, and never reaches whoever publishes.

        Returns:
            What ends that; twice is once.
        """
        mark = object()
        with self._lock:
            self._listeners = {**self._listeners, mark: callback}

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = {key: held for key, held in self._listeners.items() if key is not mark}

        return unsubscribe

    def _changed(self) -> None:
        for callback in self._listeners.values():
            try:
                callback()
            except Exception:  # noqa: BLE001 - a listener's fault, logged: the check that publishes goes on
                _log.exception("a listener of the picture failed")

    def expect(self, cluster: str) -> None:
        """Names a cluster before its first check: its alert counters exist from the start, at 0, for `rate()`."""
        with self._lock:
            for level in AlertLevel:
                self._alert_counts.setdefault((cluster, level), 0)

    def publish(
        self,
        snapshot: ClusterSnapshot,
        open_alerts: tuple[Alert, ...] | None,
        suppressed: Collection[AlertName] = (),
    ) -> None:
        """Replaces the cluster's snapshot, stamps its heartbeat with the snapshot's time, and replaces its open alerts.

        Args:
            snapshot: What was seen.
            open_alerts: Those that fire; None: those of before, which costs nothing however many they are.
            suppressed: Which of them nobody is told of: silenced, inhibited, in maintenance.
        """
        cluster = snapshot.cluster
        self.expect(cluster)
        with self._lock:
            self._snapshots = {**self._snapshots, cluster: snapshot}
            self._heartbeats = {**self._heartbeats, cluster: snapshot.taken_at}
            self._take_alerts(cluster, open_alerts, suppressed, snapshot.taken_at)
        self._changed()

    def publish_alerts(
        self, cluster: str, open_alerts: tuple[Alert, ...] | None, suppressed: Collection[AlertName], now: float
    ) -> None:
        """The same for what has alerts and is no cluster of agents: there is no snapshot of it, and no heartbeat."""
        with self._lock:
            self._take_alerts(cluster, open_alerts, suppressed, now)
        if open_alerts is not None:
            self._changed()

    def _take_alerts(
        self, cluster: str, alerts: tuple[Alert, ...] | None, suppressed: Collection[AlertName], now: float
    ) -> None:
        if alerts is not None:
            self._replace_alerts(cluster, alerts, now)
            self._suppressed = {**self._suppressed, cluster: frozenset(suppressed)}
        oldest = now - CLOSED_ALERTS_SHOWN_FOR
        self._closed = {key: at for key, at in self._closed.items() if key[0] != cluster or at >= oldest}

    def _replace_alerts(self, cluster: str, alerts: tuple[Alert, ...], now: float) -> None:
        before = self._alert_keys.get(cluster, {})
        after = dict.fromkeys(map(alert_key, alerts), True)
        closed = {key: at for key, at in self._closed.items() if key not in after}
        closed.update((key, now) for key in before if key not in after)
        self._closed = closed
        self._alert_keys = {**self._alert_keys, cluster: after}
        self._open_alerts = {**self._open_alerts, cluster: alerts}

    def count_alert(self, cluster: str, level: AlertLevel) -> None:
        """An alert of the cluster entered `level`: never called for a repeat."""
        with self._lock:
            self._alert_counts[cluster, level] = self._alert_counts.get((cluster, level), 0) + 1
        self._changed()

    def observe_check(self, cluster: str, source: str, outcome: str, seconds: float) -> None:
        """A check took `seconds`; outcome is `ok`, `error` or `timeout`."""
        with self._lock:
            self._checks.setdefault((cluster, source, outcome), Histogram()).observe(seconds)

    def count_delivery(self, channel: str, outcome: str) -> None:
        """An attempt to send by `channel`; outcome is `delivered`, `retry` (it is tried again) or `failed`."""
        with self._lock:
            self._deliveries[channel, outcome] = self._deliveries.get((channel, outcome), 0) + 1
        self._changed()

    def expect_channels(self, channels: Iterable[str]) -> None:
        """Names channels before their first message: their counters exist from the start, at 0, for `rate()`."""
        with self._lock:
            for channel in channels:
                for outcome in DELIVERY_OUTCOMES:
                    self._deliveries.setdefault((channel, outcome), 0)

    def set_store_problem(self, problem: str) -> None:
        """Why the store can't be used; "" when it can. Never called: this process has none."""
        if problem != self._store_problem:
            self._store_problem = problem
            self._changed()

    def sent_by(self, sending: Callable[[], Mapping[str, Sending]]) -> None:
        """Names who knows what became of what leaves this process."""
        self._sending = sending

    def leaves_by(self, outlets: Callable[[], Outlets]) -> None:
        """Names who knows how it is with the backends."""
        self._outlets = outlets

    def remove(self, cluster: str) -> None:
        """The cluster is watched no longer: its series go at once."""
        with self._lock:
            self._snapshots = {name: held for name, held in self._snapshots.items() if name != cluster}
            self._open_alerts = {name: held for name, held in self._open_alerts.items() if name != cluster}
            self._heartbeats = {name: held for name, held in self._heartbeats.items() if name != cluster}
            self._alert_keys = {name: held for name, held in self._alert_keys.items() if name != cluster}
            self._suppressed = {name: held for name, held in self._suppressed.items() if name != cluster}
            self._closed = {key: at for key, at in self._closed.items() if key[0] != cluster}
            self._alert_counts = {key: n for key, n in self._alert_counts.items() if key[0] != cluster}
            self._checks = {key: h for key, h in self._checks.items() if key[0] != cluster}
        self._changed()

    @property
    def snapshots(self) -> tuple[ClusterSnapshot, ...]:
        """The last snapshot of each cluster, by name."""
        held = self._snapshots
        return tuple(held[name] for name in sorted(held))

    def snapshot(self, cluster: str) -> ClusterSnapshot | None:
        """The cluster's last snapshot, or None before its first check."""
        return self._snapshots.get(cluster)

    @property
    def open_alerts(self) -> tuple[Alert, ...]:
        """Every alert that is open now, cluster by cluster."""
        held = self._open_alerts
        return tuple(alert for name in sorted(held) for alert in held[name])

    @property
    def active_alerts(self) -> dict[AlertKey, bool]:
        """Whether each alert is open, at each level it had: those that were over a while ago are left out."""
        with self._lock:
            active = dict.fromkeys(self._closed, False)
            for keys in self._alert_keys.values():
                active.update(keys)
        return active

    @property
    def suppressed_alerts(self) -> dict[AlertName, bool]:
        """Whether each alert that is open, or was a while ago, is not told: silenced, inhibited, in maintenance."""
        with self._lock:
            keys = [*self._closed, *(key for held in self._alert_keys.values() for key in held)]
            quiet = frozenset().union(*self._suppressed.values())
        return {key[:3]: key[:3] in quiet for key in keys}

    @property
    def alert_counts(self) -> dict[tuple[str, AlertLevel], int]:
        """How many alerts entered each level, by (cluster, level); every level of an expected cluster is there."""
        with self._lock:
            return dict(self._alert_counts)

    @property
    def deliveries(self) -> dict[tuple[str, str], int]:
        """How many notifications, by (channel, outcome)."""
        with self._lock:
            return dict(self._deliveries)

    @property
    def store_problem(self) -> str | None:
        """Why the store can't be used, "" when it can, None where there is none."""
        return self._store_problem

    @property
    def sending(self) -> Mapping[str, Sending]:
        """What became of logs and spans on their way out, by signal; empty where none are sent."""
        return self._sending()

    @property
    def outlets(self) -> Outlets:
        """How it is with the backends; none where nobody knows of any."""
        return self._outlets()

    @property
    def checks(self) -> dict[tuple[str, str, str], Histogram]:
        """Durations of checks by (cluster, source, outcome); copies."""
        with self._lock:
            return {key: Histogram(list(held.counts), held.total) for key, held in self._checks.items()}

    @property
    def heartbeats(self) -> dict[str, float]:
        """Unix time of the last finished check, by cluster."""
        return self._heartbeats
