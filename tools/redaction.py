"""Writes the collector's redaction from the monitor's list: `python -m tools.redaction`; with --check, says whether it
is fresh.

The part stands between `# redaction: make redaction` and `# /redaction` in otel-collector/config/base.yaml. Go's
regular expressions search fast only for patterns that begin with a literal (0.1 to 0.4 µs on 400 characters, against
20 to 60 µs), so one pattern becomes several: each name in small letters, capitalised and in capitals.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from telemetry.clean import secret_commands as commands
from telemetry.clean import secret_forms as forms

FILE = Path(__file__).parents[1] / "otel-collector" / "config" / "base.yaml"
_PART = re.compile(r"( *# redaction: make redaction\n).*?( *# /redaction\n)", re.DOTALL)
_INDENT = " " * 6

_SEPARATOR = (
    rf"(?:\\{{0,16}}[\"']|{forms.ENCODED_QUOTE})?\]?[ \t]{{0,4}}(?:{forms.ASSIGNED})(?:[ \t]|%20){{0,4}}"
    rf"(?:{forms.ENCODED_QUOTE})?"
    r"(?:(?:[|>][+-]?[ \t]{0,4})?(?:\r?\n|\\{1,16}n)[ \t]{1,40})?"
)
_BARE = r"[^\s\"'\\,;&)}\]<]"
_PIECES = r"[^\s\"'\\()]+(?:%s[ \t]{0,40}[^\s\"'\\()]+){1,4}"
_CUT, _CUT_AS_WRITTEN = _PIECES % r"\r?\n", _PIECES % r"\\{1,16}n"
_VALUE = (
    rf"(?:\"{_CUT}\"|'{_CUT}'|\\+[\"']{_CUT_AS_WRITTEN}\\+[\"']"
    r"|\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|\\+[\"'][^\"'\\\n]*|[{\[][^}\]]{2,}[}\]]?"
    rf"|{_BARE}{_BARE}+)"
)
_XML = r">[^<\s]+</"
_TAIL = r"(?:[._-]?(?:[0-9]{1,3}|value|old|new|data|text|plain|hash|base64|VALUE|OLD|NEW))?"
"""What may follow a secret's word in a name that still holds the secret itself."""


def cases(word: str) -> list[str]:
    """The word as names have it: `token`, `Token`, `TOKEN`."""
    return [word, word.capitalize(), word.upper()]


def _alone() -> list[str]:
    """The words of the list without those that another one begins."""
    return sorted(
        word for word in forms.WORDS if not any(word != other and word.startswith(other) for other in forms.WORDS)
    )


def _pairs() -> list[tuple[str, str]]:
    return [(first, second) for second, firsts in forms.PAIRS.items() for first in sorted(firsts)]


def names() -> list[str]:
    """Beginnings of the names whose values are secret, in each way of writing them."""
    found = []
    for word in _alone():
        if word not in forms.WHOLE_LINE and word != "pwd":
            found += [case + ("[sS]?" if word + "s" in forms.WORDS else "") for case in cases(word)]
    for first, second in _pairs():
        initial = second[0]
        found += [
            f"{first}[._-]?[{initial}{initial.upper()}]{second[1:]}",
            f"{first.capitalize()}[._-]?[{initial}{initial.upper()}]{second[1:]}",
            f"{first.upper()}[._-]?{second.upper()}",
        ]
    return found


def _kept(before: str) -> str:
    """What stands before a secret, as the group that our processor leaves."""
    return f"({before})" if before else ""


def value_patterns() -> list[str]:
    """Patterns for secrets in a text."""
    together = [_kept(form.keep) + form.pattern for form in forms.FORMS if not form.apart]
    apart = "|".join(form.pattern for form in forms.FORMS if form.apart)
    headers = [case for word in sorted(forms.WHOLE_LINE) for case in cases(word)]
    options = "|".join(["pass(?:word|wd|phrase)", *(f"{a}-?{b}" for a, b in _pairs()), *_alone()])
    return [
        *together,
        *(f"{before}(?:{apart})" for before in (r"\b", "_", r"\\[nrtbf]")),
        *(before + what for what in (forms.KEY_LINES, forms.KEY_TAIL) for before in forms.BEFORE_KEY_LINES),
        *(f"://{what}" for what in forms.USERINFO),
        *(_kept(told.keep) + told.secret for told in (*commands.COMMANDS, commands.NETRC)),
        *(_kept(name + commands.JAPANESE_BEFORE) + commands.JAPANESE_VALUE for name in commands.JAPANESE_WAYS),
        *(rf"{bearer}[ \t]{{1,4}}{forms.BEARER}" for bearer in cases("bearer")),
        *(
            rf"{header}\\{{0,16}}[\"']?[ \t]{{0,4}}[:=][ \t]{{0,4}}\\{{0,16}}[\"']?[^\r\n\"'\\]{{2,}}"
            for header in headers
        ),
        *(rf"({case}\\{{0,16}}[\"']?:[ \t]{{1,4}})[^\r\n\"'\\]{{2,}}" for case in cases("passphrase")),
        rf"--[a-z-]*(?:{options})[ \t]{{1,4}}[\"']?[^\s\"'-][^\s\"']*",
        *(rf"{pwd}{_SEPARATOR}[\"']?[^\s\"'/~][^\s\"']+" for pwd in cases("pwd")),
        *(f"{name}{_TAIL}(?:{_SEPARATOR}{_VALUE}|{_XML})" for name in names()),
    ]


def key_patterns() -> list[str]:
    """Patterns for names of attributes whose values are secret."""
    ends = [case for word in ("pwd", *sorted(forms.WHOLE_LINE)) for case in cases(word)] + [
        f"^{a}" for a in cases("auth")
    ]
    return [rf"(?:{'|'.join(sorted([*names(), *ends]))}){_TAIL}\z", f"(?:{'|'.join(commands.JAPANESE)})[0-9]*\\z"]


def generated(text: str) -> str:
    """`text` with the generated part written anew."""
    return _PART.sub(lambda match: match[1] + _block() + match[2], text)


def _block() -> str:
    lines = [
        "    blocked_key_patterns:",
        *map(_item, key_patterns()),
        "    blocked_values:",
        *map(_item, value_patterns()),
    ]
    return "\n".join(lines) + "\n"


def _item(pattern: str) -> str:
    # `$` begins a variable in the collector's files
    return f"{_INDENT}- '" + pattern.replace("'", "''").replace("$", "$$") + "'"


def main() -> int:
    """1 when `--check` finds that the part isn't fresh."""
    before = FILE.read_text(encoding="utf-8")
    after = generated(before)
    if after == before:
        return 0
    if "--check" in sys.argv:
        print(f"not fresh: {FILE.name}; run: make redaction", file=sys.stderr)
        return 1
    FILE.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
