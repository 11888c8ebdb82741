"""The small example's pods without Kubernetes: their user, environment and probes, and volumes as it mounts them.

Needs root, to become that user.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from telemetry.collector import build as build_collector
from tests.backends.commands import dying_with_us
from tests.backends.server import HOST, free_ports
from tests.collector.harness import environment as of_the_harness
from tests.collector.harness import running
from tests.deploy.kubernetes import Object, Pod, ours
from tests.deploy.test_kubernetes_runs import told
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
SEES_THE_CLONE = "+dac_read_search"
"""The clone, its Python and the test's folder may be closed to others: this lets the user read, and write nowhere."""


def as_its_user(security: Object) -> list[str]:
    """The beginning of a command that runs as a pod's user."""
    user, group = security["runAsUser"], security["runAsGroup"]
    rights = ["--inh-caps", SEES_THE_CLONE, "--ambient-caps", SEES_THE_CLONE]
    return ["setpriv", "--reuid", str(user), "--regid", str(group), "--clear-groups", *rights]


def volume(folder: Path, security: Object) -> Path:
    """A new volume: root's, its group the pod's `fsGroup`, which may write."""
    folder.mkdir(parents=True)
    os.chown(folder, 0, security["fsGroup"])
    folder.chmod(0o2775)
    return folder


def handed_over(folder: Path, security: Object) -> None:
    """What was mounted of secrets belongs to root and to that group."""
    for file in (folder / "run").rglob("*"):
        os.chown(file, 0, security["fsGroup"])


@contextmanager
def monitor(command: list[str], environ: dict[str, str], folder: Path) -> Iterator[None]:
    program = [*command, sys.executable, "-m", "telemetry", "dashboard"]
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            dying_with_us(program), env=environ, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(30) == 0, (folder / "said").read_text()


def test_both_start_as_their_user_on_their_volumes_and_answer_their_probes(tmp_path: Path) -> None:
    assert os.geteuid() == 0, "needs root"
    (gateway, of_gateway), (hub, of_hub) = ours("small", "collector")[0], ours("small", "monitor")[0]

    def mounted(pod: Pod, container: Object, folder: Path) -> dict[str, str]:
        folder.mkdir()
        environ = told(pod, container, folder)
        handed_over(folder, pod.spec["securityContext"])
        return environ

    collectors = (
        of_the_harness(tmp_path)
        | mounted(gateway, of_gateway, tmp_path / "gateway")
        | {"ORCHESTRATOR_COLLECTOR_HOST": HOST}
    )
    data = tmp_path / "gateway" / "data"
    data.rmdir()
    volume(data, gateway.spec["securityContext"])
    del collectors["HOME"]
    with running(build_collector(print), "", collectors, as_its_user(gateway.spec["securityContext"])) as collector:
        (port,) = free_ports(1)
        environ = mounted(hub, of_hub, tmp_path / "hub")
        state = volume(tmp_path / "hub" / "volume", hub.spec["securityContext"])
        environ |= {
            "PATH": os.defpath,
            "HOME": str(state),
            "PYTHONDONTWRITEBYTECODE": "1",
            "ORCHESTRATOR_STATE_DIR": str(state / "state"),
            "ORCHESTRATOR_DASHBOARD_HOST": HOST,
            "ORCHESTRATOR_DASHBOARD_PORT": str(port),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url("HTTP"),
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        }
        with monitor(as_its_user(hub.spec["securityContext"]), environ, tmp_path / "hub"):
            ready = of_hub["readinessProbe"]["httpGet"]["path"]

            def answers(url: str) -> bool:
                """As a node's probe asks: under the pod's address."""
                try:
                    return httpx.get(url, headers={"Host": "10.1.2.3:8000"}, trust_env=False).is_success
                except httpx.TransportError:
                    return False

            eventually(lambda: answers(f"http://{HOST}:{port}{ready}"), 60, what="the monitor ready")
            assert answers(f"http://{HOST}:{port}{of_hub['livenessProbe']['httpGet']['path']}")
            assert answers(collector.url("HEALTH") + of_gateway["readinessProbe"]["httpGet"]["path"])

            def taken() -> bool:
                page = httpx.get(f"{collector.url('TELEMETRY')}/metrics", trust_env=False).text
                return "\notelcol_receiver_accepted_metric_points" in page

            eventually(taken, what="the monitor's metrics, by the token from its file")
    assert (state / "state").stat().st_mode & 0o777 == 0o700
    assert (data / "queue").stat().st_uid == gateway.spec["securityContext"]["runAsUser"]
