"""Agent-made text made safe, secrets redacted, lengths bounded: once, where it enters.

Names, messages and field values come from agents and from whatever they read, so they may hold anything: terminal
escape sequences, NUL, lone surrogates (one of them in a log record loses the whole OTLP batch), characters that turn
the reading direction round, a megabyte, a password. What leaves this package can be put into a label, a JSON line, an
OTLP record and a terminal as it is.

- `clean_name` for identities: one line, printable, bounded, and distinct where the originals were.
- `clean_text` for messages: line breaks and tabs stay, the rest of the controls doesn't; `clean_line` for one line.
- `clean_value` for fields: plain data that JSON and OTLP can both carry.
- `is_secret_key` tells whether a field's name alone says that its value must not be written down.

None of them ever raises because of what it is given.
"""

from telemetry.clean.limits import ITEM_LIMIT, NAME_LIMIT, TEXT_LIMIT, VALUE_LIMIT
from telemetry.clean.objects import type_name
from telemetry.clean.redact import REDACTED, is_secret_key
from telemetry.clean.text import NAMELESS, as_text, clean_line, clean_name, clean_text
from telemetry.clean.values import CleanValue, clean_field, clean_value

__all__ = [
    "ITEM_LIMIT",
    "NAMELESS",
    "NAME_LIMIT",
    "REDACTED",
    "TEXT_LIMIT",
    "VALUE_LIMIT",
    "CleanValue",
    "as_text",
    "clean_field",
    "clean_line",
    "clean_name",
    "clean_text",
    "clean_value",
    "is_secret_key",
    "type_name",
]
