"""A real Prometheus 3 that takes OTLP and remote write, scrapes what it is told to, answers PromQL; and promtool."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from tests.backends import build
from tests.backends.server import HOST, Server


class Target(NamedTuple):
    """One page to be scraped: the `job` label it gets, its host:port, and how."""

    job: str
    address: str
    honor_labels: bool = False
    interval: str = "1s"
    path: str = "/metrics"


class Sample(NamedTuple):
    """One series of an answer; a range's has one `Sample` for each point."""

    labels: dict[str, str]
    value: float
    time: float = 0.0


class Prometheus(Server):
    """Prometheus with its OTLP and remote-write receivers on; `alertmanagers` are host:port of those it tells."""

    part: ClassVar[str] = "prometheus"

    def __init__(
        self,
        data: Path,
        targets: Sequence[Target] = (),
        rule_files: Sequence[Path] = (),
        alertmanagers: Sequence[str] = (),
    ) -> None:
        super().__init__(data)
        self._alertmanagers = list(alertmanagers)
        self._targets = list(targets)
        self._rule_files = list(rule_files)

    @property
    def otlp_endpoint(self) -> str:
        """The value for OTEL_EXPORTER_OTLP_ENDPOINT: /v1/metrics is appended to it."""
        return f"{self.url}/api/v1/otlp"

    @property
    def remote_write_url(self) -> str:
        """Where remote write is sent to."""
        return f"{self.url}/api/v1/write"

    def command(self, built: Path) -> list[str]:
        """See `Server.command`."""
        return [
            str(built / "bin" / "prometheus"),
            f"--config.file={self._write_config()}",
            f"--storage.tsdb.path={self.data / 'tsdb'}",
            f"--web.listen-address={HOST}:{self.ports['http']}",
            "--web.enable-otlp-receiver",
            "--web.enable-remote-write-receiver",
            "--web.enable-lifecycle",
            "--scrape.discovery-reload-interval=100ms",  # a target told at run time is scraped at once
            "--log.level=warn",
        ]

    def is_ready(self) -> bool:
        """See `Server.is_ready`. Whom it tells has to be known by then: an alert is not sent again for a minute."""
        if not self.request("GET", "/-/ready").is_success:
            return False
        return len(self.get_json("/api/v1/alertmanagers")["data"]["activeAlertmanagers"]) == len(self._alertmanagers)

    def scrape(self, *targets: Target) -> None:
        """Scrape these from now on, and no others."""
        self._targets = list(targets)
        self._reload()

    def rules(self, *rule_files: Path) -> None:
        """Evaluate the rules of these files from now on, and no others."""
        self._rule_files = list(rule_files)
        self._reload()

    def query(self, promql: str, time: float | None = None) -> list[Sample]:
        """The series that an instant query gives, now or at a Unix time."""
        parameters: dict[str, Any] = {"query": promql} | ({} if time is None else {"time": time})
        data = self.get_json("/api/v1/query", **parameters)["data"]
        if data["resultType"] in ("scalar", "string"):
            return [Sample({}, float(data["result"][1]), float(data["result"][0]))]
        if data["resultType"] == "matrix":
            return _points(data["result"])
        return [Sample(one["metric"], float(one["value"][1]), float(one["value"][0])) for one in data["result"]]

    def query_range(self, promql: str, start: float, end: float, step: float = 1.0) -> list[Sample]:
        """The points that a range query gives, series after series, each in order of time."""
        return _points(
            self.get_json("/api/v1/query_range", query=promql, start=start, end=end, step=step)["data"]["result"]
        )

    def series(self, match: str) -> list[dict[str, str]]:
        """The label sets of all series, fresh or stale, that a selector matches."""
        found: list[dict[str, str]] = self.get_json("/api/v1/series", **{"match[]": match})["data"]
        return found

    def targets(self) -> list[dict[str, Any]]:
        """What it scrapes, with `health`, `lastError` and `labels` of each."""
        active: list[dict[str, Any]] = self.get_json("/api/v1/targets", state="active")["data"]["activeTargets"]
        return active

    def _reload(self) -> None:
        self._write_config()
        self.send_json("POST", "/-/reload")

    def _write_config(self) -> Path:
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "storage": {"tsdb": {"out_of_order_time_window": "30m"}},
            "rule_files": [str(file.absolute()) for file in self._rule_files],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": self._alertmanagers}]}]},
            "scrape_configs": [
                {
                    "job_name": f"{target.job}-{number}",  # the name must be unique, the label need not
                    "scrape_interval": target.interval,
                    "scrape_timeout": target.interval,
                    "honor_labels": target.honor_labels,
                    "metrics_path": target.path,
                    "static_configs": [{"targets": [target.address], "labels": {"job": target.job}}],
                }
                for number, target in enumerate(self._targets)
            ],
        }
        file = self.data / "prometheus.json"
        file.write_text(json.dumps(config, indent=1))  # JSON is YAML
        return file


def promtool_path() -> Path:
    """Where the built promtool is."""
    return build.folder(Prometheus.part) / "bin" / "promtool"


def promtool(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run promtool, `text` on its standard input; whatever it says and however it ends."""
    command = [str(promtool_path()), *arguments]
    return subprocess.run(command, input=text or "", capture_output=True, text=True, timeout=60, check=False)


def promtool_check_metrics(text: str) -> list[str]:
    """What `promtool check metrics` has to say about a page of metrics: nothing, for a good one."""
    answer = promtool("check", "metrics", text=text)
    said = [line for line in (answer.stdout + answer.stderr).splitlines() if line.strip()]
    if answer.returncode and not said:
        return [f"promtool ended with {answer.returncode}"]
    return said


def _points(matrix: list[dict[str, Any]]) -> list[Sample]:
    return [Sample(one["metric"], float(value), float(time)) for one in matrix for time, value in one["values"]]
