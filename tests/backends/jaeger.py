"""A real Jaeger, all in one process, that takes OTLP and answers queries for traces out of its memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import httpx

from tests.backends.server import HOST, Server


class Jaeger(Server):
    """Jaeger's collector, memory storage and query service."""

    part: ClassVar[str] = "jaeger"
    port_names: ClassVar[tuple[str, ...]] = ("http", "query_grpc", "otlp_http", "otlp_grpc", "health")

    @property
    def otlp_endpoint(self) -> str:
        """The value for OTEL_EXPORTER_OTLP_ENDPOINT over HTTP: /v1/traces is appended to it."""
        return f"http://{HOST}:{self.ports['otlp_http']}"

    @property
    def otlp_grpc_endpoint(self) -> str:
        """The value for OTEL_EXPORTER_OTLP_ENDPOINT over gRPC."""
        return f"http://{HOST}:{self.ports['otlp_grpc']}"

    def command(self, built: Path) -> list[str]:
        """See `Server.command`."""
        file = self.data / "jaeger.json"
        file.write_text(json.dumps(self._config(), indent=1))  # JSON is YAML
        return [str(built / "bin" / "jaeger"), "--config", str(file)]

    def is_ready(self) -> bool:
        """See `Server.is_ready`."""
        healthy = httpx.get(f"http://{HOST}:{self.ports['health']}/status", timeout=5, trust_env=False).is_success
        return healthy and self.request("GET", "/api/services").is_success

    def trace(self, trace_id: str) -> dict[str, Any] | None:
        """A trace by its id in hex, as Jaeger's API gives it (traceID, spans, processes); None where it has none."""
        answer = self.request("GET", f"/api/traces/{trace_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        found: dict[str, Any] = answer.raise_for_status().json()["data"][0]
        return found

    def spans(self, trace_id: str) -> list[dict[str, Any]]:
        """The spans of a trace (spanID, operationName, references, tags, …); [] where there is no such trace."""
        trace = self.trace(trace_id)
        return trace["spans"] if trace else []

    def traces(self, service: str, limit: int = 100) -> list[dict[str, Any]]:
        """The latest traces in which a service has a span."""
        found: list[dict[str, Any]] = self.get_json("/api/traces", service=service, limit=limit)["data"]
        return found

    def services(self) -> list[str]:
        """The names of all services it has spans of."""
        return sorted(self.get_json("/api/services")["data"] or [])

    def _config(self) -> dict[str, Any]:
        at = {name: {"endpoint": f"{HOST}:{port}"} for name, port in self.ports.items()}
        return {
            "service": {
                "extensions": ["jaeger_storage", "jaeger_query", "healthcheckv2"],
                "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter"]}},
                "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
            },
            "extensions": {
                "healthcheckv2": {"use_v2": True, "http": at["health"]},
                "jaeger_storage": {"backends": {"memory": {"memory": {"max_traces": 100_000}}}},
                "jaeger_query": {
                    "storage": {"traces": "memory"},
                    "http": at["http"],
                    "grpc": at["query_grpc"],
                    "enable_tracing": False,  # it would send its own traces to a fixed port
                },
            },
            "receivers": {"otlp": {"protocols": {"http": at["otlp_http"], "grpc": at["otlp_grpc"]}}},
            "exporters": {"jaeger_storage_exporter": {"trace_storage": "memory"}},
        }
