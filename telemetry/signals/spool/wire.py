"""The OTLP messages of one signal: from what the SDK hands on to bytes, and what an answer says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

MOST_A_REQUEST = 4 * 1024 * 1024
"""Bytes of a request before it is sent as two: collectors refuse those that are much longer."""


class Wire:
    """How a signal is written.

    Args:
        encode: What the SDK hands on → the message.
        request: The class of the message.
        response: The class of the answer.
        rejected: The field of the answer's `partial_success` that counts.
    """

    def __init__(self, encode: Callable[[Sequence[Any]], Any], request: Any, response: Any, rejected: str) -> None:
        self._encode, self._request, self._response, self._rejected = encode, request, response, rejected

    @classmethod
    def of(cls, signal: str) -> Wire:
        """That of `logs` or `traces`."""
        if signal == "logs":
            from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
            from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs

            return cls(encode_logs, logs.ExportLogsServiceRequest, logs.ExportLogsServiceResponse, "log_records")
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

        return cls(encode_spans, traces.ExportTraceServiceRequest, traces.ExportTraceServiceResponse, "spans")

    def bodies(self, batch: Sequence[Any]) -> Iterator[tuple[bytes, int]]:
        """Requests that hold the batch in its order, each with how many it holds.

        Raises:
            Exception: What the SDK's encoder raises for a value that it can't write.
        """
        body: bytes = self._encode(batch).SerializeToString()
        if len(body) <= MOST_A_REQUEST or len(batch) < 2:  # noqa: PLR2004 - one record can't be halved
            yield body, len(batch)
            return
        middle = len(batch) // 2
        yield from self.bodies(batch[:middle])
        yield from self.bodies(batch[middle:])

    def request(self, body: bytes) -> Any:
        """The message of its bytes."""
        return self._request.FromString(body)

    def rejected(self, body: bytes) -> int:
        """How many records an HTTP answer's body says were refused; 0 where it says nothing that can be read."""
        if not body:
            return 0
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it has no stubs

        try:
            return self.rejected_in(self._response.FromString(body))
        except DecodeError:
            return 0

    def rejected_in(self, response: Any) -> int:
        """The same of the message."""
        return max(0, int(getattr(response.partial_success, f"rejected_{self._rejected}")))
