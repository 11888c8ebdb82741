"""What is too large, too many or too slow is refused, and costs the others nothing."""

from __future__ import annotations

import contextlib
import gzip
import socket
import struct
import zlib
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from tests.collector import doors, otlp
from tests.collector.harness import environment, peak_memory, running
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.collector.harness import Running

pytestmark = pytest.mark.slow
MIB = 1 << 20
BOMB = 128 * MIB  # bytes of zeros in each


def post(collector: Running, body: bytes, **headers: str) -> int:
    headers = {"Content-Type": "application/x-protobuf", **headers}
    url = f"{collector.url('HTTP')}/v1/logs"
    return httpx.post(url, content=body, headers=headers, timeout=30, trust_env=False).status_code


def snappy_zeros(size: int) -> bytes:
    """The block format of a literal zero and copies of it, 64 bytes each."""
    length, left = b"", size
    while left >= 0x80:
        length += bytes([left & 0x7F | 0x80])
        left >>= 7
    copies = struct.pack("<BH", (63 << 2) | 2, 1)
    return length + bytes([left]) + b"\x00\x00" + copies * (size // 64)


def zstd_zeros(size: int) -> bytes:
    """Frames that each repeat one byte: RLE blocks of 128 KiB."""
    block = (128 << 10 << 3 | 1 << 1).to_bytes(3, "little") + b"\x00"
    last = (128 << 10 << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"\x00"
    return b"\x28\xb5\x2f\xfd\x00\x58" + block * (size // (128 << 10) - 1) + last


def bombs() -> dict[str, bytes]:
    zeros = bytes(BOMB)
    return {
        "gzip": gzip.compress(zeros, 1),
        "deflate": zlib.compress(zeros, 1),
        "snappy": snappy_zeros(BOMB),
        "zstd": zstd_zeros(BOMB),
    }


def test_what_is_too_large_is_refused(collector_binary: Path, tmp_path: Path) -> None:
    with running(collector_binary, "debug", environment(tmp_path)) as collector:
        large = doors.protobuf("x" * 20 * MIB)
        assert post(collector, large) == 413
        assert doors.by_grpc(collector, large) == "RESOURCE_EXHAUSTED"
        assert post(collector, doors.protobuf("x" * 2 * MIB)) == 200
        assert doors.by_grpc(collector, doors.protobuf("x" * 2 * MIB)) == "OK"


def test_a_decompression_bomb_costs_no_memory(collector_binary: Path, tmp_path: Path) -> None:
    with running(collector_binary, "debug", environment(tmp_path, GOMEMLIMIT="409MiB")) as collector:
        process = psutil.Process(collector.process.pid)
        before = process.memory_info().rss
        for encoding, body in bombs().items():
            refused = 400 if encoding == "snappy" else 413  # a block of snappy says at once how long it is
            assert [post(collector, body, **{"Content-Encoding": encoding}) for _ in range(3)] == [refused] * 3
        assert doors.by_grpc(collector, bytes(BOMB // 2), compressed=True) == "RESOURCE_EXHAUSTED"
        assert peak_memory(process.pid) - before < BOMB
        assert otlp.send(collector.url("HTTP"), "logs", otlp.logs()) == 200


@contextlib.contextmanager
def connections(collector: Running, listener: str, count: int, words: bytes) -> Iterator[list[socket.socket]]:
    """So many of them, each having said that and no more."""
    port = int(collector.env[f"ORCHESTRATOR_COLLECTOR_{listener}_PORT"])
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            opened.append(stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10)))
            opened[-1].sendall(words)
        yield opened


def test_five_hundred_that_send_slowly_stop_nobody(collector_binary: Path, tmp_path: Path) -> None:
    head = b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
    with (
        running(collector_binary, "debug", environment(tmp_path)) as collector,
        connections(collector, "HTTP", 250, head),
        connections(collector, "HTTP", 250, head + b"\r\n{"),
        connections(collector, "GRPC", 250, b""),
        connections(collector, "GRPC", 250, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ):
        assert otlp.send(collector.url("HTTP"), "logs", otlp.logs()) == 200
        assert doors.by_grpc(collector, doors.protobuf("x")) == "OK"


def test_more_connections_than_allowed_wait(collector_binary: Path, tmp_path: Path) -> None:
    env = environment(tmp_path, ORCHESTRATOR_COLLECTOR_MAX_CONNECTIONS="20")
    with running(collector_binary, "debug", env) as collector:
        process = psutil.Process(collector.process.pid)
        port = int(env["ORCHESTRATOR_COLLECTOR_HTTP_PORT"])

        def taken() -> int:
            return sum(item.laddr.port == port and item.status == "ESTABLISHED" for item in process.net_connections())

        with connections(collector, "HTTP", 50, b"POST"):
            eventually(lambda: taken() == 20)
            with pytest.raises(httpx.TimeoutException):
                httpx.get(f"{collector.url('HTTP')}/", timeout=0.5, trust_env=False)
            assert doors.by_grpc(collector, doors.protobuf("x")) == "OK"
        assert otlp.send(collector.url("HTTP"), "logs", otlp.logs()) == 200
