"""A real Loki, as one process, that takes OTLP and answers LogQL."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from tests.backends.server import HOST, Server


class LogLine(NamedTuple):
    """One log record: stream labels and structured metadata together, the line, and its time in Unix nanoseconds."""

    labels: dict[str, str]
    line: str
    time: int


class Loki(Server):
    """Loki in memory and in files of its data folder, with nothing to wait for at start and at end."""

    part: ClassVar[str] = "loki"
    port_names: ClassVar[tuple[str, ...]] = ("http", "grpc")

    @property
    def otlp_endpoint(self) -> str:
        """The value for OTEL_EXPORTER_OTLP_ENDPOINT: /v1/logs is appended to it."""
        return f"{self.url}/otlp"

    def command(self, built: Path) -> list[str]:
        """See `Server.command`."""
        file = self.data / "loki.json"
        file.write_text(json.dumps(self._config(), indent=1))  # JSON is YAML
        return [str(built / "bin" / "loki"), f"-config.file={file}", "-target=all"]

    def is_ready(self) -> bool:
        """See `Server.is_ready`."""
        return self.request("GET", "/ready").is_success

    def query(
        self, logql: str, *, start: float | None = None, end: float | None = None, limit: int = 1000
    ) -> list[LogLine]:
        """The lines that a query selects, oldest first; by default of the last hour and the next minute."""
        now = time.time()
        answer = self.get_json(
            "/loki/api/v1/query_range",
            query=logql,
            start=int((now - 3600 if start is None else start) * 1e9),
            end=int((now + 60 if end is None else end) * 1e9),
            limit=limit,
            direction="forward",
        )
        streams: list[dict[str, Any]] = answer["data"]["result"]
        lines = [LogLine(one["stream"], value[1], int(value[0])) for one in streams for value in one["values"]]
        return sorted(lines, key=lambda line: line.time)

    def labels(self) -> list[str]:
        """The names of the labels that streams have (structured metadata is not among them)."""
        names: list[str] = self.get_json("/loki/api/v1/labels").get("data", [])
        return names

    def _config(self) -> dict[str, Any]:
        ring = {"kvstore": {"store": "inmemory"}, "instance_addr": HOST}
        return {
            "auth_enabled": False,
            "analytics": {"reporting_enabled": False},
            "server": {
                "http_listen_address": HOST,
                "http_listen_port": self.ports["http"],
                "grpc_listen_address": HOST,
                "grpc_listen_port": self.ports["grpc"],
                "log_level": "warn",
            },
            "common": {
                "path_prefix": str(self.data / "loki"),
                "instance_addr": HOST,
                "replication_factor": 1,
                "ring": ring,
                "storage": {
                    "filesystem": {
                        "chunks_directory": str(self.data / "loki" / "chunks"),
                        "rules_directory": str(self.data / "loki" / "rules"),
                    }
                },
            },
            # one instance has no others to hand over to, nor to be seen by
            "ingester": {"lifecycler": {"min_ready_duration": "0s", "join_after": "0s", "final_sleep": "0s"}},
            # how often the parts of this one process look for each other: the rest of the wait at start
            "frontend": {"scheduler_dns_lookup_period": "200ms"},
            "frontend_worker": {"dns_lookup_duration": "200ms"},
            "schema_config": {
                "configs": [
                    {
                        "from": "2024-01-01",
                        "store": "tsdb",
                        "object_store": "filesystem",
                        "schema": "v13",
                        "index": {"prefix": "index_", "period": "24h"},
                    }
                ]
            },
            "limits_config": {
                "allow_structured_metadata": True,
                "ingestion_rate_mb": 100,
                "ingestion_burst_size_mb": 200,
                "per_stream_rate_limit": "100MB",
                "per_stream_rate_limit_burst": "200MB",
            },
        }
