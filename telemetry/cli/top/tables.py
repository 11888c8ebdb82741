"""The two tables of `top`. Only the lines that are on the screen are made: a thousand agents cost as much as thirty.

The cursor stays on what it stands on while rows come, go and change places; on the first row it stays the first, so
that whoever looks over finds it on the worst.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from telemetry.cli.live.board import Item
from telemetry.cli.live.lines import alert_words, is_taken
from telemetry.cli.live.overview import Overview
from telemetry.cli.live.text import Piece, fit, one_line, pad, width
from telemetry.cli.styles import LEVEL_STYLES
from telemetry.cli.top.rows import Rates, columns, header, key_of, line

_LONGEST_NAME = 32
_HEADER = 1
"""Lines above the rows, which stay when those are scrolled."""


class Table(ScrollView, can_focus=True):
    """Rows under a heading, and a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "go(-1)", "up", show=False),
        Binding("down", "go(1)", "down", show=False),
        Binding("pageup", "go_page(-1)", "page up", show=False),
        Binding("pagedown", "go_page(1)", "page down", show=False),
        Binding("home,g", "go(-1000000)", "first", show=False),
        Binding("end,G", "go(1000000)", "last", show=False),
    ]

    def __init__(self, id: str) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self.rows: Sequence[Item] = ()
        self.row = 0
        """Where the cursor stands."""
        self._heading: Sequence[Piece] = ()
        self._line: Callable[[Item], Sequence[Piece]] = lambda _: ()
        self._key: Callable[[Item], str] = lambda _: ""

    @property
    def chosen(self) -> Item | None:
        """What the cursor stands on."""
        return self.rows[self.row] if self.row < len(self.rows) else None

    def put(
        self,
        heading: Sequence[Piece],
        rows: Sequence[Item],
        key: Callable[[Item], str],
        line: Callable[[Item], Sequence[Piece]],
    ) -> None:
        """Other rows; `line` makes one of them when it is looked at."""
        chosen = None if self.chosen is None else self._key(self.chosen)
        before = len(self.rows)
        self._heading, self.rows, self._key, self._line = heading, rows, key, line
        found = next((at for at, one in enumerate(rows) if key(one) == chosen), None) if self.row else 0
        self.row = min(self.row, max(0, len(rows) - 1)) if found is None else found
        self.virtual_size = Size(self.size.width, len(rows) + _HEADER)
        self.refresh(layout=before != len(rows))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are, where the style sheet asks for that."""
        return len(self.rows) + _HEADER

    def render_line(self, y: int) -> Strip:
        """One line of what is seen."""
        columns = self.size.width
        if y < _HEADER:
            return self._strip(self._heading, columns, Style.null())
        at = y - _HEADER + int(self.scroll_offset.y)
        if at >= len(self.rows):
            return Strip.blank(columns, self.rich_style)
        cursor = Style(reverse=True) if at == self.row and self.has_focus else Style.null()
        return self._strip(self._line(self.rows[at]), columns, cursor)

    def _strip(self, pieces: Sequence[Piece], columns: int, over: Style) -> Strip:
        base = self.rich_style
        segments = [Segment(text, base + Style.parse(style) + over) for text, style in fit(pieces, columns)]
        return Strip(segments).adjust_cell_length(columns, base + over)

    def action_go(self, step: int) -> None:
        """So many rows on."""
        self.row = max(0, min(self.row + step, len(self.rows) - 1))
        top, seen = int(self.scroll_offset.y), max(1, self.size.height - _HEADER)
        if not top <= self.row < top + seen:
            self.scroll_to(y=self.row if self.row < top else self.row - seen + 1, animate=False, immediate=True)
        self.refresh()

    def action_go_page(self, step: int) -> None:
        """So many screens on."""
        self.action_go(step * max(1, self.size.height - _HEADER - 1))

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()


class Agents(Table):
    """The agents."""

    def show(self, agents: Sequence[Item], found: Overview, rates: Rates, total: int) -> None:
        """These, in this order, on a terminal of so many columns."""
        longest = min(_LONGEST_NAME, max((width(one_line(one["name"])) for one in agents), default=8))
        made = columns(total, longest, several=len(found.groups) > 1)
        self.put(header(made), agents, key_of, lambda one: line(one, made, found.now, rates))


class Alerts(Table):
    """What is open and told, the worst first."""

    def show(self, found: Overview) -> None:
        """Those of an overview; nothing at all where there is none."""
        self.display = bool(found.alerts)
        title = f"{len(found.alerts)} OPEN" + (f", {found.quiet} QUIET" if found.quiet else "")
        several = len(found.groups) > 1
        self.put(
            [(f" {'ID':<10}  {'LEVEL':<8}  {title}", "dim")],
            found.alerts,
            lambda one: str(one["id"]),
            lambda one: self._pieces(one, found.now, several=several),
        )

    @staticmethod
    def _pieces(alert: Item, now: float, *, several: bool) -> list[Piece]:
        level = alert["level"]
        return [
            (f" {pad(one_line(alert['id']), 10)}  ", "dim"),
            (pad(level, 8), LEVEL_STYLES.get(level, "")),
            (f"  {alert_words(alert, now, several=several)}", "dim" if is_taken(alert) else ""),
        ]
