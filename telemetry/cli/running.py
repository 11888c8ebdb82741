"""What `up`, `monitor`, `dashboard` and `demo` have in common: everything between the flags and the daemon."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from telemetry import admitting, collecting, runtime, watching
from telemetry.cli import leave_output, options
from telemetry.cli.screen import first_screen
from telemetry.clock import SystemClock
from telemetry.collecting import OwnCollector, Wish
from telemetry.collector import keep_files_in
from telemetry.control import control_socket
from telemetry.daemon import LOG_FILE, Daemon, Plan, log_options
from telemetry.demo import Demo
from telemetry.listening import ListenError, RefusedAddressError, listen, url
from telemetry.lockfile import Lock, LockedError
from telemetry.paging_plan import channels_on
from telemetry.settings import Flags, Loaded, Settings, SettingsError, load
from telemetry.signals.log_sinks import wants_colour
from telemetry.signals.logs import get_logger
from telemetry.signals.spool.place import MIB, SpoolOptions
from telemetry.sources.base import SourceError
from telemetry.systemd import Systemd
from telemetry.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Sequence


_log = get_logger("telemetry.access")


@dataclass(frozen=True)
class Start:
    """What a command asks for.

    Attributes:
        config: The settings file from the command line.
        flags: The other flags.
        web: Whether to serve dashboard, API and /metrics.
        collector: Whether to run a collector of our own.
        demo: `never`, `if nothing` is there to watch, or `only`.
        notify: Whether the demo may send beyond this machine.
    """

    config: str | None
    flags: Flags
    web: bool = True
    collector: Wish = Wish.NO
    demo: str = "never"
    notify: bool = False


def run(start: Start) -> None:
    """Runs a daemon until it is told to stop. Ends the process with one line where it can't start."""
    systemd = Systemd.of(os.environ)
    loaded = options.settings(start.config, start.flags)
    if start.demo == "only":  # beside a daemon that watches real agents
        flags = {**start.flags, "state_dir": ("--state-dir", str(loaded.settings.state_dir / "demo"))}
        start = replace(start, flags=flags)
        loaded = options.settings(start.config, start.flags)
    settings = loaded.settings
    with ExitStack() as held:
        try:
            held.enter_context(Lock(settings.state_dir))
            access = admitting.access_of(settings, SystemClock(), _log.error)
            tls = admitting.certificate(settings.dashboard)
            listener = listen(settings.dashboard, asks=access.asks) if start.web else None
            control = held.enter_context(control_socket(settings.state_dir))
        except (RefusedAddressError, SettingsError) as error:
            options.fail(str(error), options.BAD_SETTINGS)
        except (LockedError, ListenError) as error:
            options.fail(str(error))
        except OSError as error:
            options.fail(f"the state folder {settings.state_dir} can't be used: {error.strerror}")
        watches, demo, notes = _what_to_watch(start, settings)
        backends = ",".join(settings.backends)
        if demo and not start.notify:
            backends = ""
            if gone := [*collecting.keep_inside(os.environ), *channels_on(settings)]:
                notes.append(f"the demo sends nothing outside without --notify: left out {', '.join(gone)}")
        if demo:
            collecting.take_free_ports(os.environ)
        collector, state = _own_collector(start.collector, backends, settings)
        _configure(settings, keeps=demo is None)
        plan = Plan(
            loaded=loaded,
            watches=watches,
            reload=lambda: load(start.flags, file=start.config),
            listener=listener,
            control=control,
            outside=not demo or start.notify,
            collector=collector,
            demo=demo,
            access=access,
            tls=tls,
            systemd=systemd,
        )
        rows = _rows(settings, watches, url(listener, tls=tls is not None) if listener else "", state)
        try:
            asyncio.run(_run(replace(plan, begun=lambda: _greet(loaded, rows, notes))))
        except (SourceError, SettingsError) as error:
            options.fail(str(error), options.BAD_SETTINGS if isinstance(error, SettingsError) else options.CANNOT_START)
        try:
            sys.stdout.flush()
        except OSError:  # it was said at the first line that got lost; the log file has them all
            leave_output()


async def _run(plan: Plan) -> None:
    await Daemon(plan).run()


def _what_to_watch(start: Start, settings: Settings) -> tuple[Sequence[Watch], Demo | None, list[str]]:
    """The clusters, or the demo, and what is to be said about it once it runs."""
    notes: list[str] = []
    if start.demo != "only":
        try:
            watches = watching.watches(settings)
        except SettingsError as error:
            options.fail(str(error), options.BAD_SETTINGS)
        found = [one for watch in watches if watch.is_automatic for one in watching.found(watch)]
        notes += [f"found by {kind.name}: {what.why}" for kind, what in found]
        if start.demo == "never" or watching.is_configured(settings) or any(what.there for _, what in found):
            return watches, None, notes
        notes.append("no agents on this machine: here is a demo instead (--no-demo watches anyway)")
    demo = Demo(SystemClock())
    return (Watch(demo.options, f"a demo of five agents; to see them: {demo.attach_command}"),), demo, notes


def _own_collector(wish: Wish, backends: str, settings: Settings) -> tuple[OwnCollector | None, str]:
    """The collector that is to run beside us, or None and in words why there is none."""
    plan, why = collecting.plan(wish, os.environ)
    if plan is collecting.Plan.NONE:
        return None, why
    if busy := collecting.still_busy_port(os.environ, backends):
        if wish is Wish.YES:
            options.fail(f"the collector can't run: {busy}")
        return None, f"none of our own: {busy}"
    environ = dict(os.environ)  # as the user has it: what follows is meant for this process alone
    keep_files_in(environ, settings.state_dir)
    asked_for = bool(backends) or wish is Wish.YES
    if plan is collecting.Plan.START and asked_for and (wrong := collecting.wrong_configuration(backends, environ)):
        options.fail(wrong, options.BAD_SETTINGS)
    target = collecting.send_to_own(os.environ, settings.check_interval)
    state = f"takes OTLP at {target}" if plan is collecting.Plan.START else "is being built and joins when it is done"
    return OwnCollector(backends, environ, options.say), f"{backends or 'default backends'}; {state}"


def _configure(settings: Settings, *, keeps: bool) -> None:
    most = settings.spool.max_mib * MIB
    try:
        runtime.configure(
            log_options(settings),
            instance=str(settings.state_dir.absolute()),
            environment=settings.profile,
            spool=SpoolOptions(settings.spool_dir, most) if keeps and most else None,
        )
    except ValueError as error:
        options.fail(str(error), options.BAD_SETTINGS)
    except OSError as error:
        options.fail(f"the log folder {settings.log_dir} can't be used: {error.strerror}")


def _rows(settings: Settings, watches: Sequence[Watch], address: str, collector: str) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    if address:
        rows += [("dashboard", address), ("metrics", f"{address}/metrics")]
    rows += [("watching", watch.words) for watch in watches]
    rows.append(("log", watching.short(settings.log_dir / LOG_FILE)))
    if collector:
        rows.append(("collector", collector))
    return [*rows, ("stop", "Ctrl-C")]


def _greet(loaded: Loaded, rows: list[tuple[str, str]], notes: Sequence[str]) -> None:
    settings = loaded.settings
    for note in notes:
        options.say(note)
    title = f"orchestrator-telemetry · {settings.profile} · a check every {settings.check_interval:g} s"
    options.say(first_screen(title, rows, colour=wants_colour(sys.stderr)))
    if note := loaded.note_on_interval():
        options.say(f"note: {note}")
