"""Waiting until the probe is in a backend, and saying why it isn't."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass

from telemetry.collector.counters import SIGNALS
from telemetry.doctor import stores
from telemetry.doctor.answers import Arrival, Word
from telemetry.doctor.asking import headers_of
from telemetry.doctor.counting import Counters, Look
from telemetry.doctor.finding import Finding, Verdict, fail, ok, warn
from telemetry.doctor.probe import Probe
from telemetry.doctor.stores import Asker
from telemetry.doctor.world import World

EVERY = 0.5
"""Seconds between two questions to one backend."""
GIVE_UP_AFTER = 5.0
"""Seconds after which a backend that was never reached isn't asked again."""
NOUNS = {"metrics": "a metric", "logs": "a log line", "traces": "a span"}
_ILL = ("failing", "waiting")
_LOG = "the collector's log says why"
_LOOK_AT = {
    "datadog": "DD_API_KEY and DD_SITE",
    "elasticsearch": "ELASTICSEARCH_URL and ELASTICSEARCH_API_KEY",
    "file": "ORCHESTRATOR_COLLECTOR_FILE_DIR",
    "kafka": "KAFKA_BROKERS",
    "loki": "LOKI_URL and LOKI_HEADERS",
    "otlp": "OTLP_BACKEND_URL and OTLP_BACKEND_HEADERS",
    "otlp-grpc": "OTLP_GRPC_BACKEND_URL and OTLP_GRPC_BACKEND_HEADERS",
    "prometheus-otlp": "PROMETHEUS_OTLP_URL and PROMETHEUS_OTLP_HEADERS",
    "prometheus-remote-write": "PROMETHEUS_REMOTE_WRITE_URL and PROMETHEUS_REMOTE_WRITE_HEADERS",
}
"""The collector's variables that say where a backend is and who asks."""
_WRITTEN_TO = {"prometheus-remote-write": "PROMETHEUS_REMOTE_WRITE", "prometheus-otlp": "PROMETHEUS_OTLP"}


