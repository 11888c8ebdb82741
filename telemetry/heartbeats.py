"""`telemetry.heartbeat(name, state)`: an agent tells the monitor that it lives, and what it does.

    telemetry.heartbeat("worker-3", "busy", task="tests of the parser")
    telemetry.heartbeat("worker-3")  # still there
    telemetry.heartbeat("worker-3", "ended")  # no longer expected

A call only leaves a note, which takes microseconds: a thread sends the newest of each name, to ORCHESTRATOR_URL where
that is set (with ORCHESTRATOR_TOKEN, where it asks for one), otherwise to the socket of the monitor on this machine, in
ORCHESTRATOR_STATE_DIR or the default folder.
Where nobody listens, notes are dropped; the log says so once, and once when it works again.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
from functools import cache
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from telemetry import reaching

if TYPE_CHECKING:
    from telemetry.model import State

__all__ = ["heartbeat"]

_log = logging.getLogger(__name__)

_STATES = ("busy", "idle", "waiting", "stopped", "ended")
_MOST_NAMES = 1000
_PAUSE = 0.05
"""Seconds between two sendings: of what comes within them the newest is sent."""
_NOBODY_FOR = 1.0
"""Seconds for which nobody is tried after nobody listened."""
_LAST_WORDS_WITHIN = 0.5
_REFUSED = 400


def heartbeat(
    name: str,
    state: State | str | None = None,
    *,
    task: str = "",
    ttl: float | None = None,
    pid: int | None = None,
    cluster: str | None = None,
) -> None:
    """Tells the monitor that an agent lives. Never waits, and never raises because of the monitor.

    Args:
        name: The agent's name, unique in its cluster.
        state: «busy», «idle», «waiting» (for a person), «stopped», or «ended»: no longer expected. None: as before.
        task: What it is at.
        ttl: Seconds within which the next call comes; without one by then it counts as unresponsive. Without it, the
            monitor's ORCHESTRATOR_PUSH_TTL holds, a minute by default.
        pid: Its process, whose death is its own: this one by default; 0: none.
        cluster: Which cluster it is in, where the monitor watches several.

    Raises:
        ValueError: One of these is not possible.
    """
    if not isinstance(name, str) or not name.strip():
        raise _wrong("name", name, "a text that isn't empty")
    if state is not None and state not in _STATES:
        raise _wrong("state", state, " or ".join(_STATES))
    body: dict[str, Any] = {} if state is None else {"state": str(state), "task": ""}
    if task or state is not None:
        body["task"] = task
    if ttl is not None:
        body["ttl"] = ttl
    if pid != 0:
        body["pid"] = os.getpid() if pid is None else pid
    if cluster is not None:
        body["cluster"] = cluster
    for key, value in body.items():
        kinds, low, high, allowed = _ALLOWED[key]
        if type(value) not in kinds or not (low is None or low <= value <= high):
            raise _wrong(key, value, allowed)
    _sender.note(name, body)


_ALLOWED: dict[str, tuple[tuple[type, ...], Any, Any, str]] = {
    "state": ((str,), None, None, ""),
    "task": ((str,), None, None, "a text"),
    "ttl": ((int, float), 0.1, 86_400.0, "a number of seconds from 0.1 to 86400"),
    "pid": ((int,), 1, 2**31 - 1, "the number of a process, or 0"),
    "cluster": ((str,), None, None, "a text"),
}
"""Types, the least and the most, and both in words."""


def _wrong(what: str, value: object, allowed: str) -> ValueError:
    return ValueError(f"{what}: {value!r} is not possible; allowed is {allowed}")


class Sender:
    """Keeps the newest note of each name, and a thread that sends them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._there_is = threading.Event()
        self._notes: dict[tuple[str, str | None], dict[str, Any]] = {}
        self._thread: threading.Thread | None = None
        self._ends = threading.Event()
        self._connection: HTTPConnection | None = None
        self._prefix = ""
        self._complaint = ""
        """What the log was told last, or "": all is well."""

    def note(self, name: str, body: dict[str, Any]) -> None:
        """Takes a note; what was noted of the same agent before and isn't said anew stays."""
        key = (name, body.get("cluster"))
        with self._lock:
            before = self._notes.get(key)
            if before is not None:
                body = body if before.get("state") == "ended" else {**before, **body}
            elif len(self._notes) >= _MOST_NAMES:
                return
            self._notes[key] = body
            if self._thread is None and not self._ends.is_set():
                self._start()
        if not self._there_is.is_set():
            self._there_is.set()

    def end(self, within: float) -> None:
        """Sends what is noted, if somebody listens, and ends the thread."""
        self._ends.set()
        self._there_is.set()
        if self._thread is not None:
            self._thread.join(within)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no further thread can be had, or the interpreter ends: nothing is sent
            self._ends.set()

    def _run(self) -> None:
        while True:
            self._there_is.wait()
            self._there_is.clear()
            with self._lock:
                notes, self._notes = self._notes, {}
            heard = self._send_all(notes)
            if self._ends.is_set() and not self._notes:
                self._hang_up()
                return
            self._ends.wait(_PAUSE if heard else _NOBODY_FOR)

    def _send_all(self, notes: dict[tuple[str, str | None], dict[str, Any]]) -> bool:
        """Whether somebody listened."""
        refusal = ""
        for (name, _), body in notes.items():
            try:
                refusal = self._send(name, body) or refusal
            except (OSError, HTTPException, ValueError) as error:
                self._hang_up()
                self._tell(reaching.unheard(error, os.environ))
                return False
        if notes:
            self._tell(refusal)
        return True

    def _send(self, name: str, body: dict[str, Any]) -> str:
        """Sends one; a connection that the monitor has closed meanwhile is opened anew. Returns why it was refused."""
        path = f"/api/agents/{quote(name, safe='', errors='backslashreplace')}/events"
        text = json.dumps({**body, "pid_space": _pid_space()} if "pid" in body and _pid_space() else body)
        held = self._connection is not None
        try:
            return self._ask(name, path, text)
        except (HTTPException, OSError):
            self._hang_up()
            if not held:
                raise
        return self._ask(name, path, text)

    def _ask(self, name: str, path: str, text: str) -> str:
        if self._connection is None:
            self._connection, self._prefix = reaching.connection(os.environ)
        self._connection.request("POST", self._prefix + path, text, reaching.headers(os.environ))
        answer = self._connection.getresponse()
        content = answer.read()
        return "" if answer.status < _REFUSED else f"the monitor refused a heartbeat of {name!r}: {_detail(content)}"

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _tell(self, complaint: str) -> None:
        """Logs what changed, once."""
        if complaint and not self._complaint:
            _log.warning("%s", complaint)
        elif self._complaint and not complaint:
            _log.info("heartbeats are heard again")
        self._complaint = complaint


def _detail(content: bytes) -> str:
    try:
        return str(json.loads(content)["detail"])[:500]
    except (ValueError, KeyError, TypeError):
        return "without a reason"


@cache
def _pid_space() -> str:
    """Which pid namespace this process is in: elsewhere its number means another one."""
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - it names no file
    except OSError:
        return ""


_sender = Sender()


def _begin_anew() -> None:
    """In a forked child, which has neither the thread nor its own lock."""
    _sender.__init__()  # type: ignore[misc]
    _pid_space.cache_clear()


os.register_at_fork(after_in_child=_begin_anew)
atexit.register(lambda: _sender.end(_LAST_WORDS_WITHIN))
