"""Secrets that only the word before them gives away, in a text and as a field's name."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from telemetry.clean.limits import NAME_LIMIT
from telemetry.clean.secret_commands import JAPANESE
from telemetry.clean.secret_forms import ASSIGNED, BEARER, ENCODED_QUOTE, HARMLESS_ENDS, PAIRS, REDACTED, WORDS

_BEARER = re.compile(rf"\b(bearer[ \t]{{1,4}}){BEARER}", re.IGNORECASE)

_NAMED_WORDS = ("pass", "pwd", "secret", "token", "key", "auth", "cookie", "credential", "signature", "jwt", "webhook")
_REST_OF_KEY = re.compile(r"[\w-]{0,80}+")
_SEPARATOR = re.compile(
    rf"(?:\\{{0,16}}[\"']|{ENCODED_QUOTE})?\]?[ \t]{{0,4}}(?:{ASSIGNED})(?:[ \t]|%20){{0,4}}(?:{ENCODED_QUOTE})?"
    r"(?:(?:[|>][+-]?[ \t]{0,4})?(?:\r?\n|\\{1,16}n)[ \t]{1,40}(?![ \t\n]))?"  # YAML: the value stands on the next line
    r"|>(?=[^<\s]{1,1000}</)",  # XML
)
_BLANKS = re.compile(r"[ \t]{1,4}(?!-)")
_PIECE = r"[^\s\"'\\()]{1,200}"
_VALUE = re.compile(
    # Quoted, and cut into lines: a piece on each, without a blank in it.
    rf"\"({_PIECE}(?:\r?\n[ \t]{{0,40}}{_PIECE}){{1,4}})\"|'({_PIECE}(?:\r?\n[ \t]{{0,40}}{_PIECE}){{1,4}})'"
    rf"|\\+[\"']({_PIECE}(?:\\{{1,16}}n[ \t]{{0,40}}{_PIECE}){{1,4}})\\+[\"']"
    r"|\"((?:[^\"\\\n]|\\.)*+)|'((?:[^'\\\n]|\\.)*+)|\\+[\"']([^\"'\\\n]*+)|([^\s\"'\\,;&)}\]][^\s\"'\\,;&)}\]]*+)",
)
_LINE = re.compile(r"\\*[\"']?([^\r\n\"'\\]++)")
_LONGEST_KEY = 80
_NOT_A_VALUE = ("[redacted", '"[redacted', "'[redacted", '\\"[redacted')


def redact_named(text: str) -> str:
    """The text with `[redacted]` for each value that the name before it makes a secret."""
    named = ":" in text or "=" in text or "</" in text or "%" in text or "&" in text or "\\" in text or "：" in text
    if not named and " " not in text:
        return text
    low = text.lower()
    if "bearer" in low:
        text = _BEARER.sub(rf"\1{REDACTED}", text)
        low = text.lower()
    if not named and "-" not in text:
        return text
    if len(low) != len(text):  # a letter whose small form is two
        low = "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)
    spans: list[tuple[int, int]] = []
    for word in _NAMED_WORDS:
        at = low.find(word)
        while at >= 0:
            end = at + len(word)
            if (span := _secret_near(text, at, end)) is not None:
                spans.append(span)
                end = max(
                    end, span[1]
                )  # what stands inside a value is gone already, and looking again costs its square
            at = low.find(word, end)
    return without_spans(text, spans) if spans else text


def _secret_near(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Where the value stands that the key around `text[start:end]` names, if that is a secret's."""
    end = _REST_OF_KEY.match(text, end).end()  # type: ignore[union-attr]  # it matches the empty text too
    between = _SEPARATOR.match(text, end)
    if between is None and (between := _BLANKS.match(text, end)) is None:
        return None
    furthest = max(0, start - _LONGEST_KEY)
    while start > furthest and ((before := text[start - 1]) in "-_." or before.isalnum()):
        start -= 1
    if text[start] in "nrt" and text[start - 1 : start] == "\\":  # a line break that is written out
        start += 1
    key = text[start:end]
    if (between[0].isspace() and key[0] != "-") or not is_secret_key(key):
        return None
    if text.startswith(_NOT_A_VALUE, between.end()) or (
        key.lower() == "pwd" and text.startswith(("/", "~"), between.end())
    ):
        return None
    is_line = key.lower().endswith(("authorization", "cookie")) or (
        key.lower().endswith("passphrase") and between[0].endswith((": ", ":\t"))
    )
    value = (_LINE if is_line else _VALUE).match(text, between.end())
    if value is None or not value.lastindex:
        return None
    return None if value[value.lastindex].lower() in _NO_SECRETS else value.span(value.lastindex)


def without_spans(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with `[redacted]` for each span; two that overlap become one."""
    pieces: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if start >= done:
            pieces += (text[done:start], REDACTED)
        done = max(done, end)
    pieces.append(text[done:])
    return "".join(pieces)


_NO_SECRETS = frozenset({"", "none", "null", "true", "false", "unset", "missing", "required", "{", "[", "(", "***"})


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@lru_cache(maxsize=4096)
def _names_a_secret(key: str) -> bool:
    if not key.isascii() and key.rstrip("0123456789").endswith(JAPANESE):
        return True
    words = [word.lower() for word in _WORD.findall(key)]
    if not words or words[-1] in HARMLESS_ENDS:
        return False
    joined = "".join(words)
    return (
        not WORDS.isdisjoint(words)
        or joined == "auth"
        or joined.endswith(("token", "secret", "apikey", "privatekey", "secretkey", "accesskey"))
        or "password" in joined
        or "passwd" in joined
        or any(first in PAIRS.get(second, ()) for first, second in pairwise(words))
    )


def is_secret_key(key: str) -> bool:
    """Whether a field called `key` holds a secret.

    `api_key`, `accessToken`, `X-Auth-Token`, `SMTP_PASS` do; `token_count`, `tokens`, `trace_id`, `secret_name` don't.
    """
    return _names_a_secret(key if len(key) <= NAME_LIMIT else key[-NAME_LIMIT:])
