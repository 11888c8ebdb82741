"""Looking at the collector's own metrics: pages that answer, that don't, and that are none; the real collector."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from telemetry.clock import SystemClock
from telemetry.collector.building import sources_dir
from telemetry.collector.lookout import Lookout, Seen
from telemetry.collector.places import Place, place
from telemetry.collector.standing import outlets
from telemetry.picture import Picture
from telemetry.signals.outcomes import Export
from telemetry.web.backends import backend_routes
from tests.backends.server import free_ports
from tests.collector import otlp
from tests.collector.harness import environment, running
from tests.waiting import eventually


class Quiet(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(handler: type[Quiet]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/metrics"
    server.shutdown()
    server.server_close()


@contextmanager
def a_page(body: bytes, status: int = 200) -> Iterator[str]:
    class Handler(Quiet):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            with suppress(ConnectionError):  # whoever asked has read enough
                self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name that http.server looks for

    with serving(Handler) as url:
        yield url


@contextmanager
def a_trickle(begun: bytes) -> Iterator[str]:
    """An answer that never ends, byte by byte from what it begins with."""
    ended = threading.Event()

    class Handler(Quiet):
        def do_GET(self) -> None:
            with suppress(ConnectionError):
                self.wfile.write(begun)
                while not ended.wait(0.02):
                    self.wfile.write(b"o")

    with serving(Handler) as url:
        yield url
        ended.set()


def looked(lookout: Lookout, times: int = 1, path: str = "/api/v1/backends") -> dict[str, Any]:
    """The API's answer after so many looks."""

    app = FastAPI()
    app.include_router(backend_routes(lookout, Picture(), SystemClock()))

    async def look() -> dict[str, Any]:
        for _ in range(times):
            await lookout.look()
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer: dict[str, Any] = (await client.get(path)).json()
        return answer

    return asyncio.run(look())


def lookout(url: str, kind: str = "own", environ: Mapping[str, str] = MappingProxyType({}), **more: Any) -> Lookout:
    return Lookout(Seen(Place(kind, "http://127.0.0.1:4318", url), environ, **more))


def test_before_the_first_look_every_chosen_backend_is_there() -> None:
    answer = lookout("http://127.0.0.1:1/", chosen=["loki", "file"]).standing
    assert [(one.name, one.state, one.reason) for one in answer.backends] == [
        ("file", "unknown", "nothing sent yet"),
        ("loki", "unknown", "nothing sent yet"),
    ]


def test_what_the_page_says_is_what_the_api_answers() -> None:
    body = b'otelcol_exporter_sent_spans{exporter="otlp_http/backend"} 3\n'
    with a_page(body) as url:
        answer = looked(lookout(url, chosen=["otlp", "loki"], state=lambda: "running, process 1"))
    assert answer["collector"]["kind"] == "own"
    assert answer["collector"]["state"] == "running, process 1"
    assert answer["collector"]["checked_at"] <= answer["now"]
    assert [(one["name"], one["state"], one["reason"]) for one in answer["backends"]] == [
        ("loki", "unknown", "nothing sent yet"),
        ("otlp", "ok", "3 spans sent"),
    ]
    assert answer["backends"][1]["sent"] == {"metrics": 0, "logs": 0, "traces": 3}


def test_what_a_full_queue_refuses_is_told_once_of_the_backend_by_the_name_that_was_chosen(tmp_path: Path) -> None:
    """As in deploy/compose, where the file of Elasticsearch has the name `elk`: the pipelines in it don't know."""
    shutil.copy(sources_dir() / "config" / "backends" / "elasticsearch.yaml", tmp_path / "elk.yaml")
    own = {"ORCHESTRATOR_COLLECTOR_BACKENDS_DIR": str(tmp_path)}
    refused = b"""\
otelcol_exporter_sent_log_records{exporter="elasticsearch"} 20
otelcol_exporter_enqueue_failed_log_records{exporter="elasticsearch"} 5
otelcol_connector_refused_log_records{backend="elasticsearch",connector="forward"} 5
"""
    with a_page(refused) as url:
        seen = lookout(url, "other", own, chosen=["elk", "file"])
        backends = looked(seen)["backends"]
        assert looked(seen, path="/readyz/pipeline")["status"] == "ready"
    assert [(one["name"], one["refused"]) for one in backends] == [("elk", 5), ("file", 0)]


