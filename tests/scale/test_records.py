"""What the proof counts as lost: all that a monitor sends and that isn't there, and nothing that it keeps to itself."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest
from opentelemetry._logs import _internal as api
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from telemetry.signals.logs import LogOptions, configure_logging, get_logger
from tests.scale.records import kept_logs, stays_with_the_host

if TYPE_CHECKING:
    from pathlib import Path


def test_what_stays_in_the_file_is_what_was_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the monitor's own pipeline: where it changes what it sends, this fails, before the long proof does."""
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    monkeypatch.setattr(api, "_LOGGER_PROVIDER", provider)
    logging.getLogger("opentelemetry.exporter.otlp").setLevel(logging.NOTSET)
    pipeline = configure_logging(LogOptions(console="none", file=tmp_path / "monitor.jsonl"))
    try:
        logging.getLogger("opentelemetry.exporter.otlp.proto.http.metric_exporter").error("the gateway is away")
        logging.getLogger("opentelemetry.sdk.metrics").warning("took too long")
        for name in ("telemetry.signals.spool.place", "uvicorn.error", "telemetry.opentelemetry"):
            logging.getLogger(name).warning("is sent")
        get_logger("telemetry.alerts").error("is sent")
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, value=True))  # as the thread that sends does
        for name in ("telemetry.signals.spool.delivery", "telemetry.signals.spool.exporters"):
            logging.getLogger(name).warning("kept: the collector doesn't take it")
        detach(token)
    finally:
        pipeline.close()
    wrote = [json.loads(line) for line in (tmp_path / "monitor.jsonl").read_text().splitlines()]
    sent = {(one.log_record.attributes or {})["record_id"] for one in exporter.get_finished_logs()}
    assert (len(wrote), len(sent)) == (8, 4)
    assert {record["record_id"] for record in wrote if not stays_with_the_host(record)} == sent


@pytest.mark.parametrize("fails", [True, False])
def test_logs_are_kept_where_it_fails(tmp_path: Path, fails: bool) -> None:
    run, kept = tmp_path / "run", tmp_path / "kept"
    files = ("loki/loki.log", "gateway-0/said", "gateway-0/page", "host-00/output", "host-00/state/logs/a.jsonl")
    for name in (*files, "kafka/logs/otlp_logs-0/0000.log", "gateway-0/queue/data"):
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text(name)
    kept.mkdir()
    (kept / "left over").touch()
    if fails:
        with pytest.raises(AssertionError, match="lost"), kept_logs(run, kept):
            raise AssertionError("1 of 2 lost")
        assert {str(one.relative_to(kept)) for one in kept.rglob("*") if one.is_file()} == set(files)
    else:
        with kept_logs(run, kept):
            pass
        assert [one.name for one in kept.iterdir()] == ["left over"]
