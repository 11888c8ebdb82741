"""What a sender was told is taken arrives, whatever the collector goes through; a damaged queue is set aside."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.collector import otlp
from tests.collector.harness import Running, environment, get, running
from tests.collector.taking import Taking
from tests.waiting import eventually

pytestmark = pytest.mark.slow
RECORDS = 30
OFFSETS = 20
SPOILED_AT_MOST = 2  # records that 64 bytes lie in
LOCK = "exporter_otlp_http_backend_logs"
"""The file that locks a queue; older versions had the queue in it."""
QUEUE = f"{LOCK}.journal/00000001"


def send(collector: Running, numbers: range) -> None:
    """One request for each record; all must be taken."""
    for number in numbers:
        assert otlp.send(collector.url("HTTP"), "logs", otlp.logs(f"record-{number};")) == 200


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_lost_over_an_end_while_the_backend_is_down(
    collector_binary: Path, tmp_path: Path, how: signal.Signals
) -> None:
    with Taking(answering=503).serving() as backend:
        env = environment(tmp_path, OTLP_BACKEND_URL=backend.url)
        for start in range(0, RECORDS, 10):
            with running(collector_binary, "otlp", env) as collector:
                send(collector, range(start, start + 10))
                collector.process.send_signal(how)
                assert collector.process.wait(20) == (0 if how == signal.SIGTERM else -signal.SIGKILL)
        assert backend.arrived() == []
        backend.answering = 200
        with running(collector_binary, "otlp", env):
            eventually(lambda: backend.has(RECORDS))
        assert backend.arrived() == list(range(RECORDS))


def spoil(path: Path, offset: int) -> None:
    """Other bytes than were there, from this offset on, as a disk that fails leaves them."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(hashlib.sha512(str(offset).encode()).digest())


def filled(binary: Path, folder: Path) -> Path:
    """The folder of the queues, of which one holds records."""
    env = environment(folder)
    with running(binary, "otlp", env) as collector:
        send(collector, range(RECORDS))
        os.kill(collector.process.pid, signal.SIGKILL)
        collector.process.wait(20)
    return Path(env["ORCHESTRATOR_COLLECTOR_QUEUE_DIR"])


class Spoiled(NamedTuple):
    """A file of the queues with another content, by which at most so many records are lost."""

    file: str
    content: bytes
    lost: int


def start_on(binary: Path, folder: Path, sound: Path, spoiled: Spoiled) -> str | None:
    """What went wrong with a start on these queues, of which a file is spoiled, and with a record sent then."""
    folder.mkdir()
    env = environment(folder)
    queue = Path(env["ORCHESTRATOR_COLLECTOR_QUEUE_DIR"])
    shutil.copytree(sound, queue)
    (queue / spoiled.file).write_bytes(spoiled.content)
    try:
        with Taking().serving() as backend:
            env["OTLP_BACKEND_URL"] = backend.url
            with running(binary, "otlp", env) as collector:
                send(collector, range(1000, 1001))
                eventually(lambda: 1000 in backend.arrived())
                page = get(f"{collector.url('TELEMETRY')}/metrics")
                kept = [path for path in queue.rglob("*") if ".damaged-" in path.name]
                said = [line for line in collector.lines if "a queue's file is damaged" in line]
                cut = [line for line in collector.lines if "ends in the middle of a write" in line]
    except AssertionError as error:
        return str(error)
    if kept and kept[0].read_bytes() != spoiled.content:
        return "the file that was set aside is not the damaged one"
    counted = re.search(r"^otelcol_storage_damaged_files\S* (\d+)$", page, re.MULTILINE)
    if counted is None or not len(kept) == len(said) == int(counted[1]):
        return f"{len(kept)} files set aside, {len(said)} said to be, {counted and counted[1]} counted"
    missing = RECORDS - sum(number < RECORDS for number in set(backend.arrived()))
    if missing > spoiled.lost or (missing and spoiled.content and not kept and not cut):
        return f"{missing} records are missing; {len(kept)} files were set aside, {len(cut)} said to be cut short"
    return None


def test_a_damaged_queue_never_keeps_the_collector_from_starting(collector_binary: Path, tmp_path: Path) -> None:
    (tmp_path / "filled").mkdir()
    folder = filled(collector_binary, tmp_path / "filled")
    queue, lock = (folder / QUEUE).read_bytes(), (folder / LOCK).read_bytes()
    spoiled = {
        "empty": Spoiled(QUEUE, b"", RECORDS),
        "zeros": Spoiled(QUEUE, b"\0" * len(queue), RECORDS),
        "text": Spoiled(QUEUE, b"hello, this is no queue\n", RECORDS),
        "cut": Spoiled(QUEUE, queue[: len(queue) // 2], RECORDS // 2 + 1),
        "no lock": Spoiled(LOCK, b"", 0),
        "zeros for a lock": Spoiled(LOCK, b"\0" * len(lock), 0),
        "half a lock": Spoiled(LOCK, lock[: len(lock) // 2], 0),
    }
    for number in range(OFFSETS):
        (tmp_path / "one").write_bytes(queue)
        spoil(tmp_path / "one", number * len(queue) // OFFSETS)
        spoiled[f"offset {number}"] = Spoiled(QUEUE, (tmp_path / "one").read_bytes(), SPOILED_AT_MOST)
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(
            lambda item: (item[0], start_on(collector_binary, tmp_path / item[0], folder, item[1])), spoiled.items()
        )
        problems = {name: problem for name, problem in found if problem}
    assert problems == {}


def test_a_queue_that_another_collector_uses_is_said_to_be(collector_binary: Path, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    first = environment(tmp_path)
    second = environment(tmp_path / "second") | {
        "ORCHESTRATOR_COLLECTOR_QUEUE_DIR": first["ORCHESTRATOR_COLLECTOR_QUEUE_DIR"]
    }
    with (
        running(collector_binary, "otlp", first),
        pytest.raises(AssertionError, match="ended before it was ready") as raised,
        running(collector_binary, "otlp", second),
    ):
        pass
    assert "are in use by another collector: ORCHESTRATOR_COLLECTOR_QUEUE_DIR names another" in str(raised.value)
