"""Agent-made text made safe, secrets redacted, lengths bounded: once, where it enters.

Names, messages and field values come from agents and from whatever they read, so they may hold anything: terminal
escape sequences, NUL, lone surrogates (one of them in a log record loses the whole OTLP batch), characters that turn
the reading direction round, a megabyte, a password. What leaves this module can be put into a label, a JSON line, an
OTLP record and a terminal as it is.

- `clean_name` for identities: one line, printable, bounded, and distinct where the originals were.
- `clean_text` for messages: line breaks and tabs stay, the rest of the controls doesn't.
- `clean_value` for fields: plain data that JSON and OTLP can both carry.
- `is_secret_key` tells whether a field's name alone says that its value must not be written down.

None of them ever raises because of what it is given.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from itertools import islice, pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable

CleanValue: TypeAlias = "bool | int | float | str | list[CleanValue] | dict[str, CleanValue] | None"

REDACTED = "[redacted]"
NAMELESS = "unnamed"
"""Stands in for a name that is empty or nothing but blanks."""

NAME_LIMIT = 128
TEXT_LIMIT = 8192
VALUE_LIMIT = 4096
"""Longest name, message and string inside a field, in characters."""

DEPTH_LIMIT = 6
ITEM_LIMIT = 100
NODE_LIMIT = 1000
STRINGS_PER_FIELD = 4
"""How deep a field may nest, how many items one container shows, how many values one field holds in all, and how many
of the longest strings."""
_NODE_COST = 8  # characters that a value takes at least, with what stands around it

_INT64 = 1 << 63
_MEMO_LENGTH = 100
_MEMO_SIZE = 4096
_ROOM_FOR_A_MARK = 16
_LOOKAHEAD = 1024  # characters read beyond a limit, so that a secret standing across it is seen whole
_SHORTEST_SECRET = 5  # `pwd=x`

_known_texts: set[str] = set()
_known_names: set[str] = set()
"""Short ones found clean before: most names, keys and messages come again and again."""


# --- texts -----------------------------------------------------------------------------------------------------------

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
    shown = name[: NAME_LIMIT + _LOOKAHEAD]
    shown = _redact(_UNSAFE_IN_NAME.sub(_escaped, shown))
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
        cleaned = _redact(_plain(text))
        if cleaned == text:
            _remember(_known_texts, text)
        elif len(cleaned) > limit:
            return _cut(cleaned, limit, 0)
        return cleaned
    hidden = 0
    if length > limit + _LOOKAHEAD:
        hidden = length - limit - _LOOKAHEAD
        text = text[: limit + _LOOKAHEAD]
    cleaned = _redact(_plain(text))
    return _cut(cleaned, limit, hidden) if hidden or len(cleaned) > limit else cleaned


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
        return _from_bytes(value)
    if issubclass(kind, int):
        return _from_int(value)
    # The text of a big container would be bigger still.
    return _shown(clean_value(value) if issubclass(kind, _CONTAINERS) else value, str)


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
    text = text.replace("\u2028", "\n").replace("\u2029", "\n")
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


# --- secrets ---------------------------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-ant-[\w-]{4,}|sk-(?=[\w-]*\d)[\w-]{16,}|sk-[\w-]{32,}|[rs]k_(?:live|test)_\w{8,}"  # Anthropic, OpenAI, Stripe
    r"|gh[pousr]_[A-Za-z0-9]{10,}|github_pat_\w{10,}|glpat-[\w-]{10,}"
    r"|xox[a-z]-[\w-]{8,}|xapp-[\w-]{8,}"  # Slack
    r"|A(?:KIA|SIA)[0-9A-Z]{16}|AIza[\w-]{30,}"  # AWS, Google
    r"|eyJ[\w-]{8,400}+\.[\w-]+(?:\.[\w-]*)?"  # JWT
    r"|npm_[A-Za-z0-9]{20,}|hf_[A-Za-z0-9]{20,}|pypi-[\w-]{32,}"
    r")",
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"[^-]*+(?:-(?!----END )[^-]*+)*+(?:-----END [^-\n]{0,60}-----|-----END |\Z)",
)
_WEBHOOK = re.compile(
    r"((?:hooks\.slack\.com|hooks\.slack-gov\.com|discord(?:app)?\.com/api/webhooks|webhook\.office\.com)/)"
    r"[^\s\"'<>]+",
)
_USERINFO = re.compile(r"://(?:[^\s/?#\"'<>@:]*+:[^\s/?#\"'<>]*|[^\s/?#\"'<>@:]{20,}+)@")
_BEARER = re.compile(r"\b(bearer\s{1,4})[\w.~+/=-]{6,}", re.IGNORECASE)

# Looks for what a token can't be without. Each begins with one rare character, which `re` finds as fast as C can, and
# looks back from there: a twentieth of what `_TOKEN` itself would cost on a text without tokens.
_TOKEN_SIGNS = (
    ("_", re.compile(r"_(?:(?<=gh[pousr]_)|(?<=hub_pat_)|(?<=k_live_)|(?<=k_test_)|(?<=npm_)|(?<=hf_))")),
    ("-", re.compile(r"-(?:(?<=sk-)|(?<=xox[a-z]-)|(?<=xapp-)|(?<=glpat-)|(?<=pypi-))")),
    ("A", re.compile(r"A(?:KIA|SIA|Iza)")),
    ("J", re.compile(r"J(?<=eyJ)")),
)


def _redact(text: str) -> str:
    if len(text) < _SHORTEST_SECRET:
        return text
    for sign, look in _TOKEN_SIGNS:
        if sign in text and look.search(text):
            text = _TOKEN.sub(REDACTED, text)
            break
    if "-----BEGIN " in text:
        text = _PRIVATE_KEY.sub(REDACTED, text)
    if "/" in text:
        if "@" in text and "://" in text:
            text = _USERINFO.sub(f"://{REDACTED}@", text)
        if "hook" in text:
            text = _WEBHOOK.sub(rf"\1{REDACTED}", text)
    return _redact_named(text)


# Secrets that only the word before them gives away: `password=…`, `"api_key": "…"`, `--token …`, `Cookie: …`

_NAMED_WORDS = ("pass", "pwd", "secret", "token", "key", "auth", "cookie", "credential", "signature", "jwt", "webhook")
_REST_OF_KEY = re.compile(r"[\w-]{0,80}+")
_SEPARATOR = re.compile(r"\\{0,4}[\"']?[ \t]{0,4}(?:=>|:=|[:=])[ \t]{0,4}")
_BLANKS = re.compile(r"[ \t]{1,4}(?!-)")
_VALUE = re.compile(
    r"\"((?:[^\"\\\n]|\\.)*+)|'((?:[^'\\\n]|\\.)*+)|\\+[\"']([^\"'\\\n]*+)|([^\s\"'\\,;&)}\]][^\s\"'\\,;&)}\]]*+)",
)
_HEADER_VALUE = re.compile(r"\\*[\"']?([^\r\n\"'\\]++)")
_LONGEST_KEY = 80
_NOT_A_VALUE = ("[redacted", '"[redacted', "'[redacted", '\\"[redacted')


def _redact_named(text: str) -> str:
    named = ":" in text or "=" in text
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
    return _without_spans(text, spans) if spans else text


def _secret_near(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Where the value stands that the key around `text[start:end]` names, if that is a secret's."""
    end = _REST_OF_KEY.match(text, end).end()  # type: ignore[union-attr]  # it matches the empty text too
    between = _SEPARATOR.match(text, end)
    if between is None and (between := _BLANKS.match(text, end)) is None:
        return None
    furthest = max(0, start - _LONGEST_KEY)
    while start > furthest and ((before := text[start - 1]) in "-_." or before.isalnum()):
        start -= 1
    key = text[start:end]
    if (between[0].isspace() and key[0] != "-") or not is_secret_key(key):
        return None
    if text.startswith(_NOT_A_VALUE, between.end()) or (
        key.lower() == "pwd" and text.startswith(("/", "~"), between.end())
    ):
        return None
    is_header = key.lower().endswith(("authorization", "cookie"))
    value = (_HEADER_VALUE if is_header else _VALUE).match(text, between.end())
    if value is None or not value.lastindex:
        return None
    return None if value[value.lastindex].lower() in _NO_SECRETS else value.span(value.lastindex)


