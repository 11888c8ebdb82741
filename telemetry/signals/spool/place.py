"""The spool of a process: one folder, one owner, a journal and a delivery for each signal that goes through it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telemetry.signals.spool import journal
from telemetry.signals.spool.counts import QUEUE_FULL, REFUSED, Counts
from telemetry.signals.spool.delivery import Delivered, Delivery
from telemetry.signals.spool.folders import Owned
from telemetry.signals.spool.journal import Journal
from telemetry.signals.spool.senders import Sender
from telemetry.signals.spool.wire import Wire

_log = logging.getLogger(__name__)

MIB = 1024 * 1024
_OUT_OF_FOUR = {"logs": 3, "traces": 1}
"""How much of the whole each signal may take."""


@dataclass(frozen=True, slots=True)
class SpoolOptions:
    """Where what can't be sent waits.

    Attributes:
        folder: Its folder. Where another program uses it already, this one gets a folder in it.
        most_bytes: How much of the disk it may take, for logs and spans together; then the oldest goes first.
    """

    folder: Path
    most_bytes: int = 64 * MIB


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits of one signal: records (as far as they are counted), bytes with what surrounds them, and how many of
    those there may be."""

    records: int
    size: int
    most_bytes: int


class Spool:
    """Logs and spans wait here until they are taken.

    Args:
        options: Where.
        counts: What is told of records.
        note: (signal, whether it was taken), for each attempt.

    Raises:
        SpoolBusyError: Too many other programs use it. A folder that can't be written is no error: memory is used.
    """

    def __init__(self, options: SpoolOptions, counts: Counts, note: Callable[[str, bool], None]) -> None:
        self._options, self._counts, self._note = options, counts, note
        self._trouble_told = False
        self._deliveries: dict[str, Delivery] = {}
        self._own: Owned | None = None
        try:
            self._own = Owned.first_free(options.folder)
        except OSError as error:
            self._trouble(error)
        if self._own is not None and self._own.folder != options.folder:
            _log.warning(
                "another program uses the spool %s: this one keeps what can't be sent in %s",
                options.folder,
                self._own.folder,
            )

    def _trouble(self, error: OSError) -> None:
        if not self._trouble_told:
            self._trouble_told = True
            _log.error(
                "the spool %s can't be written (%s): what can't be sent is kept in memory, 1 MiB a signal at most",
                self._options.folder,
                error.strerror or error,
            )

    def delivery(self, signal: str, sender: Sender) -> Delivery:
        """The way for one signal; it begins with what earlier processes have left of it."""
        if signal in self._deliveries:
            return self._deliveries[signal]
        reasons = (QUEUE_FULL, REFUSED, journal.SPOOL_FULL, journal.DAMAGED, journal.NO_DISK)
        self._counts.expect(signal, *reasons)
        most = self._options.most_bytes * _OUT_OF_FOUR[signal] // sum(_OUT_OF_FOUR.values())
        folder = None
        if self._own is not None:
            folder = self._own.folder / signal
            try:
                self._own.take_over(self._options.folder, signal, most)
            except OSError as error:
                self._trouble(error)
        kept = Journal(
            folder,
            most,
            lambda reason, records: self._counts.dropped(signal, reason, records),
            self._trouble,
        )
        self._deliveries[signal] = Delivery(signal, kept, sender, Delivered(self._counts, self._note, folder))
        return self._deliveries[signal]

    @property
    def backlog(self) -> Mapping[str, Backlog]:
        """What waits, by signal."""
        return {
            signal: Backlog(delivery.journal.records, delivery.journal.size, delivery.journal.most_bytes)
            for signal, delivery in self._deliveries.items()
        }

    def flush(self, timeout: float) -> bool:
        """Waits until all is sent, or until it is known that it can't be."""
        deadline = time.monotonic() + timeout
        return all(delivery.flush(deadline - time.monotonic()) for delivery in self._deliveries.values())

    def close(self, timeout: float) -> bool:
        """Sends what can be sent within `timeout` seconds; the rest stays on disk. Whether all was sent."""
        deadline = time.monotonic() + timeout
        sent = [delivery.close(deadline - time.monotonic()) for delivery in self._deliveries.values()]
        if self._own is not None:
            self._own.close()
        return all(sent)


def exporter(spool: Spool, signal: str, kind: Any, *, is_grpc: bool, counts: Counts) -> Any:
    """The exporter of `logs` or `traces` that goes through the spool, where the SDK's own of this `kind` would go."""
    from telemetry.signals.spool import exporters, senders

    wire = Wire.of(signal)
    sender: Sender = senders.GrpcSender(kind(), wire) if is_grpc else senders.learned(kind, wire)
    made = exporters.SpoolingLogExporter if signal == "logs" else exporters.SpoolingSpanExporter
    return made(wire, spool.delivery(signal, sender), counts)
