"""Counts what the SDK's batch processors drop: they say it in their log only, or to metrics that are off by default."""

from __future__ import annotations

from typing import Any

from telemetry.signals.spool.counts import LATE, QUEUE_FULL, Counts


class QueueDrops:
    """Stands where the processor tells of what it does, and hands all of it on."""

    def __init__(self, before: Any, signal: str, counts: Counts) -> None:
        self._before, self._signal, self._counts = before, signal, counts

    def drop_items(self, count: int, error_type: str = "queue_full") -> None:
        self._counts.dropped(self._signal, LATE if error_type == "already_shutdown" else QUEUE_FULL, count)
        self._before.drop_items(count, error_type)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._before, name)


def counted(processor: Any, signal: str, counts: Counts) -> Any:
    """The same batch processor, whose drops are counted from now on, as far as this SDK tells of them."""
    inner = getattr(processor, "_batch_processor", None)
    told = getattr(inner, "_metrics", None)
    if inner is not None and hasattr(told, "drop_items"):
        inner._metrics = QueueDrops(told, signal, counts)  # noqa: SLF001 - the SDK has no public way to this number
    return processor
