"""The last lines that an agent's pane shows: asked for when somebody wants to see them, never by a check.

In a thread of its own and with a tmux client of its own, so that a tmux that hangs holds up nobody but whoever asked.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from telemetry.clean import clean_text
from telemetry.sources.base import Screen, SourceError

if TYPE_CHECKING:
    from telemetry.sources.tmux.answer import Pane
    from telemetry.sources.tmux.client import TmuxClient

MOST_LINES = 200
LONGEST_LINE = 500
MOST_AT_ONCE = 8
"""How many panes are asked for at most before the first has answered."""
_ABOVE = 100
"""Lines that are read above those that are shown: a private key that begins there is a secret here, too."""
_MOST_TEXT = 256 * 1024


class LastLines:
    """What one tmux server's panes show.

    Args:
        client: Used for nothing else.
    """

    def __init__(self, client: TmuxClient) -> None:
        self._client = client
        self._thread: ThreadPoolExecutor | None = None
        self._closed = False
        self._asked: dict[tuple[str, int, int], asyncio.Future[Screen | None]] = {}

    async def of(self, pane: Pane, count: int) -> Screen | None:
        """The last lines of a pane, cleaned; None where it is gone. Who asks for the same meanwhile gets the same.

        Raises:
            SourceError: tmux gives no answer, or too many are asking.
        """
        key = (pane.pane_id, pane.server_pid, min(count, MOST_LINES))
        asked = self._asked.get(key)
        if asked is None:
            if len(self._asked) >= MOST_AT_ONCE:
                raise SourceError("too many screens are asked for at once")
            if self._closed:
                raise SourceError("the tmux source is closed")
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="tmux-screens")
            asked = asyncio.get_running_loop().run_in_executor(self._thread, self._look, *key)
            self._asked[key] = asked
            asked.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(asked)

    def close(self) -> None:
        """Ends a call that is under way; later ones fail."""
        self._closed = True
        self._client.close()
        if self._thread is not None:
            self._thread.shutdown(wait=False)

    def _answered(self, key: tuple[str, int, int], done: asyncio.Future[Screen | None]) -> None:
        del self._asked[key]
        if not done.cancelled():
            done.exception()  # who asked may have gone: then nobody else looks at it

    def _look(self, pane_id: str, server_pid: int, count: int) -> Screen | None:
        shown = self._client.screen(pane_id, server_pid, count + _ABOVE)
        return None if shown is None else Screen("tmux", last_lines(shown, count))


def last_lines(shown: str, count: int) -> tuple[str, ...]:
    """The last so many lines of what a screen shows, without blank ones at the end; cleaned, none too long.

    Several blank ones in a row are one: where a program ended, tmux says so far below its last words.
    """
    # as one text: a secret may stand in several lines
    text = shown[-_MOST_TEXT:]
    if len(shown) > _MOST_TEXT:  # half a secret can't be told from other words
        text = text.partition("\n")[2]
    lines = [line.rstrip() for line in clean_text(text, 2 * _MOST_TEXT).split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    lines = [line for before, line in zip(["x", *lines], lines, strict=False) if line or before]
    return tuple(clean_text(line, LONGEST_LINE) for line in lines[-count:])
