"""One question to a tmux server: all panes and the screens of some of them, in one client call.

The commands go in by standard input (`source-file -`): as arguments they would stop at the first pane that is gone, and
be too long for some hundred panes. Nothing here starts a server, attaches to a session or changes one.

Panes and their names are made by others, so the answer is cut by a random mark that is new in every call: whatever a
name or a screen holds, newlines and our own format included, it can't hold that.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from telemetry.clean import clean_name, clean_text
from telemetry.sources.base import SourceError
from telemetry.sources.tmux.answer import NUMBERS, PANE_ID, TEXTS, Answer, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telemetry.sources.tmux.answer import Pane

_NO_SERVER = ("no server running", "no such file or directory", "connection refused", "server exited", "lost server")
_NO_SESSION = ("can't find session", "can't find window", "no current target")
_SESSION_ID = re.compile(r"\$\d{1,18}\Z")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-. /")


class TmuxClient:
    """Asks one server about one session, or about all of them.

    Args:
        socket_name: As in `tmux -L`; or
        socket_path: as in `tmux -S`; with neither, tmux's own default, which is the surrounding server inside tmux.
        session: Its exact name, or None: all sessions. Once seen, it is followed, whatever its name is then.
        timeout: Seconds until a tmux that gives no answer is killed (the client, never the server).
    """

    def __init__(
        self, socket_name: str | None, socket_path: str | None, session: str | None, timeout: float = 3.0
    ) -> None:
        where = ["-S", socket_path] if socket_path else ["-L", socket_name] if socket_name else []
        # -u: without it names in other alphabets come as underscores under LANG=C. -N: never start a server.
        self._tmux = ["tmux", "-u", "-N", *where]
        self._command = [*self._tmux, "source-file", "-"]
        self._session = session
        self._seen = ""  # the session that had the name, as a text that is the same in no other session of any server
        self._timeout = timeout
        self._running: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._lock = threading.Lock()

    @property
    def tmux(self) -> tuple[str, ...]:
        """The beginning of every command line for this server."""
        return tuple(self._tmux)

    @property
    def command(self) -> tuple[str, ...]:
        """The command line of a call; the commands themselves go in by standard input."""
        return tuple(self._command)

    def ask(self, screens_of: Sequence[str], meanwhile: Callable[[], None] | None = None) -> Answer:
        """One call; blocks until the answer is there, at most the timeout.

        Args:
            screens_of: Ids of the panes whose screens are to be hashed, known from an earlier answer.
            meanwhile: Called once while tmux is at work: most of a call is waiting for it.

        Raises:
            SourceError: tmux is missing, may not be used, hangs, or says something else than expected.
        """
        mark = secrets.token_hex(16)
        wanted = [pane_id for pane_id in screens_of if PANE_ID.match(pane_id)]
        out, err, status = self._run(self.script(mark, wanted), meanwhile)
        parts = out.split(mark.encode())
        if parts[-1] != b"E\n":
            return self._without_answer(err, status)
        panes, screens = parse(parts, wanted)
        self._follow(panes)
        problem = err.lower()
        if not panes and self._session is not None and any(text in problem for text in _NO_SESSION):
            return Answer((), {}, f"tmux has no session {clean_name(self._session)}")
        return Answer(tuple(panes), screens, "" if panes else "tmux has no session")

    def screen(self, pane_id: str, server_pid: int, lines: int) -> str | None:
        """What a pane shows, with so many lines of what was there before; blocks for the timeout at most.

        Args:
            pane_id: Its id, known from an earlier answer.
            server_pid: The server's process then: another server has other panes of that id.
            lines: How many lines above the screen.

        Returns:
            Its text, lines that were wrapped being whole; None where the pane is gone.

        Raises:
            SourceError: As for `ask`.
        """
        if not PANE_ID.match(pane_id):
            return None
        mark = secrets.token_hex(16)
        same = f"'#{{==:#{{pid}},{server_pid}}}'"
        shown = f"display-message -p {mark}S ; capture-pane -p -J -S -{lines} -t {pane_id}"
        script = f"if-shell -F -t {pane_id} {same} {{ {shown} }}\ndisplay-message -p {mark}E\n"
        out, err, status = self._run(script.encode(), None)
        before, found, rest = out.decode("utf-8", "replace").partition(f"{mark}S\n")
        if not found:
            if f"{mark}E" not in before:
                self._without_answer(err, status)  # no server is no pane; all else is raised
            return None
        return rest.rpartition(f"{mark}E\n")[0]

    def script(self, mark: str, screens_of: Sequence[str]) -> bytes:
        """The commands of one call, for `source-file -`."""
        texts = "".join(f"{mark}T{text}" for text in TEXTS)
        shown = f'-F "{mark}P{NUMBERS}{texts}{mark}."'
        if self._session is None:
            lines = [f"list-panes -a {shown}"]
        else:
            lines = [f"list-panes -s -t {_quoted(f'={self._session}:')} {shown}"]
        if self._seen:
            # Its id alone would mean another session on a server that was started anew.
            target = f"-t '{self._seen.partition('/')[0]}:'"
            same = f"'#{{==:#{{session_id}}/#{{session_created}}/#{{pid}},{self._seen}}}'"
            lines = [f"if-shell -F {target} {same} {{ list-panes -s {target} {shown} }} {{ {lines[0]} }}"]
        for number, pane_id in enumerate(screens_of):
            # One for each screen: of a pane that is gone only the mark comes, and an error among the errors.
            lines += (f"display-message -p {mark}S{number}", f"capture-pane -p -t {pane_id}")
        lines.append(f"display-message -p {mark}E\n")
        return "\n".join(lines).encode("utf-8", "surrogateescape")

    def close(self) -> None:
        """Ends a call that is under way; later ones fail."""
        with self._lock:
            self._closed = True
            if self._running is not None:
                _kill(self._running)

    def _follow(self, panes: Sequence[Pane]) -> None:
        """Takes note of which session it was that answered to the name."""
        if self._session is not None and panes and _SESSION_ID.match(panes[0].session_id):
            self._seen = f"{panes[0].session_id}/{panes[0].session_created}/{panes[0].server_pid}"

    def _run(self, script: bytes, meanwhile: Callable[[], None] | None) -> tuple[bytes, str, int]:
        with self._lock:
            if self._closed:
                raise SourceError("the tmux source is closed")
            try:
                # In a process group of its own: Ctrl-C in the monitor's terminal doesn't reach it, and when it hangs,
                # it dies together with whatever it started.
                process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    process_group=0,
                )
            except FileNotFoundError as error:
                raise SourceError("tmux was not found: it isn't installed, or not in PATH") from error
            except OSError as error:
                raise SourceError(f"tmux can't be started: {error.strerror or error}") from error
            self._running = process
        try:
            _write(process, script)
            if meanwhile is not None:
                meanwhile()
            out, err = process.communicate(timeout=self._timeout)
        except subprocess.TimeoutExpired as error:
            _kill(process)
            process.communicate()
            raise SourceError(f"tmux gave no answer within {self._timeout:g} s: {self._where()} hangs") from error
        finally:
            with self._lock:
                self._running = None
        return out, err.decode("utf-8", "replace"), process.returncode

    def _without_answer(self, err: str, status: int) -> Answer:
        said = clean_text(err.strip().split("\n")[0], 200)
        if any(text in err.lower() for text in _NO_SERVER):
            return Answer((), {}, "no tmux server runs")
        if "unknown option -- N" in err or "usage:" in err:
            raise SourceError("this tmux is too old: version 3.2 or newer is needed")
        raise SourceError(f"tmux failed: {said}" if said else f"tmux failed with status {status} and said nothing")

    def _where(self) -> str:
        where = self._command[3:-2]
        return f"the server at {clean_name(where[1])}" if where else "the default server"


def _quoted(text: str) -> str:
    """The text in tmux's double quotes, every byte that might mean something there as an octal escape."""
    raw = text.encode("utf-8", "surrogateescape")
    return '"' + "".join(chr(b) if b in _PLAIN else f"\\{b:03o}" for b in raw) + '"'


def _write(process: subprocess.Popen[bytes], script: bytes) -> None:
    """Hands over all of the script; it fits into the pipe, so that this doesn't wait for anybody."""
    if process.stdin is not None:
        try:
            process.stdin.write(script)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it ended without reading: what it says tells why
        process.stdin = None


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return  # ended between the two lines
