"""The check of this machine's clock against those of the servers that it talks to, by their answers' Date."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from telemetry.doctor.asking import UnreachableError
from telemetry.doctor.finding import Finding, fail, ok, warn
from telemetry.doctor.stores import datadog_base
from telemetry.doctor.world import World

CHECK = "clock"
MOST_OFF = 5.0
"""Seconds by which clocks may differ; a Date has whole seconds."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One server's clock.

    Attributes:
        who: The backend, or the collector.
        where: Its host and port.
        ahead: Seconds by which it is ahead of ours, at least: what the answer took and the rounding are taken off.
    """

    who: str
    where: str
    ahead: float


async def clock(world: World) -> list[Finding]:
    """Asks everybody for the time."""
    asked = await asyncio.gather(*(_read(world, who, url) for who, url in _servers(world).items()))
    return [judge([reading for reading in asked if reading is not None])]


def _servers(world: World) -> dict[str, str]:
    """Who may be asked, and where."""
    addresses = {
        "the collector": world.target.metrics_url,
        "Prometheus": world.variable("PROMETHEUS_URL"),
        "remote write": world.variable("PROMETHEUS_REMOTE_WRITE_URL"),
        "Prometheus by OTLP": world.variable("PROMETHEUS_OTLP_URL"),
        "Loki": world.variable("LOKI_URL"),
        "Elasticsearch": world.variable("ELASTICSEARCH_URL"),
        "OTLP backend": world.variable("OTLP_BACKEND_URL"),
        "Datadog": datadog_base(world) if "datadog" in world.backends else "",
    }
    return {who: url for who, url in addresses.items() if url}


async def _read(world: World, who: str, url: str) -> Reading | None:
    began = time.monotonic()
    before = world.now()
    try:
        found = await world.ask(url, method="HEAD")
    except UnreachableError:
        return None
    if found.date is None:
        return None
    after = before + time.monotonic() - began
    parts = urlsplit(url)
    where = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    return Reading(who, where, _ahead(found.date, before, after))


def _ahead(date: float, before: float, after: float) -> float:
    """How far a server's clock is ahead for certain: it said `date`, cut to seconds, between two of our times."""
    if date > after:
        return date - after
    if date + 1 < before:
        return date + 1 - before
    return 0.0


def judge(readings: Sequence[Reading]) -> Finding:
    """Whose clock is off: one server's, where another agrees with ours, else ours or theirs."""
    if not readings:
        return warn(CHECK, "no server that could be asked says what time it is")
    off = [one for one in readings if abs(one.ahead) > MOST_OFF]
    if not off:
        agreeing = ", ".join(one.who for one in readings)
        return ok(CHECK, f"within {MOST_OFF:g} s of {agreeing}")
    worst = max(off, key=lambda one: abs(one.ahead))
    by = f"{abs(worst.ahead):.0f} s {'ahead of' if worst.ahead > 0 else 'behind'}"
    if len(off) < len(readings):
        todo = f"set the clock of {worst.where}: what arrives there is filed under wrong times, or refused"
        return fail(
            CHECK, f"clock off: that of {worst.who} ({worst.where}) is {by} this machine's; others agree with it", todo
        )
    todo = (
        "have one of them set (timedatectl shows whether this machine's is synchronised): samples too old are refused"
    )
    return fail(CHECK, f"clock off: that of {worst.who} ({worst.where}) is {by} this machine's", todo)
