"""Secrets: found in a text by their form or by the word before them, and in a field by its key."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from telemetry.clean.limits import NAME_LIMIT

REDACTED = "[redacted]"

_SHORTEST_SECRET = 5  # `pwd=x`

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


def redact(text: str) -> str:
    """The text with `[redacted]` wherever a secret stood."""
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
