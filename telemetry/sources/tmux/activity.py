"""When panes last changed what they show, by hashes of their screens."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from telemetry.sources.tmux.answer import Answer

SCREENS_A_CHECK = 50
"""More screens than this are looked at in turn, so that a check of a thousand panes stays short."""

_SETTLING = 1.0
"""Seconds in which a program redraws itself after its pane was resized: that is nobody's work."""


class _Look(NamedTuple):
    content: tuple[bytes, str]
    size: str
    at: float
    settled_at: float


class ScreenWatch:
    """Remembers each pane's last look: a hash of its screen, with the cursor's place and the length of its history.

    The latter two show a program that prints the same line again and again.
    """

    def __init__(self) -> None:
        self._looks: dict[str, _Look] = {}
        self._server_pid = 0
        self._turn = 0

    def next_in_turn(self, pane_ids: Sequence[str]) -> list[str]:
        """Whose screens to ask for in this check."""
        known = list(dict.fromkeys(pane_id for pane_id in pane_ids if pane_id))
        if len(known) <= SCREENS_A_CHECK:
            return known
        start = self._turn % len(known)
        self._turn = start + SCREENS_A_CHECK
        return (known + known)[start : start + SCREENS_A_CHECK]

    def look(self, answer: Answer, now: float) -> set[str]:
        """Takes note of the screens, and returns the ids of the panes whose agent changed theirs since."""
        if answer.panes and answer.panes[0].server_pid != self._server_pid:
            self._server_pid = answer.panes[0].server_pid
            self._looks.clear()
        changed: set[str] = set()
        panes = {pane.pane_id: pane for pane in answer.panes}
        for pane_id, screen in answer.screens.items():
            pane = panes.get(pane_id)
            if pane is None:
                continue
            before = self._looks.get(pane_id)
            content = (screen, pane.position)
            # A clock that was set back puts off by no more than a resize what counts as activity
            settled_at = min(before.settled_at, now + _SETTLING) if before else now
            if before and before.size != pane.size:
                settled_at = now + _SETTLING
            elif before and before.content != content and now >= settled_at:
                changed.add(pane_id)
            self._looks[pane_id] = _Look(content, pane.size, now, settled_at)
        for pane_id in self._looks.keys() - panes.keys():
            del self._looks[pane_id]
        return changed

    def forget(self, pane_ids: Iterable[str]) -> None:
        """The next look at these panes is the first one: what they show then is compared with nothing."""
        for pane_id in pane_ids:
            self._looks.pop(pane_id, None)

    def looked_at(self, pane_id: str) -> float | None:
        """When this pane's screen was looked at last (Unix s), or None."""
        look = self._looks.get(pane_id)
        return look.at if look else None
