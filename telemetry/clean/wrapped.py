"""Keys that a line break cuts in two or more: looked for in the line as it was before it was wrapped.

A terminal, a mail or a box around a text (`│ … │`) breaks a key where the line is full: `sk-ant-…` at the end of one,
the rest at the beginning of the next, behind its margin. The collector does the same (redactionprocessor/wrapped.go).
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

from telemetry.clean.secret_forms import FORMS
from telemetry.clean.secret_names import without_spans

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGN_LETTERS = string.ascii_letters + string.digits + "_.-"
_LETTERS = string.ascii_letters + string.digits + "_+/=.~-"
_LETTER = r"[A-Za-z0-9_+/=.~-]"
_FRAMES = "│┃|"
_WRITTEN_FRAMES = ("u2502", "u2503")
_FRAME = rf"(?:[{_FRAMES}]|\\{{1,16}}u250[23])"
_MARGIN = rf"[ \t]{{0,40}}(?:(?:{_FRAME}|>)[ \t]{{0,8}})?"
_ENDS = _FRAMES + "\r\\23"
_SHORTEST_WORD = 8
_LONG_BEGUN = 12
_MOST_LINES = 16
_SHORTEST_AFTER_SIGN = 16
_BREAKS = ("\n", "\\n")


def _next_line(written: str, ends: str, begins: str) -> re.Pattern[str]:
    """A line that begins so, where the one before ends so, or in a frame."""
    return re.compile(rf"{written}(?<=[{ends}\r\\{_FRAMES}]{written}){_MARGIN}({begins})")


_NEXT_LINES = {line: _next_line(re.escape(line), r"A-Za-z0-9_+/=.~\-", f"{_LETTER}++") for line in _BREAKS}
_LONG_NEXT_LINES = {
    line: _next_line(re.escape(line), r"A-Za-z0-9_.", f"{_LETTER}{{{_SHORTEST_AFTER_SIGN}}}") for line in _BREAKS
}
_CUT = re.compile(
    rf"{_LETTER}++(?:[ \t]{{0,200}}{_FRAME})?\\{{0,16}}(?:\r|r\\{{1,16}})?(?:\n|(?<=\\)n){_MARGIN}{_LETTER}",
)
_LOOKS_LIKE_A_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DIGIT = re.compile(r"[0-9]")
_MIXED = re.compile(r"[0-9]|[a-z][A-Z]")


_WHOLE_SIGNS = frozenset(
    "glpat- glrt- glcbt- glptt- gldt- AccountKey= SharedAccessKey= .atlasv1. fm1_ fm2_ dt0c01.".split(),  # noqa: SIM905  easier to read
)
"""Those of which the list has only the end."""
_SIGNS = frozenset((*_WHOLE_SIGNS, *(sign for form in FORMS if not form.keep for sign in form.signs)))


def _rests_of_signs() -> dict[str, tuple[str, ...]]:
    rests: dict[str, set[str]] = {}
    for sign in _SIGNS:
        for at in range(1, len(sign)):
            rests.setdefault(sign[:at], set()).add(sign[at:])
    return {begun: tuple(found) for begun, found in rests.items()}


_RESTS_OF_SIGNS = _rests_of_signs()
_LONGEST_SIGN = max(map(len, _RESTS_OF_SIGNS)) + 1


def is_any_cut(text: str, signs: re.Pattern[str]) -> bool:
    """Whether a word with one of the signs in it ends with its line, and the next line begins with a word."""
    return any(_CUT.match(text, match.start()) for match in signs.finditer(text))


def has_cut_sign(text: str, line_break: str) -> bool:
    """Whether such a break stands inside what a key begins with: `gh`, and `p_…` on the next line."""
    for match in _LONG_NEXT_LINES[line_break].finditer(text):
        end = match.start()
        if text[end - 1] in _ENDS:
            end = _end_of_line(text, end, line_break)
        line = text[max(0, end - _LONGEST_SIGN) : end]
        rests = _RESTS_OF_SIGNS.get(line[len(line.rstrip(_SIGN_LETTERS)) :])
        if rests and text.startswith(rests, match.start(1)):
            return True
    return False


def redact_wrapped(text: str, line_break: str, looks: list[re.Pattern[str]]) -> str:
    """The text with `[redacted]` for each piece of what one of the patterns matches across such a break: a line feed,
    or one that is written out, `\\n`.
    """
    spans = [
        span
        for pieces in _wrapped(text, line_break, _NEXT_LINES[line_break])
        for pattern in looks
        for span in _secrets(text, pieces, pattern)
    ]
    return without_spans(text, spans)


def _wrapped(text: str, written: str, next_line: re.Pattern[str]) -> Iterator[list[tuple[int, int]]]:
    """Where the pieces stand of what may be one word: the end of a line, and the beginnings of those after it."""
    pieces: list[tuple[int, int]] = []
    for match in next_line.finditer(text):
        end = _end_of_line(text, match.start(), written)
        if pieces and pieces[-1][1] != end:
            yield pieces
            pieces = []
        if not pieces:
            line = text[text.rfind(written, 0, match.start()) + 1 : end]
            start = end - len(line) + len(line.rstrip(_LETTERS))
            if text[start - 1 : start] == "\\" and text[start] in "nrtbf":  # of a break that is written out
                start += 1
            pieces.append((start, end))
        pieces.append(match.span(1))
    if pieces:
        yield pieces


def _end_of_line(text: str, at: int, written: str) -> int:
    """Where the line's text ends that the break at this place ends: before a frame, and before `\\r`."""
    end = at
    carriage = "\r" if written == "\n" else "\\r"
    while end and text[end - 1] == "\\":
        end -= 1
    if text.endswith(carriage, 0, end):
        end -= len(carriage)
    while end and text[end - 1] == "\\":
        end -= 1
    framed = end and text[end - 1] in _FRAMES
    if framed:
        end -= 1
    elif text.endswith(_WRITTEN_FRAMES, 0, end):
        end -= len(_WRITTEN_FRAMES[0])
        while end and text[end - 1] == "\\":
            framed = True
            end -= 1
        end += 0 if framed else len(_WRITTEN_FRAMES[0])
    while framed and end and text[end - 1] in " \t":
        end -= 1
    return end


