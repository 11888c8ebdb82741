"""One channel at work: its notices become messages, its messages are delivered in order, each until it was."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import traceback
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from telemetry.clock import Clock
from telemetry.model import Message
from telemetry.notify.base import DeliveryError, Notifier
from telemetry.notify.delivery import ChannelStatus, Delivery
from telemetry.notify.due import Pace
from telemetry.notify.grouping import Group, Timing
from telemetry.notify.retry import Patience, after_failure
from telemetry.store import Changes, QueuedMessage, QueuedNotice

_log = logging.getLogger(__name__)

_MOST_FAILED = 100
_LONGEST_SLEEP = 3_600.0
_AFTER_A_FAULT = 5.0


class Channel:
    """Delivers by one notifier, one message at a time.

    Args:
        name: Its name.
        notifier: Sends; None: the channel is off, and keeps what it holds.
        timing: How notices become messages.
        keep: Has a change on disk before it returns.
        clock: Tells the time.
        observe: Told of each attempt.
        dice: For the pauses between attempts.
        patience: How long it tries.
    """

    def __init__(
        self,
        name: str,
        notifier: Notifier | None,
        timing: Timing,
        keep: Callable[[Changes], Awaitable[None]],
        *,
        clock: Clock,
        observe: Callable[[Delivery], None],
        dice: random.Random | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.name = name
        self._notifier, self._timing = notifier, timing
        self._keep, self._clock, self._observe = keep, clock, observe
        self._dice = dice or random.Random()  # noqa: S311 - pauses, no secrets
        self._patience = patience or Patience()
        self._groups: dict[str, Group] = {}
        self._outgoing: list[QueuedMessage] = []
        """The first one is being delivered. More than one only where an earlier run's could be read late."""
        self._failed: list[QueuedMessage] = []
        self._delivered_at: float | None = None
        self._refused = ""
        self._not_before = 0.0
        self._looked_at = -math.inf
        self._wake = asyncio.Event()
        self._draining = False
        self._sending = asyncio.Lock()

    @property
    def on(self) -> bool:
        """Whether it sends."""
        return self._notifier is not None

    @property
    def pace(self) -> Pace:
        """How it is told of what goes on."""
        refresh = self._notifier.refresh if self._notifier else None
        return Pace(self._timing.repeat_interval) if refresh is None else Pace(refresh, refresh=True)

    @property
    def status(self) -> ChannelStatus:
        """How it is with it now."""
        waiting = sum(len(group.waiting) for group in self._groups.values())
        sending = self._outgoing[0] if self._outgoing else None
        return ChannelStatus(
            self.name,
            self.on,
            waiting,
            sending,
            tuple(self._failed),
            delivered_at=self._delivered_at,
            refused=self._refused,
        )

    @property
    def notices(self) -> tuple[QueuedNotice, ...]:
        """What waits, for the store."""
        return tuple(queued for group in self._groups.values() for queued in group.waiting)

    @property
    def messages(self) -> tuple[QueuedMessage, ...]:
        """What is being delivered and what failed, for the store."""
        return (*self._outgoing, *self._failed)

    def restore(self, messages: Sequence[QueuedMessage], notices: Sequence[QueuedNotice]) -> None:
        """What an earlier run left, before what came since. When it sent last isn't known: its pace begins now."""
        came_since = list(self.notices)
        self._groups.clear()
        latest = self._clock.now() + _LONGEST_SLEEP  # later than that is of a clock that was set back since
        waiting = (queued for queued in messages if not queued.failed)
        self._outgoing = [*(replace(one, next_at=min(one.next_at, latest)) for one in waiting), *self._outgoing]
        self._failed = [*(queued for queued in messages if queued.failed), *self._failed]
        self.add([*notices, *came_since])
        if self._notifier is not None:
            self._not_before = self._clock.now() + self._notifier.min_interval

    def add(self, notices: Iterable[QueuedNotice]) -> None:
        """What is to be told; it is on disk already."""
        now = self._clock.now()
        for queued in notices:
            self._groups.setdefault(queued.notice.cluster, Group()).add(queued, now)
        self._wake.set()

    async def use(self, notifier: Notifier | None, timing: Timing) -> None:
        """Goes on with another notifier, or none; what waits stays."""
        async with self._sending:
            before, self._notifier, self._timing = self._notifier, notifier, timing
            self._refused = ""  # that was the other one
            if before is not None:
                await before.close()
        self._wake.set()

    # --- at work ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Delivers until it is cancelled, or drained."""
        prepared: Notifier | None = None
        while True:
            self._wake.clear()
            if self._notifier is not None and self._notifier is not prepared:
                prepared = self._notifier
                with suppress(OSError):  # told when a message meets it
                    await prepared.prepare()
            try:
                due = await self.step()
            except Exception:  # noqa: BLE001 - a fault of ours must not end a channel: told each time
                _log.exception("the channel %s failed: this is a bug, please report it", self.name)
                due = self._clock.now() + _AFTER_A_FAULT
            pause = due - self._clock.now()
            if pause <= 0:
                continue
            if self._draining:
                return
            try:
                async with asyncio.timeout(min(pause, _LONGEST_SLEEP)):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def drain(self) -> None:
        """Has `run` hand over what it holds, at once and each message once, and end."""
        self._draining = True
        self._timing = Timing(group_wait=0.0, group_interval=0.0)
        for group in self._groups.values():
            group.last_sent = float("-inf")
        self._wake.set()

    async def step(self) -> float:
        """Does the next thing that is due.

        Returns:
            When the next one is (Unix s): now or earlier where there may be more to do, infinite where nothing waits.
        """
        if self._notifier is None:
            return float("inf")
        now = self._clock.now()
        self._see_clock(now, self._notifier)
        if not self._outgoing:
            cluster, group = min(
                self._groups.items(), key=lambda item: item[1].due_at(self._timing), default=("", Group())
            )
            due = group.due_at(self._timing)
            if due > now:
                return due
            await self._compose(cluster, group, now)
        current = self._outgoing[0]
        not_before = max(current.next_at, self._not_before)
        if now < not_before:
            return not_before
        await self._attempt(self._notifier, current)
        return now

    def _see_clock(self, now: float, notifier: Notifier) -> None:
        """Where it was set back, nothing waits until it has caught up: what was to be tried again is tried now."""
        if now < self._looked_at:
            self._outgoing = [replace(queued, next_at=min(queued.next_at, now)) for queued in self._outgoing]
            self._not_before = min(self._not_before, now + notifier.min_interval)
            for group in self._groups.values():
                group.set_back(now)
        self._looked_at = now

    async def _compose(self, cluster: str, group: Group, now: float) -> None:
        used, notices = group.take(now)
        message = QueuedMessage(Message(uuid.uuid4().hex, self.name, cluster, notices, now))
        self._outgoing.append(message)
        await self._keep(Changes(messages=[message], notices_gone=[queued.seq for queued in used]))

    async def _attempt(self, notifier: Notifier, queued: QueuedMessage) -> None:
        began = self._clock.now()
        try:
            answer = await self._send(notifier, queued.message)
        except DeliveryError as error:
            await self._take_failure(queued, error, began)
        else:
            self._replace(queued, None)
            self._refused = ""
            self._delivered_at = self._clock.now()
            await self._keep(Changes(messages_gone=[queued.message.id]))
            self._observe(Delivery(queued.message, "delivered", began, self._delivered_at, answer))
        # from the answer, not from the call: then they are that far apart on the other side too
        self._not_before = self._clock.now() + notifier.min_interval

    async def _take_failure(self, queued: QueuedMessage, error: DeliveryError, began: float) -> None:
        now = self._clock.now()
        after = after_failure(queued, error, now, self._dice, self._patience)
        if after.failed:
            self._replace(queued, None)
            self._refused = after.error
            self._failed.append(after)
            gone = [held.message.id for held in self._failed[:-_MOST_FAILED]]
            del self._failed[:-_MOST_FAILED]
            _log.error(
                "a message to %s was not delivered and is not tried again: %s",
                self.name,
                error,
                extra={"channel": self.name, "cluster": after.message.cluster},
            )
        else:
            self._replace(queued, after)
            gone = []
            if after.attempts == 1 or after.error != queued.error:  # the same again and again is one line
                _log.warning(
                    "a message to %s was not delivered, and is tried again: %s",
                    self.name,
                    error,
                    extra={"channel": self.name, "cluster": after.message.cluster},
                )
        await self._keep(Changes(messages=[after], messages_gone=gone))
        self._observe(Delivery(after.message, "failed" if after.failed else "retry", began, now, after.error))

    def _replace(self, queued: QueuedMessage, after: QueuedMessage | None) -> None:
        """What is known of one message now; None: it is out of the way."""
        self._outgoing = [
            held
            for before in self._outgoing
            if (held := after if before.message.id == queued.message.id else before) is not None
        ]

    async def test(self, message: Message) -> str:
        """Sends a message beside what waits. Raises `DeliveryError`."""
        if self._notifier is None:
            raise DeliveryError(f"the channel {self.name} is off", final=True)
        answer = await self._send(self._notifier, message)
        self._refused = ""
        return answer

    async def _send(self, notifier: Notifier, message: Message) -> str:
        async with self._sending:
            try:
                async with asyncio.timeout(notifier.timeout):
                    return await notifier.send(message)
            except TimeoutError:
                raise DeliveryError(f"no answer within {notifier.timeout:g} s") from None
            except DeliveryError:
                raise
            except Exception as error:  # noqa: BLE001 - a fault of one channel must not end it: told as its error
                # Its text may hold a secret: where it happened must do.
                where = traceback.extract_tb(error.__traceback__)[-1]
                what = f"{type(error).__name__} at {where.name}:{where.lineno}"
                raise DeliveryError(f"a fault in the notifier, please report it: {what}") from None

    async def close(self) -> None:
        """Gives back what the notifier holds."""
        if self._notifier is not None:
            await self._notifier.close()
