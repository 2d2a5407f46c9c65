"""Cuts JSON Lines into records: one a line, blank lines ignored, `\\r\\n` tolerated. Pure."""

from __future__ import annotations

from dataclasses import replace

from lpforwarder.intake.sources.records import Cut, Fault, Limits, Place, Record, too_long


def cut(window: bytes, place: Place, final: bool, limits: Limits) -> Cut:
    """The whole lines of `window`, which begins at `place`.

    `final` says that nothing will ever follow the window: only then a last line without its line feed counts.
    """
    lines = window.split(b"\n", limits.records)
    rest = lines.pop()
    if place.depth and not lines:
        return Cut(place=_still_skipping(place, rest, final))
    offset, number = place.offset, place.number
    if place.depth:
        offset, number = offset + len(lines.pop(0)) + 1, number + 1
    full = len(lines) + (place.depth > 0) == limits.records
    records: list[Record] = []
    for line in lines:
        number += 1
        if line and not line.isspace():
            records.append((offset, number, line))
        offset += len(line) + 1
    behind = replace(place, offset=offset, number=number, depth=0)
    if full:
        return Cut(records=records, place=behind, full=True)
    return _with_rest(records, rest, behind, final, limits)


def _with_rest(records: list[Record], rest: bytes, place: Place, final: bool, limits: Limits) -> Cut:
    """What is to be done with a line that has not ended yet."""
    long = len(rest) > limits.longest
    if not final and not long:
        return Cut(records=records, place=place)
    faults: list[Fault] = []
    if long:
        faults.append(too_long(place.number + 1, rest, limits))
    elif rest.strip():
        records.append((place.offset, place.number + 1, rest))
    behind = replace(place, offset=place.offset + len(rest), depth=0 if final else 1)
    return Cut(records=records, faults=faults, place=behind)


def _still_skipping(place: Place, rest: bytes, final: bool) -> Place:
    return replace(place, offset=place.offset + len(rest), depth=0 if final else 1)