def _without_spans(text: str, spans: list[tuple[int, int]]) -> str:
    pieces: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if start >= done:
            pieces += (text[done:start], REDACTED)
        done = max(done, end)
    pieces.append(text[done:])
    return "".join(pieces)


_NO_SECRETS = frozenset({"", "none", "null", "true", "false", "unset", "missing", "required", "{", "[", "(", "***"})


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SECRET_WORDS = _words(
    """password passwd passphrase pwd secret secrets token apikey authorization cookie cookies credential credentials
    bearer jwt signature""",
)
_SECRET_PAIRS = frozenset(
    f"{first} {second}"
    for second, firsts in {
        "key": "api access private secret signing encryption account app application auth master session ssh license",
        "url": "webhook",
        "pass": "db smtp mail ftp ssh user login root admin proxy http redis pg mysql",
        "auth": "basic http proxy",
    }.items()
    for first in firsts.split()
)
_HARMLESS_ENDS = _words(
    """count counts total totals limit limits length len size usage used budget rate cost type kind name names method
    mode enabled expiry expires expired expiration ttl age at status state valid present missing set required error
    errors file path dir policy field header version provider source algorithm index position""",
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@lru_cache(maxsize=4096)
def _names_a_secret(key: str) -> bool:
    words = [word.lower() for word in _WORD.findall(key)]
    if not words or words[-1] in _HARMLESS_ENDS:
        return False
    joined = "".join(words)
    return (
        not _SECRET_WORDS.isdisjoint(words)
        or joined == "auth"
        or joined.endswith(("token", "secret", "apikey", "privatekey", "secretkey", "accesskey"))
        or "password" in joined
        or "passwd" in joined
        or any(f"{first} {second}" in _SECRET_PAIRS for first, second in pairwise(words))
    )


def is_secret_key(key: str) -> bool:
    """Whether a field called `key` holds a secret.

    `api_key`, `accessToken`, `X-Auth-Token`, `SMTP_PASS` do; `token_count`, `tokens`, `trace_id`, `secret_name` don't.
    """
    return _names_a_secret(key if len(key) <= NAME_LIMIT else key[-NAME_LIMIT:])


# --- values ----------------------------------------------------------------------------------------------------------


def clean_value(value: object, limit: int = VALUE_LIMIT) -> CleanValue:
    """The value as plain data: None, bool, int of 64 bits, finite float, clean str, and lists and dicts of these.

    NaN and the infinities become `"NaN"`, `"Infinity"`, `"-Infinity"`; longer integers their digits; bytes the text
    they hold; keys names; sets lists; dataclasses dicts; exceptions `ValueError: …`; anything else its `repr()`. A
    container inside itself, too deep or too long is cut, with a mark. What stands under a secret's key is redacted.

    Args:
        value: Anything.
        limit: The longest string in it, in characters.
    """
    kind = type(value)
    if kind is str:
        return clean_text(value, limit)
    if kind is int:
        return value if -_INT64 <= value < _INT64 else _from_int(value)  # type: ignore[operator,return-value]
    if kind is bool or value is None:
        return value  # type: ignore[return-value]
    return _Cleaning(limit).clean(value, 0)


def clean_field(key: str, value: object, limit: int = VALUE_LIMIT) -> CleanValue:
    """`clean_value(value)`, or `[redacted]` where the key names a secret."""
    if is_secret_key(key) and value is not None and type(value) is not bool:
        return REDACTED
    return clean_value(value, limit)


_CONTAINERS = (dict, list, tuple, set, frozenset, deque)


class _Cleaning:
    """One field on its way through: what is open above, and how much may still be shown."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = NODE_LIMIT
        self._room = limit * STRINGS_PER_FIELD
        self._open: list[int] = []

    def clean(self, value: object, depth: int) -> CleanValue:
        self._left -= 1
        self._room -= _NODE_COST
        kind = type(value)
        for base, convert in _SCALARS:
            if issubclass(kind, base):
                return convert(self, value)
        if issubclass(kind, _CONTAINERS) or _is_dataclass(kind):
            return self._container(value, kind, depth)
        if issubclass(kind, BaseException):
            return self.text(f"{type_name(value)}: {_shown(value, str)}")
        return self.text(_shown(value, str if issubclass(kind, _SPEAKING) else repr))

    def text(self, text: str) -> str:
        cleaned = clean_text(text, min(self._limit, max(self._room, _ROOM_FOR_A_MARK)))
        self._room -= len(cleaned)
        return cleaned

    def _container(self, value: object, kind: type, depth: int) -> CleanValue:
        if id(value) in self._open:
            return "…(itself)"
        if depth >= DEPTH_LIMIT or self._left <= 0:
            return f"…({type_name(value)})"
        self._open.append(id(value))
        try:
            return self._contents(value, kind, depth)
        except Exception as error:  # noqa: BLE001  another thread changed it meanwhile, say
            return f"<{type_name(value)}: unreadable, {type_name(error)}>"
        finally:
            self._open.pop()

    def _contents(self, value: Any, kind: type, depth: int) -> CleanValue:
        if issubclass(kind, dict):
            return self._mapping(list(islice(dict.items(value), ITEM_LIMIT)), depth, dict.__len__(value))
        if issubclass(kind, _CONTAINERS):
            return self._sequence(value, kind, depth)
        names = list(_class_attribute(kind, "__dataclass_fields__"))
        return self._mapping([(name, _attribute(value, name)) for name in names[:ITEM_LIMIT]], depth, len(names))

    def _mapping(self, pairs: list[tuple[object, object]], depth: int, total: int) -> CleanValue:
        out: dict[str, CleanValue] = {}
        for key, value in pairs:
            if self._left <= 0 or self._room <= 0:
                break
            given = key if type(key) is str else self._key(key)
            name = clean_name(given)
            self._room -= len(name)
            while name in out:  # two keys may look alike once cleaned: 1 and "1"
                name += "~"
            out[name] = REDACTED if is_secret_key(given) and value is not None else self.clean(value, depth + 1)
        hidden = total - len(out)
        if hidden > 0:
            out["…"] = f"+{hidden}"
        return out

    def _key(self, key: object) -> str:
        cleaned = self.clean(key, DEPTH_LIMIT - 1)
        return cleaned if isinstance(cleaned, str) else str(cleaned)

    def _sequence(self, value: object, kind: type, depth: int) -> CleanValue:
        base: Any = next(base for base in (list, tuple, deque, set, frozenset) if issubclass(kind, base))
        items = list(islice(base.__iter__(value), ITEM_LIMIT))
        hidden = base.__len__(value) - len(items)
        out: list[CleanValue] = []
        for item in items:
            if self._left <= 0 or self._room <= 0:
                break
            out.append(self.clean(item, depth + 1))
        hidden += len(items) - len(out)
        if base in (set, frozenset):
            out.sort(key=lambda item: (type(item).__name__, str(item)))  # the same set gives the same line
        if hidden > 0:
            out.append(f"…(+{hidden})")
        return out


def _clean_int(cleaning: _Cleaning, value: Any) -> CleanValue:
    number = int.__int__(value)
    return number if -_INT64 <= number < _INT64 else cleaning.text(_from_int(number))


def _clean_float(_cleaning: _Cleaning, value: Any) -> CleanValue:
    number = float.__float__(value)
    if number - number == 0.0:
        return number
    return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"  # noqa: PLR0124


def _clean_enum(cleaning: _Cleaning, value: Any) -> CleanValue:
    return cleaning.clean(_attribute(value, "value"), DEPTH_LIMIT)


_SCALARS: tuple[tuple[Any, Callable[[_Cleaning, Any], CleanValue]], ...] = (
    (type(None), lambda _cleaning, _value: None),
    (bool, lambda _cleaning, value: bool(value)),
    (str, lambda cleaning, value: cleaning.text(str.__str__(value))),
    (int, _clean_int),
    (float, _clean_float),
    (Enum, _clean_enum),
    ((bytes, bytearray, memoryview), lambda cleaning, value: cleaning.text(_from_bytes(value))),
)
_SPEAKING = (date, datetime, time, timedelta, Decimal, PurePath, UUID)
"""Types whose `str()` says it better than their `repr()`."""


def _class_attribute(kind: type, name: str) -> Any:
    """What the class or a base of it holds under that name, without asking a metaclass; None where none does."""
    for base in _MRO(kind):
        if name in (found := _CLASS_DICT(base)):
            return found[name]
    return None


def _is_dataclass(kind: type) -> bool:
    return type(_class_attribute(kind, "__dataclass_fields__")) is dict


def _attribute(value: object, name: str) -> object:
    try:
        return object.__getattribute__(value, name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  a field that was never set, a property that raises
        return f"…({type_name(error)})"


def _from_bytes(value: Any) -> str:
    try:
        head = bytes(memoryview(value).cast("B")[: TEXT_LIMIT + _LOOKAHEAD])
        hidden = memoryview(value).nbytes - len(head)
    except (TypeError, ValueError):  # a view that was released, or isn't contiguous
        return "…(memoryview)"
    text = head.decode("utf-8", "backslashreplace")
    return f"{text}…[+{hidden} bytes]" if hidden else text


def _from_int(value: Any) -> str:
    number = int.__int__(value)
    if number.bit_length() > 4096:  # noqa: PLR2004  Python refuses to write more than 4,300 digits
        return f"…(integer of {number.bit_length()} bits)"
    return int.__repr__(number)


def _shown(value: object, show: Callable[[object], str]) -> str:
    try:
        text = show(value)
        return text if type(text) is str else str.__str__(text)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  somebody else's __repr__ may raise anything, SystemExit too
        return f"<{type_name(value)}: unprintable, {type_name(error)}>"


def type_name(value: object) -> str:
    """The name of the value's type, whatever its metaclass says; not longer than 100 characters."""
    return _TYPE_NAME(type(value))[:100]


_TYPE_NAME: Callable[[type], str] = type.__dict__["__name__"].__get__
_MRO: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_CLASS_DICT: Callable[[type], Any] = type.__dict__["__dict__"].__get__
