"""The same over gRPC."""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as messages

from tests.backends.server import free_ports
from tests.spool.sending import sending
from tests.waiting import eventually

grpc: Any = importlib.import_module("grpc")  # neither it nor what is generated for it has types
service: Any = importlib.import_module("opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc")


class Taking(service.LogsServiceServicer):  # type: ignore[misc]
    """Takes everything but poison."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.refuse = grpc.StatusCode.INVALID_ARGUMENT

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the service's own name
        scopes = [scope for resource in request.resource_logs for scope in resource.scope_logs]
        bodies = [record.body.string_value for scope in scopes for record in scope.log_records]
        if "poison" in bodies:
            context.abort(self.refuse, "no")
        self.bodies += bodies
        return messages.ExportLogsServiceResponse()

    def serve(self, port: int) -> Any:
        server = grpc.server(ThreadPoolExecutor(2))
        service.add_LogsServiceServicer_to_server(self, server)
        assert server.add_insecure_port(f"127.0.0.1:{port}") == port
        server.start()
        return server


def test_outage_and_poison(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    taking = Taking()
    with sending(monkeypatch, tmp_path, f"http://127.0.0.1:{port}", OTEL_EXPORTER_OTLP_PROTOCOL="grpc") as way:
        for number in range(200):
            way.log(f"record {number}")
        assert way.waiting == 200
        server = taking.serve(port)
        eventually(lambda: taking.bodies == [f"record {number}" for number in range(200)])
        way.log("poison")
        way.log("after")
        eventually(lambda: taking.bodies[-1] == "after")
        assert way.lost == {("logs", "refused"): 1}
        server.stop(0).wait()
        way.log("while it was down")
        server = taking.serve(port)
        eventually(lambda: taking.bodies[-1] == "while it was down")
        taking.refuse = grpc.StatusCode.INTERNAL
        way.log("poison")
        way.log("the last")
        eventually(lambda: taking.bodies[-1] == "the last")
        assert way.lost == {("logs", "refused"): 2}
        server.stop(0).wait()
    assert len(taking.bodies) == 203
