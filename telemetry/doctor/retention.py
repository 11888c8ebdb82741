"""The check that nobody forgets sooner than the profile promises: our own history and log, and the backends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from telemetry.collector.places import without_secrets
from telemetry.doctor.asking import UnreachableError, headers_of
from telemetry.doctor.finding import Finding, fail, ok, warn
from telemetry.doctor.stores import elasticsearch_headers, prometheus_base
from telemetry.doctor.world import World
from telemetry.settings.layers import PROFILES

CHECK = "retention"
FOREVER = float("inf")
_DAY = 86_400.0
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": _DAY, "w": 7 * _DAY, "y": 365 * _DAY}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w|y)")


def days(text: str) -> float | None:
    """`15d`, `30d12h`, `744h` in days; None where it isn't that."""
    text = text.strip().lower()
    parts = _PART.findall(text)
    if not parts or _PART.sub("", text):
        return None
    return float(sum(float(number) * _UNITS[unit] for number, unit in parts)) / _DAY


async def retention(world: World) -> list[Finding]:
    """How long everybody keeps what he gets, where he can be asked."""
    asked = await asyncio.gather(_prometheus(world), _loki(world), _elasticsearch(world))
    return [*_own(world), *(found for found in asked if found is not None)]


def _own(world: World) -> list[Finding]:
    profile, wanted = world.settings.profile, profile_days(world)
    held = {"history": world.settings.history.retention_days, "log": world.settings.log.retention_days}
    short = [f"{name}.retention_days is {value:g}" for name, value in held.items() if value < wanted]
    if short:
        said = f"{' and '.join(short)}: less than the {wanted:g} days of the profile {profile}"
        return [warn(CHECK, said, "leave it out of the settings, or choose another profile")]
    return [ok(CHECK, f"history {held['history']:g} days, log {held['log']:g} days (profile {profile}: {wanted:g})")]


def profile_days(world: World) -> float:
    """How many days the profile promises."""
    return float(PROFILES[world.settings.profile][("history", "retention_days")])


def judged(world: World, who: str, kept: float, how: str) -> Finding:
    """Whether a backend that keeps so many days keeps enough."""
    wanted, profile = profile_days(world), world.settings.profile
    if kept < wanted:
        said = f"wrong retention: {who} keeps {kept:g} days, the profile {profile} promises {wanted:g}"
        return fail(CHECK, said, f"set {how} to {wanted:g} days or more, or choose another profile")
    return ok(CHECK, f"{who} keeps {'everything' if kept == FOREVER else f'{kept:g} days'}")


async def _prometheus(world: World) -> Finding | None:
    variables = ("PROMETHEUS_REMOTE_WRITE_URL", "PROMETHEUS_OTLP_URL")
    written = next((prometheus_base(url) for name in variables if (url := world.variable(name))), "")
    base = world.variable("PROMETHEUS_URL").rstrip("/") or written
    if not base:
        return None
    found = await _get(world, f"{base}/api/v1/status/runtimeinfo", {})
    text = str(_inside(found, "data", "storageRetention") or "")
    kept = next((number for part in text.split(" or ") if (number := days(part)) is not None), None)
    if kept is None:  # another that speaks PromQL, or one that is down, which is told elsewhere
        return None
    return judged(world, f"Prometheus ({without_secrets(base)})", kept or FOREVER, "--storage.tsdb.retention.time")


async def _loki(world: World) -> Finding | None:
    base = world.variable("LOKI_URL").rstrip("/")
    if not base or "loki" not in world.backends:
        return None
    text = await _get_text(world, f"{base}/config", headers_of(world.variable("LOKI_HEADERS")))
    import yaml

    try:
        content = yaml.safe_load(text) if text else None
    except (yaml.YAMLError, ValueError):
        content = None
    period = _inside(content, "limits_config", "retention_period")
    kept = days(str(period)) if period is not None else None
    if kept is None:
        return None
    deletes = _inside(content, "compactor", "retention_enabled") is True
    return judged(
        world, f"Loki ({without_secrets(base)})", (kept or FOREVER) if deletes else FOREVER, "retention_period"
    )


async def _elasticsearch(world: World) -> Finding | None:
    base = world.variable("ELASTICSEARCH_URL").rstrip("/")
    if not base or "elasticsearch" not in world.backends:
        return None
    index, headers = (
        world.variable("ELASTICSEARCH_LOGS_INDEX", "logs-orchestrator.otel-default"),
        elasticsearch_headers(world),
    )
    found = await _get(world, f"{base}/_data_stream/{index}", headers)
    streams = _inside(found, "data_streams")
    if not isinstance(streams, list) or not streams:
        return None
    kept = _inside(streams[0], "lifecycle", "data_retention") or await _deleted_after(world, base, streams[0], headers)
    number = days(str(kept)) if kept else FOREVER
    if number is None:
        return None
    return judged(
        world, f"Elasticsearch ({without_secrets(base)})", number, "data_retention, or the ILM policy's delete phase,"
    )


async def _deleted_after(world: World, base: str, stream: Any, headers: Mapping[str, str]) -> str | None:
    """After what an ILM policy deletes; None where there is none, or none that deletes."""
    policy = _inside(stream, "ilm_policy")
    if not policy:
        return None
    found = await _get(world, f"{base}/_ilm/policy/{policy}", headers)
    age = _inside(found, str(policy), "policy", "phases", "delete", "min_age")
    return str(age) if age else None


async def _get(world: World, url: str, headers: Mapping[str, str]) -> Any:
    import json

    try:
        return json.loads(await _get_text(world, url, headers) or "null")
    except ValueError:
        return None


async def _get_text(world: World, url: str, headers: Mapping[str, str]) -> str:
    try:
        found = await world.ask(url, headers=headers)
    except UnreachableError:  # which the pipeline's check tells
        return ""
    return found.text if found.is_success else ""


def _inside(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