def test_damaged_files_of_queues_are_told_whether_or_not_the_pipeline_is_ready() -> None:
    damaged = b"otelcol_storage_damaged_files 2\n"
    stuck = b'otelcol_exporter_send_failed_spans{exporter="otlp_http/loki"} 3\n'
    with a_page(damaged) as url:
        assert looked(lookout(url), path="/readyz/pipeline") == {"status": "ready", "damaged": 2}
    with a_page(damaged + stuck) as url:
        answer = looked(lookout(url, chosen=["loki"]), path="/readyz/pipeline")
    assert answer["detail"] == (
        "backend loki: 3 spans given up and none sent ever; besides, the collector set 2 damaged files of queues aside"
    )


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"<html>", 200, "what answers there is not a collector's own metrics"),
        (b"", 503, "answered 503"),
        (b"otelcol_x 1\n" * 1_000_000, 200, "over 4 MiB"),
    ],
)
def test_a_page_that_is_none_is_a_state(body: bytes, status: int, reason: str) -> None:
    with a_page(body, status) as url:
        answer = looked(lookout(url, chosen=["loki"], kind="other"))
    assert reason in answer["collector"]["state"]
    assert answer["backends"][0]["state"] == "unknown"
    assert reason in answer["backends"][0]["reason"]


@pytest.mark.parametrize("begun", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["head", "body"])
def test_a_page_that_trickles_is_given_up_in_time(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telemetry.collector.counters.READ_WITHIN", 0.2)
    with a_trickle(begun) as url:
        answer = looked(lookout(url, kind="other"))
    assert "gave no answer within 0.2 s" in answer["collector"]["state"]


def test_a_port_that_is_none_is_a_state() -> None:
    answer = looked(lookout("http://127.0.0.1:99999/metrics", kind="other"))
    assert "can't be read: Port out of range" in answer["collector"]["state"]


@pytest.mark.parametrize("answer", [b"no HTTP at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"o" * 100_000])
def test_an_answer_that_is_no_http_is_a_state(answer: bytes) -> None:
    with a_trickle(answer) as url:
        said = looked(lookout(url, kind="other"))
    assert "can't be read" in said["collector"]["state"]


def test_what_was_never_read_is_not_known_and_what_is_not_taken_is() -> None:
    (port,) = free_ports(1)
    exports = {"logs": Export(time.time(), succeeded=False, failing_since=time.time() - 20)}
    silent = lookout(f"http://127.0.0.1:{port}/metrics", exports=lambda: exports)
    looked(silent)
    assert outlets(silent.standing).damaged_files is None
    assert outlets(silent.standing).untaken == ("logs",)
    with a_page(b"otelcol_storage_damaged_files 2\n") as url:
        seen = lookout(url, is_built=lambda: True, exports=lambda: exports)
        looked(seen)
    looked(seen)
    assert outlets(seen.standing).damaged_files == 2, "as it said last"
    assert outlets(seen.standing).untaken == (), "one that is being built takes nothing yet, which is no trouble"


def test_nobody_there_is_a_state_and_the_endpoint_itself_is_judged() -> None:
    (port,) = free_ports(1)
    exports = {"logs": Export(1.0, succeeded=False, lost=2), "metrics": Export(1.0, succeeded=True, taken=4)}
    silent = lookout(f"http://127.0.0.1:{port}/metrics", kind="other", exports=lambda: exports)
    (only,) = looked(silent)["backends"]
    assert (only["name"], only["state"]) == ("otlp", "failing")
    assert only["reason"] == "the endpoint's last answers: logs NOT taken, metrics taken"
    assert only["failed"]["logs"] == 2
    (told,) = outlets(silent.standing).backends
    assert (told.up, sum(told.failed.values())) == (False, 0), "requests that are sent again are no loss"


@pytest.mark.slow
def test_a_real_collector_with_one_backend_down_and_one_that_refuses(collector_binary: Path, tmp_path: Path) -> None:
    """One that is down waits, one that refuses what is sent fails, one that works is ok: told by the counters alone."""
    with a_page(b"", 400) as refusing:
        env = environment(tmp_path, ELASTICSEARCH_URL=refusing.removesuffix("/metrics"))
        with running(collector_binary, "loki,elasticsearch,file", env) as collector:
            target = {**env, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url("HTTP")}
            seen = Lookout(Seen(place(target, own=True), target, chosen=["loki", "elasticsearch", "file"]))

            def states() -> dict[str, str]:
                otlp.send(collector.url("HTTP"), "logs", otlp.logs())
                looked(seen, 2)
                return {one.name: one.state for one in seen.standing.backends}

            wanted = {"loki": "waiting", "elasticsearch": "failing", "file": "ok"}
            eventually(lambda: states() == wanted, what="the states")
            reasons = {one.name: one.reason for one in seen.standing.backends}
            assert collector.stop() == 0
            looked(seen)
    assert "waiting" in reasons["loki"]
    assert "given up and none sent ever" in reasons["elasticsearch"]
    assert {one.state for one in seen.standing.backends} == {"unknown"}
    assert "can't be read" in seen.standing.backends[0].reason
