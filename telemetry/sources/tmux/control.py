"""Control-mode clients: how a session is listened to without ever being held up.

A session is listened to by two clients. The *listener* is told what its panes print. The *guard* beside it, attached
first and detached last, is told of no output, and is there for the agents' sake: where every client of a server is a
control client that doesn't read (this program stopped by Ctrl-Z, or swapped out), tmux stops reading from the panes,
and the agents stand still in the middle of their output. A client that wants no output counts as one that keeps up.

The second danger is a client that outlives us: tmux doesn't let go of one whose output nobody takes any more, and its
panes stand still as well. A client ends by itself when its standard input does, but only while nothing is on its way to
it; so `Keeper`, a small shell, ends what is left when this program is gone, however it went.

The third is that tmux 3.3a may fall over, and all agents with it, when a client goes before it is attached. So clients
are let in before they are ended; only this program's own end by force, within the milliseconds of an attachment, is
beyond that.

No client changes a size (`ignore-size`), the session's environment (`-E`) or an option; a pane that prints is paused
for the listener alone. What others can see of it: two more clients in `list-clients` and `session_attached`; the hooks
`client-attached` and `client-detached`; a session with `destroy-unattached` stays as long as we look; `attach` without
a target prefers other sessions; and tmux tells the program in the active pane, if it asked for it, that it has the
focus, as it does when a person attaches.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, NamedTuple

from telemetry.sources.tmux.events import IDENTIFY, Event, EventParser, Kind
from telemetry.sources.tmux.keeper import Child, start_child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from telemetry.sources.tmux.keeper import Keeper

_READ_AT_ONCE = 1 << 16
_LET_IN_WITHIN = 2.0
"""Seconds that are waited until a client is attached before it is ended; a tmux that takes longer hangs."""
_ENDS_WITHIN = 1.0
"""Seconds that a client has to end by itself, which takes it some milliseconds."""
_A_LINE = 50  # panes in one command: far below what a pipe takes at once


class Instance(NamedTuple):
    """One session of one server: no other has the same three numbers, whatever it is called."""

    server_pid: int
    session_id: str
    created: int

    def __str__(self) -> str:
        return f"{self.server_pid}/{self.session_id}/{self.created}"


class ControlProcess:
    """One `tmux -C attach-session`. To be used in the loop that `start` was called in.

    Args:
        command: The command line.
        hear: Told what it says.
        ended: Told once that it ended by itself.
    """

    def __init__(
        self, command: Sequence[str], hear: Callable[[list[Event]], None], ended: Callable[[], None] = lambda: None
    ) -> None:
        self._command = command
        self._hear = hear
        self._ended = ended
        self._parser = EventParser()
        self._let_in = asyncio.Event()
        self._silent = asyncio.Event()
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        """0 while it doesn't run."""
        return self._child.pid if self._child is not None else 0

    def start(self) -> None:
        """Starts it.

        Raises:
            OSError: It can't be started.
        """
        self._child = child = start_child(self._command)
        os.set_blocking(child.out, False)
        asyncio.get_running_loop().add_reader(child.out, self._readable, child.out)

    def send(self, command: str) -> bool:
        """Gives it a command. False: it is gone, or hasn't read the earlier ones."""
        return self._child is not None and self._child.send(command)

    async def stop(self) -> None:
        """Ends it, and waits for that. Does nothing where it doesn't run.

        A client that goes before it is attached can take its server down with it (tmux 3.3a, once in some hundred
        times, whichever way it goes): so it is let in first, asked to end then, and only killed where it stays.
        """
        child = self._child
        if child is None:
            return
        try:
            await _at_most(_LET_IN_WITHIN, self._let_in)
            child.hang_up()
            await _at_most(_ENDS_WITHIN, self._silent)
        finally:
            self._child = None
            asyncio.get_running_loop().remove_reader(child.out)
            await child.end()

    def _readable(self, out: int) -> None:
        try:
            chunk = os.read(out, _READ_AT_ONCE)  # once a turn of the loop, so that nobody waits for long
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            asyncio.get_running_loop().remove_reader(out)
            self._let_in.set()
            self._silent.set()
            self._ended()
            return
        events = self._parser.feed(chunk)
        if any(event.kind in {Kind.SESSION, Kind.EXIT} for event in events):
            self._let_in.set()
        if events:
            self._hear(events)


