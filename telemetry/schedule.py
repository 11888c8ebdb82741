"""Hours of the week: when a maintenance window is open, or a route holds. Pure: the time is passed in."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Hours:
    """Times of the week that come again.

    Attributes:
        begin: Minutes after midnight.
        end: The same; 1440 = midnight. Before `begin`, it ends on the day after.
        days: On which days it begins, Monday = 0.
        zone: An IANA name such as `Asia/Tokyo`, or "" for the machine's own.
    """

    begin: int = 0
    end: int = _DAY
    days: frozenset[int] = frozenset(range(7))
    zone: str = ""

    def active(self, now: float) -> bool:
        """Whether `now` (Unix s) is within."""
        local = self._local(now)
        minute, day = local.hour * 60 + local.minute, local.weekday()
        if self.begin < self.end:
            return day in self.days and self.begin <= minute < self.end
        return (day in self.days and minute >= self.begin) or ((day - 1) % 7 in self.days and minute < self.end)

    def next_change(self, now: float) -> float:
        """The next time (Unix s) at which it may begin or end: never later than it really does."""
        local = self._local(now)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        candidates = [
            (midnight + timedelta(days=day)).replace(hour=minute // 60 % 24, minute=minute % 60) + _spill(minute)
            for day in (0, 1)
            for minute in (self.begin, self.end)
        ]
        later = [at.timestamp() for at in candidates if at.timestamp() > now]
        # a clock that is set for summer in between may shift the hour: looked at again within the hour in any case
        return min([*later, now + 3600.0])

    def _local(self, now: float) -> datetime:
        zone: tzinfo | None = ZoneInfo(self.zone) if self.zone else None
        return datetime.fromtimestamp(now, UTC).astimezone(zone)


def _spill(minute: int) -> timedelta:
    return timedelta(days=1) if minute == _DAY else timedelta()


ALWAYS = Hours()


def parse_hours(hours: str, days: str | Collection[str] = "", zone: str = "") -> Hours:
    """`22:00-06:00`, `mon-fri` or `mon,wed,sun`, `Asia/Tokyo`; an empty text means all of it.

    Raises:
        ValueError: A text isn't that.
    """
    begin, end = 0, _DAY
    if hours.strip():
        found = _HOURS.fullmatch(hours.strip())
        if not found:
            raise ValueError("hours are written as 09:00-18:00")
        first, first_minute, last, last_minute = map(int, found.groups())
        begin, end = first * 60 + first_minute, last * 60 + last_minute
        if first_minute > 59 or last_minute > 59 or begin >= _DAY or end > _DAY or begin == end:  # noqa: PLR2004 - minutes
            raise ValueError("hours are written as 09:00-18:00")
    if zone:
        try:
            ZoneInfo(zone)
        except (KeyError, OSError, ValueError) as error:  # not found, a folder, a path that leads elsewhere
            raise ValueError(f"{zone} is no time zone") from error
    return Hours(begin, end, _parse_days(days), zone)


def _parse_days(days: str | Collection[str]) -> frozenset[int]:
    texts = days.replace(",", " ").split() if isinstance(days, str) else list(days)
    if not texts:
        return frozenset(range(7))
    found: set[int] = set()
    for text in texts:
        first, _, last = text.lower().partition("-")
        if first[:3] not in DAYS or (last and last[:3] not in DAYS):
            raise ValueError("days are written as mon-fri, or mon,wed,sun")
        begin = DAYS.index(first[:3])
        end = DAYS.index(last[:3]) if last else begin
        found.update((begin + step) % 7 for step in range((end - begin) % 7 + 1))
    return frozenset(found)
