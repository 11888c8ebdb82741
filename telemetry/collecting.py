"""The daemon's own collector: whether there is to be one, building it in the background, running it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote, urlsplit

from telemetry.collector import Collector, CollectorError, binary_path, build, find_go, validate
from telemetry.collector.places import chosen
from telemetry.collector.senders import bearer_token, scheme
from telemetry.collector.trouble import trouble_of
from telemetry.listening import port_holder

_log = logging.getLogger(__name__)

READY_WITHIN = 30.0
_BEING_BUILT = "being built"
LONGEST_PAUSE = 60.0
_LEVELS = {"\terror\t": logging.ERROR, "\twarn\t": logging.WARNING}
_LEVELS |= {'"level":"error"': logging.ERROR, '"level":"warn"': logging.WARNING}
_collector_log = logging.getLogger("opentelemetry.collector")
"""What the collector says. Under OpenTelemetry's name, so that it stays local: sent on, it would feed on itself."""
_LOGGER_OF_EXPORTERS = "opentelemetry.exporter"
ORPHAN_GONE_WITHIN = 3.0
"""Seconds after which the collector of a daemon that was killed has ended by itself."""
_LOOK_AGAIN = 0.1
_HTTP_PORT = ("ORCHESTRATOR_COLLECTOR_HTTP_PORT", 4318)
_PORTS = (
    _HTTP_PORT,
    ("ORCHESTRATOR_COLLECTOR_GRPC_PORT", 4317),
    ("ORCHESTRATOR_COLLECTOR_HEALTH_PORT", 13133),
    ("ORCHESTRATOR_COLLECTOR_TELEMETRY_PORT", 8888),
)
_PROMETHEUS_PORT = ("ORCHESTRATOR_COLLECTOR_PROMETHEUS_PORT", 8889)


class Wish(StrEnum):
    """Whether a collector of our own is wanted."""

    AUTO = "auto"
    """Where the user sends to no other one."""
    YES = "yes"
    NO = "no"


class Plan(StrEnum):
    """What is to be done about it."""

    NONE = "none"
    START = "start"
    BUILD = "build"


