"""One process: monitors, the API, a collector of its own; signals, reload, an orderly end.

SIGTERM and SIGINT end it within five seconds, a second one at once; SIGHUP reads the settings again.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field

from starlette.types import ASGIApp

from telemetry import admitting, ending, runtime, watching
from telemetry.clock import Clock, SystemClock
from telemetry.collecting import OwnCollector
from telemetry.collector.lookout import Lookout, Seen
from telemetry.collector.places import chosen, place
from telemetry.collector.standing import outlets
from telemetry.demo import Demo
from telemetry.listening import url
from telemetry.monitor import ClusterMonitor
from telemetry.paging import Paging
from telemetry.pipeline import PipelineAlerts
from telemetry.recording import Bounds, Recorder
from telemetry.serving import WebServer
from telemetry.settings import Loaded, Settings, SettingsError
from telemetry.signals.exposition import CONTENT_TYPE, Exposition
from telemetry.signals.logs import LogOptions, get_logger
from telemetry.signals.resource import own_version
from telemetry.sources.base import Screen, SourceError
from telemetry.sources.push.source import PushSource
from telemetry.store import MEMORY, Store
from telemetry.systemd import Systemd
from telemetry.watching import Watch, parts_of
from telemetry.web import views
from telemetry.web.access import Access
from telemetry.web.app import create_app
from telemetry.web.hub import Hub
from telemetry.web.items import Shown

_log = get_logger("telemetry.daemon")

WEB_STOPS_WITHIN = 1.2
MONITORS_STOP_WITHIN = 1.0
HANDED_OVER_WITHIN = 1.2
FLUSHED_WITHIN = 1.2
COLLECTOR_STOPS_WITHIN = 0.9
ENDS_WITHIN = 4.8
"""Seconds after the first signal when the process ends, whatever hangs: more than the others together."""

_MOST_FILES = 65_536
LOG_FILE = "orchestrator-telemetry.jsonl"
_NEEDS_RESTART = ("dashboard", "state_dir", "backends", "spool")
_MAKE_A_MONITOR = ("check_interval", "agent_timeout", "max_idle_time", "thresholds", "rules", "overrides")
"""Settings that a monitor has from its beginning."""


@dataclass
class Plan:
    """What one daemon does.

    Attributes:
        loaded: The settings.
        watches: The clusters.
        reload: Reads the settings again, for SIGHUP; raises SettingsError.
        listener: The socket for the web, or None: no web.
        control: The socket in the state folder by which commands ask this process.
        outside: Whether anybody outside may be told of alerts.
        collector: The collector that belongs to it, or None.
        access: Who is let in; None: as the settings say.
        tls: The certificate of the web, or None: http.
        begun: Called once, in the loop, when everything runs.
        systemd: Is told when everything runs, while the loop turns, and when the end begins.
        demo: The demo cluster that belongs to it, or None. Then a reload doesn't change what is watched, and nothing is
            remembered.
    """

    loaded: Loaded
    watches: Sequence[Watch]
    reload: Callable[[], Loaded]
    listener: socket.socket | None = None
    control: socket.socket | None = None
    collector: OwnCollector | None = None
    outside: bool = True
    begun: Callable[[], None] = lambda: None
    demo: Demo | None = None
    access: Access | None = None
    tls: ssl.SSLContext | None = None
    systemd: Systemd = field(default_factory=Systemd)
    clock: Clock = field(default_factory=SystemClock)


def _allow_many_files() -> None:
    """One file a process that is watched: as many as this user may have, where the usual limit is 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if most == resource.RLIM_INFINITY else min(most, _MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _seen(plan: Plan) -> Seen:
    """What is looked at to know how it is with the backends."""
    if (collector := plan.collector) is None:
        named = ",".join(plan.loaded.settings.backends)
        known = chosen(named, os.environ) if named else ()  # another's collector has its own choice
        return Seen(place(os.environ, own=False), dict(os.environ), chosen=known, exports=runtime.exports)
    return Seen(
        place(os.environ, own=True),
        dict(os.environ),
        chosen=collector.backends,
        state=lambda: collector.state,
        words=lambda: collector.words,
        exports=runtime.exports,
        is_built=lambda: collector.is_built,
    )


def log_options(settings: Settings) -> LogOptions:
    """Where the daemon's log lines go: the JSON file, and the console."""
    return LogOptions(
        level=settings.log.level,
        file=settings.log_dir / LOG_FILE,
        retention_days=settings.log.retention_days,
    )


class Daemon:
    """Runs one plan to its end.

    Raises:
        SettingsError: What is set can't be used; nothing was started.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._settings = plan.loaded.settings
        self._store = Store(MEMORY if plan.demo else watching.store_path(self._settings), owner=True)
        self._watched: dict[Watch, ClusterMonitor] = {}
        self._takers: dict[Watch, PushSource] = {}
        self._access = plan.access or admitting.access_of(self._settings, plan.clock, _log.error)
        self._signals = runtime.shared_signals()
        self._desk = Paging(
            self._settings,
            self._store,
            plan.clock,
            self._signals,
            self._reasons_against,
            dashboard_url=url(plan.listener, tls=plan.tls is not None) if plan.listener else "",
            outside=plan.outside,
        )
        seen = _seen(plan)
        self._lookout = Lookout(seen, plan.clock.now)
        self._signals.picture.leaves_by(lambda: outlets(self._lookout.standing))
        self._pipeline = [PipelineAlerts(self._desk.rules, self._desk, self._signals, plan.clock)]
        if seen.place.kind == "none":
            self._pipeline.clear()
        shown = Shown(
            self._signals.picture,
            self._monitors,
            self._desk,
            self._lookout,
            own_version(),
            others=lambda: self._pipeline,
        )
        self._hub = Hub(shown, plan.clock)
        self._recorder = Recorder(self._signals.picture, self._store, plan.clock, bounds=self._bounds)
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Returns after a signal, when everything has ended.

        Raises:
            SourceError: The demo can't be had; nothing else was started.
        """
        if self._plan.demo is not None:
            await self._plan.demo.start()
            self._beside(self._show(self._plan.demo), "demo")
        self._take_signals()
        _allow_many_files()
        await self._desk.begin()
        await self._recorder.begin()
        app = self._application()
        servers = [WebServer(app, self._plan.listener, self._plan.tls)] if self._plan.listener else []
        if self._plan.control:
            servers.append(WebServer(app, self._plan.control))
        for server in servers:
            server.start()
        if self._plan.collector is not None:
            self._plan.collector.start()
        self._lookout.start()
        for pipeline in self._pipeline:
            pipeline.start()
        self._watch(self._plan.watches, self._settings)
        await self._desk.leave(self._with_alerts())
        self._plan.begun()
        self._beside(self._plan.systemd.keep_told(), "systemd")
        await self._stopping.wait()
        await self._end(servers)

    def _application(self) -> ASGIApp:
        dashboard = self._settings.dashboard
        return create_app(
            self._signals.picture,
            self._monitors,
            Exposition(self._signals.picture).render,
            self._plan.clock,
            metrics_type=CONTENT_TYPE,
            allowed_hosts=dashboard.allowed_hosts,
            any_short_name=dashboard.allow_remote,
            people=self._desk,
            recorded=self._recorder,
            screens=self._last_lines if dashboard.screens else None,
            links=self._links,
            takers=lambda: {taker.cluster: taker for taker in self._takers.values()},
            pipeline=self._lookout,
            hub=self._hub,
            access=self._access,
            others=lambda: self._pipeline,
        )

    def _monitors(self) -> list[ClusterMonitor]:
        return list(self._watched.values())

    def _with_alerts(self) -> set[str]:
        """Of whom alerts are kept: every cluster, and the pipeline where there is one."""
        return {*(monitor.cluster for monitor in self._watched.values()), *(held.cluster for held in self._pipeline)}

    def _bounds(self) -> Bounds:
        history = self._settings.history
        return Bounds.of(self._settings.check_interval, history.retention_days, history.max_mib)

    async def _last_lines(self, cluster: str, agent: str, count: int) -> Screen | None:
        """The last lines of an agent's screen. RuntimeError: they can't be had."""
        watching_it = [monitor for monitor in self._watched.values() if monitor.cluster == cluster]
        return await watching_it[0].last_lines(agent, count) if watching_it else None

    def _links(self) -> list[dict[str, str]]:
        """Where else to look, by the settings in force."""
        set_here = [{"name": link.name, "url": link.url} for link in self._settings.links]
        return [*(link._asdict() for link in self._settings.link_to.links()), *set_here]

    def _reasons_against(self) -> list[str]:
        """Why not all is well, as far as the monitors go."""
        monitors = list(self._watched.values())
        blind = [m.cluster for m in monitors if m.snapshot is not None and m.snapshot.source_error]
        reasons = views.staleness(monitors, self._signals.picture.heartbeats, self._plan.clock.now())
        return [*reasons, *(f"cluster {cluster}: its source gives no answer" for cluster in blind)]

    def _watch(self, watches: Sequence[Watch], settings: Settings) -> None:
        for watch in watches:
            source = watching.source_of(watch, self._store, settings, _log.error)
            monitor = watching.monitor_of(source, settings, self._signals, self._desk, self._recorder.last_seen)
            monitor.start()
            self._watched[watch] = monitor
            for part in parts_of(source):
                if isinstance(part, PushSource):
                    self._takers[watch] = part

    # --- signals ----------------------------------------------------------------------------------------------------

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_end, number)
        loop.add_signal_handler(signal.SIGHUP, self._on_reload)

    def _on_end(self, number: signal.Signals) -> None:
        if self._stopping.is_set():
            os._exit(128 + number)  # asked twice: at once; the collector and the demo notice by themselves
        _log.info("stopping", signal=number.name)
        self._plan.systemd.stopping()
        self._stopping.set()
        ending.at_the_latest(ENDS_WITHIN)

    def _on_reload(self) -> None:
        self._beside(self._reload(), "reload")

    def _beside(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    async def _show(demo: Demo) -> None:
        try:
            await demo.run()
        except SourceError as error:
            _log.error("the demo is over", reason=str(error))

    # --- reload -----------------------------------------------------------------------------------------------------

    async def _reload(self) -> None:
        """Swaps what changed, after all of it proved to be usable; otherwise everything stays and one line says why."""
        async with self._reloading:
            try:
                loaded = await asyncio.to_thread(self._plan.reload)
                watches = await asyncio.to_thread(self._watches_after, loaded.settings)
                prepared = self._desk.prepared(loaded.settings)
                await asyncio.to_thread(runtime.configure, log_options(loaded.settings))
            except (SettingsError, ValueError, OSError) as error:
                _log.error("settings not changed", reason=str(error))
                return
            for warning in loaded.warnings:
                _log.warning(warning)
            self._renew_certificate()
            before, self._settings = self._settings, loaded.settings
            await self._desk.use(prepared)
            for pipeline in self._pipeline:
                pipeline.use(prepared.rules)
            await self._swap(before, loaded.settings, watches)
            for name in _NEEDS_RESTART:
                if getattr(before, name) != getattr(loaded.settings, name):
                    _log.warning("this setting takes effect at the next start", setting=name)
            _log.info("settings read again", file=str(loaded.file or ""))

    def _renew_certificate(self) -> None:
        """The files that were named at the start are read again; where they can't be used, the old one stays."""
        if self._plan.tls is None:
            return
        try:
            admitting.renew(self._plan.tls, self._plan.loaded.settings.dashboard)
        except SettingsError as error:
            _log.error("the certificate stays as it was", reason=str(error))

    def _watches_after(self, settings: Settings) -> Sequence[Watch]:
        found = watching.watches(settings)
        return self._plan.watches if self._plan.demo else found

    async def _swap(self, before: Settings, after: Settings, watches: Sequence[Watch]) -> None:
        """A cluster about which nothing changed keeps its monitor, with its alerts and times."""
        same = all(getattr(before, name) == getattr(after, name) for name in _MAKE_A_MONITOR)
        kept = set(watches) & set(self._watched) if same else set()
        gone = [watch for watch in self._watched if watch not in kept]
        old = [self._watched.pop(watch) for watch in gone]
        for watch in gone:
            self._takers.pop(watch, None)
        await asyncio.gather(*(monitor.close() for monitor in old))
        self._watch([watch for watch in watches if watch not in kept], after)
        still = self._with_alerts()
        for monitor in old:
            if monitor.cluster not in still:
                self._signals.picture.remove(monitor.cluster)
        await self._desk.leave(still)

    # --- the end ----------------------------------------------------------------------------------------------------

    async def _end(self, servers: Sequence[WebServer]) -> None:
        """Each part has its own deadline, so that one that hangs costs the others nothing.

        What the monitors found last is still told.
        """
        self._hub.close()
        closing_web = [asyncio.create_task(server.stop(WEB_STOPS_WITHIN)) for server in servers]
        for task in self._tasks:
            task.cancel()
        closing = [asyncio.create_task(monitor.close()) for monitor in self._watched.values()]
        closing += [asyncio.create_task(pipeline.stop()) for pipeline in self._pipeline]
        if self._plan.demo is not None:
            closing.append(asyncio.create_task(self._plan.demo.stop()))
        if closing:
            _, late = await asyncio.wait(closing, timeout=MONITORS_STOP_WITHIN)
            for task in late:
                task.cancel()
        await self._lookout.stop()
        await asyncio.gather(self._desk.stop(HANDED_OVER_WITHIN), self._recorder.stop(HANDED_OVER_WITHIN))
        await asyncio.gather(*closing_web)
        _log.info("stopped")
        await ending.within(FLUSHED_WITHIN + 0.2, lambda: runtime.shutdown(FLUSHED_WITHIN))
        if self._plan.collector is not None:
            await self._plan.collector.stop(COLLECTOR_STOPS_WITHIN)
        self._store.close()
