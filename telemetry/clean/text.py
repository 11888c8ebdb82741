"""Names and messages: printable, bounded, without secrets."""

from __future__ import annotations

import hashlib
import re

from telemetry.clean.limits import LOOKAHEAD, NAME_LIMIT, TEXT_LIMIT
from telemetry.clean.objects import CONTAINERS, from_bytes, from_int, shown_by
from telemetry.clean.redact import redact

NAMELESS = "unnamed"
"""Stands in for a name that is empty or nothing but blanks."""

_MEMO_LENGTH = 100
_MEMO_SIZE = 4096

_known_texts: set[str] = set()
_known_names: set[str] = set()
"""Short ones found clean before: most names, keys and messages come again and again."""

# Escape sequences of a terminal, removed whole. The quantifiers are possessive: hostile input costs linear time.
_ESCAPE_SEQUENCE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*+[ -/]*+[@-~]"  # CSI: colours, cursor movements
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*+(?:\x07|\x1b\\\\|\x9c)"  # OSC, DCS, …: titles, links
    "|\x1b[ -/]++[0-~]"  # character sets
    "|\x1b[0-OQ-WYZ\\\\`-~]",  # two characters; not those that begin a string which never ends
)
_DECEIVING = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and line feed, DEL, C1
    "\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # invisible, or turning direction
    "\ud800-\udfff\ufffe\uffff"  # surrogates, non-characters
    "\U000e0000-\U000e00ff"  # tags: a second, invisible alphabet
)
_SAFE_ASCII = bytes(range(0x20, 0x7F)) + b"\n\t"
_UNSAFE_IN_TEXT = re.compile(f"[{_DECEIVING}]")
_INSIDE_A_WORD = re.compile(r"(?<=[A-Za-z0-9_-])[\xad\u200c\u200d]+(?=[A-Za-z0-9_-])")
"""Legal elsewhere; here it could only hide a secret."""
_UNSAFE_IN_NAME = re.compile(
    # A joiner between two pictures makes one emoji; anywhere else it is an invisible difference between two names.
    "(?<![\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])\u200d|\u200d(?![\u2190-\u2bff\U0001f000-\U0001faff])"
    f"|[{_DECEIVING}\t\n\xa0\xad\u034f\u115f\u1160\u1680\u17b4\u17b5\u2000-\u200c\u202f\u205f\u3164\uffa0]",
)


def clean_name(text: object) -> str:
    """The name as one printable line of 1 to 128 characters, without secrets.

    What can't be shown stands there as its escape (`\\x1b`, `\\u202e`, `\\udc80`), so that two names which differ
    only in it stay two names, and the same name always comes out the same. Of a name that is too long the beginning
    stays, with a short hash of the whole. Blanks around it are dropped; an empty name becomes `unnamed`.
    """
    if type(text) is str and text in _known_names:
        return text
    name = as_text(text).strip(" \t\r\n")
    if not name:
        return NAMELESS
    cut = len(name) > NAME_LIMIT
    shown = name[: NAME_LIMIT + LOOKAHEAD]
    shown = redact(_UNSAFE_IN_NAME.sub(_escaped, shown))
    if cut or len(shown) > NAME_LIMIT:
        digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
        return f"{shown[: NAME_LIMIT - 10]}…~{digest}"
    if type(text) is str and shown == text:
        _remember(_known_names, shown)
    return shown


def clean_text(text: object, limit: int = TEXT_LIMIT) -> str:
    """The text without secrets and without anything that acts on a terminal or hides from the reader.

    Line feeds and tabs stay (`\\r\\n`, `\\r` and Unicode's separators become line feeds); terminal escape
    sequences are removed whole; other controls, surrogates and invisible format characters stand there as their escapes
    (`\\x00`).

    Args:
        text: Anything; what isn't text is shown as `str()` has it.
        limit: The longest result, in characters. What is cut off is counted: `…[+812]`.
    """
    if type(text) is not str:
        text = as_text(text)
    length = len(text)
    if length < _MEMO_LENGTH and length <= limit:
        if text in _known_texts:
            return text
        cleaned = redact(_plain(text))
        if cleaned == text:
            _remember(_known_texts, text)
        elif len(cleaned) > limit:
            return _cut(cleaned, limit, 0)
        return cleaned
    hidden = 0
    if length > limit + LOOKAHEAD:
        hidden = length - limit - LOOKAHEAD
        text = text[: limit + LOOKAHEAD]
    cleaned = redact(_plain(text))
    return _cut(cleaned, limit, hidden) if hidden or len(cleaned) > limit else cleaned


def clean_line(text: object, limit: int = TEXT_LIMIT) -> str:
    """`clean_text` as one line: line breaks and runs of blanks become one blank each.

    Secrets are looked for before and after: a private key is known by its lines, and `password:` may have its value on
    the next one.
    """
    cleaned = clean_text(text, limit)
    line = " ".join(cleaned.split())
    return line if line == cleaned else clean_text(line, limit)


def as_text(value: object) -> str:
    """`str(value)` as an exact `str` that is not clean yet, or a word about why there is none; never raises."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[return-value]
    if issubclass(kind, str):
        return str.__str__(value)
    if value is None:
        return ""
    if issubclass(kind, (bytes, bytearray, memoryview)):
        return from_bytes(value)
    if issubclass(kind, int):
        return from_int(value)
    # The text of a big container would be bigger still.
    return shown_by(value, _container_text if issubclass(kind, CONTAINERS) else str)


def _container_text(value: object) -> str:
    from telemetry.clean.values import clean_value  # which imports this module

    return str(clean_value(value))


def _plain(text: str) -> str:
    # A pass or two in C over the whole text are far cheaper than one by the regular expression engine.
    if text.isascii():
        if not text.encode().translate(None, _SAFE_ASCII):
            return text
    elif text.replace("\n", "").replace("\t", "").replace("\u3000", "").isprintable():
        return text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _ESCAPE_SEQUENCE.sub("", text)
    text = _INSIDE_A_WORD.sub("", text.replace("\u2028", "\n").replace("\u2029", "\n"))
    return _UNSAFE_IN_TEXT.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def _cut(text: str, limit: int, hidden: int) -> str:
    hidden += len(text) - limit
    mark = f"…[+{hidden}]"
    mark = f"…[+{hidden + len(mark)}]"
    return text[: max(0, limit - len(mark))] + mark if len(mark) < limit else text[:limit]


def _remember(known: set[str], text: str) -> None:
    if len(text) < _MEMO_LENGTH:
        if len(known) >= _MEMO_SIZE:
            known.clear()
        known.add(text)
