"""Senders that never rest, over HTTP and gRPC, who note what they were told."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import threading
from collections import Counter
from typing import TYPE_CHECKING

import grpc  # type: ignore[import-untyped]  # it has no stubs
import httpx
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from tests.collector import doors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.collector.harness import Running

RECORDS = 500
"""Of a request, 1 MiB in all."""
TAKEN = {"200", "OK"}
_TEXT = "x" * 2000
_PATIENCE = 120.0  # seconds


class Crowd:
    """Each sends a request again and again until it is taken, and then the next.

    Attributes:
        said: How often which answer came, by way: ("http", "503"), ("grpc", "OK"), …
        taken: The numbers of the records that were taken, as in `record-N;`.
    """

    def __init__(self, collector: Running, senders: Mapping[str, int]) -> None:
        self.said: Counter[tuple[str, str]] = Counter()
        self.taken: list[int] = []
        self._collector, self._senders = collector, senders
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._ended = threading.Event()

    @contextlib.contextmanager
    def sending(self) -> Iterator[Crowd]:
        """Sends until the end of the block, and waits for the last answers.

        Before the crowd comes, one request of each way is taken: else the others could leave it no room.
        """
        ways = {"http": self._by_http, "grpc": self._by_grpc}
        threads: list[threading.Thread] = []

        def begin(senders: Mapping[str, int], requests: int | None) -> None:
            new = [
                threading.Thread(target=ways[way], args=[requests], daemon=True)
                for way, count in senders.items()
                for _ in range(count)
            ]
            for thread in new:
                thread.start()
            threads.extend(new)

        try:
            begin(dict.fromkeys(self._senders, 1), 1)
            for thread in threads:
                thread.join(_PATIENCE)
            begin(self._senders, None)
            yield self
        finally:
            self._ended.set()
            for thread in threads:
                thread.join(_PATIENCE)

    def answers(self) -> dict[str, tuple[int, int]]:
        """By way, how many requests were taken, and how many refused, so far."""
        with self._lock:
            said = self.said.copy()
        return {
            way: (
                sum(count for (by, answer), count in said.items() if by == way and answer in TAKEN),
                sum(count for (by, answer), count in said.items() if by == way and answer not in TAKEN),
            )
            for way in self._senders
        }

    def _by_http(self, requests: int | None) -> None:
        url = f"{self._collector.url('HTTP')}/v1/logs"
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
        with httpx.Client(trust_env=False, timeout=_PATIENCE) as client:

            def send(packed: bytes) -> str:
                try:
                    return str(client.post(url, content=packed, headers=headers).status_code)
                except httpx.TransportError as error:
                    return type(error).__name__

            self._insist("http", send, requests)

    def _by_grpc(self, requests: int | None) -> None:
        address = self._collector.url("GRPC").removeprefix("http://")
        with grpc.insecure_channel(address, compression=grpc.Compression.Gzip) as channel:
            export = channel.unary_unary(doors.EXPORT)

            def send(packed: bytes) -> str:
                try:
                    export(gzip.decompress(packed), timeout=_PATIENCE)
                except grpc.RpcError as error:
                    return str(error.code().name)
                return "OK"

            self._insist("grpc", send, requests)

    def _insist(self, way: str, send: Callable[[bytes], str], requests: int | None) -> None:
        for number in itertools.islice(self._numbers, requests):
            if self._ended.is_set():
                break
            first = number * RECORDS
            body = request(first)
            answer = ""
            while answer not in TAKEN and not self._ended.is_set():
                answer = send(body)
                with self._lock:
                    self.said[way, answer] += 1
                    self.taken += range(first, first + RECORDS) if answer in TAKEN else ()


def request(first: int) -> bytes:
    """A gzipped request of `RECORDS` records, from `record-FIRST;` on."""
    records = [
        LogRecord(body=AnyValue(string_value=f"record-{number};{_TEXT}")) for number in range(first, first + RECORDS)
    ]
    logs = ResourceLogs(scope_logs=[ScopeLogs(log_records=records)])
    return gzip.compress(ExportLogsServiceRequest(resource_logs=[logs]).SerializeToString(), 1)
