"""The check of the channels by which people are told: without sending anything, unless it was asked for."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from telemetry.doctor.asking import NOT_FOUND, UnreachableError
from telemetry.doctor.finding import Finding, Verdict, fail, ok, warn
from telemetry.doctor.world import World
from telemetry.notify.base import ChannelOptions, DeliveryError, Notifier, Surroundings
from telemetry.notify.plan import test_message
from telemetry.paging_plan import channels_on, notifiers_of
from telemetry.settings import SettingsError

CONNECTED_WITHIN = 4.0
_GONE = 410
_SERVER_ERROR = 500
_PORTS = {"http": 80, "https": 443}


async def notifiers(world: World) -> list[Finding]:
    """Every channel that is on: whether its receiver can be reached, and whether something could not be delivered."""
    on = channels_on(world.settings)
    if not on:
        todo = "`notify --help` says what each channel needs"
        return [warn("notify", "no channel is on: nobody is told of alerts but on the dashboard", todo)]
    try:
        made = notifiers_of(world.settings, Surroundings(world.settings.notify.language))
    except SettingsError as error:
        return [fail("notify", str(error), "correct the setting")]
    ways = (_send(world, name, made[name]) if world.send else _reach(world, name, on[name][1]) for name in on)
    reached = await asyncio.gather(*ways)
    held = {str(one["channel"]): one for one in (world.daemon.channels or {}).get("channels", ())}
    return [_with_failures(found, held.get(name)) for name, found in zip(on, reached, strict=True)]


async def _send(world: World, name: str, notifier: Notifier) -> Finding:
    check, todo = f"notify {name}", "correct the channel's settings; `notify test` tries it alone"
    world.progress(f"{check}: sending a test")
    try:
        async with asyncio.timeout(notifier.timeout):
            return ok(check, f"a test was delivered: {await notifier.send(test_message(name, world.now()))}")
    except TimeoutError:
        return fail(check, f"no answer within {notifier.timeout:g} s", todo)
    except DeliveryError as error:
        return fail(check, f"bad {_noun(name)}: {error}", todo)
    finally:
        await notifier.close()


async def _reach(world: World, name: str, options: ChannelOptions) -> Finding:
    """Whether somebody is there. Nothing is told: an HTTP receiver is asked with HEAD."""
    check = f"notify {name}"
    url = getattr(options, "url", None) or getattr(options, "webhook_url", None)
    if url is not None and hasattr(url, "get_secret_value"):
        return await _asked(world, check, name, url.get_secret_value())
    host, port = getattr(options, "host", ""), getattr(options, "port", 0)
    if isinstance(host, str) and host:
        return await _connected(check, host, int(port or 25))
    return ok(check, "it is on; whether it delivers is told by `notify test` (or doctor --send)")


async def _asked(world: World, check: str, name: str, url: str) -> Finding:
    """A receiver whose address is a secret, as every webhook's: only its host is named."""
    host = urlsplit(url).hostname or ""
    todo = f"correct the {_noun(name)}'s address; `notify test {name}` sends a real message"
    try:
        found = await world.ask(url, method="HEAD")
    except UnreachableError as error:
        reason = str(error).rpartition(": ")[2] if ": " in str(error) else "no answer"
        return fail(check, f"bad {_noun(name)}: {host} can't be reached: {reason}", todo)
    if found.status in (NOT_FOUND, _GONE):
        return fail(check, f"bad {_noun(name)}: {host} answered {found.status}: nothing takes messages there", todo)
    if found.status >= _SERVER_ERROR and found.status != _SERVER_ERROR + 1:  # 501: it knows no HEAD
        return fail(check, f"bad {_noun(name)}: {host} answered {found.status}", todo)
    return ok(check, f"{host} answers ({found.status} to HEAD, by which nothing is sent)")


async def _connected(check: str, host: str, port: int) -> Finding:
    try:
        async with asyncio.timeout(CONNECTED_WITHIN):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return fail(check, f"{host}:{port} took no connection within {CONNECTED_WITHIN:g} s", "correct host and port")
    except OSError as error:
        return fail(check, f"{host}:{port} can't be reached: {error.strerror or error}", "correct host and port")
    writer.close()
    return ok(check, f"{host}:{port} takes connections")


def _with_failures(found: Finding, held: dict[str, Any] | None) -> Finding:
    """What the running monitor could not deliver says more than that somebody is there."""
    if found.verdict is not Verdict.OK or held is None:
        return found
    errors = [str(message["error"]) for message in held.get("failed", ())]
    sending = held.get("sending")
    if errors:
        todo = "correct the channel; `notify status` shows what was not delivered"
        name = found.check.removeprefix("notify ")
        return fail(
            found.check,
            f"bad {_noun(name)}: {len(errors)} message{'s' * (len(errors) != 1)} not delivered: {errors[-1]}",
            todo,
        )
    if sending and sending.get("error"):
        return warn(found.check, f"tried {sending['attempts']} times: {sending['error']}", "`notify status` shows more")
    return found


def _noun(name: str) -> str:
    return "webhook" if name in {"webhook", "slack"} else "channel"
