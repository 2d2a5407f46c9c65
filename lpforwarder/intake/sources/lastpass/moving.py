"""After an account has moved to another zone: which records the vault still shows on the old clock. Pure.

Whether old events are shown anew or stay on the clock of their own time is not documented. The answer tells:
our own calls of before the move show it, and so do records that could not stand where they do, in an answer
that goes back in time from now to what was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import accumulate

from msgspec import structs

from lpforwarder.event import JSON
from lpforwarder.intake.sources.lastpass import offset
from lpforwarder.intake.sources.lastpass import zone as zones
from lpforwarder.intake.sources.lastpass.chain import Chain
from lpforwarder.intake.sources.lastpass.instants import CLOCK_ERROR
from lpforwarder.intake.sources.lastpass.offset import OwnReport
from lpforwarder.intake.sources.lastpass.reading import Taken
from lpforwarder.intake.sources.lastpass.records import time_text

_EPOCH = datetime(1970, 1, 1)
_SLOW = 450  # seconds between a call and its event; half of the quarter of an hour by which zones differ


def border(taken: Taken, was: int) -> int:
    """The position from which on records are on the old clock, `was` seconds east of UTC; behind all if none.

    Of several that fit it is the one with the fewest old records at which no order is broken.
    """
    count = len(taken.chain.records)
    now = offset.at(taken.zone, int(taken.ended))
    first = max((own.position for own in taken.own if _shows(own, now)), default=-1) + 1
    last = min((own.position for own in taken.own if _shows(own, was)), default=count)
    walls = _walls(taken.chain.records, taken.asked.begin)
    if first > last or not walls:
        return count  # in no order that would tell anything
    latest = walls[first - 1] - now if first else _end(taken)
    lower = walls[last] - was if last < count else taken.asked.begin
    within = (taken.asked.begin, lower, latest)
    return _first_old(walls, range(first, last), now, was, within)


def _first_old(
    walls: Sequence[int], doubtful: range, now: int, was: int, within: tuple[int, int, float]
) -> int:
    """Where the old clock begins: as late as order and bounds allow, behind all records if nothing tells.

    `within` are the earliest instants of the answer and of these records, and the latest of them. What fits
    neither clock is an event of the future, or in no order, and says nothing.
    """
    asked, lower, latest = within
    least = list(accumulate(reversed(walls), min))[::-1]
    most = list(accumulate(reversed(walls), max))[::-1]
    possible = None
    for position in doubtful:
        if asked <= least[position] - was and most[position] - was <= latest:
            possible = position
        instant = walls[position] - now
        if lower <= instant <= latest:
            latest = instant
        elif possible is not None:
            return possible
    return doubtful.stop


def _end(taken: Taken) -> float:
    """No record of the answer happened later, unless its time is wrong."""
    end = taken.ended + CLOCK_ERROR
    return end if taken.asked.end is None else min(end, taken.asked.end)


def _shows(own: OwnReport, seconds: int) -> bool:
    """Whether the event of this call is shown on a clock that is so far east of UTC."""
    try:
        wall = zones.parse(own.time).wall
    except zones.UnreadableTime:
        return False
    return abs((wall - _EPOCH).total_seconds() - seconds - own.called) <= _SLOW


def _walls(records: Sequence[JSON], otherwise: int) -> list[int]:
    """What the clock showed, as seconds; of a record without a time that of its neighbour."""
    walls: list[int] = []
    for record in records:
        try:
            walls.append(int((zones.parse(time_text(record)).wall - _EPOCH).total_seconds()))
        except zones.UnreadableTime:
            walls.append(walls[-1] if walls else otherwise)
    return walls


def parted(taken: Taken, at: int, was: int) -> tuple[Taken, Taken]:
    """The records before and from this position on, the latter in the zone that was in force before."""
    newer = replace(taken, chain=_slice(taken.chain, 0, at), own=_moved(taken.own, 0, at))
    count = len(taken.chain.records)
    older = replace(
        taken,
        chain=_slice(taken.chain, at, count),
        own=_moved(taken.own, at, count),
        zone=offset.fixed(was),
    )
    return newer, older


def _slice(chain: Chain, begin: int, end: int) -> Chain:
    markers = {place - begin: marker for place, marker in chain.markers.items() if begin <= place < end}
    return replace(chain, records=chain.records[begin:end], keys=chain.keys[begin:end], markers=markers)


def _moved(own: Sequence[OwnReport], begin: int, end: int) -> list[OwnReport]:
    return [structs.replace(one, position=one.position - begin) for one in own if begin <= one.position < end]
