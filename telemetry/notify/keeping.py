"""Keeps what the pager must not lose: in the store, and in memory for as long as the store can't be used."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from telemetry.clock import Clock
from telemetry.model import Alert
from telemetry.store import AlertStore, BegunAnewError, Changes, Kept, StoreError

_log = logging.getLogger(__name__)

TRIED_AGAIN_EVERY = 5.0
"""Seconds between two attempts to use a store that could not be used."""
_MOST_HISTORY = 10_000
"""Alerts that are over and wait in memory for the store."""
_HELD = "alerts, silences, unsent messages, expected agents and the timeline"


class Keeper:
    """One writer before the store. No call raises because of the file: who watches must go on.

    While the file can't be used nothing is written, and `problem` says why; when it can be again, it is made to hold
    what is so by then. A damaged file that was set aside is no such problem: the new one can be used at once.

    Args:
        store: The store.
        everything: What is to be in it now.
        adopt: Called with what an earlier run left, where that could be read only later than at the start.
        clock: Tells the time.
        on_change: Called with the problem when it begins, and with "" when it is over.
    """

    def __init__(
        self,
        store: AlertStore,
        everything: Callable[[], Kept],
        adopt: Callable[[Kept], None],
        clock: Clock,
        on_change: Callable[[str], None],
    ) -> None:
        self._store = store
        self._everything = everything
        self._adopt = adopt
        self._loaded = False
        self._clock = clock
        self._on_change = on_change
        self._problem = ""
        self._try_at = 0.0
        self._writing = asyncio.Lock()
        self._history: deque[Alert] = deque(maxlen=_MOST_HISTORY)

    @property
    def problem(self) -> str:
        """Why the store can't be used at present, or ""."""
        return self._problem

    async def load(self) -> Kept:
        """What the store held; nothing where it can't be used."""
        async with self._writing:
            try:
                kept = await self._read()
            except StoreError as error:
                self._fail(error)
                return Kept()
            self._loaded = True
            return kept

    async def save(self, changes: Changes) -> None:
        """Returns when the changes are on disk, or at once where that can't be had at present."""
        if not changes:
            return
        async with self._writing:
            if self._problem:
                self._history.extend(changes.history)
                return
            try:
                await self._write(changes)
            except StoreError as error:
                self._fail(error)

    async def mend(self) -> float:
        """Tries the store again where it is time, and gives it what is known where a reader found it damaged.

        Returns:
            When to call again (Unix s).
        """
        if not self._problem:
            await self._begin_anew()
            return self._clock.now() + TRIED_AGAIN_EVERY
        async with self._writing:
            if 0.0 < self._try_at - self._clock.now() <= TRIED_AGAIN_EVERY:  # more: the clock was set back
                return self._try_at
            try:
                if not self._loaded:  # nothing that an earlier run left may be overwritten
                    self._adopt(await self._read())
                    self._loaded = True
                await self._replace()
            except StoreError as error:
                self._fail(error)
                return self._try_at
            self._problem = ""
            self._on_change("")
            _log.warning("the store can be used again: it holds what is known now")
            return self._clock.now() + TRIED_AGAIN_EVERY

    async def _begin_anew(self) -> None:
        """Whoever reads the file may find it damaged, and has no say in what it is to hold."""
        if self._loaded and self._store.begun_anew:
            async with self._writing:
                if words := self._store.begun_anew:
                    try:
                        await self._renew(words)
                    except StoreError as error:
                        self._fail(error)

    async def _read(self) -> Kept:
        """What the store holds."""
        try:
            return await asyncio.to_thread(self._store.load)
        except BegunAnewError as error:
            _log.error("%s: %s that it held are lost, watching goes on", error, _HELD)
            return await asyncio.to_thread(self._store.load)

    async def _write(self, changes: Changes) -> None:
        """Has the store hold the changes too. What is over waits where that fails."""
        try:
            await asyncio.to_thread(self._store.save, changes)
        except StoreError as error:
            self._history.extend(changes.history)
            if not isinstance(error, BegunAnewError):
                raise
            await self._renew(str(error))

    async def _renew(self, words: str) -> None:
        _log.error("%s: it is given all that is known now, only the history and the timeline before are lost", words)
        await self._replace()

    async def _replace(self) -> None:
        history: Sequence[Alert] = tuple(self._history)
        await asyncio.to_thread(self._store.replace, self._everything(), history)
        self._history.clear()

    def _fail(self, error: StoreError) -> None:
        told, self._problem = self._problem, str(error)
        self._try_at = self._clock.now() + TRIED_AGAIN_EVERY
        if told != self._problem:
            _log.error("%s: alerts go on from memory, and would be lost if this process ended now", error)
            self._on_change(self._problem)