@dataclass(frozen=True)
class Search:
    """The search for one probe.

    Attributes:
        world: What is looked at.
        probe: What was sent.
        taken: The signals that the endpoint took.
        counters: The collector's own.
        before: What they were before anything was sent.
        deadline: Until when it is searched for (monotonic s).
    """

    world: World
    probe: Probe
    taken: set[str]
    counters: Counters
    before: Look
    deadline: float

    async def of_backend(self, name: str) -> list[Finding]:
        """What is found in one backend."""
        asker = self._asker(name)
        found = [await (self._by_counters(name, self.taken) if asker is None else self._by_asking(name, asker))]
        if name == "prometheus":
            found.append(await self._scraped())
        elif name == "datadog" and found[0].verdict is Verdict.OK:
            found.append(await self._by_counters(name, self.taken & {"traces"}, among={"traces"}))
        return found

    def _asker(self, name: str) -> Asker | None:
        """How a backend is asked itself; None where it can't be."""
        if (prefix := _WRITTEN_TO.get(name)) is not None:
            return self._prometheus(f"{prefix}_URL", f"{prefix}_HEADERS")
        variable, asker = {
            "prometheus": ("", stores.prometheus_page),
            "loki": ("LOKI_URL", stores.loki),
            "elasticsearch": ("ELASTICSEARCH_URL", stores.elasticsearch),
            "datadog": ("DD_API_KEY", stores.datadog),
        }.get(name, ("", None))
        return asker if not variable or self.world.variable(variable) else None

    def _prometheus(self, variable: str, headers: str) -> Asker | None:
        written_to = stores.prometheus_base(self.world.variable(variable))  # may be another one than is scraping
        base = written_to or self.world.variable("PROMETHEUS_URL").rstrip("/")
        if not base:
            return None
        key = headers or "the user and password in PROMETHEUS_URL"
        named = (variable if written_to else "PROMETHEUS_URL", key)
        held = headers_of(self.world.variable(headers))

        async def ask(world: World, probe: Probe) -> Word:
            return await stores.prometheus(world, probe, base, held, named)

        return ask

    async def _scraped(self) -> Finding:
        """Whether a Prometheus scrapes the page; only that Prometheus knows."""
        asker = self._prometheus("", "")
        if asker is None:
            todo = "set PROMETHEUS_URL to have Prometheus asked"
            return warn("prometheus", "whether anybody scrapes that page isn't known here", todo)
        return await self._by_asking("prometheus", asker)

    async def _by_asking(self, name: str, ask: Asker) -> Finding:
        began = reached_at = time.monotonic()
        while True:
            self.world.progress(f"{name}: asking whether it arrived")
            word = await ask(self.world, self.probe)
            now = time.monotonic()
            if word.arrival is Arrival.THERE:
                return await self._there(name, f"{word.said} ({now - began:.1f} s)")
            if word.arrival is not Arrival.UNREACHABLE:
                reached_at = now
            standing = (await self.counters.look(self.world.now())).standings.get(name)
            if word.arrival is Arrival.REFUSED or now >= self.deadline or now - reached_at >= GIVE_UP_AFTER:
                break
            await asyncio.sleep(EVERY)
        late = f" within {self.world.timeout:g} s" if word.arrival is Arrival.NOT_YET else ""
        down = "down: " if word.arrival is Arrival.UNREACHABLE else ""
        is_stuck = standing is not None and standing.state in _ILL
        collector = f"; the collector: {standing.reason}" if standing and is_stuck else ""
        return fail(name, f"{down}{word.said}{late}{collector}", word.todo)

    async def _there(self, name: str, said: str) -> Finding:
        """It is there; not by this way, where the collector gave up all that was to go it."""
        look = await self.counters.look(self.world.now())
        lost = look.losses(self.before, name)
        if not lost or look.growth(self.before, name):
            return ok(name, said)
        reason = look.standings[name].reason
        return fail(name, f"{said}, but the collector gave up {lost}: {reason}", todo_of(name))

    async def _by_counters(self, name: str, wanted: set[str], among: Collection[str] = SIGNALS) -> Finding:
        """By what the collector counted since: all that is known of a backend that can't be asked.

        Args:
            name: The backend.
            wanted: The signals that must have been delivered, as far as it takes them.
            among: Those that are believed: Datadog's exporter counts metrics and logs as sent when it hands them on.
        """
        while True:
            self.world.progress(f"{name}: waiting for the collector to deliver")
            look = await self.counters.look(self.world.now())
            if problem := look.problem or self.before.problem:
                return warn(name, f"whether it arrived can't be told: {problem}")
            lost = look.losses(self.before, name)
            growth = {one: more for one, more in look.growth(self.before, name).items() if one in among}
            if lost and not growth:
                return fail(
                    name, f"the collector gave up {lost} of what was sent: {self._why(name, look)}", todo_of(name)
                )
            if growth and wanted & self.counters.taken_by(name, look) <= set(growth):
                delivered = listed([NOUNS[one] for one in growth])
                return ok(name, f"the collector delivered {delivered}, by its own counters")
            if time.monotonic() >= self.deadline:
                break
            await asyncio.sleep(EVERY)
        return fail(name, f"not delivered within {self.world.timeout:g} s: {self._why(name, look)}", todo_of(name))

    def _why(self, name: str, look: Look) -> str:
        """Why a backend lacks something: a monitor that runs knows what the collector wrote about it."""
        held = self.world.daemon.pipeline or {"backends": ()}
        known = next((one for one in held["backends"] if one["name"] == name), None)
        if known is not None and known["state"] in _ILL:
            return str(known["reason"])
        standing = look.standings.get(name)
        return standing.reason if standing else "the collector doesn't know this backend"


def todo_of(name: str) -> str:
    """What to do where a backend takes nothing."""
    return f"look at {_LOOK_AT[name]}; {_LOG}" if name in _LOOK_AT else _LOG


def listed(words: list[str]) -> str:
    """`a, b and c`."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)
