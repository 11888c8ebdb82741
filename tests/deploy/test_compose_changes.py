"""deploy/compose after a change: what is wrong is said before anything is replaced, and what is no longer wanted goes.

Docker is a stand-in here: it notes what it is asked, and runs our own collector where a container of it would run.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml

from telemetry.collector import build as build_collector
from tests.backends.server import free_ports
from tests.deploy.compose import FOLDER, PROFILES, load, of_the_collector, services, written
from tests.deploy.test_readmes import commands
from tests.e2e.world import monitor
from tests.waiting import eventually

README = FOLDER / "README.md"
COMPOSE = "compose -f deploy/compose/compose.yaml"
DOCKER = """\
#!/bin/sh
echo "${COMPOSE_PROFILES-}: $*" >>"$ASKED"
case "$*" in *" run "*) while [ "$1" != collector ]; do shift; done; shift; exec "$COLLECTOR" "$@" ;; esac
"""


def asked(text: str, folder: Path, **environ: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """What commands say with a stand-in for docker, and what that was asked, each with its COMPOSE_PROFILES before."""
    docker = folder / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    environ = {"HOME": str(folder), "ASKED": str(folder / "asked"), **environ}
    environ["PATH"] = f"{docker.parent}:{os.environ['PATH']}"
    said = subprocess.run(["bash", "-uc", text], env=environ, capture_output=True, text=True, timeout=60, check=False)
    return said, (folder / "asked").read_text().splitlines()


def test_a_collector_that_does_not_start_takes_nothing_else_with_it() -> None:
    """Where something waited for it, `up` would give up whatever hadn't been started yet: the dashboard, and Kibana."""
    for name, service in written()["services"].items():
        waited_for = {
            other for other, how in service.get("depends_on", {}).items() if how["condition"] != "service_started"
        }
        assert "collector" not in waited_for, name


@pytest.mark.slow
def test_a_dashboard_without_a_collector_says_so(tmp_path: Path) -> None:
    """The monitor as compose starts it, where nobody is called `collector`."""
    environ = {name: str(value) for name, value in services("prometheus")["monitor"]["environment"].items()}
    token = tmp_path / "token"
    token.write_text("0123456789abcdef" * 4)
    token.chmod(0o600)
    [port] = free_ports(1)
    with monitor(tmp_path, port=port, **environ | {"ORCHESTRATOR_DASHBOARD_TOKEN_FILE": str(token)}) as watching:
        watching.until_ready()
        assert watching.get("/healthz").status_code == 200
        header = {"Authorization": f"Bearer {token.read_text()}"}

        def said() -> str:
            return httpx.get(f"{watching.url}/readyz/pipeline", headers=header, trust_env=False, timeout=10).text

        eventually(lambda: "traces NOT taken" in said(), what="the dashboard says so")


@pytest.mark.slow
@pytest.mark.parametrize("key", ["", "made-up"])
def test_a_key_that_is_missing_is_said_before_anything_is_replaced(key: str, tmp_path: Path) -> None:
    environ = of_the_collector(tmp_path, "datadog", key=key) | {"COLLECTOR": str(build_collector(print))}
    said, docker = asked(commands(README, "validate"), tmp_path, **environ)
    check = f": {COMPOSE} run --rm collector validate --config=backends:"
    if key:
        assert (said.returncode, said.stderr) == (0, "")
        assert docker == [check, f": {COMPOSE} up -d --build --remove-orphans"]
    else:
        assert (said.returncode, said.stderr) == (2, "otelcol-orchestrator: backend datadog needs DD_API_KEY\n")
        assert docker == [check]


def test_what_the_check_says_is_said_of_the_collectors_log_too() -> None:
    assert f"`docker {COMPOSE} logs collector`" in README.read_text()


def test_every_down_takes_the_servers_of_every_profile(tmp_path: Path) -> None:
    """One without would leave those running that are no longer named."""
    text = "\n".join(re.findall(r"[^`\n]*docker compose -f \S+ down\b[^`#\n]*", README.read_text()))
    said, docker = asked(text, tmp_path, COMPOSE_PROFILES="prometheus")
    assert said.returncode == 0
    assert docker == [f"*: {COMPOSE} down", f"*: {COMPOSE} down"]


@pytest.mark.slow
def test_all_profiles_are_every_server() -> None:
    said = load("*", COMPOSE_PROFILES="*")
    assert said.returncode == 0, said.stderr
    every = written()["services"]
    assert set(yaml.safe_load(said.stdout)["services"]) == set(every)
    assert {profile for service in every.values() for profile in service.get("profiles", ())} <= set(PROFILES)


def test_what_the_engine_says_of_a_missing_secret_leads_to_what_makes_it() -> None:
    [line] = [line for line in README.read_text().splitlines() if "bind source path does not exist" in line]
    assert "secrets.sh" in line
