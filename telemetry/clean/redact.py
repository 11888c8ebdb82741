"""Secrets in a text: found by their looks, or by the word before them."""

from __future__ import annotations

import re
from typing import NamedTuple

from telemetry.clean import secret_forms as forms
from telemetry.clean.secret_forms import REDACTED
from telemetry.clean.secret_names import is_secret_key, redact_named
from telemetry.clean.told import redact_told
from telemetry.clean.wrapped import has_cut_sign, is_any_cut, redact_wrapped

__all__ = ["REDACTED", "is_secret_key", "redact"]

_SHORTEST_SECRET = 5  # `pwd=x`

# Each sign of a form is looked for from its rarest character, which `re` finds as fast as C can, and is compared from
# there: a twentieth of what the forms' own patterns would cost on a text without secrets.
_RAREST_FIRST = "_-JQZXKVGYUWMNPRDOCFBHLEITSAqxzj~=:."
_APART = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf])|(?<=%[0-9A-Fa-f]{2})|(?<=\\x[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4}))"


class _Looks(NamedTuple):
    """The forms that have a sign with this character in it."""

    character: str
    signs: re.Pattern[str]
    only_sign: str
    """Where there is but one: quicker to find so."""
    forms: re.Pattern[str]
    of_one_word: re.Pattern[str]
    """Those of them that a line break may cut."""


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
    before = {sign[: sign.index(rare)][-2:] for sign in signs}
    last = {letters[-1:] for letters in before}
    quick = ""
    if all(len(letters) == 2 for letters in before):  # noqa: PLR2004 - as many as the slice takes
        quick = f"(?<={'|'.join(re.escape(letters + rare) for letters in sorted(before))})"
    elif "" not in last:
        quick = f"(?<=[{re.escape(''.join(sorted(last)))}]{re.escape(rare)})"
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
            re.compile(_look_for(signs, rare)),
            signs[0] if len(signs) == 1 else "",
            re.compile("|".join(map(_pattern, alike))),
            re.compile(
                "|".join(_pattern(form) for form in alike if not form.keep and r"\s" not in form.pattern) or "(?!)"
            ),
        )
        for rare, (signs, alike) in by_rare.items()
    )


_LOOKS = _looks()
_SIGNS = tuple((looks.character, looks.only_sign, looks.signs, number) for number, looks in enumerate(_LOOKS))
_KEY_LINES = tuple(re.compile(f"({before}){forms.KEY_LINES}") for before in forms.BEFORE_KEY_LINES)
_KEY_TAILS = tuple(re.compile(f"({before}){forms.KEY_TAIL}") for before in forms.BEFORE_KEY_LINES)
_SHORTEST_KEY_LINE = 64
_WRITTEN_OUT = (
    r"\\{1,16}(?:(?:u001[bB]|x1[bB]|033|e)\[[0-?]{0,32}[ -/]{0,4}[@-~]"  # colours
    r"|u(?:00[01][0-9a-fA-F]|007[fF]|00[89][0-9a-fA-F]|00[aA][dD]|061[cC]|180[eE]|200[b-fB-F]|20[26][0-9a-fA-F]"
    r"|[fF][eE][fF][fF])|x(?:[01][0-9a-f]|7f|[89][0-9a-f]|ad))"
)
_HIDDEN = re.compile(_WRITTEN_OUT)
"""What nobody sees, and may stand inside a secret: written out, as `clean_text` leaves it."""
_REST = re.compile(rf"(?<={re.escape(REDACTED)})(?!\\+(?:x00|u0000))(?:{_WRITTEN_OUT})+[A-Za-z0-9_+/=.~-]+")
"""The rest of a secret, behind that; not behind NUL, which ends a variable of a process's environment."""
_MASKED_BEFORE = f"{REDACTED}\\"
_USERINFO = re.compile("://(?:" + "|".join(forms.USERINFO) + ")")


def redact(text: str) -> str:
    """The text with `[redacted]` wherever a secret stood."""
    if len(text) < _SHORTEST_SECRET:
        return text
    text = _redact_plain(text)
    if "\\" in text:
        if _MASKED_BEFORE in text:
            text = _REST.sub("", text)
        bare = _HIDDEN.sub("", text)
        if len(bare) < len(text) and (shown := _redact_plain(bare)) != bare:
            return shown  # without what hid it
    return text


def _redact_plain(text: str) -> str:
    found = []
    for character, only_sign, signs, number in _SIGNS:
        if character in text and (only_sign in text if only_sign else signs.search(text)):
            found.append(_LOOKS[number])
    if "\n" in text:
        text = _redact_cut(text, "\n", found)
    if "\\n" in text:
        text = _redact_cut(text, "\\n", found)
    for looks in found:
        text = looks.forms.sub(_redacted, text)
    if len(text) >= _SHORTEST_KEY_LINE and _has_long_word(text):
        text = _redact_lines(text, _KEY_LINES)
    if "PRIVATE KEY" in text:
        text = _redact_lines(text, _KEY_TAILS)
    if "@" in text and "://" in text:
        text = _USERINFO.sub(f"://{REDACTED}@", text)
    return redact_named(redact_told(text))


def _redact_cut(text: str, line_break: str, found: list[_Looks]) -> str:
    if has_cut_sign(text, line_break):
        found = list(_LOOKS)
    elif found:
        found = [looks for looks in found if is_any_cut(text, looks.signs)]
    return redact_wrapped(text, line_break, [looks.of_one_word for looks in found]) if found else text


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