def _secrets(text: str, pieces: list[tuple[int, int]], pattern: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    first = 0
    while first < len(pieces) - 1:
        found = _secret_from(text, pieces[first : first + _MOST_LINES], pattern)
        yield from found
        first += max(1, len(found) - 1)


def _secret_from(text: str, pieces: list[tuple[int, int]], pattern: re.Pattern[str]) -> list[tuple[int, int]]:
    """The pieces of a secret that begins in the first one, and goes on in the next."""
    joined = "".join(text[start:end] for start, end in pieces)
    begins, size = pieces[0]
    size -= begins
    for match in pattern.finditer(joined):
        start = match.start()
        if start >= size:
            break
        if match.end() <= size or (joined[start - 1 : start].isalnum() and joined[start:size].isalnum()):
            continue  # on one line, or `SK…` in `TASK`
        found = [(begins + start, pieces[0][1])]
        done = size
        for piece in pieces[1:]:
            rest = text[piece[0] : piece[1]]
            goes_to_its_end = match.end() >= done + len(rest.rstrip("=."))
            if done >= match.end() or not goes_to_its_end or not _continues(joined[start:done], rest, pattern):
                break
            found.append(piece)
            done += len(rest)
        return found if len(found) > 1 else []
    return []


def _continues(begun: str, rest: str, pattern: re.Pattern[str]) -> bool:
    """Whether the rest may be the key's, and is no word that happens to begin the line after it."""
    if _LOOKS_LIKE_A_TIME.match(rest):
        return False
    if pattern.match(begun):
        return len(rest) >= _SHORTEST_WORD and _is_mixed(rest)
    if begun in _RESTS_OF_SIGNS or begun in _SIGNS:  # the break is inside the sign, or right behind it
        return True
    return bool(_DIGIT.search(rest)) or (_is_mixed(begun) and (len(begun) >= _LONG_BEGUN or _is_mixed(rest)))


def _is_mixed(word: str) -> bool:
    return bool(_MIXED.search(word))
