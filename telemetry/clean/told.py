"""Secrets in command lines, in a `.netrc` and after Japanese words, in a text."""

from __future__ import annotations

import re

from telemetry.clean import secret_commands as forms
from telemetry.clean.secret_forms import REDACTED

_OPTION = re.compile(r"-(?<=[ \t\n]-)(?:[A-Za-z]{1,9}|-user|-proxy-user)")
"""With what may be its value right behind it: `-phunter2`."""
_COMMANDS = tuple((told.letters, told.signs, re.compile(f"({told.keep}){told.secret}")) for told in forms.COMMANDS)
_NETRC = re.compile(f"({forms.NETRC.keep}){forms.NETRC.secret}")
_JAPANESE = re.compile(f"((?:{'|'.join(forms.JAPANESE_WAYS)}){forms.JAPANESE_BEFORE}){forms.JAPANESE_VALUE}")
_SHOWN = rf"\1{REDACTED}"


def redact_told(text: str) -> str:
    """The text with `[redacted]` for each of them."""
    if "-" in text and (options := _OPTION.findall(text)):
        known = set().union(*options)
        for letters, programs, command in _COMMANDS:
            if not known.isdisjoint(letters) and any(map(text.__contains__, programs)):
                text = command.sub(_SHOWN, text)
    if "password" in text and "login" in text:
        text = _NETRC.sub(_SHOWN, text)
    if "\\u" in text or (not text.isascii() and any(map(text.__contains__, forms.JAPANESE_SIGNS))):
        text = _JAPANESE.sub(_SHOWN, text)
    return text
