"""Cuts JSON Lines into records: one a line, blank lines ignored, `\\r\\n` tolerated. Pure."""

from __future__ import annotations

from dataclasses import replace

from lpforwarder.intake.sources.records import Cut, Fault, Limits, Place, too_long
from lpforwarder.lines import lines_of


def cut(window: bytes, place: Place, final: bool, limits: Limits) -> Cut:
    """The whole lines of `window`, which begins at `place`.

    `final` says that nothing will ever follow the window: only then a last line without its line feed counts.
    """
    lines = lines_of(window, limits.records)
    rest = lines.pop()
    if place.depth and not lines:
        return Cut(place=_behind(place, len(window), depth=0 if final else 1))
    full = len(lines) == limits.records
    begin = _behind(place, len(lines.pop(0)) + 1, 1) if place.depth else place
    behind = _behind(begin, len(window) - len(rest) - (begin.offset - place.offset), len(lines))
    if full:
        return Cut(lines=lines, begin=begin, place=behind, full=True)
    faults: list[Fault] = []
    is_long = len(rest) > limits.longest
    if is_long:
        faults.append(too_long(behind.number + 1, rest, limits))
    elif final and rest:
        lines.append(rest)
    if final or is_long:
        behind = _behind(behind, len(rest), depth=0 if final else 1)
    return Cut(lines=lines, begin=begin, faults=faults, place=behind)


def _behind(place: Place, octets: int, lines: int = 0, *, depth: int = 0) -> Place:
    return replace(place, offset=place.offset + octets, number=place.number + lines, depth=depth)
