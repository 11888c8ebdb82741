"""What a person sees: the first screen of a daemon, and colour where a terminal wants it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from telemetry.signals.log_sinks import wants_colour

_BOLD, _FAINT, _END = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def first_screen(title: str, rows: Sequence[tuple[str, str]], *, colour: bool) -> str:
    """A title and where to look, a row each: `  dashboard   http://127.0.0.1:8000`."""
    bold, faint, end = (_BOLD, _FAINT, _END) if colour else ("", "", "")
    width = max(len(name) for name, _ in rows)
    lines = [f"{bold}{title}{end}", ""]
    lines += [f"  {faint}{name.ljust(width)}{end}  {what}" for name, what in rows]
    return "\n".join(["", *lines, ""])


def draw(headers: Sequence[str], rows: Sequence[Sequence[str]], styles: Mapping[str, str] | None = None) -> None:
    """A table on standard output: coloured and fitted on a terminal, plain aligned columns in a pipe.

    Args:
        headers: One a column.
        rows: Texts; none of it is markup.
        styles: A style for each text that has one.
    """
    if not sys.stdout.isatty():
        widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
        for row in (headers, *rows):
            print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headers, box=box.SIMPLE_HEAD, header_style="dim")
    for row in rows:
        table.add_row(*(Text(text, style=(styles or {}).get(text, "")) for text in row))
    Console(no_color=not wants_colour(sys.stdout)).print(table)


def print_json(value: Any, default: Callable[[Any], Any] | None = None) -> None:
    """For programs; `default` makes a plain value of what JSON doesn't know."""
    import orjson

    print(orjson.dumps(value, default=default, option=orjson.OPT_INDENT_2).decode())


def duration(seconds: float) -> str:
    """In its largest unit: 42 s, 3 min, 5 h, 2 d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(max(0.0, seconds))} s"