def sends_elsewhere(environ: Mapping[str, str]) -> str:
    """The variable by which the user decided himself where telemetry goes, or ""."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return "OTEL_SDK_DISABLED"
    names = ("ENDPOINT", "METRICS_ENDPOINT", "LOGS_ENDPOINT", "TRACES_ENDPOINT")
    return next((name for part in names if environ.get(name := f"OTEL_EXPORTER_OTLP_{part}")), "")


def keep_inside(environ: MutableMapping[str, str]) -> list[str]:
    """Takes out the endpoints beyond this machine, and the chosen backends; returns the variables that are gone."""
    endpoints = (name for name in environ if name.startswith("OTEL_EXPORTER_OTLP_") and name.endswith("ENDPOINT"))
    gone = sorted(name for name in endpoints if environ[name] and not _is_here(environ[name]))
    if environ.get("BACKENDS"):
        gone.insert(0, "BACKENDS")
    for name in gone:
        del environ[name]
    return gone


def plan(wish: Wish, environ: Mapping[str, str]) -> tuple[Plan, str]:
    """What to do about the collector, and why in words where nothing is done."""
    if wish is Wish.NO:
        return Plan.NONE, ""
    if wish is Wish.AUTO and (variable := sends_elsewhere(environ)):
        return Plan.NONE, f"none of our own: {variable} is set"
    try:
        if binary_path() is not None:
            return Plan.START, ""
        find_go()
    except CollectorError as error:
        return Plan.NONE, f"none: {error}"
    return Plan.BUILD, ""


def busy_port(environ: Mapping[str, str], backends: str) -> str:
    """Which of the ports that the collector listens on somebody holds, in one line, or ""."""
    chosen = [name.strip() for name in (backends or environ.get("BACKENDS", "")).split(",") if name.strip()]
    for variable, usual in (*_PORTS, *([_PROMETHEUS_PORT] if not chosen or "prometheus" in chosen else [])):
        port = _port(environ, variable, usual)
        if who := _holder(port):
            return f"port {port} is held by {who}: {variable} moves it"
    return ""


def still_busy_port(environ: Mapping[str, str], backends: str) -> str:
    """As `busy_port`, before anything starts; waits until the collector of a daemon that was killed is gone. Blocks."""
    deadline = time.monotonic() + ORPHAN_GONE_WITHIN
    while (busy := busy_port(environ, backends)) and time.monotonic() < deadline:
        time.sleep(_LOOK_AGAIN)
    return busy


def take_free_ports(environ: MutableMapping[str, str]) -> None:
    """Moves the collector from the usual ports that somebody holds to free ones; where the user set one, it stays."""
    held = [name for name, usual in (*_PORTS, _PROMETHEUS_PORT) if not environ.get(name) and _holder(usual)]
    with contextlib.ExitStack() as taken:  # all at once, so that they differ
        for name in held:
            free = taken.enter_context(socket.create_server(("127.0.0.1", 0)))
            environ[name] = str(free.getsockname()[1])


def wrong_configuration(backends: str, environ: Mapping[str, str]) -> str:
    """What is wrong with the chosen backends, in one line, or "". Runs the collector for a moment; blocks."""
    try:
        binary = binary_path()
        return (validate(binary, backends=backends or None, environ=environ) or "") if binary else ""
    except CollectorError as error:
        return str(error)


def send_to_own(environ: MutableMapping[str, str], check_interval: float) -> str:
    """Has this process send to its own collector, by standard variables that the user left unset; returns its URL."""
    host = environ.get("ORCHESTRATOR_COLLECTOR_HOST", "") or "127.0.0.1"
    if host == "0.0.0.0":  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    url = f"{scheme(environ)}://{host}:{_port(environ, *_HTTP_PORT)}"
    if sends_elsewhere(environ):  # and asked for a collector all the same: where to send is still the user's word
        return url
    environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = url
    if not environ.get("OTEL_METRIC_EXPORT_INTERVAL"):
        environ["OTEL_METRIC_EXPORT_INTERVAL"] = str(round(check_interval * 1000))
    token = bearer_token(environ)
    if token and not environ.get("OTEL_EXPORTER_OTLP_HEADERS"):
        environ["OTEL_EXPORTER_OTLP_HEADERS"] = f"Authorization={quote(f'Bearer {token}', safe='')}"
    return url


class OwnCollector:
    """Builds where needed, starts, and starts again after a crash, until `stop`. What happens is told in lines.

    Args:
        backends: Names joined by commas; "" for the collector's default.
        environ: What the collector is configured from.
        tell: Gets one line for each thing that a person at the terminal should know.
    """

    def __init__(self, backends: str, environ: Mapping[str, str], tell: Callable[[str], None]) -> None:
        self._backends = backends
        self._environ = dict(environ)
        self._tell = tell
        self._collector: Collector | None = None
        self._task: asyncio.Task[None] | None = None
        self._cancel_build = threading.Event()
        self._failure = ""
        self._words: dict[str, tuple[float, str]] = {}
        self.state = "not started"

    @property
    def backends(self) -> tuple[str, ...]:
        """The names of the backends that it sends to."""
        return chosen(self._backends, self._environ)

    @property
    def is_built(self) -> bool:
        """Whether it is being built just now."""
        return self.state == _BEING_BUILT

    @property
    def words(self) -> Mapping[str, tuple[float, str]]:
        """What it wrote last about an exporter that has trouble: when (Unix s), and the line."""
        return self._words

    def start(self) -> None:
        """Begins, in the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._keep_running(), name="own collector")

    async def stop(self, within: float) -> None:
        """Ends it within so many seconds, a build included."""
        self._cancel_build.set()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._collector is not None:
            await self._collector.stop(within)
        self.state = "stopped"

    async def _keep_running(self) -> None:
        _quieten_exporters(True)
        try:
            binary = await self._built()
        except CollectorError as error:
            self._fail(f"could not be built: {error}")
            return
        except OSError as error:  # a cache folder that can't be written to
            self._fail(f"could not be built: {error.strerror}: {error.filename}")
            return
        loop, pause = asyncio.get_running_loop(), 1.0
        while True:
            began = loop.time()
            try:
                await self._run_once(binary)
            except (CollectorError, OSError) as error:
                self._fail(str(error))
            _quieten_exporters(True)
            pause = 1.0 if loop.time() - began > LONGEST_PAUSE else min(2 * pause, LONGEST_PAUSE)
            await asyncio.sleep(pause)

    async def _built(self) -> Path:
        ready = await asyncio.to_thread(binary_path)
        if ready is not None:
            return ready
        self.state = _BEING_BUILT
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Path] = loop.create_future()

        def settle(result: Path | None, error: Exception | None) -> None:
            if done.cancelled():
                return
            if error is not None:
                done.set_exception(error)
            elif result is not None:
                done.set_result(result)

        def tell(line: str) -> None:
            loop.call_soon_threadsafe(self._tell, line)

        def work() -> None:
            with contextlib.suppress(RuntimeError):  # the loop may have ended meanwhile
                try:
                    path = build(tell, cancelled=self._cancel_build)
                except Exception as error:  # noqa: BLE001 - handed to the waiter, whatever it is
                    loop.call_soon_threadsafe(settle, None, error)
                else:
                    loop.call_soon_threadsafe(settle, path, None)

        # A thread of its own: one of the loop's pool would hold up the end of the process until the build is over.
        threading.Thread(target=work, name="collector-build", daemon=True).start()
        return await done

    async def _run_once(self, binary: Path) -> None:
        self.state = "starting"
        if busy := await asyncio.to_thread(busy_port, self._environ, self._backends):
            raise CollectorError(busy)
        self._collector = Collector(self._backends or None, environ=self._environ, binary=binary, on_line=self._hand_on)
        await self._collector.start()
        try:
            await self._collector.ready(READY_WITHIN)
        except CollectorError:
            await self._collector.stop()  # one that runs without getting ready is no use to the next
            raise
        _quieten_exporters(False)
        self._failure = ""
        self.state = f"running, process {self._collector.pid}"
        self._tell(f"the collector runs: {self._backends or self._environ.get('BACKENDS') or 'its default backends'}")
        code = await self._collector.wait()
        raise CollectorError(f"it ended with status {code}")

    def _fail(self, why: str) -> None:
        self.state = f"not running: {why}"
        if why == self._failure:  # each try ends alike: said once
            return
        self._failure = why
        _log.error("the collector does not run: %s", why)
        self._tell(f"the collector does not run: {why}")

    def _hand_on(self, line: str) -> None:
        level = next((level for mark, level in _LEVELS.items() if mark in line), logging.DEBUG)
        if trouble := trouble_of(line):
            self._words[trouble[0]] = time.time(), trouble[1]
        _collector_log.log(level, "%s", line)


def _quieten_exporters(quiet: bool) -> None:
    """While nobody listens, one line from us says so; theirs, several a second, would fill the log."""
    logging.getLogger(_LOGGER_OF_EXPORTERS).setLevel(logging.CRITICAL if quiet else logging.NOTSET)


def _is_here(endpoint: str) -> bool:
    host = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}").hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _holder(port: int) -> str:
    import psutil

    try:
        return port_holder(port)
    except psutil.AccessDenied:  # macOS tells root alone who it is
        with socket.socket() as probe:
            return "another process" if probe.connect_ex(("127.0.0.1", port)) == 0 else ""


def _port(environ: Mapping[str, str], variable: str, usual: int) -> int:
    text = environ.get(variable, "")
    return int(text) if text.isdecimal() else usual
