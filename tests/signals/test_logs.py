"""A log call, from the caller to the JSON line and the OTLP record."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import structlog
from opentelemetry._logs import _internal as api
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider

from telemetry.clean import REDACTED
from telemetry.model import AlertLevel
from telemetry.signals.logs import LogOptions, LogPipeline, configure_logging, get_logger


def fail(error: Exception) -> NoReturn:
    raise error


class FakeClock:
    """2026-11-02T03:04:05.678901Z until told otherwise."""

    time = 1_793_588_645.678901

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


class Logged:
    """A pipeline into memory, and what came out of it."""

    def __init__(self, exporter: InMemoryLogRecordExporter, **options: Any) -> None:
        self.stream = io.StringIO()
        self.exporter = exporter
        self.pipeline: LogPipeline = configure_logging(
            LogOptions(**{"console": "json", "stream": self.stream, "clock": FakeClock(), "level": "debug", **options}),
        )

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    @property
    def line(self) -> dict[str, Any]:
        (line,) = self.lines
        return line

    @property
    def sent(self) -> list[ReadableLogRecord]:
        return list(self.exporter.get_finished_logs())


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemoryLogRecordExporter:
    made: InMemoryLogRecordExporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(made))
    monkeypatch.setattr(api, "_LOGGER_PROVIDER", provider)
    return made


@pytest.fixture
def start(exporter: InMemoryLogRecordExporter) -> Iterator[Callable[..., Logged]]:
    made: list[Logged] = []

    def make(**options: Any) -> Logged:
        made.append(Logged(exporter, **options))
        return made[-1]

    yield make
    for one in reversed(made):
        one.pipeline.close()


@pytest.fixture
def logged(start: Callable[..., Logged]) -> Logged:
    return start()


log = get_logger("telemetry.test", cluster="main")


class TestRecord:
    def test_the_seeds_call(self, logged: Logged) -> None:
        get_logger("telemetry.test").log("info", "Agent started", agent_name="grand_boss", pane_index=0)
        line = logged.line
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", line["record_id"])
        assert line == {
            "timestamp": "2026-11-02T03:04:05.678901Z",
            "level": "info",
            "message": "Agent started",
            "logger": "telemetry.test",
            "record_id": line["record_id"],
            "agent_name": "grand_boss",
            "pane_index": 0,
        }

    def test_the_same_record_over_otlp(self, logged: Logged) -> None:
        log.warning(
            "Agent stopped", event="orchestrator.agent.stopped", agent_name="a1", pane_index=None, n=1.5, more=[1]
        )
        (sent,) = logged.sent
        record = sent.log_record
        assert record.body == "Agent stopped"
        assert record.severity_text == "WARN"
        assert record.severity_number is not None
        assert record.severity_number.value == 13
        assert record.event_name == "orchestrator.agent.stopped"
        assert record.timestamp == 1_793_588_645_678_901_000
        assert sent.instrumentation_scope is not None
        assert sent.instrumentation_scope.name == "telemetry.test"
        assert dict(record.attributes or {}) == {
            "cluster": "main",
            "agent_name": "a1",
            "pane_index": None,
            "n": 1.5,
            "more": (1,),
            "record_id": logged.line["record_id"],
        }
        assert logged.line["event"] == "orchestrator.agent.stopped"

    def test_inside_a_span(self, logged: Logged) -> None:
        tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
        with tracer.start_as_current_span("a") as span:
            log.info("one")
            log.info("two")
            with tracer.start_as_current_span("b"):
                log.info("three")
        log.info("four")
        one, two, three, four = logged.lines
        context = span.get_span_context()
        assert one["trace_id"] == two["trace_id"] == three["trace_id"] == f"{context.trace_id:032x}"
        assert one["span_id"] == two["span_id"] == f"{context.span_id:016x}" != three["span_id"]
        assert re.fullmatch("[0-9a-f]{2}", one["trace_flags"])
        assert "trace_id" not in four
        sent = logged.sent[0].log_record
        assert (sent.trace_id, sent.span_id) == (context.trace_id, context.span_id)
        assert "trace_id" not in (sent.attributes or {})

    def test_durable_first(self, start: Callable[..., Logged], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "x.jsonl"
        seen: list[int] = []

        class Looks(InMemoryLogRecordExporter):
            def export(self, batch: Any) -> Any:
                seen.append(file.read_bytes().count(b"\n"))
                return super().export(batch)

        provider = LoggerProvider(shutdown_on_exit=False)
        provider.add_log_record_processor(SimpleLogRecordProcessor(Looks()))  # type: ignore[no-untyped-call]
        monkeypatch.setattr(api, "_LOGGER_PROVIDER", provider)
        start(file=file)
        log.info("one")
        log.info("two")
        assert seen == [1, 2]

    @pytest.mark.parametrize(
        ("level", "word"),
        [
            ("debug", "debug"), ("WARNING", "warning"), ("warn", "warning"), ("fatal", "critical"), (" Info ", "info"),
            (10, "debug"), (25, "info"), (logging.ERROR, "error"), (99, "critical"), (0, "debug"),
            (AlertLevel.ERROR, "error"),
        ],
    )  # fmt: skip
    def test_levels(self, logged: Logged, level: str | int, word: str) -> None:
        log.log(level, "x")
        assert logged.line["level"] == word
        assert "field.level" not in logged.line

    @pytest.mark.parametrize("level", ["LOUD", None, 1.5, "", object(), b"info"])
    def test_an_unknown_level_loses_nothing(self, logged: Logged, level: Any) -> None:
        log.log(level, "x")
        assert logged.line["level"] == "info"
        assert "field.level" in logged.line

    def test_below_the_level_nothing_is_written(self, start: Callable[..., Logged]) -> None:
        logged = start(level="warning")
        log.info("x", agent_name=object())
        log.debug("x")
        logging.getLogger("other").info("x")
        assert logged.lines == []
        assert logged.sent == []
        log.critical("y")
        assert logged.line["level"] == "critical"

    def test_a_caller_cannot_overwrite_what_is_ours(self, logged: Logged) -> None:
        log.info(
            "mine", event="theirs", level="x", message="x", timestamp=1, logger="x", record_id="x", trace_id="x", self=1
        )
        line = logged.line
        assert (line["message"], line["level"], line["logger"]) == ("mine", "info", "telemetry.test")
        assert "event" not in line
        assert "trace_id" not in line
        assert {line[f"field.{name}"] for name in ("level", "message", "logger", "record_id", "trace_id")} == {"x"}
        assert (line["field.event"], line["field.timestamp"]) == ("theirs", 1)
        assert line["self"] == 1

    def test_bind_and_unbind(self, logged: Logged) -> None:
        bound = log.bind(agent_name="a1", n=1)
        bound.info("one", n=2)
        bound.unbind("agent_name", "never bound").info("two")
        log.info("three")
        one, two, three = logged.lines
        assert (one["cluster"], one["agent_name"], one["n"]) == ("main", "a1", 2)
        assert "agent_name" not in two
        assert "n" not in three

    def test_arguments_as_logging_takes_them(self, logged: Logged) -> None:
        log.info("%s of %d", "one", 2)
        log.info("%(a)s", {"a": 1})
        log.info("100%", n=1)
        log.info("%d", "no number")
        log.info("%s")
        assert [line["message"] for line in logged.lines] == ["one of 2", "1", "100%", "%d no number", "%s"]

    def test_structlogs_own_loggers_and_context(self, logged: Logged) -> None:
        with structlog.contextvars.bound_contextvars(request_id="r1"):
            structlog.get_logger("theirs").warning("hello", n=1)
            log.info("ours")
        theirs, ours = logged.lines
        assert (theirs["logger"], theirs["level"], theirs["message"], theirs["n"]) == ("theirs", "warning", "hello", 1)
        assert theirs["request_id"] == ours["request_id"] == "r1"
        try:
            fail(ValueError("bad"))
        except ValueError:
            structlog.get_logger().exception("oops")
        assert logged.lines[2]["exception.type"] == "ValueError"

    def test_ids_are_unique_and_sort(self, logged: Logged) -> None:
        def many() -> None:
            for _ in range(500):
                log.info("x")

        threads = [threading.Thread(target=many) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ids = [line["record_id"] for line in logged.lines]
        assert len(set(ids)) == 2000
        FakeClock.time, before = FakeClock.time + 0.001, FakeClock.time
        try:
            log.info("later")
        finally:
            FakeClock.time = before
        assert logged.lines[-1]["record_id"] > max(ids)

    def test_secrets(self, logged: Logged) -> None:
        log.info(
            "use sk-ant-api03-abcdef", password="x", headers={"Cookie": "a=b"}, url="https://u:p@h/", token_count=3
        )
        text = logged.stream.getvalue() + str(logged.sent[0].to_json())
        assert "sk-ant" not in text
        assert "a=b" not in text
        assert "u:p@" not in text
        assert logged.line["password"] == REDACTED
        assert logged.line["token_count"] == 3


class TestExceptions:
    def test_the_one_being_handled(self, logged: Logged) -> None:
        try:
            fail(KeyError("password=hunter2\x1b[31m"))
        except KeyError as error:
            log.exception("failed", agent_name="a1")
            log.critical("failed", exc_info=True)
            log.warning("failed", exc_info=error)
            log.info("failed", exc_info=sys.exc_info())
        for line, sent in zip(logged.lines, logged.sent, strict=True):
            assert line["exception.type"] == "KeyError"
            assert "hunter2" not in json.dumps(line)
            assert "\x1b" not in line["exception.stacktrace"]
            assert "test_logs.py" in line["exception.stacktrace"]
            assert (sent.log_record.attributes or {})["exception.stacktrace"] == line["exception.stacktrace"]
        assert [line["level"] for line in logged.lines] == ["error", "critical", "warning", "info"]

    def test_without_one(self, logged: Logged) -> None:
        log.exception("nothing happened")  # noqa: LOG004  what happens then is the question
        log.info("x", exc_info=False)
        log.info("x", exc_info=(None, None, None))
        assert not any(key.startswith("exception") for line in logged.lines for key in line)

    def test_hostile_ones(self, logged: Logged) -> None:
        class MeanError(Exception):
            def __str__(self) -> str:
                raise SystemExit

            @property
            def __traceback__(self) -> Any:  # type: ignore[override]
                raise SystemExit

        def endless(n: int) -> None:
            try:
                fail(ValueError("x" * 100_000))
            except ValueError:
                if n:
                    endless(n - 1)
                raise

        log.error("mean", exc_info=MeanError())
        try:
            endless(200)
        except ValueError:
            log.exception("deep")
        mean, deep = logged.lines
        assert mean["exception.type"].endswith("MeanError")
        assert len(json.dumps(deep)) < 50_000
        assert deep["exception.stacktrace"].startswith("Traceback")

    def test_a_type_from_a_module(self, logged: Logged) -> None:
        log.error("x", exc_info=json.JSONDecodeError("bad", "doc", 0))
        assert logged.line["exception.type"] == "json.decoder.JSONDecodeError"


class TestFailingSinks:
    def test_a_full_disk(self, start: Callable[..., Logged], capsys: pytest.CaptureFixture[str]) -> None:
        logged = start(file=Path("/dev/full"))
        log.info("one")
        log.info("two")
        assert [line["message"] for line in logged.lines] == ["one", "two"]
        assert len(logged.sent) == 2
        assert logged.pipeline.failures == {"the log file can't be written": 2}
        logged.pipeline.close()
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 2
        assert os.strerror(errno.ENOSPC) in said[0]
        assert "2 times in all" in said[1]

    def test_a_closed_stream_and_a_broken_pipe(self, start: Callable[..., Logged], tmp_path: Path) -> None:
        class Broken(io.StringIO):
            def flush(self) -> None:
                raise BrokenPipeError(errno.EPIPE, "Broken pipe")

        for stream in (Broken(), io.StringIO()):
            if type(stream) is io.StringIO:
                stream.close()
            file = tmp_path / f"{id(stream)}.jsonl"
            logged = start(stream=stream, file=file)
            log.info("x")
            assert json.loads(file.read_text())["message"] == "x"
            assert logged.pipeline.failures == {"the console can't be written": 1}
            logged.pipeline.close()

    def test_even_standard_error_gone(self, start: Callable[..., Logged], monkeypatch: pytest.MonkeyPatch) -> None:
        logged = start(file=Path("/dev/full"))
        monkeypatch.setattr(sys, "stderr", None)
        log.info("one")
        assert logged.line["message"] == "one"

    def test_a_provider_that_raises(self, logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
        class Raises(LoggerProvider):
            def get_logger(self, *_: Any, **__: Any) -> Any:
                raise RuntimeError("no")

        monkeypatch.setattr(api, "_LOGGER_PROVIDER", Raises(shutdown_on_exit=False))
        log.info("x")
        assert logged.line["message"] == "x"
        assert logged.pipeline.failures == {"a record could not be handed to OTLP": 1}

    def test_a_console_in_an_old_locale(self, start: Callable[..., Logged]) -> None:
        raw = io.BytesIO()
        for form in ("json", "text"):
            start(stream=io.TextIOWrapper(raw, encoding="ascii"), console=form)
            log.info("名前 é")
        assert raw.getvalue().isascii()

    def test_no_standard_output_at_all(self, start: Callable[..., Logged], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdout", None)
        start(stream=None, console="auto")
        log.info("x")


class TestText:
    def test_one_line_for_people(self, start: Callable[..., Logged]) -> None:
        logged = start(console="text")
        log.warning("Agent\nstopped", agent_name="a 1", pane_index=0, state="idle")
        assert logged.stream.getvalue() == (
            '03:04:05.678 warning  Agent  cluster=main agent_name="a 1" pane_index=0 state=idle\n    │ stopped\n'
        )

    def test_a_message_cannot_forge_a_line(self, start: Callable[..., Logged]) -> None:
        logged = start(console="text")
        log.info("x\n03:04:05.678 error    forged\r\x1b[2J", other="a\nb", **{"k\ney=1": 1})
        first, *rest = logged.stream.getvalue().splitlines()
        assert first.startswith("03:04:05.678 info     x")
        assert all(line.startswith("    │ ") for line in rest)
        assert "\x1b" not in logged.stream.getvalue()

    def test_stack_traces_stand_below(self, start: Callable[..., Logged]) -> None:
        logged = start(console="text")
        log.error("bad", exc_info=ValueError("x"))
        assert logged.stream.getvalue().splitlines()[1] == "    │ ValueError: x"

    def test_colours_and_the_form_on_a_terminal(
        self, start: Callable[..., Logged], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm")
        coloured, plain = Terminal(), Terminal()
        start(console="auto", stream=coloured)
        log.info("x", n=1)
        assert "\x1b[32minfo" in coloured.getvalue()
        monkeypatch.setenv("NO_COLOR", "1")
        start(console="auto", stream=plain)
        log.info("x")
        assert plain.getvalue() == "03:04:05.678 info     x  cluster=main\n"

    def test_auto_without_a_terminal_is_json(self, start: Callable[..., Logged]) -> None:
        logged = start(console="auto")
        log.info("x")
        assert logged.line["message"] == "x"


class TestUnconfigured:
    def test_records_go_to_the_programs_own_logging(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            log.info("Agent %s", "started", agent_name="a 1", pane_index=0, password="x")
            log.log("error", "bad\x1b[31m", n=float("nan"))
        first, second = caplog.records
        assert first.getMessage() == f'Agent started cluster=main agent_name="a 1" pane_index=0 password={REDACTED}'
        assert (first.name, first.levelname, first.filename) == ("telemetry.test", "INFO", "test_logs.py")
        assert first.funcName == "test_records_go_to_the_programs_own_logging"
        assert second.getMessage() == "bad cluster=main n=NaN"

    def test_exceptions_too(self, caplog: pytest.LogCaptureFixture) -> None:
        try:
            fail(ValueError("bad"))
        except ValueError:
            log.exception("failed")
        assert "ValueError: bad" in caplog.text

    def test_a_host_handler_that_raises(self, capsys: pytest.CaptureFixture[str]) -> None:
        class Raises(logging.Handler):
            def handle(self, record: logging.LogRecord) -> bool:
                raise RuntimeError(record.name)

        handler = Raises()
        logging.getLogger("telemetry.test").addHandler(handler)
        try:
            log.error("x")
        finally:
            logging.getLogger("telemetry.test").removeHandler(handler)
        assert "could not be written" in capsys.readouterr().err

    def test_nothing_is_printed_nor_imported_nor_changed(self) -> None:
        code = """
