"""Tells systemd how it is, by the datagram socket that it names (sd_notify(3)): ready, alive, about to stop.

It is asked for with `Type=notify` and `WatchdogSec=` in a unit. Without systemd nothing is sent, and nothing here ever
raises or waits: a manager that doesn't listen is no reason to stop watching.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import MutableMapping

from telemetry.signals.logs import get_logger

_log = get_logger("telemetry.systemd")

SOCKET, WATCHDOG, WATCHED = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
_TIMES_WITHIN = 3
"""How often it is told within the time that it allows: one message may be late, or lost."""


class Systemd:
    """Whoever started this process and wants to hear of it.

    Args:
        address: Its socket: a path, or `@name` in the abstract space; "": nobody wants to.
        allowed: Seconds without a sign of life after which it ends and restarts the process; None: it doesn't.
    """

    def __init__(self, address: str = "", allowed: float | None = None) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._allowed = allowed if address else None
        self._failing = False

    @classmethod
    def of(cls, environ: MutableMapping[str, str], pid: int | None = None) -> Systemd:
        """As the environment says, from which it is taken: what this process starts doesn't speak for it.

        Args:
            environ: Loses what was meant for this process alone.
            pid: This process, if not the real one.
        """
        address, allowed, watched = (environ.pop(name, "") for name in (SOCKET, WATCHDOG, WATCHED))
        if address and address[0] not in "/@":
            _log.warning("systemd is not told how it is: its socket is no path", variable=SOCKET, value=address)
            address = ""
        if allowed and not (allowed.isdecimal() and int(allowed)):
            _log.warning("systemd's watchdog is not served: its time is no number", variable=WATCHDOG, value=allowed)
            allowed = ""
        if watched and watched != str(os.getpid() if pid is None else pid):
            allowed = ""  # another process of the unit is watched
        return cls(address, int(allowed) / 1e6 if allowed else None)

    async def keep_told(self) -> None:
        """Says that all is ready, and then, while the loop turns, that it does; a loop that hangs says nothing."""
        self.say("READY=1")
        while self._allowed is not None:
            self.say("WATCHDOG=1")
            await asyncio.sleep(self._allowed / _TIMES_WITHIN)

    def stopping(self) -> None:
        """Says that the end has begun."""
        self.say("STOPPING=1")

    def say(self, state: str) -> None:
        """Sends one message; one that can't be sent is told in the log, the first of several."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto(state.encode(), self._address)
        except OSError as error:
            if not self._failing:
                _log.warning("systemd can't be told how it is", state=state, reason=error.strerror)
            self._failing = True
        else:
            self._failing = False
