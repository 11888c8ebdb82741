"""Two programs that name the same spool: neither loses what it can't send, and the next one sends what both left."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from telemetry.signals import otlp
from telemetry.signals.outcomes import Outcomes
from telemetry.signals.spool.counts import Counts
from telemetry.signals.spool.folders import MOST_PROGRAMS, Owned
from telemetry.signals.spool.place import SpoolOptions
from tests.spool.outage import variables
from tests.spool.receiver import Receiver, Reply
from tests.spool.sending import sending
from tests.spool.test_journal import MOST, Kept
from tests.waiting import eventually

PROGRAM = """
import sys
from pathlib import Path
import telemetry
from telemetry.signals.spool.place import SpoolOptions

name, folder = sys.argv[1], Path(sys.argv[2])
telemetry.configure(telemetry.LogOptions(console="none"), spool=SpoolOptions(folder))
log = telemetry.get_logger(name)
for number in range(100):
    log.info(f"{name} {number}")
telemetry.runtime._process.providers.logger.force_flush()
print("kept", flush=True)
sys.stdin.read()
telemetry.shutdown(1.0)
"""


@contextmanager
def program(name: str, folder: Path, url: str) -> Iterator[subprocess.Popen[str]]:
    """A program that has logged a hundred records, and ends with its standard input."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-c", PROGRAM, name, str(folder / "spool")]
    with subprocess.Popen(command, env=variables(folder, url), text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            assert process.stdout.readline() == "kept\n", process.stderr.read()
            yield process
        finally:
            process.kill()


def numbered(name: str) -> list[str]:
    return [f"{name} {number}" for number in range(100)]


@pytest.mark.slow
def test_two_programs_on_one_spool_lose_nothing(tmp_path: Path) -> None:
    receiver = Receiver()
    with program("one", tmp_path, receiver.url) as one, program("two", tmp_path, receiver.url) as two:
        assert one.communicate("", timeout=20)[1] == ""
        two.send_signal(signal.SIGKILL)
        said = two.communicate(timeout=20)[1]
    spool = tmp_path / "spool"
    assert said == f"another program uses the spool {spool}: this one keeps what can't be sent in {spool}/program-2\n"
    receiver.start()
    with program("three", tmp_path, receiver.url) as three:
        eventually(lambda: len(receiver.bodies) >= 300)
        assert three.communicate("", timeout=20)[1] == ""
    receiver.stop()
    assert receiver.bodies == numbered("one") + numbered("two") + numbered("three")
    assert [path.name for path in spool.rglob("*.otlp")] == []


def test_what_is_half_sent_isnt_sent_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    receiver = Receiver()
    with sending(monkeypatch, tmp_path, receiver.url), sending(monkeypatch, tmp_path, receiver.url) as second:
        for body in numbered("second"):
            second.log(body)
        receiver.judge = lambda bodies: Reply(503 if numbered("second")[50] in bodies else 200)
        receiver.start()
        eventually(lambda: len(receiver.bodies) == 50)
        receiver.stop()
    receiver.judge = lambda bodies: Reply()
    receiver.start()
    with sending(monkeypatch, tmp_path, receiver.url):
        eventually(lambda: receiver.bodies == numbered("second"))
    receiver.stop()


def test_what_has_no_room_stays_for_a_later_start(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    first, second = Owned.first_free(spool), Owned.first_free(spool)
    assert second.folder == spool / "program-2"
    left = Kept(second.folder / "logs")
    left.add(*range(3000), length=1000)
    left.journal.close()
    first.take_over(spool, "logs", MOST)  # its program is there
    assert not (spool / "logs").exists()
    second.close()
    taken: list[int] = []
    for _ in range(3):
        first.take_over(spool, "logs", MOST // 2)
        kept = Kept(spool / "logs")
        assert kept.on_disk <= MOST // 2
        taken += kept.take()
        assert not kept.lost
        kept.journal.close()
    assert taken == [*range(3000 - len(taken), 3000)]
    assert len(taken) > MOST / 1021 * 0.9


def test_one_more_than_there_may_be_goes_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    held = [Owned.first_free(tmp_path / "spool") for _ in range(MOST_PROGRAMS)]
    counts = Counts()
    assert otlp.spool(SpoolOptions(tmp_path / "spool"), {}, counts, Outcomes()) is None
    assert caplog.messages == [f"no spool for what can't be sent: 8 other programs use the spool {tmp_path}/spool"]
    held.pop(3).close()
    again = otlp.spool(SpoolOptions(tmp_path / "spool"), {}, counts, Outcomes())
    assert again is not None
    assert again.close(0.0)
    for one in held:
        one.close()
