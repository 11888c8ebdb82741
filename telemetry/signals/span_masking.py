"""Spans without secrets: what other libraries put into them, such as the path that a client asked for, never went
through our log pipeline."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any
from urllib.parse import unquote_plus

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import Event
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, SpanContext, Status, TraceState

from telemetry.clean import TEXT_LIMIT, clean_field, clean_name, clean_text


def masked(exporter: Any) -> Any:
    """The same exporter of spans, which gets them without secrets from now on."""
    export: Callable[[Sequence[Any]], Any] = exporter.export

    @wraps(export)
    def without_secrets(spans: Sequence[Any]) -> Any:
        return export([_span(span) for span in spans])

    exporter.export = without_secrets
    return exporter


def _span(span: Any) -> Any:
    """The span as it may leave: its name, attributes, events, links, status and trace states."""
    clean = copy.copy(span)  # its setters are gone once it has ended
    clean._name = clean_text(span.name)  # noqa: SLF001 - as above
    clean._context = _context(span.context)  # noqa: SLF001 - as above
    clean._parent = _context(span.parent)  # noqa: SLF001 - as above
    clean._attributes = _attributes(span._attributes)  # noqa: SLF001 - the public one hides how many were dropped
    clean._events = _each(span._events, _event)  # noqa: SLF001 - as above
    clean._links = _each(span._links, _link)  # noqa: SLF001 - as above
    if span.status.description:
        clean._status = Status(span.status.status_code, clean_text(span.status.description))  # noqa: SLF001 - as above
    return clean


def _each(items: Any, clean: Callable[[Any], Any]) -> Any:
    if not items:
        return items
    made = BoundedList.from_seq(len(items), [clean(item) for item in items])
    made.dropped = getattr(items, "dropped", 0)
    return made


def _event(event: Event) -> Event:
    return Event(clean_text(event.name), _attributes(event._attributes), event.timestamp)  # noqa: SLF001 - see _span


def _link(link: Link) -> Link:
    context = _context(link.context)
    return link if context is None else Link(context, _attributes(link.attributes))


def _context(context: SpanContext | None) -> SpanContext | None:
    """The same place; a trace state comes from a client's header, and goes whole where a secret stands in it."""
    if context is None or not context.trace_state:
        return context
    header = context.trace_state.to_header()
    if clean_text(header) == header:
        return context
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags, TraceState())


def _attributes(attributes: Mapping[str, Any] | None) -> Any:
    if not attributes:
        return attributes
    clean = {clean_name(key): clean_field(key, _read(key, value), TEXT_LIMIT) for key, value in attributes.items()}
    made = BoundedAttributes(attributes=clean, immutable=False)
    made.dropped = getattr(attributes, "dropped", 0)
    return made


def _read(key: str, value: Any) -> Any:
    """The value, decoded where it is a part of a URL in which a secret stands only then."""
    if not (key.startswith(("url.", "http.")) and isinstance(value, str) and ("%" in value or "+" in value)):
        return value
    plain = unquote_plus(value)
    return plain if clean_text(plain) != plain else value
