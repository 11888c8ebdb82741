"""Hears what happens in the sessions that hold agents, between two polls.

A session with a pane that stays when its program ends (remain-on-exit) is not listened to. Of a program that prints and
ends at once, tmux (3.3a, and every later one so far) keeps what a control client hadn't taken yet, counts it after
`respawn-pane` against what the next program prints, and reads beyond its buffer: the server falls over with all agents.

Runs in one loop. A pane that prints is noted and then not heard for a second, so that one that prints without an end
costs the same as one that prints a line a second; what it prints last may thus be noted up to a second early. What a
program draws because its pane was resized isn't counted, nor what it draws right after we came.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from telemetry.sources.tmux.control import Instance, SessionListener
from telemetry.sources.tmux.events import Event, Kind
from telemetry.sources.tmux.keeper import Keeper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from telemetry.clock import Clock
    from telemetry.sources.tmux.answer import Pane

MOST_SESSIONS = 16
"""Sessions beyond these are polled only."""
_QUIET = 1.0
"""Seconds in which a pane that printed isn't heard again."""
_SETTLING = 1.0
"""Seconds in which a program redraws itself after its pane was resized, or we came: that is nobody's work."""
_LOOKS_APART = 0.25
"""Seconds between two calls for a full look, so that a storm of changes is a few."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
"""Seconds before another try, when a connection came to nothing; doubled each time."""
_HELD_WELL = 10.0
"""A connection that held for so many seconds is tried again at once."""


class Heard(NamedTuple):
    """What one read is given.

    Attributes:
        active: When each pane printed last (Unix s), of those that did.
        sessions: The sessions whose panes are heard.
    """

    active: Mapping[str, float]
    sessions: frozenset[Instance]


NOTHING_HEARD = Heard({}, frozenset())


@dataclass(slots=True)
class _Place:
    """A session that is listened to, or will be again."""

    task: asyncio.Task[None] | None = None
    listener: SessionListener | None = None
    settled_at: float = 0.0
    live_at: float = 0.0
    failures: int = 0
    retry_at: float = 0.0
    retry: asyncio.TimerHandle | None = None
    why: str = ""
    paused: dict[str, float] = field(default_factory=dict)
    resume: asyncio.TimerHandle | None = None

    def still(self) -> None:
        for timer in (self.retry, self.resume):
            if timer is not None:
                timer.cancel()
        self.retry = self.resume = None
        self.paused.clear()


class Ear:
    """Listens to sessions of one tmux server.

    Args:
        tmux: The beginning of every command line: `tmux`, and where its server is.
        clock: What time it is.
        within: Seconds that tmux has to attach a client.
        one_session: Whether other sessions than those that are followed are nobody's business.
        printed: Told of a pane that was active now.
        look: Called when only a read can tell what has changed, some times a second at most.
    """

    def __init__(
        self,
        tmux: Sequence[str],
        clock: Clock,
        within: float,
        *,
        one_session: bool,
        printed: Callable[[str], None],
        look: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._tmux = tmux
        self._clock = clock
        self._within = within
        self._one_session = one_session
        self._printed = printed
        self._look = look
        self._keeper = Keeper()
        self._places: dict[Instance, _Place] = {}
        self._unheard = 0
        self._spared = False
        self._server_pid = 0
        self._active: dict[str, float] = {}
        self._layouts: dict[str, tuple[tuple[str, str], ...]] = {}
        self._windows: frozenset[str] = frozenset()
        self._settled_at: dict[str, float] = {}
        self._look_timer: asyncio.TimerHandle | None = None
        self._next_look = 0.0
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    def is_here(self) -> bool:
        """Whether it listens in the loop that runs."""
        return self._loop is asyncio.get_running_loop()

    @property
    def active(self) -> Mapping[str, float]:
        """When each pane printed last (Unix s)."""
        return self._active

    @property
    def events(self) -> str:
        """How it is, in words for a person."""
        live = sum(place.listener is not None and place.listener.live for place in self._places.values())
        polled = len(self._places) - live + self._unheard
        if live:
            rest = f", polling {polled} more" if polled else ""
            return f"events from {live} session{'' if live == 1 else 's'}{rest}"
        for place in self._places.values():
            if place.why:
                wait = max(0.0, place.retry_at - self._loop.time())
                return f"polling: {place.why}, next try in {wait:.0f} s"
        if self._spared:
            return (
                "polling: panes here stay when their program ends (remain-on-exit), and tmux falls over when they "
                "are respawned beside a listener"
            )
        return "polling: no events yet" if self._places else "polling: no session holds agents"

    def heard(self) -> Heard:
        """What a read that begins now is to know."""
        now = self._clock.now()
        # A time to come is of a clock that was set back since. Kept so: else its pane were active until that time.
        self._active.update({pane_id: now for pane_id, at in self._active.items() if at > now})
        live = (instance for instance, place in self._places.items() if place.listener and place.listener.live)
        return Heard(dict(self._active), frozenset(live))

    def follow(self, panes: Sequence[Pane], agents: Iterable[Pane]) -> None:
        """Listens to the sessions of these agents from now on, and to no others.

        Args:
            panes: All that the last read saw.
            agents: Those of them that are an agent's.
        """
        if self._closed:
            return
        server_pid = panes[0].server_pid if panes else 0
        if server_pid != self._server_pid:
            self._server_pid = server_pid
            self._active.clear()
            self._layouts.clear()
        there = {pane.pane_id for pane in panes}
        for pane_id in self._active.keys() - there:
            del self._active[pane_id]
        now = self._loop.time()
        self._settled_at = {pane_id: at for pane_id, at in self._settled_at.items() if at > now}
        self._windows = frozenset(pane.window_id for pane in panes)
        for window_id in self._layouts.keys() - self._windows:
            del self._layouts[window_id]
        staying = {pane.session_id for pane in panes if pane.stays}
        agents = list(agents)
        self._spared = any(pane.session_id in staying for pane in agents)
        held: dict[Instance, None] = {}
        for pane in agents:
            if pane.session_id not in staying:
                held.setdefault(Instance(pane.server_pid, pane.session_id, pane.session_created))
        wanted = list(held)[:MOST_SESSIONS]
        self._unheard = len(held) - len(wanted)
        for instance in self._places.keys() - wanted:
            self._leave(instance)
        for instance in wanted:
            place = self._places.setdefault(instance, _Place())
            if place.task is None and place.retry is None:
                self._attach(instance, place)

    async def close(self) -> None:
        """Ends every client, and waits for that."""
        self._closed = True
        if self._look_timer is not None:
            self._look_timer.cancel()
        for instance in list(self._places):
            self._leave(instance)
        ending = {task for task in self._ending if not task.done()}
        if ending:
            await asyncio.wait(ending)
        await self._keeper.close()

    def need_look(self, not_before: float = 0.0) -> None:
        """Only a read can tell what there is now; what is called for at once is one call."""
        if self._look_timer is None and not self._closed:
            now = self._loop.time()
            self._look_timer = self._loop.call_at(max(now, self._next_look, now + not_before), self._call_look)

    def _call_look(self) -> None:
        self._look_timer = None
        self._next_look = self._loop.time() + _LOOKS_APART
        self._look()

    # --- connections ------------------------------------------------------------------------------------------------

    def _attach(self, instance: Instance, place: _Place) -> None:
        def live() -> None:
            place.live_at = self._loop.time()
            place.settled_at = place.live_at + _SETTLING
            place.why = ""

        place.listener = SessionListener(
            self._tmux,
            instance,
            self._keeper,
            self._within,
            hear=lambda listener, events: self._hear(place, listener, events),
            on_live=live,
        )
        place.task = self._loop.create_task(self._listen(instance, place, place.listener))

    async def _listen(self, instance: Instance, place: _Place, listener: SessionListener) -> None:
        why = await listener.run()
        now = self._loop.time()
        place.still()
        place.listener = place.task = None
        if self._places.get(instance) is not place:
            return
        lived = now - place.live_at if place.live_at else 0.0
        place.failures = 0 if lived >= _HELD_WELL else place.failures + 1
        pause = min(_FIRST_PAUSE * 2.0 ** (place.failures - 1), _LONGEST_PAUSE) if place.failures else 0.0
        place.live_at = 0.0
        place.why, place.retry_at = why, now + pause
        if place.failures:
            place.retry = self._loop.call_later(pause, self._retry, place)
        self.need_look()  # what happened meanwhile, the end of the session perhaps, only a read can tell

    def _retry(self, place: _Place) -> None:
        """Clients are attached right after a read, so that hardly anything happens that neither of the two sees."""
        place.retry = None
        self.need_look()

    def _leave(self, instance: Instance) -> None:
        place = self._places.pop(instance)
        place.still()
        if place.task is not None and not place.task.done():
            place.task.cancel()
            self._ending.add(place.task)
            place.task.add_done_callback(self._ending.discard)

    # --- what is heard ----------------------------------------------------------------------------------------------

    def _hear(self, place: _Place, listener: SessionListener, events: list[Event]) -> None:
        now = self._loop.time()
        printed: dict[str, float] = {}
        for event in events:
            pane_id = event.subject
            if event.kind is Kind.OUTPUT:
                if pane_id in place.paused or pane_id in printed:
                    continue  # on its way before the pause was, or the answer to it
                settled_at = max(place.settled_at, self._settled_at.get(pane_id, 0.0))
                printed[pane_id] = max(now + _QUIET, settled_at)
                if now >= settled_at:
                    self._active[pane_id] = self._clock.now()
                    self._printed(pane_id)
            elif event.kind is Kind.LAYOUT:
                self._note_layout(event, now)
            elif self._matters(event):
                self.need_look()
        if printed and listener.live:
            listener.pause(printed)
            place.paused.update(printed)
            if place.resume is None:
                place.resume = self._loop.call_at(min(printed.values()), self._resume, place, listener)

    def _resume(self, place: _Place, listener: SessionListener) -> None:
        """Hears again those panes whose second is over, many in one command."""
        place.resume = None
        now = self._loop.time() + _QUIET / 8
        over = [pane_id for pane_id, at in place.paused.items() if at <= now]
        for pane_id in over:
            del place.paused[pane_id]
        if over:
            listener.resume(over)
        if place.paused:
            place.resume = self._loop.call_at(min(place.paused.values()), self._resume, place, listener)

    def _note_layout(self, event: Event, now: float) -> None:
        before = self._layouts.get(event.subject)
        if not event.panes:
            self.need_look()
            return
        self._layouts[event.subject] = event.panes
        sizes = dict(before or ())
        for pane_id, size in event.panes:
            if sizes.get(pane_id) != size:
                self._settled_at[pane_id] = now + _SETTLING
        if before is None or [pane for pane, _ in before] != [pane for pane, _ in event.panes]:
            self.need_look()

    def _matters(self, event: Event) -> bool:
        """Whether there may be agents or panes now that weren't there, or the other way round."""
        if event.kind is Kind.WINDOW_CLOSED:
            return event.subject in self._windows
        if event.kind in {Kind.WINDOW_ADDED_ELSEWHERE, Kind.SESSIONS}:
            return not self._one_session
        return event.kind in {Kind.WINDOW_ADDED, Kind.EXIT}
