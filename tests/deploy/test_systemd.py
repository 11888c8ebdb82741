"""deploy/systemd: put in place as its README says, sound by systemd's own check, and hardened by its own measure.

That a real systemd starts, watches and restarts both: tests/soak/soak_units.py.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from telemetry import secret_files
from telemetry.settings import Settings, load
from telemetry.settings.about import walk

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
MONITOR, COLLECTOR = FOLDER / "orchestrator-telemetry@.service", FOLDER / "orchestrator-collector.service"
PROGRAMS = Path("/opt/orchestrator-telemetry/bin")
MOST_EXPOSED = 2.5
"""systemd's own measure, from 0 (nothing is exposed) to 10."""
BOUNDS = {"MemoryMax", "TasksMax", "LimitNOFILE", "LimitCORE", "WatchdogSec", "TimeoutStartSec", "TimeoutStopSec"}
"""What each unit must bound; the rest of what neither may lack is in systemd's measure."""
WHAT_IT_IS = {"After", "Description", "Environment", "EnvironmentFile", "ExecReload", "ExecStart", "Group", "User"}
WHAT_IT_IS |= {"RuntimeDirectory", "RuntimeDirectoryMode", "StateDirectory", "TimeoutStopSec", "WorkingDirectory"}
DIFFERENT = {
    "PrivateTmp": (["no"], ["yes"]),
    "ProcSubset": ([], ["pid"]),
    "ProtectHome": (["read-only"], ["yes"]),
    "RemoveIPC": ([], ["yes"]),
    "RestrictAddressFamilies": (["AF_UNIX AF_INET AF_INET6"], ["AF_UNIX AF_INET AF_INET6 AF_NETLINK"]),
}
"""What the monitor may beyond the collector, and the other way round: all else that they may is the same."""


