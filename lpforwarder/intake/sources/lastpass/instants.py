"""When the records of one answer happened: wall times settled by collection time, anchors, markers, order.

Most wall times mean one instant. In the hour that autumn repeats they mean two, and here the evidence of the
whole answer decides. What it does not decide takes the first pass and is marked; it is never called exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

from lpforwarder.intake.sources.lastpass.zone import Reading, candidates, shifted_forward

CLOCK_ERROR = 300.0
"""Seconds by which the two clocks may differ before an event counts as lying in the future."""

_ANCHOR_REACH = 900  # seconds between an own call and the event it left, slow answers included
_MICROSECONDS = 1_000_000
_PAST, _FUTURE = float("-inf"), float("inf")

Options = list[tuple[int, ...]]
"""For each record the instants that are still possible, earliest first; none for a missing hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One record in time: seconds since 1970 UTC, and whether that is certain."""

    instant: int
    is_ambiguous: bool = False
    is_missing: bool = False
    """The wall time does not exist in the configured zone; also a sign that the zone is wrong."""


def resolve(
    zone: ZoneInfo,
    readings: Sequence[Reading],
    *,
    collected: float,
    markers: Mapping[int, int] | None = None,
    anchors: Mapping[int, int] | None = None,
) -> list[Placed]:
    """The instants of the records of one answer, in the order of the answer.

    `readings` stand in answer order, pages one after the other, as documented newest first.
    `collected` is when the answer came, in seconds since 1970 UTC: no event lies behind it.
    `markers` gives for the position of a page's first record the `next` value that asked for the page, in
    microseconds since 1970 UTC: what follows is not newer, what precedes not older.
    `anchors` gives for positions of events that own calls left the instants of these calls.
    A marker or an anchor that contradicts certain records is no evidence and is left out; so is the order
    unless the certain records prove it.
    """
    options = [candidates(zone, reading) for reading in readings]
    if any(len(found) == 2 for found in options):
        _keep_anchored(options, anchors or {})
        _keep_past(options, collected + CLOCK_ERROR)
        _keep_marked(options, markers or {})
        _keep_ordered(options, markers or {})
    return [_placed(zone, *pair) for pair in zip(readings, options, strict=True)]


def _placed(zone: ZoneInfo, reading: Reading, found: tuple[int, ...]) -> Placed:
    if not found:
        return Placed(instant=shifted_forward(zone, reading), is_ambiguous=True, is_missing=True)
    return Placed(instant=found[0], is_ambiguous=len(found) > 1)


def _keep_anchored(options: Options, anchors: Mapping[int, int]) -> None:
    for position, instant in anchors.items():
        if 0 <= position < len(options):
            _keep(options, position, instant - _ANCHOR_REACH, instant + _ANCHOR_REACH)


def _keep_past(options: Options, latest: float) -> None:
    for position in range(len(options)):
        _keep(options, position, _PAST, latest)


def _keep_marked(options: Options, markers: Mapping[int, int]) -> None:
    """Behind a marker nothing is newer than it, whatever the order within the page."""
    oldest = [found[0] if found else _PAST for found in reversed(options)]
    newest_behind = list(accumulate(oldest, max))[::-1]
    latest = _FUTURE
    for position, bound in enumerate(newest_behind):
        if position in markers and bound <= markers[position] // _MICROSECONDS:
            latest = min(latest, markers[position] // _MICROSECONDS)
        _keep(options, position, _PAST, latest)


def _keep_ordered(options: Options, markers: Mapping[int, int]) -> None:
    if _descends(_certain(options)):
        _keep_before_markers(options, markers)
        _settle(options, range(len(options)))
    elif _descends(_certain(reversed(options))):
        _settle(options, range(len(options) - 1, -1, -1))


def _keep_before_markers(options: Options, markers: Mapping[int, int]) -> None:
    """Before a marker nothing is older than it; only true of an answer that goes back in time."""
    oldest_before = list(accumulate((found[-1] if found else _FUTURE for found in options), min))
    earliest = _PAST
    for position in range(len(options) - 1, -1, -1):
        bound = markers.get(position + 1, 0) // _MICROSECONDS
        if position + 1 in markers and oldest_before[position] >= bound:
            earliest = max(earliest, bound)
        _keep(options, position, earliest, _FUTURE)


def _certain(options: Iterable[tuple[int, ...]]) -> list[int]:
    return [found[0] for found in options if len(found) == 1]


def _descends(instants: Sequence[int]) -> bool:
    """Whether the instants go back in time all the way, and do go back."""
    return all(a >= b for a, b in pairwise(instants)) and len(set(instants)) > 1


def _settle(options: Options, newest_first: range) -> None:
    """Keeps for each record what some order without a step forward in time allows.

    The latest choice that fits from the newest end and the earliest that fits from the oldest end enclose
    every choice that fits, so a record is certain where both meet. Changes nothing when nothing fits.
    """
    latest = _choice(options, newest_first, 1)
    earliest = _choice(options, newest_first[::-1], -1)
    for position, instant in latest.items():
        options[position] = tuple(sorted({earliest[position], instant}))


def _choice(options: Options, positions: range, sign: int) -> dict[int, int]:
    """The latest (sign 1) or earliest (sign -1) instants that keep the order; none when nothing fits."""
    chosen: dict[int, int] = {}
    bound = _FUTURE
    for position in positions:
        if options[position]:
            fitting = [instant for instant in options[position] if sign * instant <= bound]
            if not fitting:
                return {}
            chosen[position] = max(fitting) if sign > 0 else min(fitting)
            bound = sign * chosen[position]
    return chosen


def _keep(options: Options, position: int, earliest: float, latest: float) -> None:
    """Drops the instants outside the bounds, unless that would leave none."""
    kept = tuple(instant for instant in options[position] if earliest <= instant <= latest)
    if kept:
        options[position] = kept
