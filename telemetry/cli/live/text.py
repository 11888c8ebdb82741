"""Text for a terminal: made safe, measured in columns and cut to fit; lines of pieces that have a style each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from telemetry.clean import clean_line

Piece = tuple[str, str]
"""Text and the name of its style; "" is none."""
Line = Sequence[Piece]

_CODES = {
    "bold": "1",
    "dim": "2",
    "green": "32",
    "blue": "34",
    "yellow": "33",
    "bold yellow": "1;33",
    "bold red": "1;31",
    "magenta": "35",
    "bold white on red": "1;37;41",
}
_END = "\x1b[0m"
ELLIPSIS = "…"
_ASCII = str.maketrans({"…": "~", "–": "-", "·": "|", "■": "#", "▲": "!", "◆": "?", "○": "o", "●": "*", "✓": "+"})
"""For a terminal of an old locale."""


def one_line(text: object) -> str:
    """Safe to print, on one line."""
    return clean_line(text)


def width(text: str) -> int:
    """Columns on a terminal: two for most of Chinese, Japanese and Korean."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, columns: int) -> str:
    """The text, or as much of its beginning as fits with an ellipsis."""
    if width(text) <= columns:
        return text
    if columns < 1:
        return ""
    kept = text[: columns - 1]
    while width(kept) > columns - 1:
        kept = kept[:-1]
    return kept.rstrip() + ELLIPSIS


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """Cut, then filled up with blanks."""
    shown = cut(text, columns)
    blanks = " " * (columns - width(shown))
    return blanks + shown if right else shown + blanks


def fit(line: Line, columns: int) -> list[Piece]:
    """As much of a line as fits."""
    left, kept = columns, []
    for text, style in line:
        shown = cut(text, left)
        kept.append((shown, style))
        left -= width(shown)
        if shown != text:
            break
    return kept


def wrap(text: str, columns: int) -> list[str]:
    """The text in lines that fit, broken between words; a word that is longer than a line is cut."""
    lines: list[str] = []
    for word in text.split():
        if lines and width(lines[-1]) + 1 + width(word) <= columns:
            lines[-1] += " " + word
        else:
            lines.append(cut(word, columns))
    return lines


def as_text(lines: Iterable[Line], *, colour: bool, encoding: str | None = "utf-8") -> str:
    """Lines with their line feeds, as they go to a terminal or into a pipe; nothing ends in blanks."""
    shown = "".join(_painted(line, colour) + "\n" for line in lines)
    name = (encoding or "utf-8").lower().replace("_", "-")
    if name in ("utf-8", "utf8"):
        return shown
    return shown.translate(_ASCII).encode(name, "replace").decode(name)


def _painted(line: Line, colour: bool) -> str:
    if not colour:
        return "".join(text for text, _ in line).rstrip()
    return "".join(f"\x1b[{_CODES[style]}m{text}{_END}" if style in _CODES and text else text for text, style in line)
