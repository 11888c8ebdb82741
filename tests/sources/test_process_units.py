"""systemd units as agents, by a stand-in for systemctl that says what is documented; tests/soak has a real one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from telemetry.model import State
from telemetry.sources.process import units as process_units
from telemetry.sources.process.sight import is_hidden
from tests.sources.process_world import Watcher


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


StandIn = Callable[[str], None]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Puts a shell script in the place of `systemctl`."""

    def put(script: str) -> None:
        program = tmp_path / "systemctl"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    return put


def says(*lines: str) -> str:
    return "cat << 'EOF'\n" + "\n".join(lines) + "\nEOF"


class TestStandIn:
    """`systemctl` is a script here; its answers are worded as systemd 252 words them."""

    def test_one_call_for_all_units_of_a_manager(
        self, stand_in: StandIn, watch: Callable[..., Watcher], tmp_path: Path
    ) -> None:
        calls = tmp_path / "calls"
        stopped = ["MainPID=0", "Result=success", "LoadState=loaded", "ActiveState=inactive", "SubState=dead"]
        stand_in(f'echo "$@" >> {calls}\n{says(*stopped, "", *stopped)}')
        agents = watch("a.service", "b.service").read()
        assert [agent.running for agent in agents.values()] == [False, False]
        (call,) = calls.read_text().splitlines()
        assert call.startswith("--user show --property=Id,LoadState,")
        assert call.endswith(" -- a.service b.service")

    def test_the_systems_own_units(self, stand_in: StandIn) -> None:
        stand_in(f'test "$1" = show || exit 1\n{says("LoadState=masked", "ActiveState=inactive")}')
        watcher = Watcher({"name": "alice", "unit": "a.service"})
        assert watcher.read()["alice"].reason == "unit a.service is masked"
        watcher.close()

    @pytest.mark.parametrize(
        ("said", "reason"),
        [
            (
                ["ActiveState=failed", "SubState=failed", "Result=oom-kill", "ExecMainCode=2", "ExecMainStatus=9"],
                "failed (failed): it was killed by signal 9 (SIGKILL), the system ran out of memory",
            ),
            (
                ["ActiveState=failed", "SubState=failed", "Result=core-dump", "ExecMainCode=3", "ExecMainStatus=11"],
                "failed (failed): it was killed by signal 11 (SIGSEGV)",
            ),
            (
                [
                    "ActiveState=failed",
                    "SubState=failed",
                    "Result=start-limit-hit",
                    "ExecMainCode=1",
                    "ExecMainStatus=1",
                ],
                "failed (failed): it ended with status 1, it was started too often",
            ),
            (["ActiveState=active", "SubState=exited", "ExecMainCode=0"], "active (exited)"),
            (["ActiveState=\x1b[31m", "SubState=x", "MainPID=9x", "no equals sign"], "\\x1b[31m (x)"),
        ],
    )
    def test_reasons(self, stand_in: StandIn, watch: Callable[..., Watcher], said: list[str], reason: str) -> None:
        stand_in(says("LoadState=loaded", *said))
        agent = watch("a.service").read()["a.service"]
        assert (agent.running, agent.reason) == (False, f"unit a.service is {reason}")

    def test_a_unit_without_a_main_process(self, stand_in: StandIn, watch: Callable[..., Watcher]) -> None:
        stand_in(says("LoadState=loaded", "ActiveState=active", "SubState=running", "MainPID=0"))
        agent = watch("a.service").read()["a.service"]
        assert (agent.running, agent.pid) == (True, None)

    @pytest.mark.parametrize(
        ("script", "reason"),
        [
            ("echo 'Failed to connect to bus' >&2; exit 1", "systemctl --user: Failed to connect to bus"),
            ("exit 3", "systemctl --user: it ended with status 3"),
            (says("Id=one"), "systemctl --user gave 1 answers about 2 units"),
            ("exec sleep 1000", "systemctl --user gave no answer within 0.1 s"),
        ],
    )
    def test_nobody_can_tell_of_these_agents_and_of_no_others(
        self, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, reason: str
    ) -> None:
        monkeypatch.setattr(process_units, "_TIMEOUT", 0.1 if "sleep" in script else 10.0)
        stand_in(script)
        units = [{"name": unit, "unit": unit, "user": True} for unit in ("a.service", "b.service")]
        watcher = Watcher(*units, {"name": "carol", "pid_file": tmp_path / "no.pid"})
        first, second, carol = watcher.read().values()
        assert [(agent.reported, agent.reason) for agent in (first, second)] == [(State.UNKNOWN, reason)] * 2
        assert carol.reported is None
        assert watcher.reading.problems == (reason,)
        watcher.close()

    def test_a_machine_without_systemd(
        self, watch: Callable[..., Watcher], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        agent = watch("a.service").read()["a.service"]
        assert (agent.reported, agent.reason) == (State.UNKNOWN, "this machine has no systemctl")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_process_that_is_somebody_elses_exists() -> None:
    pid = os.fork()
    if pid == 0:
        os.setuid(65534)
        os._exit(0 if is_hidden(1) and not is_hidden(2**22 + 1) else 1)
    assert os.waitpid(pid, 0)[1] == 0
