"""Tokens: made, kept as hashes in a file, and compared with what somebody presents. Pure: text and times come in.

A file holds one token a line, and none of them can be read back from it:

    # name  role  until  hash
    grafana read 2027-03-01T12:00:00Z sha256:9f86d081884c7d65…
    deploy operate never sha256:60303ae22b998861…

A token that we make has 256 random bits, so that a plain hash keeps it: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from telemetry.fields import token_fault
from telemetry.web.identity import Role

PREFIX = "ort_"
MOST_TOKENS = 1000
LONG = 32
"""Characters from which on a token can't be found by trying, so that nobody's tries need keep it out."""

A_NAME = "a name of 1 to 64 letters, digits and . _ -"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HASH = re.compile(r"sha256:([0-9a-f]{64})")
_NEVER = "never"
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_HEAD = "# Tokens of orchestrator-telemetry: name, role, until when, and the hash; `token new` adds one.\n"


class TokenError(ValueError):
    """A token or a file of tokens can't be used: one line, without any secret."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token as it is kept.

    Attributes:
        name: Whose it is.
        role: What it is for.
        digest: SHA-256 of it.
        ends_at: Unix time from which on it is worth nothing; None: never.
    """

    name: str
    role: Role
    digest: bytes
    ends_at: float | None = None

    def holds(self, now: float) -> bool:
        """Whether it is still worth something."""
        return self.ends_at is None or now < self.ends_at


def made() -> str:
    """A new token."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def checked(token: str) -> str:
    """A token of somebody's own making, without the blanks and line ends around it.

    Raises:
        TokenError: It is too short, too long, or has characters that no header carries.
    """
    token = token.strip()
    if fault := token_fault(token):
        raise TokenError(f"what it holds must be {fault} (`orchestrator-telemetry token new` makes one)")
    return token


def found(tokens: Iterable[Token], presented: str) -> Token | None:
    """The token that was presented, also one that has ended. Takes as long whichever it is, or none."""
    digest = digest_of(presented)
    match: Token | None = None
    for token in tokens:
        if hmac.compare_digest(token.digest, digest):
            match = token
    return match


def parse(text: str) -> tuple[Token, ...]:
    """The tokens of a file.

    Raises:
        TokenError: Names the line that is none; nothing of it is shown, since a token might stand there by mistake.
    """
    tokens: dict[str, Token] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        token = _parsed(line)
        if token is None:
            raise TokenError(f"line {number} is no token: it must be «name role until sha256:…»")
        if token.name in tokens:
            raise TokenError(f"line {number}: the name {token.name} stands there twice")
        tokens[token.name] = token
    if len(tokens) > MOST_TOKENS:
        raise TokenError(f"it holds more than {MOST_TOKENS} tokens")
    return tuple(tokens.values())


def written(tokens: Iterable[Token]) -> str:
    """The same as a file."""
    return _HEAD + "".join(
        f"{token.name} {token.role} {until(token)} sha256:{token.digest.hex()}\n" for token in tokens
    )


def until(token: Token) -> str:
    """When it ends, in words that a file holds."""
    return _NEVER if token.ends_at is None else datetime.fromtimestamp(token.ends_at, UTC).strftime(_MOMENT)


def name_checked(name: str) -> str:
    """A token's name.

    Raises:
        TokenError: It is none.
    """
    if not _NAME.fullmatch(name):
        raise TokenError(f"{name!r} is no name of a token: it must be {A_NAME}")
    return name


def _parsed(line: str) -> Token | None:
    parts = line.split()
    if len(parts) != 4 or not _NAME.fullmatch(parts[0]) or parts[1] not in set(Role):  # noqa: PLR2004 - as many as named
        return None
    kept = _HASH.fullmatch(parts[3])
    if kept is None:
        return None
    try:
        ends_at = None if parts[2] == _NEVER else datetime.strptime(parts[2], _MOMENT).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    return Token(parts[0], Role(parts[1]), bytes.fromhex(kept[1]), ends_at)
