"""The account's wall clock and true time: reading `Time`, settling repeated hours, writing `from` and `to`.

The vendor writes wall-clock times of one zone per account, without an offset. Instants here are whole seconds
since 1970-01-01T00:00:00Z. Nothing depends on the machine's own zone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DEFAULT = "America/New_York"
"""The zone the vendor documents; accounts on others are known."""

_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[ Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,9})?"
    r"(?: ?(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2})))?"
)
_EPOCH = datetime(1970, 1, 1)
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_FIRST_YEAR, _LAST_YEAR = 1970, 9998  # so that no zone carries an instant out of what a timestamp can say
_QUARTER = 900
_CHANGE = 300  # seconds around a change of the clocks in which both offsets are right for a call
_FARTHEST = 15 * 3600  # no zone is farther from UTC; beyond it two different calls were compared


class UnreadableTime(ValueError):
    """A `Time` that is not one; the text of the error does not repeat it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A `Time` as it stands: wall clock without a zone, and the offset in seconds where it has one."""

    wall: datetime
    offset: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The account's offset from UTC as one own call shows it; all in seconds."""

    offset: int
    """Rounded to a quarter of an hour, east of UTC positive."""
    expected: int
    """What the configured zone has at that instant."""
    residual: int
    """What rounding took away: the delay of the call and the error of the clocks."""
    agrees: bool


def load(name: str) -> ZoneInfo:
    """The zone of this IANA name; ValueError tells how to write it.

    Names that follow the machine (`localtime`) are refused: the account's zone is not the machine's.
    """
    try:
        if name in ("localtime", "posixrules", "Factory"):
            raise ZoneInfoNotFoundError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"{name!r} is not the name of a time zone; write one like {DEFAULT}, Europe/Berlin or UTC"
        ) from error


def parse(text: str) -> Reading:
    """A `Time`: `YYYY-MM-DD HH:MM:SS`, also with T, a fraction (cut), Z or an offset. UnreadableTime if not.

    Second 60 counts as second 59 of the same minute.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise UnreadableTime("Time is not of the form YYYY-MM-DD HH:MM:SS")
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise UnreadableTime(f"Time is not in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    try:
        wall = datetime(year, month, day, hour, minute, 59 if second == 60 else second)
    except ValueError as error:
        raise UnreadableTime(f"Time does not exist: {error}") from error
    return Reading(wall, _offset(*match.groups()[6:]))


def _offset(zulu: str | None, sign: str | None, hours: str | None, minutes: str | None) -> int | None:
    if zulu is not None:
        return 0
    if hours is None or minutes is None:
        return None
    if int(hours) > 23 or int(minutes) > 59:
        raise UnreadableTime("Time has an offset that does not exist")
    seconds = int(hours) * 3600 + int(minutes) * 60
    return -seconds if sign == "-" else seconds


def candidates(zone: ZoneInfo, reading: Reading) -> tuple[int, ...]:
    """The instants that show this reading, earliest first.

    One as a rule, two in a repeated hour, none in a missing one.
    """
    if reading.offset is not None:
        return (_seconds(reading.wall) - reading.offset,)
    early, late = (_instant(zone, reading.wall, fold) for fold in (0, 1))
    if early == late:
        return (early,)
    # In a missing hour fold 0 counts with the offset before the change and so lies behind fold 1.
    return (early, late) if early < late else ()


def first_instant(zone: ZoneInfo, reading: Reading) -> int:
    """The first instant that this reading can mean: what is certain of it, whatever else is known."""
    found = candidates(zone, reading)
    return found[0] if found else shifted_forward(zone, reading)


def shifted_forward(zone: ZoneInfo, reading: Reading) -> int:
    """The instant of a wall time that does not exist: as far behind the change as it was written."""
    return _instant(zone, reading.wall, 0)


def wall_clock(zone: ZoneInfo, instant: int) -> str:
    """`YYYY-MM-DD HH:MM:SS` as the account shows this instant."""
    return _text(_wall(zone, instant))


def to_local(zone: ZoneInfo, instant: int, fold: int) -> str:
    """`YYYY-MM-DD HH:MM:SS` for a request: fold 0 for `from`, fold 1 for `to`.

    The far side reads a wall time of a repeated hour in a way that is not documented. However it reads this
    text, `from` is not after the instant and `to` not before it: a text that could be misread moves out of
    the repeated hour, to its beginning or its end. Never in a missing hour.
    """
    wall = _wall(zone, instant)
    step = _MINUTE if fold else -_MINUTE
    while _is_misleading(zone, wall, instant, fold):
        wall = wall.replace(second=0) + step
    return _text(wall)


def _is_misleading(zone: ZoneInfo, wall: datetime, instant: int, fold: int) -> bool:
    found = candidates(zone, Reading(wall))
    return min(found) < instant if fold else max(found) > instant


def is_repeated(zone: ZoneInfo, instant: int) -> bool:
    """Whether the account's clock shows this wall time twice."""
    return len(candidates(zone, Reading(_wall(zone, instant)))) == 2


def reach_back(zone: ZoneInfo, start: int, end: int, overlap: int) -> int:
    """Where a window from `start` to `end` must begin so that order can settle its repeated hours.

    `start` itself, unless the window touches a repeated hour: then `overlap` seconds before the first pass
    of it. The events from there on show both the direction of the answer and the border of the passes.
    """
    for instant in (*range(start, end, _QUARTER), end):
        if is_repeated(zone, instant):
            first = min(candidates(zone, Reading(_wall(zone, instant))))
            while is_repeated(zone, first - 60):
                first -= 60
            return min(start, first - overlap)
    return start


def measure(zone: ZoneInfo, called: float, shown: Reading) -> Measured:
    """The account's offset, from the instant of an own call and the `Time` of the event it left.

    It agrees when the configured zone has that offset then, or within five minutes of it while the clocks
    change. UnreadableTime when no zone could be so far away: the event is not of this call.
    """
    difference = _seconds(shown.wall) - round(called)
    if abs(difference) > _FARTHEST:
        raise UnreadableTime("Time is too far from the call that it should show")
    offset = (difference + _QUARTER // 2) // _QUARTER * _QUARTER
    around = [_offset_at(zone, round(called) + shift) for shift in (0, -_CHANGE, _CHANGE)]
    return Measured(offset=offset, expected=around[0], residual=difference - offset, agrees=offset in around)


def offset_text(seconds: int) -> str:
    """`+05:30`, `-04:00`."""
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _instant(zone: ZoneInfo, wall: datetime, fold: int) -> int:
    return _seconds(wall - (zone.utcoffset(wall.replace(fold=fold)) or timedelta()))


def _seconds(wall: datetime) -> int:
    return (wall - _EPOCH) // _SECOND


def _wall(zone: ZoneInfo, instant: int) -> datetime:
    return datetime.fromtimestamp(instant, zone).replace(tzinfo=None, fold=0)


def _offset_at(zone: ZoneInfo, instant: int) -> int:
    return _seconds(_wall(zone, instant)) - instant


def _text(wall: datetime) -> str:
    return wall.isoformat(" ", timespec="seconds")
