"""Instants of wall times in the documented form, an hour of the account's clock at a time. Pure.

The zone database takes 8 µs an event. Nearly all hours are plain: all of their seconds happen once, one after
the other. Of a plain hour only the beginning is looked up, and an event costs 0.3 µs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

from lpforwarder import rfc3339
from lpforwarder.intake.sources.lastpass.zone import UnreadableTime, candidates, parse

HOUR = 3600

_HOUR_TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}")
_WITHIN = [f":{second // 60:02d}:{second % 60:02d}" for second in range(HOUR)]
_SECONDS = {text: second for second, text in enumerate(_WITHIN)}
_MOST_HOURS = 4096  # some 600 KB; five months
_MOST_UTC_HOURS = 512


class Hours:
    """The clock of one zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._begins = _Begins(zone)

    def instants(self, times: Sequence[str]) -> list[int] | None:
        """Seconds since 1970 UTC of times that are all `YYYY-MM-DD HH:MM:SS` in plain hours, else None."""
        begins = self._begins
        try:
            return [begins[time[:13]] + _SECONDS[time[13:]] for time in times]
        except KeyError:
            return None

    def is_plain(self, time: str) -> bool:
        """Whether all seconds in the hour of this `YYYY-MM-DD HH:MM:SS` happen once, in their order."""
        try:
            self._begins[time[:13]]
        except KeyError:
            return False
        return True


class _Begins(dict[str, int]):
    """`YYYY-MM-DD HH` → when that hour begins; KeyError for an hour that is not plain, or no hour at all."""

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__()
        self._zone = zone
        self._others: set[str] = set()

    def __missing__(self, hour: str) -> int:
        if hour in self._others or _HOUR_TEXT.fullmatch(hour) is None:
            raise KeyError(hour)
        if len(self) + len(self._others) >= _MOST_HOURS:
            self.clear()
            self._others.clear()
        begin = _plain_begin(self._zone, hour)
        if begin is None:
            self._others.add(hour)
            raise KeyError(hour)
        self[hour] = begin
        return begin


def _plain_begin(zone: ZoneInfo, hour: str) -> int | None:
    """When it begins; None when its ends do not mean one instant each, 3,599 seconds apart."""
    try:
        first, last = (candidates(zone, parse(hour + text)) for text in (_WITHIN[0], _WITHIN[-1]))
    except UnreadableTime:
        return None
    is_plain = len(first) == len(last) == 1 and last[0] - first[0] == HOUR - 1
    return first[0] if is_plain else None


@lru_cache(maxsize=8)
def of(zone: ZoneInfo) -> Hours:
    """The clock of this zone, with all that is known of it."""
    return Hours(zone)


@lru_cache(maxsize=64)  # the events of one second come together
def timestamp(instant: int) -> str:
    """`2026-03-04T18:22:07.000Z` for seconds since 1970 UTC; ValueError outside the years 1 to 9999."""
    hour, second = divmod(instant, HOUR)
    return f"{_utc_hour(hour)}{_WITHIN[second]}.000Z"


@lru_cache(maxsize=_MOST_UTC_HOURS)
def _utc_hour(hour: int) -> str:
    return rfc3339.render(hour * HOUR * 1000)[:13]
