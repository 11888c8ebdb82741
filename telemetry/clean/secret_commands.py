"""Secrets that a command line or a `.netrc` gives away, and passwords named in Japanese: part of the one list.

The patterns are as in `secret_forms`. In front of each secret stands what may stay, so that the reader sees which
command it was.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Told(NamedTuple):
    """A secret that what stands before it gives away."""

    kind: str
    letters: str
    """For a command: one of these is in the option."""
    signs: tuple[str, ...]
    """One of these stands in every match."""
    keep: str
    """What stands before the secret."""
    secret: str


_GAP = r"(?:[ \t]|\\\r?\n)+"
_ARGUMENTS = rf"(?:{_GAP}[^\s|;&](?:\S*[^\s;])?){{0,20}}?"
_PLAIN = r"(?:[^\s\"'\\|;&()<>`]|\\[^\sA-Za-z0-9\"'\\])"
_QUOTED = r"\"[^\"\\\n$][^\"\\\n]*\"?|'[^'\\\n]+'?"
# `$PASSWORD` is the name of a variable, `<password>` of what to put there, and `-…` the next option.
_WORD = rf"(?:{_QUOTED}|\\{{1,16}}[\"'][^\s\"'\\$][^\s\"'\\]*|[^\s\"'\\|;&()<>`$-]{_PLAIN}*)"
# As far as it is no port: `docker run --name mongo -p 27017:27017`.
_NO_PORT = rf"(?:{_QUOTED}|[0-9]{{6}}{_PLAIN}*|[0-9]{{0,5}}[^\s\"'\\|;&()<>`$0-9:.-]{_PLAIN}*)"
_USER_OPTION = r"-[A-Za-z]{0,8}[uU][ \t]{0,4}|--(?:proxy-)?user(?:[ \t]{1,4}|=)"
_USER_AND_PASSWORD = (
    r"(?:\"[^\"\s:\\/$]*:[^\"\\\n]*\"?|'[^'\s:\\/]*:[^'\\\n]*'?"
    rf"|\\{{1,16}}[\"'][^\s\"':\\/$]*:[^\s\"'\\]*|[^\s\"':\\/$<-][^\s\"':\\/]*:{_PLAIN}*)"
)


def _command(kind: str, letters: str, programs: tuple[str, ...], option: str, secret: str) -> Told:
    names = "|".join(programs)
    return Told(kind, letters, programs, rf"(?:{names})(?:[a-z_-]{{0,12}}|\.exe){_ARGUMENTS}{_GAP}(?:{option})", secret)


_REGISTRIES = (
    "docker",
    "podman",
    "nerdctl",
    "buildah",
    "skopeo",
    "oras",
    "helm registry",
    "crane auth",
    "az",
    "oc",
    "cf",
)
_LOGINS = tuple(f"{registry} login" for registry in _REGISTRIES)

COMMANDS = (
    _command("curl", "uU", ("curl",), _USER_OPTION, _USER_AND_PASSWORD),
    _command("MySQL", "p", ("mysql", "mariadb"), "-p", _NO_PORT),
    _command("MongoDB", "p", ("mongo",), r"-p[ \t]{0,4}", _NO_PORT),
    _command("Redis", "a", ("redis-cli", "valkey-cli"), r"-a[ \t]{1,4}", _WORD),
    _command("SQL Server", "P", ("sqlcmd",), r"-P[ \t]{0,4}", _WORD),
    _command("LDAP", "w", ("ldap",), r"-w[ \t]{0,4}", _WORD),
    _command("sshpass", "p", ("sshpass",), r"-p[ \t]{0,4}", _WORD),
    Told("a registry's login", "p", _LOGINS, rf"(?:{'|'.join(_LOGINS)}){_ARGUMENTS}{_GAP}-p[ \t=]{{0,4}}", _WORD),
)
"""Options of commands. Each is followed by a blank and a `-` somewhere."""

_BLANK = r"(?:\s|\\+[nrt])+"
NETRC = Told(
    "netrc",
    "",
    ("login",),
    rf"(?:machine{_BLANK}[^\s\\]+|default){_BLANK}(?:(?:login|account){_BLANK}[^\s\\]+{_BLANK}){{1,2}}password{_BLANK}",
    r"[^\s\"'\\]+",
)

JAPANESE = (
    "パスワード",
    "パスフレーズ",
    "暗証番号",
    "秘密鍵",
    "APIキー",
    "apiキー",
    "アクセスキー",
    "シークレットキー",
    "シークレット",
    "アクセストークン",
    "認証トークン",
)
"""A name that ends in one of these holds a secret."""


def _as_json_writes_it(word: str) -> str:
    r"""A pattern for `\u30d1\u30b9…`."""
    codes = "".join(letter if letter.isascii() else rf"\\{{1,16}}{_code(letter)}" for letter in word)
    return codes if word[0].isascii() else r"\\" + codes.removeprefix(r"\\{1,16}")


def _code(letter: str) -> str:
    return "u" + re.sub("[a-f]", lambda digit: f"[{digit[0]}{digit[0].upper()}]", f"{ord(letter):04x}")


JAPANESE_WAYS = (*JAPANESE, *map(_as_json_writes_it, JAPANESE))
"""Patterns for them, as they are and as JSON of ASCII has them."""
JAPANESE_SIGNS = "パ暗鍵キク"
"""One of these letters stands in each."""
_SPACE = "[ \t\u3000]{0,4}"
JAPANESE_BEFORE = (
    r"[0-9]{0,3}\\{0,16}[\"'」』]?"
    rf"{_SPACE}(?:(?:[:=：＝]|\\{{1,16}}u[fF]{{2}}1[aAdD]){_SPACE}(?:\\{{0,16}}[\"']|[「『])?|は{_SPACE}[「『])"
)
"""What stands between such a name and its value."""
JAPANESE_VALUE = r"[!#-%(*+\--:=-\[^-|~]{4,}"
"""The value is of ASCII: 「パスワード: 必須」 says something about it."""
