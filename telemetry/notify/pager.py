"""The pager: takes what changed about alerts, decides what is to be told on which channel, and has it delivered.

What must be sent lies in the store before it is sent, in the same transaction as the alert that asks for it: it is told
at least once, whenever this process ends.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
from collections.abc import Callable, Mapping

from telemetry.clock import Clock
from telemetry.model import (
    AlertEvent,
    AlertMemory,
    Change,
    Key,
    News,
    Notice,
    NoticeKind,
    OpenAlert,
    Reason,
    Silence,
)
from telemetry.notify.base import DeliveryError
from telemetry.notify.channel import Channel
from telemetry.notify.delivery import ChannelStatus, Delivery
from telemetry.notify.due import due
from telemetry.notify.keeping import Keeper
from telemetry.notify.plan import Plan, notice_of, test_message
from telemetry.notify.routes import channels_for, next_change
from telemetry.store import AlertStore, Changes, Kept, QueuedNotice, Told, ToldKey

_log = logging.getLogger(__name__)

_SHORTEST_TICK = 1.0
_AFTER_A_FAULT = 5.0
_UNREAD = 10**12
"""More than the numbers of all notices that an earlier run can have left."""


class Pager:
    """One for a process, in one loop.

    Args:
        plan: What it does.
        store: What outlives the process.
        clock: Tells the time.
        observe: Told of each attempt to deliver.
        on_store: Called with why the store can't be used when that begins, and with "" when it is over.
    """

    def __init__(
        self,
        plan: Plan,
        store: AlertStore,
        clock: Clock,
        observe: Callable[[Delivery], None] = lambda _: None,
        on_store: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._plan, self._clock, self._observe = plan, clock, observe
        self._keeper = Keeper(store, self._everything, self._adopt, clock, on_store)
        self._channels: dict[str, Channel] = {}
        self._open: dict[str, Mapping[Key, OpenAlert]] = {}
        self._memory: dict[str, AlertMemory] = {}
        self._told: dict[ToldKey, Told] = {}
        self._silences: dict[str, Silence] = {}
        self._watched: set[str] = set()
        self._seq = itertools.count(1)
        self._tick_at = 0.0
        self._ticked_at = math.inf  # what an earlier run has told may be of a clock that was set back since
        self._sorted: tuple[Silence, ...] | None = ()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    # --- what is known ----------------------------------------------------------------------------------------------

    @property
    def store_problem(self) -> str:
        """Why the store can't be used at present, or ""."""
        return self._keeper.problem

    @property
    def silences(self) -> tuple[Silence, ...]:
        """Those that have not ended, by when they end. The same object while nothing is said anew."""
        if self._sorted is None:
            self._sorted = tuple(sorted(self._silences.values(), key=lambda silence: silence.ends_at))
        return self._sorted

    @property
    def status(self) -> tuple[ChannelStatus, ...]:
        """How it is with each channel."""
        return tuple(channel.status for channel in self._channels.values())

    def known(self, cluster: str) -> tuple[Mapping[Key, OpenAlert], AlertMemory]:
        """What is open in a cluster, and what is remembered of it; from now on its monitor tells."""
        self._watched.add(cluster)
        return self._open.get(cluster, {}), self._memory.get(cluster, AlertMemory())

    @property
    def clusters(self) -> tuple[str, ...]:
        """Those of which anything is open."""
        return tuple(cluster for cluster, alerts in self._open.items() if alerts)

    def _everything(self) -> Kept:
        return Kept(
            alerts=dict(self._open),
            memory=dict(self._memory),
            told=dict(self._told),
            silences=tuple(self._silences.values()),
            notices=tuple(queued for channel in self._channels.values() for queued in channel.notices),
            messages=tuple(queued for channel in self._channels.values() for queued in channel.messages),
        )

    # --- begin and end ----------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Takes up what an earlier run left. Nothing is sent before `start`."""
        for name in self._plan.notifiers:
            self._make_channel(name)
        self._adopt(await self._keeper.load())
        # what is told from now on is numbered after what an earlier run may have left, also where that is read later
        last = max((queued.seq for channel in self._channels.values() for queued in channel.notices), default=0)
        self._seq = itertools.count((_UNREAD if self._keeper.problem else last) + 1)

    def _adopt(self, kept: Kept) -> None:
        """Takes up what an earlier run left, beside what this one knows already; that is newer."""
        self._memory = {**kept.memory, **self._memory}
        self._told = {**kept.told, **self._told}
        self._silences, self._sorted = {**{held.id: held for held in kept.silences}, **self._silences}, None
        left = {queued.channel for queued in kept.notices} | {queued.message.channel for queued in kept.messages}
        for name in sorted(left - self._channels.keys()):
            self._make_channel(name)
        for name, channel in self._channels.items():
            channel.restore(
                [queued for queued in kept.messages if queued.message.channel == name],
                [queued for queued in kept.notices if queued.channel == name],
            )
        changes = Changes()
        for cluster, alerts in kept.alerts.items():
            if cluster not in self._watched:
                self._open.setdefault(cluster, alerts)
                continue
            for key in alerts.keys() - self._open.get(cluster, {}).keys():  # it ended before it could be read
                event = AlertEvent(Change.RESOLVED, alerts[key], Reason.OVER, self._clock.now(), alerts[key].message)
                self._tell_end(event, changes)
        self._add(changes)

    def start(self) -> None:
        """Begins to deliver, in the running loop."""
        for name, channel in self._channels.items():
            self._run(name, channel)
        self._tasks[""] = asyncio.get_running_loop().create_task(self._keep_time(), name="pager")

    async def use(self, plan: Plan) -> None:
        """Goes on with another plan; what waits stays, for channels that are off now too."""
        self._plan = plan
        for name in (*self._channels, *(name for name in plan.notifiers if name not in self._channels)):
            channel = self._channels.get(name)
            if channel is None:
                self._run(name, self._make_channel(name))
            else:
                await channel.use(plan.notifiers.get(name), plan.timing)
        self._tick_at = 0.0

    async def stop(self, within: float) -> None:
        """Hands over what can be within so many seconds; the rest lies in the store for the next start."""
        timer = self._tasks.pop("", None)
        if timer is not None:
            timer.cancel()
        for channel in self._channels.values():
            channel.drain()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=within)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await asyncio.gather(*(channel.close() for channel in self._channels.values()), return_exceptions=True)

    def _make_channel(self, name: str) -> Channel:
        channel = Channel(
            name,
            self._plan.notifiers.get(name),
            self._plan.timing,
            self._keeper.save,
            clock=self._clock,
            observe=self._observe,
        )
        self._channels[name] = channel
        return channel

    def _run(self, name: str, channel: Channel) -> None:
        self._tasks[name] = asyncio.get_running_loop().create_task(channel.run(), name=f"channel {name}")

    # --- what changed -----------------------------------------------------------------------------------------------

    async def take(self, news: News) -> None:
        """What one check, or one person, changed. Returns when it, and what is to be told of it, is on disk."""
        self._open[news.cluster] = news.open
        if news.memory is not None:
            self._memory[news.cluster] = news.memory
        changes = Changes(
            alerts=list(news.changed),
            gone=[(news.cluster, key) for key in news.gone],
            memory={news.cluster: news.memory} if news.memory is not None else {},
            history=list(news.over),
        )
        for event in news.events:
            if event.change.is_end:
                self._tell_end(event, changes)
        for alert in news.changed:
            self._tell(alert, changes, news.at)
        await self._hand_on(changes)

    async def tick(self) -> float:
        """Tells what is due by time alone: repeats, routes whose hours begin, a store that can be used again.

        Returns:
            When to call again (Unix s).
        """
        now = self._clock.now()
        mend_at = await self._keeper.mend()
        set_back, self._ticked_at = now < self._ticked_at, now
        if now >= self._tick_at or set_back:
            changes = Changes()
            if set_back:
                self._told_by_now(now, changes)
            for silence in [held for held in self._silences.values() if held.ends_at <= now]:
                del self._silences[silence.id]
                self._sorted = None
                changes.silences_gone.append(silence.id)
            for alerts in self._open.values():
                for alert in alerts.values():
                    self._tell(alert, changes, now)
            self._tick_at = max(now + _SHORTEST_TICK, self._next_tick(now))
            await self._hand_on(changes)
        return min(mend_at, self._tick_at)

    def _told_by_now(self, now: float, changes: Changes) -> None:
        """What was told at a time to come, by a clock that was set back since, counts as told now."""
        for key, told in [held for held in self._told.items() if held[1].at > now]:
            self._told[key] = changes.told[key] = Told(told.level, now)

    def _next_tick(self, now: float) -> float:
        # One whose time went by unused is quiet: what ends that is news, or the hours of a route.
        repeats = (
            at
            for key, told in self._told.items()
            if key.channel in self._channels and (at := told.at + self._channels[key.channel].pace.repeat) > now
        )
        ends = (silence.ends_at for silence in self._silences.values())
        return min(next_change(self._plan.routes, now), *repeats, *ends, now + 3_600.0)

    async def _keep_time(self) -> None:
        while True:
            try:
                due_at = await self.tick()
            except Exception:  # noqa: BLE001 - a fault of ours must not end the repeats for ever: told each time
                _log.exception("telling what is due failed: this is a bug, please report it")
                due_at = self._clock.now() + _AFTER_A_FAULT
            # a new alert may make it earlier: looked at once a second costs nothing
            await asyncio.sleep(min(max(due_at - self._clock.now(), 0.05), _SHORTEST_TICK))

    def _tell(self, alert: OpenAlert, changes: Changes, now: float) -> None:
        on = [name for name, channel in self._channels.items() if channel.on]
        routed = channels_for(alert, self._plan.routes, on, now)
        for name in on:
            key = ToldKey(alert.cluster, alert.agent, alert.rule, name)
            told, pace = self._told.get(key), self._channels[name].pace
            kind = due(alert, told, pace, now, routed=name in routed)
            if kind is None:
                continue
            self._told[key] = changes.told[key] = Told(alert.level, now)
            self._tick_at = min(self._tick_at, now + pace.repeat)
            self._queue(name, notice_of(kind, alert, now, told.level if told else None, self._plan.texts), changes)

    def _tell_end(self, event: AlertEvent, changes: Changes) -> None:
        alert = event.alert
        for name in self._channels:
            key = ToldKey(alert.cluster, alert.agent, alert.rule, name)
            told = self._told.pop(key, None)
            if told is not None:
                changes.untold.append(key)
                self._queue(
                    name, notice_of(NoticeKind.RESOLVED, alert, event.at, told.level, self._plan.texts), changes
                )

    def _queue(self, channel: str, notice: Notice, changes: Changes) -> None:
        changes.notices.append(QueuedNotice(next(self._seq), channel, notice))

    async def _hand_on(self, changes: Changes) -> None:
        await self._keeper.save(changes)
        self._add(changes)

    def _add(self, changes: Changes) -> None:
        for name in {queued.channel for queued in changes.notices}:
            self._channels[name].add([queued for queued in changes.notices if queued.channel == name])

    # --- what people say --------------------------------------------------------------------------------------------

    async def silence(self, silence: Silence) -> None:
        """Keeps a silence; the same id replaces."""
        self._silences[silence.id], self._sorted = silence, None
        self._tick_at = min(self._tick_at, silence.ends_at)
        await self._keeper.save(Changes(silences=[silence]))

    async def unsilence(self, name: str) -> bool:
        """Ends a silence by its id. False: there is none."""
        if self._silences.pop(name, None) is None:
            return False
        self._sorted = None
        await self._keeper.save(Changes(silences_gone=[name]))
        return True

    async def test(self, channel: str) -> str:
        """Sends a marked message on a channel, and gives what the receiver answered.

        Raises:
            KeyError: No channel has that name.
            DeliveryError: It was not delivered.
        """
        message = test_message(channel, self._clock.now())
        try:
            answer = await self._channels[channel].test(message)
        except DeliveryError as error:
            self._observe(Delivery(message, "failed", message.created_at, self._clock.now(), str(error)))
            raise
        self._observe(Delivery(message, "delivered", message.created_at, self._clock.now(), answer))
        return answer