async def _at_most(seconds: float, event: asyncio.Event) -> None:
    """Waits for the event, but no longer than that."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


class SessionListener:
    """Guard and listener of one session, from the start to the end of one connection.

    Args:
        tmux: The beginning of every command line: `tmux`, and where its server is.
        session: Which session; another one that has its id by now is not listened to.
        keeper: Ends the clients when this program can't.
        within: Seconds it may take until it hears.
        hear: Told what happened, from when it is `live` on.
        on_live: Called when it begins to hear.
    """

    def __init__(
        self,
        tmux: Sequence[str],
        session: Instance,
        keeper: Keeper,
        within: float,
        *,
        hear: Callable[[SessionListener, list[Event]], None],
        on_live: Callable[[], None],
    ) -> None:
        attach = [*tmux, "-C", "attach-session", "-E", "-t", session.session_id, "-f"]
        self._guard = ControlProcess([*attach, "no-output,ignore-size"], self._guard_says, self._gone)
        self._listener = ControlProcess([*attach, "ignore-size,pause-after=1"], self._listener_says, self._gone)
        self._keeper = keeper
        self._within = within
        self._hear = hear
        self._on_live = on_live
        self._guarded = asyncio.Event()
        self._ready = asyncio.Event()
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.session = session
        self.live = False
        """Whether what the panes print is heard."""

    async def run(self) -> str:
        """Listens until that is over, and tells why; cancelling it ends the clients too."""
        try:
            try:
                async with asyncio.timeout(self._within):
                    self._guard.start()
                    await self._until(self._guarded)
                    if not self._over.done():
                        await self._keeper.hold(self._guard.pid)
                        self._listener.start()
                        await self._until(self._ready)
                    if not self._over.done():
                        await self._keeper.hold(self._listener.pid)
            except TimeoutError:
                return f"tmux didn't attach a control client within {self._within:g} s"
            except OSError as error:
                return f"tmux can't be started: {error.strerror or error}"
            return await self._over
        finally:
            self.live = False
            for process in (self._listener, self._guard):  # the guard last
                pid = process.pid
                await process.stop()
                await self._keeper.let_go(pid)

    def pause(self, panes: Iterable[str]) -> None:
        """Nothing more of these panes is sent, to this client."""
        self._tell(panes, "pause")

    def resume(self, panes: Iterable[str]) -> None:
        """What these panes print from now on is sent again."""
        self._tell(panes, "continue")

    async def _until(self, event: asyncio.Event) -> None:
        self._over.add_done_callback(lambda _: event.set())
        await event.wait()

    def _tell(self, panes: Iterable[str], what: str) -> None:
        words = [f"-A '{pane}:{what}'" for pane in panes]
        for start in range(0, len(words), _A_LINE):
            if not self._listener.send(f"refresh-client {' '.join(words[start : start + _A_LINE])}"):
                self._finish("the control client doesn't read")

    def _guard_says(self, events: list[Event]) -> None:
        for event in events:
            if event.kind is Kind.SESSION:
                self._check_session(event)
                self._guarded.set()

    def _listener_says(self, events: list[Event]) -> None:
        for event in events:
            if event.kind is Kind.SESSION:
                self._check_session(event)
                self._listener.send(IDENTIFY)  # not earlier: a client that isn't attached yet speaks of another session
            elif event.kind is Kind.IDENTITY and not self.live:
                if event.subject != str(self.session):
                    self._finish("another session has its place")
                elif not self._over.done():
                    self.live = True
                    self._ready.set()
                    self._on_live()
        if self.live:
            self._hear(self, events)

    def _check_session(self, event: Event) -> None:
        """With detach-on-destroy off, tmux moves us on to another session when ours is gone."""
        if event.subject != self.session.session_id:
            self._finish("the session is gone")

    def _gone(self) -> None:
        self._finish("the control client ended")

    def _finish(self, why: str) -> None:
        self.live = False
        if not self._over.done():
            self._over.set_result(why)
