"""deploy/compose on a real engine, from a fresh clone, by the commands of its README. Prints how long that took.

By hand: `make soak`, as root. Our own images are built as they are for everybody; Prometheus, Alertmanager, Loki and
Jaeger are those that tests build, in images FROM scratch under the names that compose.yaml has. Without Grafana,
Elasticsearch and Kibana, whose images can't be made here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.compose import SUBSETS
from tests.deploy.test_readmes import commands
from tests.soak.engine import Engine, an_engine, program
from tests.waiting import eventually
from tools.deployed import ROOT

PROFILES = "prometheus,loki"
COMPOSE = ("compose", "-f", "deploy/compose/compose.yaml")
README = ROOT / "deploy" / "compose" / "README.md"
ASKED = "http://127.0.0.1:9090/api/v1/query"
CONFINED = {"NoNewPrivs": "1", "CapEff": "0" * 16, "CapPrm": "0" * 16, "CapBnd": "0" * 16, "Seccomp": "2"}


@dataclass
class Deployed:
    """The clone, and its containers while they run."""

    engine: Engine
    clone: Path
    took: dict[str, float]

    def compose(self, *arguments: str) -> str:
        """Runs `docker compose` in the clone."""
        return self.engine.docker(*COMPOSE, *arguments, cwd=self.clone)

    def containers(self) -> dict[str, dict[str, Any]]:
        """What the engine knows of each, by its service."""
        found = [self.engine.inspect(one) for one in self.compose("ps", "--quiet").split()]
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in found}


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployed]:
    """Everything that can be had here, started by the README's commands."""
    with tempfile.TemporaryDirectory(prefix="engine-") as folder, an_engine(Path(folder)) as engine:
        _others_images(engine)
        clone = Path(folder) / "clone"
        took: dict[str, float] = {}
        lines = [f"git clone --quiet {ROOT} {clone}"]
        lines += commands(README, "make collector-image").strip().splitlines()
        for line in lines:
            _timed(line, engine, clone, took)
        running = Deployed(engine, clone, took)
        yield running
        running.compose("down", "--volumes")


def _others_images(engine: Engine) -> None:
    nobody, loki = "65534:65534", "10001:10001"
    metrics, alerts = ([program(part, name) for name in names] for part, names in _TOGETHER.items())
    engine.image("prom/prometheus:v3.16.0", metrics, "/prometheus", nobody)
    engine.image("prom/alertmanager:v0.34.2", alerts, "/alertmanager", nobody)
    engine.image("grafana/loki:3.7.8", [program("loki", "loki")], "/loki", loki)
    everywhere = "ENV JAEGER_LISTEN_HOST=0.0.0.0"
    engine.image("jaegertracing/jaeger:2.13.0", [program("jaeger", "jaeger")], "/data", loki, everywhere)
    engine.docker("tag", "grafana/loki:3.7.8", "grafana/grafana:12.4.10")  # none is started, but compose looks for it
    engine.python("python:3.13.16-slim-trixie", ROOT / "requirements.lock")


_TOGETHER = {"prometheus": ("prometheus", "promtool"), "alertmanager": ("alertmanager", "amtool")}


