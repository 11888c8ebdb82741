"""Prometheus and Alertmanager as deploy/ has them, at ports of the test's own and with seconds for minutes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.backends.alertmanager import Alertmanager
from tests.backends.prometheus import Prometheus
from tests.backends.server import free_ports
from tests.collector.harness import environment, running
from tests.collector.taking import Taking
from tests.collector.test_alerted import retrying_often
from tests.e2e.world import Monitor, monitor
from tests.notify.faulty import Faulty, serving
from tests.sources.real_tmux import TmuxServer, a_server

DEPLOY = Path(__file__).parents[2] / "deploy"
AT_ONCE = "rules: {backend_failing: {for: 0}}\n"
"""The monitor's settings: a backend that takes nothing is told at once."""
WAITS = {"group_wait": "1s", "group_interval": "1s"}


class DeployedPrometheus(Prometheus):
    """With deploy/prometheus, scraping every second; `targets` are addresses by the name of their file."""

    def __init__(self, data: Path, alertmanagers: Sequence[str] = (), **targets: str) -> None:
        super().__init__(data, alertmanagers=alertmanagers)
        self._addresses: dict[str, Sequence[str]] = {"alertmanagers": alertmanagers}
        self._addresses |= {name: [address] for name, address in targets.items()}

    @property
    def folder(self) -> Path:
        """Where its copy of deploy/prometheus is."""
        return self.data / "deployed"

    def target(self, file: str, address: str) -> None:
        """Writes one of the files of targets anew, as somebody would; Prometheus notices by itself."""
        self._addresses[file] = [address]
        self._write_targets()

    def change_rules(self, before: str, after: str) -> None:
        """Evaluates rules.yaml with another text in one place from now on."""
        file = self.folder / "rules.yaml"
        text = file.read_text()
        assert text.count(before) == 1
        file.write_text(text.replace(before, after))
        self.send_json("POST", "/-/reload")

    def _write_config(self) -> Path:
        shutil.copytree(DEPLOY / "prometheus", self.folder, dirs_exist_ok=True)
        file = self.folder / "prometheus.yml"
        file.write_text(file.read_text().replace("_interval: 15s", "_interval: 1s"))
        self._write_targets()
        return file

    def _write_targets(self) -> None:
        for file in (self.folder / "targets").iterdir():
            addresses = self._addresses.get(file.stem, ())
            fresh = file.with_suffix(".new")
            fresh.write_text(json.dumps([{"targets": list(addresses)}]))
            fresh.rename(file)


class DeployedAlertmanager(Alertmanager):
    """With deploy/alertmanager; `urls` are by the name of the file in `secrets` that has each."""

    def __init__(self, data: Path, urls: Mapping[str, str]) -> None:
        super().__init__(data)
        self._urls = urls

    def command(self, built: Path) -> list[str]:
        """See `Server.command`."""
        folder = self.data / "deployed"
        shutil.copytree(DEPLOY / "alertmanager", folder, dirs_exist_ok=True)
        (folder / "secrets").mkdir(exist_ok=True)
        for name, url in self._urls.items():
            (folder / "secrets" / name).write_text(f"{url}\n")
        file = folder / "alertmanager.yml"
        text = file.read_text().replace("/etc/alertmanager/", f"{folder}/")
        file.write_text(json.dumps(hastened(yaml.safe_load(text))))
        original = super().command(built)
        return [f"--config.file={file}" if word.startswith("--config.file=") else word for word in original]


def hastened(config: dict[str, Any]) -> dict[str, Any]:
    """Alertmanager's configuration with seconds for minutes, and critical alerts at an address of their own."""
    for route in (config["route"], *config["route"]["routes"]):
        route |= {name: wait for name, wait in WAITS.items() if name in route and route[name] != "0s"}
    heartbeat = config["route"]["routes"][0]
    heartbeat["repeat_interval"] = "1s"
    oncall = next(one for one in config["receivers"] if one["name"] == "oncall")
    [slack] = oncall["slack_configs"]
    oncall["slack_configs"] = [{**slack, "api_url_file": slack["api_url_file"].replace("slack_url", "oncall_url")}]
    return config


@dataclass
class Alerted:
    """Agents, their monitor with a collector whose backend takes nothing, and the way from there to people."""

    prometheus: DeployedPrometheus
    alertmanager: DeployedAlertmanager
    team: Faulty
    oncall: Faulty
    heartbeat: Faulty
    tmux: TmuxServer
    panes: dict[str, str]
    monitor: Monitor
    collectors_page: str

    def kill(self, agent: str) -> None:
        """Ends an agent's process."""
        self.tmux.kill_process(self.tmux.pid(self.panes[agent]))

    def scrape(self) -> None:
        """Prometheus sees from now on what there is."""
        self.prometheus.target("monitors", f"127.0.0.1:{self.monitor.port}")
        self.prometheus.target("collectors", self.collectors_page)


@contextmanager
def alerted(folder: Path, binary: Path, *agents: str) -> Iterator[Alerted]:
    """Everything that is real, with stand-ins for Slack, for whoever is on call, and for the heartbeat."""
    with ExitStack() as stack:
        backend = stack.enter_context(Taking(answering=503).serving())
        team, oncall, heartbeat = (stack.enter_context(serving(Faulty.willing())) for _ in range(3))
        urls = {"slack_url": team.url, "oncall_url": oncall.url, "heartbeat_url": heartbeat.url}
        alertmanager = stack.enter_context(DeployedAlertmanager(folder / "alertmanager", urls))
        prometheus = stack.enter_context(DeployedPrometheus(folder / "prometheus", [alertmanager.address]))
        tmux = stack.enter_context(contextmanager(a_server)())
        panes = {agents[0]: tmux.session()} | {name: tmux.split() for name in agents[1:]}
        for name, pane in panes.items():
            tmux.name_pane(pane, name)
        tmux("set-option", "-g", "remain-on-exit", "on")
        often = retrying_often(folder / "backends")
        variables = environment(folder, OTLP_BACKEND_URL=backend.url, ORCHESTRATOR_COLLECTOR_BACKENDS_DIR=str(often))
        collector = stack.enter_context(running(binary, "otlp,prometheus", variables))
        page = collector.url("TELEMETRY").removeprefix("http://")
        watching = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url("HTTP"),
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "BACKENDS": "otlp,prometheus",
            "ORCHESTRATOR_COLLECTOR_TELEMETRY_PORT": page.rpartition(":")[2],
            "ORCHESTRATOR_SOURCES": "tmux",
            "ORCHESTRATOR_TMUX_SOCKET": tmux.socket_name,
        }
        home = folder / "home"
        home.mkdir()
        (home / "orchestrator-telemetry.yaml").write_text(AT_ONCE)
        (port,) = free_ports(1)
        of_agents = stack.enter_context(monitor(home, port=port, **watching))
        of_agents.until_ready()
        yield Alerted(prometheus, alertmanager, team, oncall, heartbeat, tmux, panes, of_agents, page)
