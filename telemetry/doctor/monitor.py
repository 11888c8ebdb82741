"""The checks of the monitor itself, of its sources, and of the programs' versions."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

from telemetry import watching
from telemetry.collector import CollectorError, binary_path
from telemetry.doctor.asking import UnreachableError
from telemetry.doctor.finding import Finding, fail, ok, one_line, warn
from telemetry.doctor.world import World
from telemetry.settings import SettingsError
from telemetry.sources.base import Found
from telemetry.watching import Watch

_OLDEST_TMUX = (3, 1)
_PROGRAM_WITHIN = 5.0
_TARGET_INFO = re.compile(
    r'^target_info\{[^}]*service_name="otelcol-orchestrator",service_version="([^"]*)"', re.MULTILINE
)


async def monitor(world: World) -> list[Finding]:
    """Whether one runs, answers, and checks."""
    check, seen = "monitor", world.daemon
    if not seen.pid:
        folder = world.settings.state_dir
        return [warn(check, f"none runs with the state folder {folder}", "`orchestrator-telemetry up` starts one")]
    if seen.problem:
        todo = f"look at its log; `kill {seen.pid}` and a new start where it stays so"
        return [fail(check, f"stale: the monitor (process {seen.pid}) does not work: {seen.problem}", todo)]
    if seen.not_ready:
        todo = "POST /api/v1/monitoring/start lets it check; its log says what hangs"
        return [fail(check, f"stale: the monitor (process {seen.pid}) is not ready: {seen.not_ready}", todo)]
    return [ok(check, f"process {seen.pid} runs, answers and checks")]


async def sources(world: World) -> list[Finding]:
    """Whether there is something to look at, by the running monitor and by a look of our own."""
    if world.daemon.sources is not None:
        found = [_standing(cluster, one) for cluster in world.daemon.sources["clusters"] for one in cluster["sources"]]
        return [*found, *_without_program(world, {str(one.check) for one in found})]
    try:
        watches = await asyncio.to_thread(watching.watches, world.settings)
    except SettingsError as error:
        return [fail("sources", str(error), "correct the setting")]
    looked = [(watch, kind.name, what) for watch in watches for kind, what in await asyncio.to_thread(_look, watch)]
    anything = any(what.there for _, _, what in looked)
    return [_looked(world, watch, name, what, anything) for watch, name, what in looked]


def _look(watch: Watch) -> list[tuple[Any, Found]]:
    return watching.found(watch)


def _standing(cluster: Mapping[str, Any], one: Mapping[str, Any]) -> Finding:
    check = f"source {one['source']}"
    if one["error"]:
        todo = "`orchestrator-telemetry sources` shows where it looks"
        return fail(check, f"cluster {cluster['cluster']}: it gives no answer: {one['error']}", todo)
    agents = int(one["agents"])
    return ok(check, f"cluster {cluster['cluster']}: {agents} agent{'s' * (agents != 1)}")


def _without_program(world: World, checks: set[str]) -> list[Finding]:
    """tmux for this terminal, where the monitor needs it: its own PATH may be another."""
    if "source tmux" in checks and shutil.which("tmux", path=world.environ.get("PATH")) is None:
        return [_no_tmux(is_needed=True)]
    return []


def _no_tmux(*, is_needed: bool) -> Finding:
    said, todo = "no tmux: there is no program of that name in PATH", "install tmux, or correct PATH"
    return fail("source tmux", said, todo) if is_needed else warn("source tmux", said, f"{todo}, if agents run in it")


def _looked(world: World, watch: Watch, name: str, what: Found, anything: bool) -> Finding:
    check = f"source {name}"
    if name == "tmux" and shutil.which("tmux", path=world.environ.get("PATH")) is None:
        return _no_tmux(is_needed=not watch.is_automatic or not anything)
    if name == "claude":
        folder = watch.claude.folder
        if os.access(folder, os.F_OK) and not os.access(folder, os.R_OK | os.X_OK):
            return fail(check, f"{folder} can't be read by this user", "give the monitor's user the right to read it")
    if what.there or name == "push":
        return ok(check, what.why)
    if watch.is_automatic:
        return ok(check, f"nothing to see now: {what.why}")
    return warn(check, f"nothing to see now: {what.why}", "start the agents, or correct where they are looked for")


async def versions(world: World) -> list[Finding]:
    """Of Python, of this package, of the collector and of tmux."""
    own, python = _own_version(), platform.python_version()
    findings = [ok("versions", f"orchestrator-telemetry {own} on Python {python}, {platform.system()}")]
    if built := await asyncio.to_thread(_collector_version):
        findings.append(ok("versions", built))
    if (running := await _running_collector(world)) is not None:
        findings.append(running)
    if tmux := shutil.which("tmux", path=world.environ.get("PATH")):
        findings.append(await asyncio.to_thread(_tmux_version, tmux))
    return findings


def _own_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("orchestrator-telemetry")
    except PackageNotFoundError:
        return "(a checkout that isn't installed)"


def _collector_version() -> str:
    try:
        binary = binary_path()
    except CollectorError:
        return ""
    if binary is None:
        return "the bundled collector isn't built: `collector build` does that"
    return f"collector: {_first_line([str(binary), '--version'])}, built from these sources"


async def _running_collector(world: World) -> Finding | None:
    """Whether the collector that runs is of this package's version; None where it says nothing, or is another's."""
    if not world.target.metrics_url:
        return None
    try:
        page = await world.ask(world.target.metrics_url)
    except UnreachableError:  # which the pipeline's check tells
        return None
    found = _TARGET_INFO.search(page.text)
    if found is None:
        return None
    own = _own_version()
    if found[1] == own or not own[0].isdigit():
        return ok("versions", f"the collector that runs is {found[1]}")
    said = f"the collector that runs is {found[1]}, this package {own}"
    return warn("versions", said, "`collector build`, then start it again")


def _tmux_version(program: str) -> Finding:
    said = _first_line([program, "-V"])
    numbers = "".join(letter if letter.isdigit() or letter == "." else " " for letter in said).split()
    parts = tuple(int(part) for part in (numbers[0] if numbers else "").split(".") if part)
    if parts and parts < _OLDEST_TMUX:
        wanted = ".".join(map(str, _OLDEST_TMUX))
        return warn("versions", f"{said} is old", f"{wanted} or newer tells of more between two checks")
    return ok("versions", said)


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PROGRAM_WITHIN, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]} can't be run: {error}"
    return one_line((done.stdout or done.stderr).splitlines()[0] if done.stdout or done.stderr else "no version")
