"""All checks, side by side; one that breaks is a finding of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping

from telemetry.doctor.channels import notifiers
from telemetry.doctor.clock import clock
from telemetry.doctor.disk import disk, rights
from telemetry.doctor.finding import Finding, fail
from telemetry.doctor.hiding import hide, secrets_of
from telemetry.doctor.monitor import monitor, sources, versions
from telemetry.doctor.pipeline import pipeline
from telemetry.doctor.retention import retention
from telemetry.doctor.world import World

_log = logging.getLogger(__name__)

Check = Callable[[World], Awaitable[list[Finding]]]
CHECKS: Mapping[str, Check] = {
    "monitor": monitor,
    "pipeline": pipeline,
    "sources": sources,
    "notify": notifiers,
    "clock": clock,
    "disk": disk,
    "rights": rights,
    "retention": retention,
    "versions": versions,
}
"""Every check by its name, in the order of the list."""


async def examine(
    world: World,
    only: Collection[str] = (),
    *,
    checks: Mapping[str, Check] = CHECKS,
    told: Callable[[str, list[Finding]], None] = lambda *_: None,
) -> list[Finding]:
    """Runs the checks, and returns what they found in the list's order.

    Args:
        world: What is looked at.
        only: Names of checks; empty: all.
        checks: Those that there are.
        told: Told of each check's findings as soon as it is done.
    """
    secrets = secrets_of(world.settings, world.environ)
    chosen = {name: check for name, check in checks.items() if not only or name in only}

    async def one(name: str, check: Check) -> list[Finding]:
        try:
            found = await check(world)
        except Exception as error:  # noqa: BLE001 - told as a finding, and the other checks go on
            _log.debug("the check %s broke", name, exc_info=True)
            said = f"this check broke, so nothing is known of it: {type(error).__name__}: {error}"
            found = [fail(name, said, "report this as a fault of doctor; --only leaves it out")]
        found = hide(found, secrets)
        told(name, found)
        return found

    try:
        found = await asyncio.gather(*(one(name, check) for name, check in chosen.items()))
    finally:
        await world.ask.close()
    return [finding for several in found for finding in several]
