"""Joins alerts to people in a daemon: settings become a plan for the pager, the pager becomes the monitors' desk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from telemetry.alerts import Controls, Engine, EngineState, RuleSet
from telemetry.alerts.history import ended
from telemetry.clock import Clock
from telemetry.deadman import DeadMansSwitch
from telemetry.model import AlertMemory, AlertPage, Key, News, OpenAlert, Reason, Silence
from telemetry.notify.base import DeliveryError
from telemetry.notify.delivery import ChannelStatus, Delivery
from telemetry.notify.pager import Pager
from telemetry.notify.plan import Plan
from telemetry.paging_plan import plan_of, windows_of
from telemetry.report import tell_alert
from telemetry.rulebook import rows, rules_of
from telemetry.runtime import Signals
from telemetry.settings import Settings
from telemetry.signals.logs import get_logger
from telemetry.signals.traces import notify_span
from telemetry.store import AlertStore, HistoryQuery, Store, StoreError

_log = get_logger("telemetry.paging")

_HOUSEKEEPING_EVERY = 3600.0
_MIB = 1024 * 1024
_STUCK_AFTER = 600.0
"""Seconds after which a message that can't be delivered means that people aren't reached."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What a test of a channel came to: the receiver's answer, or why it took nothing."""

    channel: str
    delivered: bool
    said: str