import logging, sys
before = dict(logging.root.manager.loggerDict), list(logging.root.handlers), logging.root.level
from telemetry.signals.logs import get_logger
log = get_logger("telemetry.x", cluster="main")
log.error("nobody listens", n=1)
heavy = {"structlog", "rich", "opentelemetry.sdk", "asyncio"} & set(sys.modules)
assert not heavy, heavy
assert (list(logging.root.handlers), logging.root.level) == before[1:]
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class TestConfigure:
    def test_close_puts_back_what_was_there(self) -> None:
        root, uvicorn = logging.getLogger(), logging.getLogger("uvicorn.access")
        mine = logging.StreamHandler(sys.stderr)
        other = logging.NullHandler()
        root.addHandler(mine)
        root.addHandler(other)
        uvicorn.addHandler(mine)
        uvicorn.propagate = False
        before = (list(root.handlers), root.level, list(uvicorn.handlers), uvicorn.propagate, structlog.is_configured())
        try:
            first = configure_logging(LogOptions(console="none"))
            assert mine not in root.handlers
            assert other in root.handlers
            assert uvicorn.handlers == []
            second = configure_logging(LogOptions(console="none", level="debug"))
            first.close()
            assert root.level == logging.DEBUG
            second.close()
            second.close()
            after = (root.handlers, root.level, uvicorn.handlers, uvicorn.propagate, structlog.is_configured())
            assert {*after[0]} == {*before[0]}
            assert after[1:] == before[1:]
        finally:
            root.removeHandler(mine)
            root.removeHandler(other)
            uvicorn.removeHandler(mine)
            uvicorn.propagate = True

    def test_a_programs_own_structlog_is_left_alone(self, start: Callable[..., Logged]) -> None:
        theirs = structlog.testing.LogCapture()
        structlog.configure(processors=[theirs])
        try:
            logged = start()
            structlog.get_logger().info("theirs")
            log.info("ours")
            logged.pipeline.close()
            assert [entry["event"] for entry in theirs.entries] == ["theirs"]
            assert structlog.is_configured()
            assert logged.line["message"] == "ours"
        finally:
            structlog.reset_defaults()

    def test_a_logger_made_before_and_used_after(
        self, start: Callable[..., Logged], caplog: pytest.LogCaptureFixture
    ) -> None:
        bound = log.bind(n=1)
        first = start()
        bound.info("one")
        second = start()
        bound.info("two")
        second.pipeline.close()
        bound.warning("three")
        assert (first.line["message"], second.line["message"]) == ("one", "two")
        assert caplog.messages[-1] == "three cluster=main n=1"

    def test_changing_over_loses_nothing(self, tmp_path: Path) -> None:
        files = [tmp_path / f"{number}.jsonl" for number in range(20)]
        pipeline = configure_logging(LogOptions(console="none", file=files[0]))
        done = threading.Event()
        written: list[None] = []

        def write() -> None:
            while not done.is_set():
                log.info("x", number=len(written))
                written.append(None)

        thread = threading.Thread(target=write)
        thread.start()
        for file in files[1:]:
            pipeline = configure_logging(LogOptions(console="none", file=file))
        done.set()
        thread.join()
        pipeline.close()
        numbers = [json.loads(line)["number"] for file in files for line in file.read_text().splitlines()]
        assert sorted(numbers) == list(range(len(written)))

    @pytest.mark.parametrize(
        "options", [{"level": "loud"}, {"console": "xml"}, {"file": Path("/proc/nowhere/x.jsonl")}]
    )
    def test_what_is_wrong_is_said_and_changes_nothing(
        self, start: Callable[..., Logged], options: dict[str, Any]
    ) -> None:
        logged = start()
        with pytest.raises((ValueError, OSError)):
            configure_logging(LogOptions(**options))
        log.info("still here")
        assert logged.line["message"] == "still here"

    def test_a_forked_child(self, start: Callable[..., Logged], tmp_path: Path) -> None:
        file = tmp_path / "x.jsonl"
        start(file=file, console="none")
        log.info("parent")
        child = os.fork()
        if child == 0:
            log.info("child")
            os._exit(0)
        os.waitpid(child, 0)
        log.info("parent")
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        assert [line["message"] for line in lines] == ["parent", "child", "parent"]
        assert lines[0]["record_id"][14:28] == lines[2]["record_id"][14:28] != lines[1]["record_id"][14:28]