def install(root: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    line = [FOLDER / "install.sh", *arguments]
    environ = {"PATH": os.environ["PATH"], "DESTDIR": str(root)}
    return subprocess.run(line, env=environ, capture_output=True, text=True, timeout=30, check=False)


def program(place: Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("#!/bin/sh\n")
    place.chmod(0o755)
    return place


def verified(root: Path, *units: str) -> subprocess.CompletedProcess[str]:
    """What systemd says of installed units, and of what they start, which lies below the same root."""
    installed = root / "etc/systemd/system"
    for unit in installed.iterdir():
        unit.write_text(unit.read_text().replace("/opt/", f"{root}/opt/"))
    line = ["systemd-analyze", "verify", "--man=no", *units]
    environ = {"PATH": os.environ["PATH"], "SYSTEMD_UNIT_PATH": f"{installed}:/usr/lib/systemd/system"}
    return subprocess.run(line, env=environ, capture_output=True, text=True, timeout=60, check=False)


def exposure(unit: Path) -> float:
    line = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    said = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True).stdout
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert found, said
    return float(found[1])


def variables(unit: Path) -> set[str]:
    lines = [line for line in unit.read_text().splitlines() if line.startswith("Environment=")]
    return {name for line in lines for name in re.findall(r"([A-Z_]+)=", line.removeprefix("Environment="))}


def settings(unit: Path) -> dict[str, list[str]]:
    """What a unit sets, by its name; what is set more than once has several values."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def test_both_units_are_bounded_and_confined_alike() -> None:
    monitor, collector = settings(MONITOR), settings(COLLECTOR)
    assert monitor.keys() >= BOUNDS
    assert collector.keys() >= BOUNDS
    both = {name: (monitor.get(name, []), collector.get(name, [])) for name in monitor.keys() | collector.keys()}
    different = {name: values for name, values in both.items() if values[0] != values[1] and name not in WHAT_IT_IS}
    assert different == DIFFERENT


def test_the_readme_says_what_the_units_do() -> None:
    unit = {name: values[0] for name, values in settings(COLLECTOR).items()}
    text = " ".join((FOLDER / "README.md").read_text().split())
    assert f"says nothing for {unit['WatchdogSec']} s is ended" in text
    times, minutes = ({"10": "ten"}[unit["StartLimitBurst"]], {"5min": "five minutes"}[unit["StartLimitIntervalSec"]])
    assert f"started again after {unit['RestartSec']} s, at most {times} times in {minutes}" in text


def test_everything_is_put_in_its_place(tmp_path: Path) -> None:
    collector = program(tmp_path / "built" / "otelcol-orchestrator")
    root = tmp_path / "root"
    said = install(root, collector)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
    files = {
        str(file.relative_to(root)): oct(file.stat().st_mode & 0o777) for file in root.rglob("*") if file.is_file()
    }
    assert files == {
        "etc/systemd/system/orchestrator-collector.service": "0o644",
        "etc/systemd/system/orchestrator-telemetry@.service": "0o644",
        "etc/orchestrator-telemetry/collector.env": "0o600",
        "etc/orchestrator-telemetry/monitor.env": "0o600",
        "usr/lib/sysusers.d/orchestrator-telemetry.conf": "0o644",
        "usr/lib/tmpfiles.d/orchestrator-telemetry.conf": "0o644",
        "usr/share/doc/orchestrator-telemetry/README.md": "0o644",
        "opt/orchestrator-telemetry/bin/otelcol-orchestrator": "0o755",
    }


def test_what_somebody_set_stays_and_the_units_are_renewed(tmp_path: Path) -> None:
    install(tmp_path)
    ours, unit = tmp_path / "etc/orchestrator-telemetry/collector.env", tmp_path / "etc/systemd/system" / COLLECTOR.name
    ours.write_text("BACKENDS=loki\n")
    unit.write_text("of an older release\n")
    assert install(tmp_path).returncode == 0
    assert ours.read_text() == "BACKENDS=loki\n"
    assert unit.read_text() == COLLECTOR.read_text()


@pytest.mark.parametrize("arguments", [("/nowhere/otelcol-orchestrator",), ("a", "b")])
def test_a_collector_that_is_not_there_is_said_before_anything_is_done(tmp_path: Path, arguments: tuple[str]) -> None:
    said = install(tmp_path / "root", *arguments)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == "usage: install.sh [COLLECTOR]; COLLECTOR is the built program\n"
    assert not (tmp_path / "root").exists()


def test_the_monitor_takes_every_variable_that_it_is_given(tmp_path: Path) -> None:
    sample = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", (FOLDER / "monitor.env").read_text(), re.MULTILINE))
    assert load(environ=sample, cwd=tmp_path).warnings == ()
    ours = {name for name in {*sample, *variables(MONITOR)} if name.startswith("ORCHESTRATOR_")}
    assert ours
    assert ours <= {known.about.variable for known in walk(Settings)} | set(secret_files.VARIABLES)


def test_as_installed_the_monitor_sends_to_the_collector() -> None:
    monitor, collector = (
        dict(re.findall(r"^([A-Z_]+)=(.*)$", (FOLDER / f"{name}.env").read_text(), re.MULTILINE))
        for name in ("monitor", "collector")
    )
    assert monitor == {
        "ORCHESTRATOR_PROFILE": "production",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
    }
    assert collector == {"BACKENDS": "prometheus,file"}, "which need no server"


def test_every_variable_that_the_collector_is_given_is_one_of_its_own() -> None:
    readme = (FOLDER.parents[1] / "otel-collector" / "README.md").read_text()
    sample = re.findall(r"^#?([A-Z_]+)=", (FOLDER / "collector.env").read_text(), re.MULTILINE)
    for name in {*sample, *variables(COLLECTOR)} - {"GOTRACEBACK"}:  # Go's own
        assert f"`{name.removesuffix('_FILE')}`" in readme, name  # each may come from a file


# --- what systemd says ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["orchestrator-telemetry@alice.service", COLLECTOR.name])
def test_systemd_finds_nothing_wrong(tmp_path: Path, unit: str) -> None:
    install(tmp_path)
    for name in ("orchestrator-telemetry", "otelcol-orchestrator"):
        program(tmp_path / PROGRAMS.relative_to("/") / name)
    said = verified(tmp_path, unit)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


@pytest.mark.slow
def test_systemd_says_what_is_wrong(tmp_path: Path) -> None:
    install(tmp_path, program(tmp_path / "otelcol-orchestrator"))
    unit = tmp_path / "etc/systemd/system" / COLLECTOR.name
    unit.write_text(unit.read_text().replace("ProtectClock=yes", "ProtectClocks=yes"))
    assert "Unknown key" in verified(tmp_path, COLLECTOR.name).stderr


@pytest.mark.slow
@pytest.mark.parametrize("unit", [MONITOR, COLLECTOR], ids=lambda unit: unit.name)
def test_it_is_hardened(unit: Path, tmp_path: Path) -> None:
    assert exposure(unit) <= MOST_EXPOSED
    bare = tmp_path / unit.name
    bare.write_text("[Service]\nExecStart=/bin/true\n")
    assert exposure(bare) > 9, "what it measures is the hardening"


@pytest.mark.slow
def test_the_user_and_the_folders_are_made(tmp_path: Path) -> None:
    install(tmp_path)
    (tmp_path / "etc/orchestrator-telemetry/monitor-alice.env").write_text("SLACK_WEBHOOK_URL=x\n")
    (tmp_path / "etc/orchestrator-telemetry/monitor-alice.env").chmod(0o644)
    for line in (["systemd-sysusers"], ["systemd-tmpfiles", "--create"]):
        said = subprocess.run(
            [*line, f"--root={tmp_path}", "orchestrator-telemetry.conf"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert said.returncode == 0, said.stderr
    users = (tmp_path / "etc/passwd").read_text()
    assert re.fullmatch(r"orchestrator-collector:x:\d+:\d+:.*:/var/lib/orchestrator-collector:.*nologin\n", users)
    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "etc/orchestrator-telemetry").iterdir()}
    assert modes == {"collector.env": 0o600, "monitor.env": 0o600, "monitor-alice.env": 0o600}
