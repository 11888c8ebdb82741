"""The units of deploy/systemd under a real systemd, on a machine of their own: they start, watch, confine and restart.

By hand: `make soak`, as root, from a folder that isn't below /tmp, which that machine has for itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.collector import build
from tests.daemons import ROOT
from tests.soak.machine import Machine, a_machine, hidden
from tests.waiting import eventually

COLLECTOR, MONITOR, OTHER = "orchestrator-collector", "orchestrator-telemetry@alice", "orchestrator-telemetry@bob"
PROGRAMS = "/opt/orchestrator-telemetry/bin"
PROGRAM = f"{PROGRAMS}/orchestrator-telemetry"
STATE = "/var/lib/orchestrator-telemetry/alice"
HARDENED = {"NoNewPrivs": "1", "Seccomp": "2", "CapEff": "0" * 16, "CapBnd": "0" * 16}


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """One with our units in place, both running, and an agent in alice's tmux."""
    collector = build(print)
    if wrong := hidden(ROOT, Path(sys.prefix), Path(sys.base_prefix), collector):
        pytest.fail(wrong)
    with a_machine() as one:
        _put_program(one)
        for user in ("alice", "bob"):
            one.do("useradd", "--create-home", user)
        one.do(str(ROOT / "deploy" / "systemd" / "install.sh"), str(collector))
        _set(one, "monitor.env", "OTEL_METRIC_EXPORT_INTERVAL=500")
        _set(one, "monitor-bob.env", "ORCHESTRATOR_DASHBOARD_PORT=8001")
        one.do("tmux", "new-session", "-d", "-s", "work", "exec sleep 1000", user="alice")
        one.do("tmux", "set-option", "-p", "-t", "work", "@agent_name", "boss", user="alice")
        one.do("systemctl", "start", COLLECTOR, MONITOR)
        yield one


def _put_program(machine: Machine) -> None:
    """The program where the units want it, run by the Python that runs this: in folders that alice may enter here."""
    for place in (ROOT, Path(sys.prefix), Path(sys.base_prefix)):
        for folder in (place, *place.parents[:-1]):
            machine.do("chmod", "a+rx", str(folder))
    machine.do("mkdir", "-p", PROGRAMS)
    script = machine.path(PROGRAM)
    script.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m telemetry "$@"\n')
    script.chmod(0o755)


def _set(machine: Machine, file: str, line: str) -> None:
    with machine.path(f"/etc/orchestrator-telemetry/{file}").open("a") as text:
        text.write(f"{line}\n")


def _get(machine: Machine, port: int, path: str) -> str:
    return machine.do("curl", "--silent", "--fail-with-body", f"http://127.0.0.1:{port}{path}")


def _state_of(machine: Machine, agent: str) -> str:
    found = machine.run(PROGRAM, "status", "--json", "--state-dir", STATE, user="alice").stdout
    [cluster] = json.loads(found)["clusters"]
    return str(next(one["state"] for one in cluster["agents"] if one["name"] == agent))


def test_both_are_up_once_they_are_well(machine: Machine) -> None:
    assert [machine.show(unit, "ActiveState") for unit in (COLLECTOR, MONITOR)] == ["active", "active"]
    assert _get(machine, 13133, "/")
    assert _get(machine, 8000, "/healthz") == '{"status":"ok"}'


def test_what_alice_runs_is_seen_and_reaches_the_collector(machine: Machine) -> None:
    eventually(lambda: _state_of(machine, "boss") != "stopped")
    up = 'orchestrator_agent_up{agent_name="boss",cluster="tmux"'
    eventually(lambda: up in _get(machine, 8889, "/metrics"), what="the agent on the collector's page")


@pytest.mark.parametrize("unit", [COLLECTOR, MONITOR])
def test_it_is_confined(machine: Machine, unit: str) -> None:
    pid = machine.main_pid(unit)
    status = dict(line.split(":\t", 1) for line in machine.do("cat", f"/proc/{pid}/status").splitlines())
    assert {name: status[name] for name in HARDENED} == HARDENED
    mounts = [line.split() for line in machine.do("cat", f"/proc/{pid}/mounts").splitlines()]
    writable = {place for _, place, kind, options, *_ in mounts if options.split(",")[0] == "rw" and kind == "overlay"}
    own = {STATE} if unit == MONITOR else {"/var/lib/orchestrator-collector", "/var/tmp"}  # noqa: S108 - its private one
    assert writable == own


