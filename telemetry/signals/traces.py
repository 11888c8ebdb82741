"""A check as a trace, made after the fact: only a check that holds something worth telling becomes one.

17,000 empty traces a day would cost money; so the times are noted while the check runs, and the spans are made from
them once it is known that there was a transition, a failure or an alert.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode, Tracer

from telemetry.signals.semconv import CLUSTER, OUTCOME, SOURCE, SPAN_CHECK, SPAN_EVALUATE, SPAN_READ


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


def trace_id(span: Span) -> str:
    """The span's trace id as 32 hex digits, or "" where no SDK makes any."""
    context = span.get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""


def _nanos(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
