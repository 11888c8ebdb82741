"""What systemd is told, by a real datagram socket: that all is ready, that the loop turns, that the end begins."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.systemd import Systemd
from tests.daemons import daemon


class Manager:
    """In systemd's place: hears what is said to it."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(30)

    def hear(self) -> str:
        """The next message; waits for it."""
        return self._socket.recv(4096).decode()

    def heard(self) -> list[str]:
        """All that has come so far and was not heard yet."""
        self._socket.setblocking(False)
        found = []
        try:
            while True:
                found.append(self.hear())
        except BlockingIOError:
            self._socket.settimeout(30)
            return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def path() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:  # a socket's path must be short
        yield str(Path(folder) / "notify")


@pytest.fixture
def manager(path: str) -> Iterator[Manager]:
    listening = Manager(path)
    yield listening
    listening.close()


def test_ready_is_said_once_and_then_that_the_loop_turns(manager: Manager, path: str) -> None:
    async def scenario() -> list[str]:
        telling = asyncio.create_task(Systemd(path, 0.03).keep_told())
        messages = [await asyncio.to_thread(manager.hear) for _ in range(4)]
        telling.cancel()
        return messages

    assert asyncio.run(scenario()) == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]


def test_a_loop_that_hangs_says_nothing(manager: Manager, path: str) -> None:
    async def scenario() -> list[str]:
        telling = asyncio.create_task(Systemd(path, 0.03).keep_told())
        await asyncio.to_thread(manager.hear)
        await asyncio.to_thread(manager.hear)
        manager.heard()
        time.sleep(0.1)  # noqa: ASYNC251 - it is this that holds up the loop, for three times what is allowed
        held_up = manager.heard()
        assert await asyncio.to_thread(manager.hear) == "WATCHDOG=1", "it goes on afterwards"
        telling.cancel()
        return held_up

    assert asyncio.run(scenario()) == []


def test_a_unit_without_a_watchdog_is_told_that_all_is_ready_and_no_more(manager: Manager, path: str) -> None:
    asyncio.run(Systemd.of({"NOTIFY_SOCKET": path}).keep_told())
    assert manager.heard() == ["READY=1"]


def test_an_abstract_socket() -> None:
    name = f"telemetry-test-{os.getpid()}"
    listening = Manager(f"\0{name}")
    Systemd.of({"NOTIFY_SOCKET": f"@{name}"}).stopping()
    assert listening.heard() == ["STOPPING=1"]
    listening.close()


def test_without_systemd_nothing_is_said_and_nobody_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(Systemd.of({"WATCHDOG_USEC": "30000"}).keep_told())
    assert caplog.records == []


def test_what_this_process_starts_does_not_speak_for_it() -> None:
    environ = {"NOTIFY_SOCKET": "/run/nobody", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "HOME": "/root"}
    Systemd.of(environ)
    assert environ == {"HOME": "/root"}


@pytest.mark.parametrize("watched", ["", "4711"])
def test_the_watchdog_watches_this_process(manager: Manager, path: str, watched: str) -> None:
    environ = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000", "WATCHDOG_PID": watched}

    async def scenario() -> None:
        telling = asyncio.create_task(Systemd.of(environ, pid=4711).keep_told())
        assert [await asyncio.to_thread(manager.hear) for _ in range(3)] == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
        telling.cancel()

    asyncio.run(scenario())


def test_the_watchdog_watches_another_process(manager: Manager, path: str) -> None:
    environ = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000", "WATCHDOG_PID": "4711"}
    asyncio.run(Systemd.of(environ, pid=4712).keep_told())
    assert manager.heard() == ["READY=1"]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"NOTIFY_SOCKET": "vsock:2:1234"}, "its socket is no path variable=NOTIFY_SOCKET value=vsock:2:1234"),
        ({"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "soon"}, "its time is no number variable=WATCHDOG_USEC"),
        ({"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "0"}, "its time is no number variable=WATCHDOG_USEC value=0"),
    ],
)
def test_what_it_can_not_use_is_said(environ: dict[str, str], said: str, caplog: pytest.LogCaptureFixture) -> None:
    Systemd.of(dict(environ))
    [record] = caplog.records
    assert said in record.getMessage()


def test_a_manager_that_is_gone_is_told_once_in_the_log(caplog: pytest.LogCaptureFixture, path: str) -> None:
    systemd = Systemd(path)
    systemd.stopping()
    systemd.stopping()
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "systemd can't be told how it is" in record.getMessage()
    assert "No such file or directory" in record.getMessage()
    listening = Manager(path)
    systemd.stopping()
    assert listening.heard() == ["STOPPING=1"]
    listening.close()
    systemd.stopping()
    assert len(caplog.records) == 2, "gone again is told again"


@pytest.mark.slow
def test_the_daemon_tells_it_from_its_start_to_its_end(tmp_path: Path, manager: Manager, path: str) -> None:
    more = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "300000"}
    with daemon(tmp_path, "dashboard", "--source", "push", "--port", "0", **more) as running:
        assert manager.hear() == "READY=1"
        assert running.get("/healthz") == {"status": "ok"}, "ready is ready"
        assert manager.hear() == manager.hear() == "WATCHDOG=1"
        running.end(signal.SIGTERM)
        assert running.process.returncode == 0
        assert manager.heard()[-1] == "STOPPING=1"