def test_it_ends_in_time_and_comes_back_with_what_it_knew(machine: Machine) -> None:
    machine.do("systemctl", "restart", MONITOR)
    assert machine.show(MONITOR, "Result") == "success"
    assert machine.show(MONITOR, "NRestarts") == "0"
    eventually(lambda: _state_of(machine, "boss") != "stopped")


def test_a_reload_reads_the_settings_again(machine: Machine) -> None:
    machine.do("systemctl", "reload", MONITOR)
    log = f"{STATE}/logs/orchestrator-telemetry.jsonl"
    eventually(lambda: '"settings read again"' in machine.do("cat", log))


@pytest.mark.parametrize("unit", [COLLECTOR, MONITOR])
def test_one_that_is_killed_is_started_again(machine: Machine, unit: str) -> None:
    before = machine.main_pid(unit)
    machine.do("kill", "-KILL", str(before))
    eventually(lambda: machine.main_pid(unit) not in (0, before), what="a new process")
    eventually(lambda: machine.show(unit, "ActiveState") == "active")


@pytest.mark.parametrize(
    ("unit", "where"),
    [(COLLECTOR, "SIGABRT: abort"), (MONITOR, "Fatal Python error: Aborted")],
    ids=[COLLECTOR, MONITOR],
)
def test_one_that_hangs_is_ended_and_started_again(machine: Machine, unit: str, where: str) -> None:
    drop_in = machine.path(f"/etc/systemd/system/{unit}.service.d")
    drop_in.mkdir(exist_ok=True)
    (drop_in / "soon.conf").write_text(f"[Service]\nWatchdogSec=1\nStandardError=append:/run/said-{unit}\n")
    machine.do("systemctl", "daemon-reload")
    machine.do("systemctl", "restart", unit)
    before = machine.main_pid(unit)
    machine.do("kill", "-STOP", str(before))
    eventually(lambda: machine.main_pid(unit) not in (0, before), what="a new process")
    assert where in machine.do("cat", f"/run/said-{unit}"), "and the journal says where it hung"
    eventually(lambda: machine.show(unit, "ActiveState") == "active")


def test_a_key_comes_from_a_file(machine: Machine) -> None:
    key = "/etc/orchestrator-telemetry/dd_api_key"
    machine.do("install", "-m", "0640", "-g", "orchestrator-collector", "/dev/null", key)
    machine.path(key).write_text("0123456789abcdef0123456789abcdef\n")
    _set(machine, "collector.env", f"BACKENDS=datadog\nDD_API_KEY_FILE={key}")
    machine.do("systemctl", "restart", COLLECTOR)
    assert machine.show(COLLECTOR, "ActiveState") == "active"


def test_the_monitors_secret_comes_from_a_file(machine: Machine) -> None:
    url = "/etc/orchestrator-telemetry/slack_url"
    machine.do("install", "-m", "0640", "-g", "alice", "/dev/null", url)
    machine.path(url).write_text("http://127.0.0.1:9/services/made-up\n")
    _set(machine, "monitor-alice.env", f"SLACK_WEBHOOK_URL_FILE={url}")
    machine.do("systemctl", "restart", MONITOR)
    settings = machine.do("cat", f"/proc/{machine.main_pid(MONITOR)}/environ")
    assert f"SLACK_WEBHOOK_URL_FILE={url}" in settings
    assert "made-up" not in settings
    channels = json.loads(_get(machine, 8000, "/api/v1/notifications"))["channels"]
    assert [one["channel"] for one in channels if one["on"]] == ["slack"]


def test_a_wrong_setting_is_said_and_not_tried_again(machine: Machine) -> None:
    _set(machine, "collector.env", "BACKENDS=promethius")
    assert machine.run("systemctl", "restart", COLLECTOR).returncode == 1
    assert machine.show(COLLECTOR, "ActiveState") == "failed"
    assert (machine.show(COLLECTOR, "ExecMainStatus"), machine.show(COLLECTOR, "NRestarts")) == ("2", "0")


def test_somebody_without_a_tmux_is_watched_too(machine: Machine) -> None:
    machine.do("systemctl", "start", OTHER)
    eventually(lambda: _get(machine, 8001, "/readyz") == '{"status":"ready"}')
    bobs = machine.do("tmux", "new-session", "-d", "-P", "-F", "#{pane_id}", "exec sleep 1000", user="bob")
    machine.do("tmux", "set-option", "-p", "-t", bobs, "@agent_name", "bobs", user="bob")
    eventually(lambda: '"name":"bobs"' in _get(machine, 8001, "/api/agents"), what="what bob began later")
    assert '"name":"boss"' not in _get(machine, 8001, "/api/agents"), "others' agents are not bob's"
