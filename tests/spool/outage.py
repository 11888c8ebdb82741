"""A program that logs through a spool while its collector is down, and what of it arrived in the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.collector.harness import environment, running
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
SOURCES = 5

WRITER = """
import signal, sys, time
from pathlib import Path
import telemetry
from telemetry.signals.spool.place import SpoolOptions

folder, rate, first = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
telemetry.configure(
    telemetry.LogOptions(console="none", file=folder / "log.jsonl", max_bytes=2**40, max_total_bytes=2**40),
    spool=SpoolOptions(folder / "spool"),
)
log, began, done = telemetry.get_logger("writer"), time.monotonic(), 0
while not ended:
    due = int((time.monotonic() - began) * rate)
    for number in range(first + done, first + due):
        log.info(
            "the agent has been idle for a while", agent=f"agent-{number % 5}", cluster="work", number=number,
            session=f"{number * 2654435761 % 2**32:08x}", idle_seconds=number * 0.37, state="idle", was="busy",
        )
    done = due
    time.sleep(0.01)
telemetry.shutdown(1.2)
print(first + done)
"""


@dataclass
class Writer:
    """The program."""

    folder: Path
    process: subprocess.Popen[str]

    def end(self) -> int:
        """SIGTERM; the number of records that all writers have written."""
        self.process.send_signal(signal.SIGTERM)
        said, _ = self.process.communicate(timeout=20)
        return int(said)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.communicate(timeout=20)


def variables(folder: Path, url: str) -> dict[str, str]:
    """The environment of a program that lives in this folder, and sends its logs and spans there."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_METRICS_EXPORTER": "none",
    }


@contextmanager
def writing(folder: Path, url: str, rate: float, first: int = 0) -> Iterator[Writer]:
    """The program while it logs so many records a second, numbered from `first` on."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(rate), str(first)],
        env=variables(folder, url),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Writer(folder, process)
        finally:
            process.kill()


Record = tuple[int, str]
"""Its number and its id."""


class Tail:
    """The records of a file that grows; what was read once is not read again."""

    def __init__(self, file: Path, read: Callable[[str], Iterable[Record]]) -> None:
        self._file, self._read = file, read
        self._at = 0
        self._records: list[Record] = []

    def __call__(self) -> list[Record]:
        """All of them so far, in the order of the file."""
        if self._file.exists():
            with self._file.open("rb") as file:
                file.seek(self._at)
                new = file.read()
            whole = new.rfind(b"\n") + 1  # without a line that is being written
            self._at += whole
            for line in new[:whole].splitlines():
                self._records += self._read(line.decode())
        return self._records


def written(folder: Path) -> Tail:
    """What the program's log file holds."""
    return Tail(folder / "log.jsonl", _logged)


def arrived(folder: Path) -> Tail:
    """What the collector's file backend holds."""
    return Tail(folder / "files" / "logs.jsonl", _received)


def _logged(line: str) -> Iterator[Record]:
    record = json.loads(line)
    if "number" in record:
        yield record["number"], record["record_id"]


def _received(line: str) -> Iterator[Record]:
    for resource in json.loads(line)["resourceLogs"]:
        for scope in resource["scopeLogs"]:
            for record in scope["logRecords"]:
                held = {one["key"]: one["value"] for one in record.get("attributes", ())}
                if "number" in held:
                    yield int(held["number"]["intValue"]), held["record_id"]["stringValue"]


def by_source(records: list[Record]) -> dict[int, list[str]]:
    """Record ids of each agent in the order of their first arrival."""
    held: dict[int, dict[str, None]] = defaultdict(dict)
    for number, record_id in records:
        held[number % SOURCES].setdefault(record_id)
    return {source: [*ids] for source, ids in held.items()}


class Disk:
    """The most that a folder held, looked at often."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._over = folder, threading.Event()
        self.most = 0
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while not self._over.wait(0.2):
            sizes = []
            for file in self._folder.rglob("*"):
                try:
                    sizes.append(file.stat().st_size)
                except OSError:  # gone between the two
                    continue
            self.most = max(self.most, sum(sizes))

    def end(self) -> int:
        self._over.set()
        return self.most


def survive(binary: Path, folder: Path, *, rate: float, seconds: float) -> str:
    """The collector is down for so long, and the program is started again in the middle; what was measured.

    Raises AssertionError where a record is missing, stands twice, or has overtaken another of its source.
    """
    env = environment(folder, ORCHESTRATOR_COLLECTOR_FILE_MB="100000")  # one file that is never begun anew
    url = f"http://127.0.0.1:{env['ORCHESTRATOR_COLLECTOR_HTTP_PORT']}"
    disk, wrote, came = Disk(folder / "spool"), written(folder), arrived(folder)
    outage, patience = int(rate * seconds), 60 + 3 * seconds
    with running(binary, "file", env) as collector, writing(folder, url, rate) as first:
        eventually(lambda: len(came()) > rate, 60)
        collector.stop()
        before = len(came())
        eventually(lambda: len(wrote()) >= before + outage // 2, patience, every=0.5)
        count = first.end()
    with writing(folder, url, rate, first=count) as second:
        eventually(lambda: len(wrote()) >= before + outage, patience, every=0.5)
        assert len(came()) == before
        with running(binary, "file", env):
            eventually(lambda: len(came()) >= before + outage, patience, every=0.5)
            total = second.end()
            eventually(lambda: len(came()) >= total)
    assert len(wrote()) == total
    assert sorted(came()) == sorted(wrote())
    assert by_source(came()) == by_source(wrote())
    most = disk.end()
    assert most <= 64 * 1024 * 1024
    return (
        f"{total:,} records, collector down for {outage:,} of them at {rate:g} a second: 0 lost, 0 twice, in order; "
        f"{most / 1024 / 1024:.1f} MiB of disk, {most / outage:.0f} bytes a record"
    )
