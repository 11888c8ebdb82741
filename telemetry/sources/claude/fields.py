"""Fields of JSON that somebody else wrote: read if they are what they should be, otherwise absent and told once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from telemetry.clean import clean_line, clean_name

_LONGEST = 400
_LATEST_MS = 4_102_444_800_000
"""The year 2100: what lies beyond is no time."""
_MOST_WRONG = 8
_MOST_ITEMS = 1000

A_WORD = "a text"
A_TIME = "a time in milliseconds"


class Fields:
    """One JSON object. What is absent or null is "", None, 0.0 or empty; what has the wrong type is so as well."""

    def __init__(self, values: Mapping[str, Any], wrong: list[str] | None = None, where: str = "") -> None:
        self._values = values
        self._where = where
        self.wrong: list[str] = [] if wrong is None else wrong
        """What could not be used, each in words: «status must be a text»."""

    def text(self, key: str) -> str:
        """Cleaned, bounded, one line."""
        return clean_line(self.raw(key), _LONGEST)

    def name(self, key: str) -> str:
        """Cleaned as names are."""
        value = self.raw(key)
        return clean_name(value) if value.strip() else ""

    def raw(self, key: str) -> str:
        """As it stands there: to compare with, not to show."""
        value = self._values.get(key)
        if value is None or isinstance(value, str):
            return value or ""
        self._tell(key, A_WORD)
        return ""

    def word(self, key: str) -> str:
        """A text or a whole number, as a text: to compare with and to be kept, not to show."""
        value = self._values.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 64:
            return str(value)
        text = self.raw(key)
        if text.isprintable():
            return text
        self._tell(key, "a text that can be written")  # half a letter can be kept nowhere
        return ""

    def whole(self, key: str) -> int | None:
        """A positive whole number."""
        value = self._values.get(key)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 53:
            return value
        self._tell(key, "a positive whole number")
        return None

    def moment(self, key: str) -> float:
        """A time written as milliseconds, in Unix s; 0.0 where there is none."""
        value = self._values.get(key)
        if value is None:
            return 0.0
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _LATEST_MS:
            return value / 1000
        self._tell(key, A_TIME)
        return 0.0

    def written_moment(self, key: str) -> float:
        """A time written as ISO 8601, in Unix s; 0.0 where there is none."""
        value = self.raw(key)
        if not value:
            return 0.0
        try:
            when = datetime.fromisoformat(value)
            seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            seconds = -1.0
        if 0 <= seconds < _LATEST_MS / 1000:
            return seconds
        self._tell(key, "a time as in ISO 8601")
        return 0.0

    def truth(self, key: str) -> bool | None:
        value = self._values.get(key)
        if value is None or isinstance(value, bool):
            return value
        self._tell(key, "true or false")
        return None

    def section(self, key: str) -> Fields | None:
        """An object inside this one."""
        value = self._values.get(key)
        if value is None:
            return None
        if isinstance(value, Mapping):
            return Fields(value, self.wrong, f"{self._where}{key}.")
        self._tell(key, "an object")
        return None

    def items(self, key: str) -> list[Any]:
        """A list, its first thousand items."""
        value = self._values.get(key)
        if value is None:
            return []
        if isinstance(value, list):
            return value[:_MOST_ITEMS]
        self._tell(key, "a list")
        return []

    def sections(self, key: str) -> list[Fields]:
        """A list of objects; what is none is left out."""
        found: list[Fields] = []
        for number, item in enumerate(self.items(key)):
            if isinstance(item, Mapping):
                found.append(Fields(item, self.wrong, f"{self._where}{key}[{number}]."))
            else:
                self._tell(f"{key}[{number}]", "an object")
        return found

    def _tell(self, key: str, allowed: str) -> None:
        if len(self.wrong) < _MOST_WRONG:
            self.wrong.append(f"{self._where}{key} must be {allowed}")
        elif len(self.wrong) == _MOST_WRONG:
            self.wrong.append("…")


def in_words(wrong: list[str]) -> str:
    """All that is wrong in one file, in one line; "" where nothing is."""
    return "; ".join(wrong)
