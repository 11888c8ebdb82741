"""Nothing that a record holds loses a neighbour's record, or raises into the caller: shown on the wire itself."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry._logs import _internal as api
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from telemetry.signals.logs import LogOptions, configure_logging, get_logger

log = get_logger("telemetry.test")


class Evil:
    def __getattribute__(self, name: str) -> Any:
        raise SystemExit(name)

    def __repr__(self) -> str:
        raise GeneratorExit

    __str__ = __repr__


class EvilStr(str):
    __slots__ = ()

    def __len__(self) -> int:
        raise RuntimeError

    def __str__(self) -> str:
        raise RuntimeError

    def startswith(self, *_: Any) -> bool:
        raise RuntimeError


def itself() -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    made["me"] = made
    return made


HOSTILE: dict[str, Callable[[], Any]] = {
    "surrogate": lambda: "a\udc80b\ud800",
    "NUL": lambda: "a\x00b",
    "ESC": lambda: "\x1b]0;title\x07\x1b[2J",
    "C1": lambda: "a\x9b31m\x85b",
    "line ends": lambda: "a\nb\r\nc\u2028d\x0be",
    "direction": lambda: "a\u202eb\u2066",
    "a megabyte": lambda: "x" * 1_000_000,
    "a megabyte of surrogates": lambda: "\udc80" * 1_000_000,
    "NaN": lambda: float("nan"),
    "infinity": lambda: float("-inf"),
    "2^70": lambda: 2**70,
    "bytes": lambda: b"\xff\x00",
    "a key that is no text": lambda: {1: 2, None: 3, b"\xff": 4, "\udc80": 5, "": 6},
    "itself": itself,
    "raises": Evil,
    "raises within": lambda: [{"x": (Evil(), {Evil()})}],
    "evil text": lambda: EvilStr("orchestrator.x\udc80"),
    "a long number": lambda: 10**5000,
    "much": lambda: [["x" * 5000] * 40] * 40,
    "a view": lambda: memoryview(b"ab"),
}


class Wire:
    """What a collector and a reader of the file get."""

    def __init__(self, stream: io.StringIO, exporter: InMemoryLogRecordExporter, file: Path) -> None:
        self.stream = stream
        self.exporter = exporter
        self.file = file

    def records(self) -> list[dict[str, Any]]:
        """The lines, after checking that each record is there once on each way, whole."""
        batch = self.exporter.get_finished_logs()
        request = ExportLogsServiceRequest.FromString(encode_logs(list(batch)).SerializeToString())
        sent = [
            record
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]
        lines = [json.loads(line) for line in self.file.read_bytes().split(b"\n")[:-1]]
        assert [json.loads(line) for line in self.stream.getvalue().split("\n")[:-1]] == lines
        by_id = {{a.key: a.value for a in record.attributes}["record_id"].string_value: record for record in sent}
        assert len(sent) == len(lines)
        for line in lines:
            record = by_id[line["record_id"]]
            assert record.body.string_value == line["message"]
            assert len(line["message"]) <= 8192
            assert record.ByteSize() < 300_000
            assert len(record.attributes) < 128
        return lines


@pytest.fixture
def wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    exporter: InMemoryLogRecordExporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    monkeypatch.setattr(api, "_LOGGER_PROVIDER", provider)
    stream, file = io.StringIO(), tmp_path / "x.jsonl"
    pipeline = configure_logging(LogOptions(console="json", stream=stream, file=file, level="debug"))
    yield Wire(stream, exporter, file)
    assert pipeline.failures == {}
    pipeline.close()


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_a_neighbour_is_never_lost(wire: Wire, make: Callable[[], Any]) -> None:
    log.info("before")
    log.info(make())
    log.info("field", x=make(), agent_name=make(), cluster=make(), event=make(), password=make(), level=make())
    log.info("args %s %r", make(), make())
    log.info("%s", make())
    log.log(make(), "level")
    log.bind(x=make()).info("bound")
    log.info("many", **{str(number): make() for number in range(150)})
    log.error("raised", exc_info=ValueError(make()))
    log.error("raised", exc_info=make())
    logging.getLogger("stdlib").info("extra", extra={"x": make()})
    log.info("after")
    messages = [line["message"] for line in wire.records()]
    assert len(messages) == 12
    assert (messages[0], messages[-1]) == ("before", "after")


def test_hostile_names_of_fields(wire: Wire) -> None:
    log.info(
        "x", **{"\udc80": 1, "": 2, "a\nb": 3, "x" * 10_000: 4, "\x00event": 5, "\x00raised": 6, "…": 7, "a\\nb": 8}
    )
    (line,) = wire.records()
    assert sorted(value for value in line.values() if isinstance(value, int)) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_secret_under_a_name_too_long(wire: Wire) -> None:
    log.info("x", **{"x" * 500 + "_password": "hunter2"})
    wire.records()
    assert "hunter2" not in wire.stream.getvalue()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)) | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(st.characters(codec=None)) | st.integers(), inner)
    ),
    max_leaves=20,
)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(anything, anything, st.dictionaries(st.text(st.characters(codec=None)), anything, max_size=6))
def test_whatever_it_is(wire: Wire, level: Any, message: Any, fields: dict[str, Any]) -> None:
    wire.exporter.clear()
    wire.stream.truncate(0)
    wire.stream.seek(0)
    wire.file.write_bytes(b"")
    get_logger("x").info("before")
    log.log(level, message, **fields)
    log.info(message, message, **fields)
    get_logger("x").info("after")
    assert len(wire.records()) == 4


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_without_a_pipeline_too(caplog: pytest.LogCaptureFixture, make: Callable[[], Any]) -> None:
    with caplog.at_level("INFO"):
        log.info(make(), x=make(), **{"a\nb": make()})
        log.info("%s %s", make(), make(), exc_info=make())
    assert len(caplog.records) == 2
    caplog.text.encode()
