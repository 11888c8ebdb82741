"""A check as a trace, made after the fact: only a check that holds something worth telling becomes one.

17,000 empty traces a day would cost money; so the times are noted while the check runs, and the spans are made from
them once it is known that there was a transition, a failure or an alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.trace import Link, Span, SpanContext, Status, StatusCode, TraceFlags, Tracer

from telemetry.signals.semconv import (
    CHANNEL,
    CLUSTER,
    OUTCOME,
    SOURCE,
    SPAN_CHECK,
    SPAN_EVALUATE,
    SPAN_NOTIFY,
    SPAN_READ,
)


@dataclass(frozen=True, slots=True)
class CheckTimes:
    """When the parts of one check began and ended, in Unix seconds."""

    began: float
    read: float
    ended: float


@contextmanager
def check_trace(
    tracer: Tracer, times: CheckTimes, *, cluster: str, source: str, outcome: str, error: str = ""
) -> Iterator[Span]:
    """A finished check as a trace; within the block its span is current, so logs written there carry its ids."""
    attributes = {CLUSTER: cluster, SOURCE: source, OUTCOME: outcome}
    root = tracer.start_span(
        SPAN_CHECK,
        context=trace.set_span_in_context(trace.INVALID_SPAN),
        attributes=attributes,
        start_time=_nanos(times.began),
    )
    inside = trace.set_span_in_context(root)
    read = tracer.start_span(SPAN_READ, context=inside, attributes=attributes, start_time=_nanos(times.began))
    if error:
        read.set_status(Status(StatusCode.ERROR, error))
        root.set_status(Status(StatusCode.ERROR, error))
    read.end(_nanos(times.read))
    tracer.start_span(SPAN_EVALUATE, context=inside, attributes=attributes, start_time=_nanos(times.read)).end(
        _nanos(times.ended)
    )
    with trace.use_span(root, end_on_exit=False):
        yield root
    root.end(_nanos(times.ended))


@contextmanager
def notify_span(
    tracer: Tracer,
    began: float,
    ended: float,
    *,
    channel: str,
    cluster: str,
    outcome: str,
    raised_by: Iterable[str] = (),
    error: str = "",
) -> Iterator[Span]:
    """One attempt to send a notification, made after the fact; within the block its span is current.

    Args:
        raised_by: The trace ids (32 hex, or "") of the checks that raised its alerts: it is linked to each.
    """
    span = tracer.start_span(
        SPAN_NOTIFY,
        context=trace.set_span_in_context(trace.INVALID_SPAN),
        attributes={CHANNEL: channel, CLUSTER: cluster, OUTCOME: outcome},
        links=[Link(_root_of(named)) for named in dict.fromkeys(raised_by) if named],
        start_time=_nanos(began),
    )
    if error:
        span.set_status(Status(StatusCode.ERROR, error))
    with trace.use_span(span, end_on_exit=False):
        yield span
    span.end(_nanos(max(began, ended)))


def _root_of(trace_id: str) -> SpanContext:
    """A place in a trace of which only the id is kept: a link needs a span too, so it gets the trace's own digits."""
    number = int(trace_id, 16)
    return SpanContext(number, number & 0xFFFF_FFFF_FFFF_FFFF or 1, is_remote=True, trace_flags=TraceFlags(1))


def trace_id(span: Span) -> str:
    """The span's trace id as 32 hex digits, or "" where no SDK makes any."""
    context = span.get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""


def _nanos(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
