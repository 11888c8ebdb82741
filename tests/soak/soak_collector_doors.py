"""Connections to the collector that say nothing are ended, over HTTP and gRPC: after 10 s, too long for `make test`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.collector import build
from tests.collector.harness import environment, running
from tests.collector.test_limits import connections

if TYPE_CHECKING:
    from pathlib import Path


def test_a_connection_that_says_nothing_is_ended(tmp_path: Path) -> None:
    with (
        running(build(print), "debug", environment(tmp_path)) as collector,
        connections(collector, "HTTP", 1, b"POST / HTTP/1.1\r\n") as (http,),
        connections(collector, "GRPC", 1, b"") as (grpc,),
    ):
        for silent in (http, grpc):
            silent.settimeout(25)
            while silent.recv(4096):  # raises TimeoutError where nobody ends it
                pass