class Paging:
    """The desk of a daemon's monitors. One loop.

    Args:
        settings: What is set.
        store: Outlives the process.
        clock: Tells the time.
        signals: Where attempts to deliver are told.
        reasons_against: Why not all is well as far as the monitors go, a reason each; empty: it is.
        dashboard_url: Of our own dashboard, or "".
        outside: Whether anything may leave this machine.

    Raises:
        SettingsError: A channel can't be used; one line.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        signals: Signals,
        reasons_against: Callable[[], list[str]],
        *,
        dashboard_url: str = "",
        outside: bool = True,
    ) -> None:
        self._settings, self._clock, self._signals = settings, clock, signals
        self._reasons_against = reasons_against
        self._dashboard_url, self._outside = dashboard_url, outside
        first = self.prepared(settings)
        self.rules, self._switch = first.rules, first.switch
        self._store = AlertStore(store)
        self._pager = Pager(first.plan, self._store, clock, self._observe, signals.picture.set_store_problem)
        self._controls = Controls(maintenance=windows_of(settings))
        self._withheld = False
        self._keeping_house: asyncio.Task[None] | None = None
        signals.picture.expect_channels(first.plan.notifiers)

    # --- begin and end ----------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Takes up what an earlier run left, and begins to deliver. Before any monitor starts."""
        self._signals.picture.set_store_problem("")
        await self._pager.load()
        self._pager.start()
        self._keeping_house = asyncio.get_running_loop().create_task(self._keep_house(), name="history")

    def prepared(self, settings: Settings) -> Prepared:
        """Everything that other settings ask for, ready to be used.

        Raises:
            SettingsError: It can't be had; nothing has changed.
        """
        rules = rules_of(settings)
        plan = plan_of(settings, rules, self._dashboard_url, outside=self._outside)
        url = settings.deadman.url
        switch = DeadMansSwitch(url.get_secret_value()) if url is not None and self._outside else None
        return Prepared(settings, rules, plan, switch)

    async def use(self, prepared: Prepared) -> None:
        """Goes on with other settings; what waits stays."""
        self._settings, self.rules = prepared.settings, prepared.rules
        self._controls = replace(self._controls, maintenance=windows_of(self._settings))
        before, self._switch = self._switch, prepared.switch
        if before is not None:
            await before.close()
        self._signals.picture.expect_channels(prepared.plan.notifiers)
        await self._pager.use(prepared.plan)

    async def stop(self, within: float) -> None:
        """Hands over what can be within so many seconds; the rest is told after the next start."""
        if self._keeping_house is not None:
            self._keeping_house.cancel()
        if self._switch is not None:
            await self._switch.close()
        await self._pager.stop(within)

    # --- the monitors' desk -----------------------------------------------------------------------------------------

    @property
    def controls(self) -> Controls:
        """What people said about alerts; the same object while nothing is said anew."""
        silences = self._pager.silences
        if silences is not self._controls.silences:
            self._controls = replace(self._controls, silences=silences)
        return self._controls

    def known(self, cluster: str) -> tuple[Mapping[Key, OpenAlert], AlertMemory]:
        """What an earlier run, or an earlier monitor, left open in a cluster."""
        return self._pager.known(cluster)

    async def take(self, news: News) -> None:
        """Keeps what changed, and has people told."""
        await self._pager.take(news)

    async def checked(self, cluster: str, *, well: bool) -> None:
        """Says to whoever waits outside that all is well, if it is."""
        if self._switch is None or not well:
            return
        problems = [*self._reasons_against(), *self._problems()]
        if not problems:
            self._switch.ping()
        elif not self._withheld:
            _log.warning("the dead man's switch is not told that all is well", reason="; ".join(problems))
        self._withheld = bool(problems)

    def _problems(self) -> Iterator[str]:
        """Why people may not be reached."""
        if self._pager.store_problem:
            yield self._pager.store_problem
        now = self._clock.now()
        for channel in self._pager.status:
            if not channel.on:
                continue
            if channel.refused:
                yield f"the channel {channel.name} was refused: {channel.refused}"
            elif channel.sending is not None and now - channel.sending.message.created_at > _STUCK_AFTER:
                yield f"the channel {channel.name} can't deliver: {channel.sending.error}"

    async def leave(self, watched: Collection[str]) -> None:
        """Ends the alerts of clusters that are watched no longer."""
        now = self._clock.now()
        for cluster in set(self._pager.clusters) - set(watched):
            alerts, memory = self._pager.known(cluster)
            outcome = Engine.end_all(EngineState(alerts=dict(alerts), memory=memory), Reason.UNWATCHED, now)
            for event in outcome.events:
                tell_alert(event)
            await self._pager.take(outcome.news(cluster, now, ended(outcome.events)))

    # --- what people ask and say ------------------------------------------------------------------------------------

    @property
    def silences(self) -> tuple[Silence, ...]:
        """Those that have not ended, by when they end."""
        return self._pager.silences

    @property
    def channels(self) -> tuple[ChannelStatus, ...]:
        """How it is with each channel."""
        return self._pager.status

    def rules_in_force(self) -> list[dict[str, Any]]:
        """Every rule as plain values, each followed by what differs from it for some."""
        return [row.plain() for row in rows(self.rules)]

    async def history(self, query: HistoryQuery) -> AlertPage:
        """Alerts that are over, newest first.

        Raises:
            StoreError: The store can't be used.
        """
        return await asyncio.to_thread(self._store.history, query)

    async def silence(self, silence: Silence) -> None:
        """Nobody is told of what matches, until it ends."""
        await self._pager.silence(silence)
        _log.info(
            f"silenced by {silence.author}: {silence.reason}",
            event="orchestrator.silence.begun",
            silence=silence.id,
            cluster=silence.cluster,
            agent_name=silence.agent,
            rule=silence.rule,
        )

    async def unsilence(self, name: str) -> bool:
        """Ends a silence by its id. False: there is none."""
        found = await self._pager.unsilence(name)
        if found:
            _log.info("a silence was ended", event="orchestrator.silence.ended", silence=name)
        return found

    async def test(self, channel: str) -> Tried:
        """Sends a marked message, and says what came of it. KeyError: no channel that is on has this name."""
        try:
            return Tried(channel, True, await self._pager.test(channel))
        except DeliveryError as error:
            return Tried(channel, False, str(error))

    # --- what is told of it -----------------------------------------------------------------------------------------

    def _observe(self, delivery: Delivery) -> None:
        channel = delivery.message.channel
        self._signals.picture.count_delivery(channel, delivery.outcome)
        traces = [notice.trace_id for notice in delivery.message.notices]
        with notify_span(
            self._signals.tracer,
            delivery.began,
            delivery.ended,
            channel=channel,
            cluster=delivery.message.cluster,
            outcome=delivery.outcome,
            raised_by=traces,
            error="" if delivery.outcome == "delivered" else delivery.said,
        ):
            if delivery.outcome == "delivered":
                _log.info(
                    f"told by {channel}: {delivery.said}",
                    event="orchestrator.notification.delivered",
                    cluster=delivery.message.cluster,
                    channel=channel,
                    alerts=len(delivery.message.notices),
                )
        self._signals.flush_soon()

    async def _keep_house(self) -> None:
        while True:
            history = self._settings.history
            before = self._clock.now() - history.retention_days * 86_400.0
            try:
                await asyncio.to_thread(self._store.prune, before, history.max_mib * _MIB)
            except StoreError as error:
                _log.warning("the history could not be shortened", reason=str(error))
            await asyncio.sleep(_HOUSEKEEPING_EVERY)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Other settings, ready to be used."""

    settings: Settings
    rules: RuleSet
    plan: Plan
    switch: DeadMansSwitch | None
