"""A program that logs into a JSON file and over OTLP at once, as the monitor does: `python -m … FILE OTLP_URL`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from opentelemetry import trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from telemetry.signals.log_options import LogOptions
from telemetry.signals.log_pipeline import configure_logging
from telemetry.signals.logs import get_logger

SERVICE = "orchestrator-cc"


def main(file: Path, url: str) -> None:
    """Six records, of every level, with what a record may have."""
    logging.getLogger("urllib3").setLevel(logging.INFO)  # it would tell of every request
    provider = LoggerProvider(Resource({"service.name": SERVICE}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(f"{url}/v1/logs")))
    set_logger_provider(provider)
    pipeline = configure_logging(LogOptions(level="debug", console="none", file=file))
    agent = get_logger("cluster.watch").bind(agent_name="grand_boss", cluster="main")
    with TracerProvider().get_tracer("t").start_as_current_span("orchestrator.check"):
        agent.warning("エージェントが止まった {", event="orchestrator.agent.stopped", pane_index=3, idle=1.5, whole=2.0)
    with trace.use_span(trace.INVALID_SPAN):
        agent.critical("no trace", event="of the caller's own", nested={"a": [1, 2], "b": {"c": True}}, none=None)
    for level in ("debug", "info", "error"):
        getattr(get_logger("other"), level)(f"said as {level} }}{{", big=1 << 40, flag=False, empty="")
    try:
        int("broken\nin two lines")
    except ValueError:
        agent.exception("it failed")
    provider.shutdown()
    pipeline.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
