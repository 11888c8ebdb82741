"""systemd units as agents: a real systemd, started in a control group of its own. By hand: `make soak`, as root."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from telemetry.model import State
from tests.soak.systemd import Systemd, a_systemd
from tests.sources.process_world import Watcher
from tests.waiting import eventually


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    with tempfile.TemporaryDirectory() as folder:  # its sockets' paths must be short
        for one in a_systemd(Path(folder)):
            for name, value in one.environment.items():
                monkeypatch.setenv(name, value)
            yield one


@pytest.fixture
def watch() -> Iterator[Callable[..., Watcher]]:
    """Makes watchers of the user's units that are named, each called by its unit."""
    made: list[Watcher] = []

    def make(*units: str) -> Watcher:
        made.append(Watcher(*({"name": unit, "unit": unit, "user": True} for unit in units)))
        return made[-1]

    yield make
    for watcher in made:
        watcher.close()


class TestRealSystemd:
    def test_a_life(self, systemd: Systemd, watch: Callable[..., Watcher]) -> None:
        systemd.service("good.service", "/bin/sleep 1000")
        watcher = watch("good.service")
        good = watcher.read(0)["good.service"]
        assert (good.running, good.reason) == (False, "unit good.service is inactive (dead)")

        systemd.call("start", "good")
        pid = systemd.main_pid("good")
        good = watcher.read(1)["good.service"]
        assert (good.running, good.pid, good.restart_count) == (True, pid, 0)
        assert good.detail.memory_bytes

        os.kill(pid, signal.SIGKILL)
        eventually(lambda: systemd.call("show", "good", "--property=ActiveState", "--value") == "failed")
        good = watcher.read(2)["good.service"]
        assert (good.running, good.detail.exit_status) == (False, -9)
        assert good.reason == "unit good.service is failed (failed): it was killed by signal 9 (SIGKILL)"

        systemd.call("start", "good")
        good = watcher.read(3)["good.service"]
        assert (good.pid, good.restart_count) == (systemd.main_pid("good"), 1)

    def test_an_exit_status_and_a_unit_that_is_not_there(self, systemd: Systemd, watch: Callable[..., Watcher]) -> None:
        systemd.service("bad.service", "/bin/sh -c 'exit 3'")
        systemd.call("start", "bad")
        eventually(lambda: systemd.call("show", "bad", "--property=ActiveState", "--value") == "failed")
        watcher = watch("nobody.service", "bad.service")
        nobody, bad = watcher.read().values()
        assert (nobody.running, nobody.reason) == (False, "systemd knows no unit nobody.service")
        assert (bad.running, bad.detail.exit_status) == (False, 3)
        assert bad.reason == "unit bad.service is failed (failed): it ended with status 3"
        assert watcher.reading.problems == ()

    def test_restarts_between_two_checks_are_counted(self, systemd: Systemd, watch: Callable[..., Watcher]) -> None:
        systemd.service("crash.service", "/bin/sleep 1000", "Restart=always", "RestartSec=0")
        systemd.call("start", "crash")
        watcher = watch("crash.service")
        assert watcher.read(0)["crash.service"].restart_count == 0
        for _ in range(3):
            pid = systemd.main_pid("crash")
            os.kill(pid, signal.SIGKILL)
            eventually(lambda before=pid: systemd.main_pid("crash") not in (0, before), every=0.01)  # type: ignore[misc]
        assert watcher.read(1)["crash.service"].restart_count == 3

    def test_between_two_starts(self, systemd: Systemd, watch: Callable[..., Watcher]) -> None:
        systemd.service("crash.service", "/bin/sh -c 'exit 1'", "Restart=always", "RestartSec=1000")
        systemd.call("start", "crash")
        eventually(lambda: systemd.call("show", "crash", "--property=SubState", "--value") == "auto-restart")
        assert watch("crash.service").read()["crash.service"].reason == (
            "unit crash.service is activating (auto-restart): it ended with status 1, systemd starts it again"
        )

    def test_the_manager_ends(self, systemd: Systemd, watch: Callable[..., Watcher]) -> None:
        systemd.service("good.service", "/bin/sleep 1000")
        systemd.call("start", "good")
        watcher = watch("good.service")
        assert watcher.read(0)["good.service"].running
        systemd.close()
        good = watcher.read(1)["good.service"]
        assert good.reported is State.UNKNOWN
        assert good.running, "what was last known"
        assert good.reason.startswith("systemctl --user: Failed to connect to bus")
        assert watcher.reading.problems == (good.reason,)
