"""Sends what waits in a journal, oldest first, in a thread of its own: the program never waits for the network."""

from __future__ import annotations

import contextlib
import gzip
import logging
import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value

from telemetry.signals.spool.counts import REFUSED, UNDELIVERED, Counts
from telemetry.signals.spool.journal import Journal, Waiting
from telemetry.signals.spool.senders import Answer, Outcome, Sender

_log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
"""Seconds between two attempts; doubled after each."""
_TOLD_AFTER = 4
"""Attempts that may fail before it is told, after some four seconds: a collector that is just starting is no news."""
_DOUBTFUL_ATTEMPTS = 5
"""From so many answers such as 500 on, an empty request tells whose fault it is: taken, then this one's own."""
_SET_ASIDE = "refused.otlp"
_MOST_SET_ASIDE = 1024 * 1024


@dataclass(frozen=True)
class Delivered:
    """Whom a delivery tells.

    Attributes:
        counts: Of records.
        note: (signal, whether it was taken), for each attempt.
        aside: The folder where the last request that was refused is kept for a look; None: nowhere.
    """

    counts: Counts
    note: Callable[[str, bool], None]
    aside: Path | None = None


class Delivery:
    """Between one signal's batches and its endpoint."""

    def __init__(self, signal: str, journal: Journal, sender: Sender, told: Delivered) -> None:
        """Begins at once with what an earlier process has left."""
        self._signal, self._journal, self._sender, self._told = signal, journal, sender, told
        self._changed = threading.Condition()
        self._closing = False
        self._failures = self._doubts = 0
        self._refusals_told: set[str] = set()
        self._waited_for = 0
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name=f"telemetry-send-{signal}", daemon=True)
        self._thread.start()

    @property
    def journal(self) -> Journal:
        """What waits."""
        return self._journal

    def take(self, body: bytes, records: int) -> None:
        """Keeps a request; it is sent from there. Returns when it is kept."""
        if os.getpid() != self._pid:
            self._send_from_child(body, records)
            return
        packed = self._failures > 0  # while all goes well it stays in the file for a moment only
        self._journal.append(gzip.compress(body, 6, mtime=0) if packed else body, records, packed=packed)
        with self._changed:
            self._changed.notify_all()

    def _send_from_child(self, body: bytes, records: int) -> None:
        """In a forked child neither the thread nor the journal is ours: sent at once, or lost."""
        self._sender.renew()
        answer = self._sender.send(body, packed=False)
        if answer.outcome is Outcome.TAKEN:
            self._told.counts.sent(self._signal, records - answer.rejected)
        else:
            self._told.counts.dropped(self._signal, UNDELIVERED, records)

    def flush(self, timeout: float) -> bool:
        """Waits until all is sent or an attempt has failed. False: it was neither within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            return self._changed.wait_for(
                lambda: self._failures > 0 or self._journal.empty or self._closing, deadline - time.monotonic()
            )

    def close(self, timeout: float) -> bool:
        """Goes on sending while that goes well, for at most `timeout` seconds. What is left stays on disk.

        Returns:
            Whether all was sent.
        """
        if os.getpid() != self._pid:
            return True
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(max(0.0, timeout))
        all_sent = self._journal.empty
        self._journal.close()
        return all_sent

    def _run(self) -> None:
        # Whatever is said in here stays in the local log: sent, each failure would bring the next.
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, value=True))
        try:
            self._journal.count()
            while self._goes_on():
                pass
        finally:
            detach(token)

    def _goes_on(self) -> bool:
        try:
            return self._next()
        except Exception:  # noqa: BLE001 - a fault of ours is told and tried again: an ended thread would send nothing
            _log.exception("sending %s failed", self._signal)
            with self._changed:
                return not self._changed.wait_for(lambda: self._closing, _LONGEST_PAUSE)

    def _next(self) -> bool:
        """Sends one request, or waits for one. False: it is over."""
        waiting = self._journal.oldest()
        if waiting is None:
            with self._changed:
                self._changed.notify_all()
                if self._closing:
                    return False
                self._changed.wait_for(lambda: self._closing or not self._journal.empty)
            return True
        answer = self._sent(waiting.frame.payload, packed=waiting.frame.packed)
        self._told.note(self._signal, answer.outcome is Outcome.TAKEN)
        if answer.outcome is Outcome.TAKEN:
            self._taken(waiting, answer)
            return True
        if answer.outcome is Outcome.NEVER or self._is_its_own_fault(answer):
            self._refused(waiting, answer)
            return True
        return self._failed(answer)

    def _is_its_own_fault(self, answer: Answer) -> bool:
        self._doubts = self._doubts + 1 if answer.outcome is Outcome.DOUBTFUL else 0
        return self._doubts >= _DOUBTFUL_ATTEMPTS and self._sent(b"", packed=False).outcome is Outcome.TAKEN

    def _sent(self, payload: bytes, *, packed: bool) -> Answer:
        try:
            return self._sender.send(payload, packed=packed)
        except Exception as error:  # noqa: BLE001 - an exporter's own fault must not end the sending; it is told
            return Answer(Outcome.DOUBTFUL, f"{type(error).__name__}: {error}"[:200])

    def _taken(self, waiting: Waiting, answer: Answer) -> None:
        counts, records = self._told.counts, waiting.frame.records
        counts.sent(self._signal, max(0, records - answer.rejected))
        if answer.rejected:
            counts.dropped(self._signal, REFUSED, min(answer.rejected, records))
            self._tell_once("some of what it took", waiting, answer.rejected)
        self._journal.done(waiting)
        if self._failures >= _TOLD_AFTER:
            _log.warning("the collector takes %s again: %d waited for it", self._signal, self._waited_for)
        self._failures = self._doubts = 0

    def _refused(self, waiting: Waiting, answer: Answer) -> None:
        self._told.counts.dropped(self._signal, REFUSED, waiting.frame.records)
        self._tell_once(answer.why, waiting, waiting.frame.records)
        self._set_aside(waiting)
        self._journal.done(waiting)
        self._failures = self._doubts = 0

    def _tell_once(self, why: str, waiting: Waiting, records: int) -> None:
        if why in self._refusals_told or len(self._refusals_told) > 20:  # noqa: PLR2004 - an endless variety of answers
            return
        self._refusals_told.add(why)
        _log.error("the collector refused %d of %s for good: %s; said once, counted always", records, self._signal, why)

    def _set_aside(self, waiting: Waiting) -> None:
        """The last one is kept, for whoever wants to know what was wrong with it."""
        if self._told.aside is None:
            return
        plain = gzip.decompress(waiting.frame.payload) if waiting.frame.packed else waiting.frame.payload
        if len(plain) > _MOST_SET_ASIDE:
            return
        with contextlib.suppress(OSError):
            target = os.open(self._told.aside / _SET_ASIDE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(target, "wb") as file:
                file.write(plain)

    def _failed(self, answer: Answer) -> bool:
        self._failures += 1
        if self._failures == _TOLD_AFTER:
            _log.warning(
                "the collector doesn't take %s (%s): they are kept, and sent when it does", self._signal, answer.why
            )
        self._waited_for = self._journal.records
        self._journal.sync()
        pause = min(_FIRST_PAUSE * 2 ** min(self._failures - 1, 10), _LONGEST_PAUSE)
        pause = max(answer.wait, pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads attempts, hides nothing
        with self._changed:
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._closing, pause)
            return not self._closing
