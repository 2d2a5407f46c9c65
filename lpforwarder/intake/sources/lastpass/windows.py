"""Which stretch of time a poll reads, and where the next one begins. Pure.

A window catches up from where the last one ended, or reaches to the live edge and has no end. What could
still change is read again: an event at t is final once it was read `overlap` seconds after t.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from lpforwarder.intake.sources.lastpass import zone as zones
from lpforwarder.intake.sources.lastpass.cursor import Place

FIRST_WIDTH = 25 * 3600
"""Seconds of a first window: the usual `first_start` of 24 hours fits, with the time that a poll takes."""
MOST_WIDTH = 8 * 86_400
_FEW = 0.25  # of a page: so little in a window that the next may be twice as wide

_ROOM = 0.9  # of what fits, for hours that are busier


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From `begin` up to but not including `end`; None is the live edge. Seconds since 1970 UTC."""

    begin: int
    end: int | None


def window(place: Place, now: float, width: int) -> Window:
    """The window of at most that many new seconds that a poll at this place reads."""
    end = place.upto + max(width, 1)
    return Window(begin=place.again, end=None if end >= now else end)


def asked(window: Window, zone: ZoneInfo, upto: int, overlap: int) -> dict[str, str]:
    """`from` and `to` on the account's clock, both a little wider than the window.

    A second more at the beginning, for it is not known whether the ends count. At the live edge there is no
    `to`: whatever the zone and the clocks, nothing new is cut off, and events of the future are delivered.
    """
    end = upto if window.end is None else window.end
    begin = zones.reach_back(zone, window.begin, max(end, window.begin), overlap)
    data = {"from": zones.to_local(zone, begin - 1, 0)}
    if window.end is not None:
        data["to"] = zones.to_local(zone, window.end, 1)
    return data


def understood(asked: dict[str, str], zone: ZoneInfo) -> Window:
    """The widest stretch that such a request can mean; an end counts as a whole second."""
    begin = zones.candidates(zone, zones.parse(asked["from"]))[0]
    end = zones.candidates(zone, zones.parse(asked["to"]))[-1] + 1 if "to" in asked else None
    return Window(begin=begin, end=end)


def narrower(place: Place, width: int, now: float, fits: float = 1.0) -> int:
    """The width to try when a window holds too much: an eighth to a half of it.

    `fits` is the share of the window that could be read. Halving alone would throw away three pages for each
    step; but how many events there were at the end of a window says little of its beginning.
    """
    whole = max(int(now) - place.upto, 1)
    share = min(max(fits * _ROOM, 1 / 8), 1 / 2)
    return max(int(min(width, whole) * share), 1)


def share(asked: dict[str, str], newest: str, oldest: str) -> float:
    """How much of what was asked for lies between these times and its end; 1.0 when that cannot be told."""
    try:
        begin, end, upto = (
            zones.parse(text).wall for text in (asked["from"], asked.get("to", newest), oldest)
        )
    except zones.UnreadableTime:
        return 1.0
    whole = (end - begin).total_seconds()
    return (end - upto).total_seconds() / whole if whole > 0 else 1.0


def wider(width: int, records: int, first_page: int, pages: int, known: int = 0) -> int:
    """The width for the next window: twice as much after one that held little.

    `known` of the records were read before, within the overlap: with small pages they alone take several.
    """
    most = max(first_page, 10_000) * _FEW if pages == 1 else first_page + known
    return min(width * 2, MOST_WIDTH) if records <= most else width


def reached(window: Window, place: Place, newest: int | None, now: float) -> int:
    """Up to where has been read: the window's end, at the live edge the newest event that has happened."""
    if window.end is not None:
        return window.end
    return max(place.upto, min(newest, int(now))) if newest is not None else place.upto


def again(place: Place, upto: int, zone: ZoneInfo, now: float, overlap: int) -> int:
    """From where the next window must read again; never before the present one, whose past is forgotten.

    In and behind a repeated hour that is its first pass, since events of both carry the same times.
    """
    begin = min(upto, int(now) - overlap)
    return max(place.again, zones.reach_back(zone, begin, upto, overlap))
