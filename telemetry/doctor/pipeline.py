"""The check that a probe gets through: taken by the collector, and there in every chosen backend."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

from telemetry.doctor.arriving import NOUNS, Search, listed
from telemetry.doctor.asking import FORBIDDEN, UNAUTHORIZED, UnreachableError
from telemetry.doctor.counting import Counters
from telemetry.doctor.finding import Finding, fail, ok, warn
from telemetry.doctor.probe import Sent, send
from telemetry.doctor.world import World, sending_environment
from telemetry.signals.otel_environment import TelemetryError

CHECK = "pipeline"
_SERVER_ERROR = 500
_TOO_MANY = 429
_HEALTH_PORT = ("ORCHESTRATOR_COLLECTOR_HEALTH_PORT", "13133")


async def pipeline(world: World) -> list[Finding]:
    """Sends the probe and asks for it everywhere."""
    if world.target.kind == "none":
        todo = "`up` runs a collector; OTEL_EXPORTER_OTLP_ENDPOINT names another one"
        return [
            warn(CHECK, "nothing is sent anywhere: there is no collector; /metrics can be scraped all the same", todo)
        ]
    counters = Counters(world.target.metrics_url, world.environ, world.backends)
    before = await counters.look(world.now())
    world.progress("sending a metric, a log line and a span")
    try:
        probe, sent = await send(sending_environment(world), world.now(), str(world.settings.state_dir.absolute()))
    except TelemetryError as error:
        return [fail(CHECK, str(error), "correct the variable")]
    taken = {one.signal for one in sent if not one.problem}
    findings = [await _of_endpoint(world, sent)]
    if not taken:
        why = "not asked: nothing got as far as the collector"
        return [*findings, *(warn(name, why) for name in world.backends)]
    search = Search(world, probe, taken, counters, before, time.monotonic() + world.timeout)
    asked = (search.of_backend(name) for name in world.backends)
    findings += [found for one in await asyncio.gather(*asked) for found in one]
    if not world.backends:
        findings.append(warn(CHECK, "which backends there are isn't known here", "name them in BACKENDS"))
    return findings


# --- the endpoint -----------------------------------------------------------------------------------------------------


async def _of_endpoint(world: World, sent: list[Sent]) -> Finding:
    url = world.target.url
    lost = next((one for one in sent if one.problem), None)
    if not sent:
        return warn(CHECK, "OTEL_*_EXPORTER turns every signal off", "otlp is the exporter that sends")
    if lost is None:
        return ok(CHECK, f"{url} took {listed([NOUNS[one.signal] for one in sent])}")
    if lost.is_unreachable:
        return await _unreachable(world, lost)
    if lost.is_silent:
        todo = "it, or what stands before it, hangs: start it again; where it is right, look for a firewall between"
        return fail(CHECK, f"collector hangs: {url} {lost.problem}", todo)
    return _refused(url, lost)


def _refused(url: str, lost: Sent) -> Finding:
    """What a refusal means."""
    if lost.status in (UNAUTHORIZED, FORBIDDEN):
        todo = "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20… must carry ORCHESTRATOR_COLLECTOR_TOKEN"
        return fail(CHECK, f"wrong token for {url}: it {lost.problem}", todo)
    if lost.status >= _SERVER_ERROR or lost.status == _TOO_MANY:
        todo = "its log says why: memory, or full queues"
        return fail(CHECK, f"the collector takes nothing now: {url} {lost.problem}", todo)
    if lost.status:
        todo = "OTEL_EXPORTER_OTLP_ENDPOINT must be a collector's OTLP over HTTP, such as http://127.0.0.1:4318"
        return fail(CHECK, f"wrong endpoint: what answers at {url} takes no OTLP: {lost.signal} {lost.problem}", todo)
    todo = "port 4318 speaks HTTP, 4317 gRPC (OTEL_EXPORTER_OTLP_PROTOCOL=grpc); the collector's log may say more"
    return fail(CHECK, f"{url} did not take {NOUNS[lost.signal]}: {lost.problem}", todo)


async def _unreachable(world: World, lost: Sent) -> Finding:
    url = world.target.url
    if lost.has_no_name:
        todo = "correct the host in OTEL_EXPORTER_OTLP_ENDPOINT"
        return fail(CHECK, f"wrong endpoint: {url}: its host has no address", todo)
    if beside := await _collector_beside(world):
        todo = "its OTLP is usually at port 4318 (HTTP), or 4317 with OTEL_EXPORTER_OTLP_PROTOCOL=grpc: correct "
        todo += "OTEL_EXPORTER_OTLP_ENDPOINT"
        return fail(CHECK, f"wrong endpoint: {lost.problem} at {url}, but a collector runs beside it ({beside})", todo)
    if world.daemon.pipeline and world.target.kind == "own":
        state = world.daemon.pipeline["collector"]["state"]
        return fail(
            CHECK,
            f"collector down: {url}: {lost.problem}; the monitor says: {state}",
            "`collector run` tries it by hand",
        )
    if world.target.kind == "own":
        todo = "start `up` or `collector run`, or set OTEL_EXPORTER_OTLP_ENDPOINT to the collector that you have"
        return fail(CHECK, f"collector down: nobody listens at {url} ({lost.problem})", todo)
    todo = "start that collector, or correct OTEL_EXPORTER_OTLP_ENDPOINT"
    return fail(CHECK, f"collector down, or wrong endpoint: {url}: {lost.problem}", todo)


async def _collector_beside(world: World) -> str:
    """The health check of a collector on the endpoint's host, where it answers."""
    name, usual = _HEALTH_PORT
    host = urlsplit(world.target.url).hostname or "127.0.0.1"
    url = f"http://{f'[{host}]' if ':' in host else host}:{world.variable(name, usual)}/"
    try:
        found = await world.ask(url)
    except UnreachableError:
        return ""
    return f"{url} answered {found.status}" if found.is_success else ""
