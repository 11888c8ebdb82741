"""A collector that is killed and started again over the same files, and what it has cost over all its lives."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil

from tests.collector.harness import get, peak_memory, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.collector.harness import Running

LONGEST = 7200.0
"""Seconds after which it is ended, so that a test which hangs ends."""


@dataclass
class Cost:
    """What a collector has cost.

    Attributes:
        cpu: Seconds of a core.
        memory: The most that it had resident (bytes).
        written: Bytes that it had written to disk, synced or not.
        records: Log records that it took, by its own count.
        points: Points of metrics, likewise.
    """

    cpu: float = 0.0
    memory: int = 0
    written: int = 0
    records: float = 0.0
    points: float = 0.0

    def add(self, other: Cost) -> None:
        """Another life, or another collector beside."""
        self.cpu += other.cpu
        self.memory = max(self.memory, other.memory)
        self.written += other.written
        self.records += other.records
        self.points += other.points


@dataclass
class Member:
    """One collector of a tier."""

    binary: Path
    backends: str
    env: dict[str, str]
    before: Cost = field(default_factory=Cost)
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _now: Running | None = None

    @contextlib.contextmanager
    def up(self) -> Iterator[Member]:
        """Runs until the end of the block."""
        self.start()
        try:
            yield self
        finally:
            self._end()

    def start(self) -> None:
        """Starts it, and waits until it is ready."""
        self._now = self._stack.enter_context(running(self.binary, self.backends, self.env, within=LONGEST))

    def kill(self) -> None:
        """SIGKILL. Its files stay."""
        assert self._now is not None
        self.before.add(self._cost())
        self._now.process.kill()
        self._now.process.wait(20)
        self._end()

    def cost(self) -> Cost:
        """Of all its lives so far."""
        total = Cost()
        total.add(self.before)
        if self._now is not None:
            total.add(self._cost())
        return total

    def counted(self, name: str) -> float:
        """A counter on its own page, over all labels; 0 before it counted anything."""
        return sum(float(value) for value in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", self._page(), re.MULTILINE))

    def _page(self) -> str:
        host, port = self.env["ORCHESTRATOR_COLLECTOR_HOST"], self.env["ORCHESTRATOR_COLLECTOR_TELEMETRY_PORT"]
        return get(f"http://{host}:{port}/metrics")

    def _end(self) -> None:
        """It is gone, and in its folder is what it said in all its lives, and its page of metrics as it last was."""
        now, self._now, folder = self._now, None, Path(self.env["HOME"])
        if now is not None and now.process.poll() is None:
            with contextlib.suppress(httpx.HTTPError):  # whatever ended the test is what is to be told
                (folder / "page").write_text(self._page(), encoding="utf-8")
        self._stack.close()
        if now is not None:
            with (folder / "said").open("a", encoding="utf-8") as said:
                said.writelines(now.lines)

    def _cost(self) -> Cost:
        assert self._now is not None
        pid = self._now.process.pid
        times = psutil.Process(pid).cpu_times()
        written = re.findall(r"^write_bytes: (\d+)$", Path(f"/proc/{pid}/io").read_text(), re.MULTILINE)
        return Cost(
            times.user + times.system,
            peak_memory(pid),
            int(written[0]),
            self.counted("otelcol_receiver_accepted_log_records"),
            self.counted("otelcol_receiver_accepted_metric_points"),
        )
