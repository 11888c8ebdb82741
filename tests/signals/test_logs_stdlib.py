"""Records of the standard library's loggers in the same form; OpenTelemetry's own never in a circle."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
import uvicorn
from opentelemetry._logs import _internal as api
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    InMemoryLogRecordExporter,
    LogRecordExporter,
    LogRecordExportResult,
    SimpleLogRecordProcessor,
)

from telemetry.clean import REDACTED
from telemetry.signals.log_stdlib import SDK_PAUSE, StdlibHandler
from telemetry.signals.logs import LogOptions, configure_logging, get_logger


class FakeClock:
    def __init__(self) -> None:
        self.time = 1_793_588_645.5

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


class Logged:
    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.clock = FakeClock()
        self.exporter: InMemoryLogRecordExporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    @property
    def line(self) -> dict[str, Any]:
        (line,) = self.lines
        return line

    @property
    def bodies(self) -> list[object]:
        return [sent.log_record.body for sent in self.exporter.get_finished_logs()]


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Logged]:
    made = Logged()
    for name in ("uvicorn.access", "uvicorn.error", "opentelemetry.exporter"):
        logging.getLogger(name).setLevel(logging.NOTSET)  # a server or a doctor of another test made them silent
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(made.exporter))
    monkeypatch.setattr(api, "_LOGGER_PROVIDER", provider)
    pipeline = configure_logging(LogOptions(console="json", stream=made.stream, clock=made.clock, level="debug"))
    yield made
    pipeline.close()


def test_the_same_form(logged: Logged) -> None:
    extra = {"agent_name": "a1", "level": "x", "event": "orchestrator.test", "password": "x"}
    logging.getLogger("some.library").warning("took %d s", 3, extra=extra)
    line = logged.line
    assert (line["logger"], line["level"], line["message"]) == ("some.library", "warning", "took 3 s")
    assert (line["agent_name"], line["field.level"], line["password"]) == ("a1", "x", REDACTED)
    assert line["event"] == "orchestrator.test"
    assert set(line) == {
        "timestamp", "level", "message", "logger", "event", "record_id", "agent_name", "field.level", "password",
    }  # fmt: skip
    (sent,) = logged.exporter.get_finished_logs()
    assert (sent.log_record.attributes or {})["record_id"] == line["record_id"]
    assert sent.log_record.event_name == "orchestrator.test"


def test_levels_arguments_and_exceptions(logged: Logged) -> None:
    library = logging.getLogger("some.library")
    root = logging.getLogger()
    with pytest.MonkeyPatch.context() as patch:  # pytest's own handlers raise on wrong placeholders
        patch.setattr(root, "handlers", [one for one in root.handlers if isinstance(one, StdlibHandler)])
        library.log(25, "between")
        library.critical("%(a)s", {"a": 1})
        library.info("100%")
        library.info("%d", "no number")
        library.info(ValueError("no text"))
        library.error("failed", exc_info=KeyError("k"), stack_info=True)
    lines = logged.lines
    assert [line["level"] for line in lines] == ["info", "critical", "info", "info", "info", "error"]
    assert [line["message"] for line in lines] == ["between", "1", "100%", "%d no number", "no text", "failed"]
    assert lines[5]["exception.type"] == "KeyError"
    assert "test_logs_stdlib" in lines[5]["code.stacktrace"]


def test_hostile_extra(logged: Logged) -> None:
    logging.getLogger("x").info("\udc80\x00", extra={1: 2, "self": float("nan"), "\x1b": object()})  # type: ignore[dict-item]
    assert logged.line["1"] == 2
    assert logged.line["self"] == "NaN"


def test_httpx_requests_without_their_secrets(logged: Logged) -> None:
    answer = httpx.MockTransport(lambda _request: httpx.Response(200))
    with httpx.Client(transport=answer) as client:
        client.get("https://user:hunter2@hooks.slack.com/services/T0/B0/XYZ?token=abc")
    line = next(line for line in logged.lines if line["logger"] == "httpx")
    assert line["level"] == "info"
    for secret in ("hunter2", "XYZ", "abc"):
        assert secret not in logged.stream.getvalue()


def test_uvicorns_loggers(logged: Logged) -> None:
    uvicorn.Config(app=lambda: None, log_config=None)
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", "/metrics?token=abc", "1.1", 200,
    )  # fmt: skip
    logging.getLogger("uvicorn.error").info("started", extra={"color_message": "\x1b[1mstarted\x1b[0m"})
    access, error = logged.lines
    assert access["message"] == f'127.0.0.1:1 - "GET /metrics?token={REDACTED} HTTP/1.1" 200'
    assert "color_message" not in error


def test_what_opentelemetry_says_stays_here_and_is_rare(logged: Logged) -> None:
    sdk = logging.getLogger("opentelemetry.exporter.otlp")
    for _ in range(100):
        sdk.warning("collector down")
    logged.clock.time += SDK_PAUSE
    for _ in range(2):
        sdk.warning("collector down")
    logged.clock.time += SDK_PAUSE + 1
    for number in range(100):
        sdk.warning("attempt %d", number)
    first, second, third = logged.lines
    assert (first["message"], "suppressed" in first) == ("collector down", False)
    assert third["message"] == "attempt 0"
    assert "suppressed" not in second
    assert logged.bodies == []


def test_it_says_how_often_it_was_silent(logged: Logged) -> None:
    sdk = logging.getLogger("opentelemetry.sdk")
    for _ in range(3):
        for _ in range(10):
            sdk.warning("queue full")
        logged.clock.time += SDK_PAUSE
    assert [line.get("suppressed") for line in logged.lines] == [None, 9, 9]


def test_no_circle_while_the_collector_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    exported = []

    class Down(LogRecordExporter):
        """Fails, and the libraries it sends through talk about it."""

        def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
            exported.append(len(batch))
            logging.getLogger("urllib3.connectionpool").warning("retrying")
            logging.getLogger("opentelemetry.exporter").error("failed")
            get_logger("telemetry.exporter").info("ours is not sent either, by the suppression of its own thread")
            raise ConnectionError("refused")

        def force_flush(self, timeout_millis: int = 10_000) -> bool:
            return timeout_millis > 0

        def shutdown(self) -> None:
            pass

    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(Down(), schedule_delay_millis=60_000))
    monkeypatch.setattr(api, "_LOGGER_PROVIDER", provider)
    stream = io.StringIO()
    pipeline = configure_logging(LogOptions(console="json", stream=stream))
    try:
        get_logger("x").info("one")
        for _ in range(5):
            provider.force_flush()
    finally:
        pipeline.close()
        provider.shutdown()
    assert exported == [1]
    assert "retrying" in stream.getvalue()