def _timed(line: str, engine: Engine, clone: Path, took: dict[str, float]) -> None:
    """Runs one of the README's commands as it stands there, but for Grafana, and notes how long it took (s)."""
    command = line.partition("  #")[0].strip()
    more = " --scale grafana=0" if " up " in command else ""
    environ = {"ORCHESTRATOR_CACHE_DIR": str(engine.folder / "cache"), **os.environ, **engine.environment}
    environ.pop("MAKEFLAGS", None)
    began = time.monotonic()
    place = clone if clone.exists() else None
    done = subprocess.run(
        ["bash", "-euc", command + more],
        cwd=place,
        env=environ,
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    took[command] = time.monotonic() - began


def _answer(engine: Engine, query: str) -> list[dict[str, Any]]:
    said = json.loads(engine.get(ASKED, "--get", "--data-urlencode", f"query={query}"))
    found: list[dict[str, Any]] = said["data"]["result"]
    return found


def test_the_first_answer(deployed: Deployed, say: Callable[[str], None]) -> None:
    began = time.monotonic()
    report, _, question = commands(README, "/api/agents/hello").strip().rpartition("\n")
    assert '"agent":"hello"' in deployed.engine.inside(report, deployed.clone)

    def answers() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(deployed.engine.inside(question, deployed.clone))["data"]["result"]
        return found

    [found] = eventually(answers, timeout=180, every=1, what="the agent in Prometheus")
    assert (found["metric"]["agent_name"], found["value"][1]) == ("hello", "1")
    deployed.took["reporting an agent, and the question"] = time.monotonic() - began
    say("\n".join(f"{seconds:7.1f} s  {command}" for command, seconds in deployed.took.items()))
    say(f"{sum(deployed.took.values()) / 60:7.1f} min for {len(deployed.took) + 1} commands")


def test_what_is_logged_is_found_in_loki(deployed: Deployed) -> None:
    report, _, _ = commands(README, "/api/agents/hello").strip().rpartition("\n")
    deployed.engine.inside(report.replace("hello", "gone").replace("busy", "stopped"), deployed.clone)
    asked = 'query={service_name="orchestrator-cc"} | agent_name="gone" | rule="agent_stopped"'

    def found() -> list[Any]:
        said = deployed.engine.get("http://127.0.0.1:3100/loki/api/v1/query_range", "--get", "--data-urlencode", asked)
        return list(json.loads(said)["data"]["result"])

    assert eventually(found, timeout=120, every=1, what="a record in Loki")


def test_prometheus_finds_alertmanager_and_the_collector(deployed: Deployed) -> None:
    up = {one["metric"]["job"]: one["value"][1] for one in _answer(deployed.engine, "up")}
    assert up == {"orchestrator-collector": "1", "orchestrator-gateway": "1"}
    eventually(lambda: "OrchestratorWatchdog" in deployed.engine.get("http://127.0.0.1:9093/api/v2/alerts"), every=1)


def test_all_are_well(deployed: Deployed) -> None:
    def states() -> dict[str, str]:
        return {name: one["State"].get("Health", {}).get("Status", "-") for name, one in deployed.containers().items()}

    wanted = dict.fromkeys(("collector", "monitor", "jaeger", "prometheus", "alertmanager"), "healthy") | {"loki": "-"}
    eventually(lambda: states() == wanted, every=1, what=f"all are healthy: {states()}")
    assert all(one["RestartCount"] == 0 for one in deployed.containers().values())


def test_each_is_confined(deployed: Deployed) -> None:
    for name, one in deployed.containers().items():
        host = one["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert (host["CapDrop"], host["CapAdd"], host["Privileged"]) == (["ALL"], None, False), name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        assert 0 < host["Memory"] <= 2 << 30, name
        assert host["NanoCpus"] > 0, name
        assert host["PidsLimit"] > 0, name
        published = [to["HostIp"] for ports in one["NetworkSettings"]["Ports"].values() for to in ports or ()]
        assert set(published) <= {"127.0.0.1"}, name
        lines = Path(f"/proc/{one['State']['Pid']}/status").read_text().splitlines()
        status = dict(line.split(":\t", 1) for line in lines)
        assert {key: status[key] for key in CONFINED} == CONFINED, name
        assert "0" not in status["Uid"].split(), name


def test_nobody_sees_a_secret(deployed: Deployed) -> None:
    """Neither who lists processes or inspects containers, nor who reads what they say."""
    secrets = [file.read_text().strip() for file in (deployed.clone / "deploy/compose/secrets").iterdir()]
    assert any(secrets)
    shown = json.dumps(deployed.containers()) + deployed.compose("logs", "--no-color")
    for one in deployed.containers().values():
        shown += deployed.engine.docker("top", one["Id"], "-eo", "pid,args")
        shown += Path(f"/proc/{one['State']['Pid']}/environ").read_text()
    assert not [secret for secret in secrets if secret and secret in shown]


def test_the_dashboard_asks_who_one_is(deployed: Deployed) -> None:
    token = (deployed.clone / "deploy/compose/secrets/dashboard_token").read_text()
    with pytest.raises(AssertionError, match="token"):
        deployed.engine.get("http://127.0.0.1:8000/api/agents")
    said = deployed.engine.get("http://127.0.0.1:8000/api/agents", "--header", f"Authorization: Bearer {token}")
    assert '"hello"' in said


@pytest.mark.parametrize("chosen", SUBSETS, ids="-".join)
def test_docker_compose_itself_takes_every_subset(deployed: Deployed, chosen: tuple[str, ...]) -> None:
    arguments = (*COMPOSE, "config", "--quiet")
    said = deployed.engine.tried(*arguments, cwd=deployed.clone, COMPOSE_PROFILES=",".join(chosen))
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_docker_compose_itself_refuses_profiles_alone(deployed: Deployed) -> None:
    line = (*COMPOSE, "--env-file", "/dev/null", "--profile", "loki", "config", "--quiet")
    said = deployed.engine.tried(*line, cwd=deployed.clone)
    assert said.returncode != 0
    assert re.search(r"set it to backends \(prometheus,loki,elk,datadog\)", said.stderr)
