"""Sending to a guarded collector: over HTTP and gRPC, with and without a token or a certificate."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import grpc  # type: ignore[import-untyped]  # it has no stubs
import httpx
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from tests.collector import otlp

if TYPE_CHECKING:
    from pathlib import Path

    import trustme

    from tests.collector.harness import Running

Pair = tuple["Path", "Path"]  # the files of a certificate and of its key
EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


def protobuf(body: str) -> bytes:
    """One log record in OTLP protobuf."""
    record = LogRecord(body=AnyValue(string_value=body))
    logs = ResourceLogs(scope_logs=[ScopeLogs(log_records=[record])])
    return bytes(ExportLogsServiceRequest(resource_logs=[logs]).SerializeToString())


def by_grpc(
    collector: Running,
    body: bytes,
    *,
    token: str = "",
    authority: Path | None = None,
    own: Pair | None = None,
    compressed: bool = False,
) -> str:
    """The name of the answer's status, such as "OK" or "UNAUTHENTICATED". With an authority it speaks TLS."""
    address = f"127.0.0.1:{collector.env['ORCHESTRATOR_COLLECTOR_GRPC_PORT']}"
    compression = grpc.Compression.Gzip if compressed else grpc.Compression.NoCompression
    options = [("grpc.max_send_message_length", -1)]
    if authority is None:
        channel = grpc.insecure_channel(address, options, compression)
    else:
        key, cert = (own[1].read_bytes(), own[0].read_bytes()) if own else (None, None)
        credentials = grpc.ssl_channel_credentials(authority.read_bytes(), key, cert)
        channel = grpc.secure_channel(address, credentials, options, compression)
    with channel:
        metadata = [("authorization", f"Bearer {token}")] if token else []
        try:
            channel.unary_unary(EXPORT)(body, timeout=30, metadata=metadata)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"


def by_https(collector: Running, authority: Path, own: Pair | None = None) -> int:
    """The status of the answer. Raises httpx.TransportError where the handshake is refused."""
    context = ssl.create_default_context(cafile=authority)
    if own:
        context.load_cert_chain(*own)
    url = f"https://127.0.0.1:{collector.env['ORCHESTRATOR_COLLECTOR_HTTP_PORT']}/v1/logs"
    with httpx.Client(verify=context, trust_env=False, timeout=10) as client:
        return client.post(url, json=otlp.logs()).status_code


def write(certificate: trustme.LeafCert, folder: Path, name: str) -> Pair:
    """Put a certificate and its key into files, in PEM."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.private_key_pem.write_to_path(key)
    cert.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    return cert, key
