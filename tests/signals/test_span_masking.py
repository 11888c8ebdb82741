"""What leaves of a span has no secret, wherever in it one stood, and is otherwise as it was."""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags, TraceState, set_span_in_context
from opentelemetry.trace.propagation import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from telemetry.signals.span_masking import masked
from tests.planting import Hidden, Planter

SECRET = Hidden(Planter(5).by_looks("GitHub personal"))
PARENT = {"traceparent": "00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01"}


def exported(*, limits: SpanLimits | None = None) -> tuple[InMemorySpanExporter, TracerProvider]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(span_limits=limits)
    provider.add_span_processor(SimpleSpanProcessor(masked(exporter)))
    return exporter, provider


def test_no_place_of_a_span_keeps_a_secret() -> None:
    exporter, provider = exported()
    parent = TraceContextTextMapPropagator().extract(PARENT | {"tracestate": f"a={SECRET}"})
    elsewhere = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("a", SECRET)]))
    assert get_current_span(parent).get_span_context().trace_state, "the parent has one"
    span = provider.get_tracer("x").start_span(
        f"GET /{SECRET}", parent, links=[Link(elsewhere, {"url.path": f"/{SECRET}"})]
    )
    span.set_attributes({"url.path": f"/api/agents/{SECRET}/events", "list": [str(SECRET)], str(SECRET): 1})
    span.set_attributes({"http.request.header.authorization": "hunter2", "http.response.status_code": 200})
    span.set_attribute("url.query", f"said=Authorization%3A+Bearer+{SECRET[4:]}%21&b=a%20b")
    span.set_attribute("url.full", "http://h/a%20b+c")
    span.add_event(f"sent {SECRET}", {"body": f"password={SECRET[4:]}"})
    span.record_exception(ValueError(f"no agent {SECRET}"))
    span.set_status(Status(StatusCode.ERROR, f"no agent {SECRET}"))
    span.end()
    written = encode_spans(exporter.get_finished_spans()).SerializeToString()
    missed = SECRET[4:].encode() in written or b"hunter2" in written
    assert not missed
    (left,) = exporter.get_finished_spans()
    attributes = dict(left.attributes or {})
    assert attributes["url.path"] == "/api/agents/[redacted]/events"
    assert attributes["http.response.status_code"] == 200
    assert attributes["url.full"] == "http://h/a%20b+c", "what has no secret stays as it was"
    assert left.parent is not None
    assert format(left.parent.span_id, "016x") == "eee19b7ec3c1b174"
    assert [link.context.trace_id for link in left.links] == [1]


def test_what_the_sdk_dropped_is_still_counted() -> None:
    exporter, provider = exported(limits=SpanLimits(max_span_attributes=1, max_events=1))
    span = provider.get_tracer("x").start_span("x", set_span_in_context(get_current_span()))
    span.set_attributes({"a": 1, "b": 2, "c": 3})
    for name in "abc":
        span.add_event(name)
    span.end()
    (left,) = exporter.get_finished_spans()
    assert (left.dropped_attributes, left.dropped_events, left.dropped_links) == (2, 2, 0)
