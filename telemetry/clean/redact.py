"""Secrets in a text: found by their looks, or by the word before them."""

from __future__ import annotations

import re
from typing import NamedTuple

from telemetry.clean import secret_forms as forms
from telemetry.clean.secret_forms import REDACTED
from telemetry.clean.secret_names import is_secret_key, redact_named
from telemetry.clean.told import redact_told

__all__ = ["REDACTED", "is_secret_key", "redact"]

_SHORTEST_SECRET = 5  # `pwd=x`

# Each sign of a form is looked for from its rarest character, which `re` finds as fast as C can, and is compared from
# there: a twentieth of what the forms' own patterns would cost on a text without secrets.
_RAREST_FIRST = "_-JQZXKVGYUWMNPRDOCFBHLEITSAqxzj~=:."
_APART = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf])|(?<=%[0-9A-Fa-f]{2})|(?<=\\x[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4}))"


class _Looks(NamedTuple):
    """The forms that have a sign with this character in it."""

    character: str
    signs: re.Pattern[str] | str
    """A pattern for any of several, or the only one as it is."""
    forms: re.Pattern[str]


def _rarest(sign: str) -> str:
    return next((letter for letter in _RAREST_FIRST if letter in sign), sign[-1])


def _look_for(signs: list[str], rare: str) -> str:
    """A pattern that begins with the rare character and finds any of the signs."""
    found = []
    for sign in signs:
        at = sign.index(rare)
        found.append(
            f"(?<={re.escape(sign[: at + 1])})" + (f"(?={re.escape(sign[at + 1 :])})" if sign[at + 1 :] else "")
        )
    before = {re.escape(sign[: sign.index(rare)][-2:] + rare) for sign in signs}
    quick = f"(?<={'|'.join(sorted(before))})" if len({len(sign) for sign in before}) == 1 else ""
    return f"{re.escape(rare)}{quick}(?:{'|'.join(found)})"


def _pattern(form: forms.Form) -> str:
    return (_APART if form.apart else "") + (f"({form.keep})" if form.keep else "") + form.pattern


def _looks() -> tuple[_Looks, ...]:
    by_rare: dict[str, tuple[list[str], list[forms.Form]]] = {}
    for form in forms.FORMS:
        for sign in form.signs:
            signs, alike = by_rare.setdefault(_rarest(sign), ([], []))
            if sign not in signs:
                signs.append(sign)
            if form not in alike:
                alike.append(form)
    return tuple(
        _Looks(
            rare,
            re.compile(_look_for(signs, rare)) if len(signs) > 1 else signs[0],
            re.compile("|".join(map(_pattern, alike))),
        )
        for rare, (signs, alike) in by_rare.items()
    )


_LOOKS = _looks()
_KEY_LINES = tuple(re.compile(f"({before}){forms.KEY_LINES}") for before in forms.BEFORE_KEY_LINES)
_KEY_TAILS = tuple(re.compile(f"({before}){forms.KEY_TAIL}") for before in forms.BEFORE_KEY_LINES)
_SHORTEST_KEY_LINE = 64
_USERINFO = re.compile("://(?:" + "|".join(forms.USERINFO) + ")")


def redact(text: str) -> str:
    """The text with `[redacted]` wherever a secret stood."""
    if len(text) < _SHORTEST_SECRET:
        return text
    for character, signs, alike in _LOOKS:
        if character in text and (signs in text if isinstance(signs, str) else signs.search(text)):
            text = alike.sub(_redacted, text)
    if len(text) >= _SHORTEST_KEY_LINE and _has_long_word(text):
        text = _redact_lines(text, _KEY_LINES)
    if "PRIVATE KEY" in text:
        text = _redact_lines(text, _KEY_TAILS)
    if "@" in text and "://" in text:
        text = _USERINFO.sub(f"://{REDACTED}@", text)
    return redact_named(redact_told(text))


def _redacted(match: re.Match[str]) -> str:
    kept = match.lastindex
    return match[kept] + REDACTED if kept else REDACTED


def _has_long_word(text: str) -> bool:
    """Whether there are 64 characters without a blank between them."""
    at = 0
    while (end := at + _SHORTEST_KEY_LINE) <= len(text):
        blank = text.rfind(" ", at, end)
        if blank < 0 and (blank := text.rfind("\n", at, end)) < 0:
            return True
        at = blank + 1
    return False


def _redact_lines(text: str, patterns: tuple[re.Pattern[str], ...]) -> str:
    at_start, after_break, after_written_break = patterns
    if at_start.match(text):
        text = at_start.sub(_redacted_lines, text)
    if "\n" in text:
        text = after_break.sub(_redacted_lines, text)
    if "\\n" in text:
        text = after_written_break.sub(_redacted_lines, text)
    return text


def _redacted_lines(match: re.Match[str]) -> str:
    last = match[0][-1]  # what ends a line is no part of the key
    return _redacted(match) + ("" if last.isalnum() or last in "+/=-" else last)
