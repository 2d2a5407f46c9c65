"""What the cutters of JSON files speak: where they stand in a file, and what they found there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, count
from typing import Literal, TypeAlias

from msgspec import Struct, field

Stage: TypeAlias = Literal["start", "lines", "array", "closed", "ended"]
"""`start`: only blanks so far; `closed`: behind the `]` of an array; `ended`: the rest is not read."""

BLANKS = b" \t\r\n"
"""The white space of JSON [RFC 8259 §2]."""

KEPT = 64 * 1024
"""Octets of a bad record that are kept with its reject."""


class Limits(Struct, frozen=True, kw_only=True):
    """How much one page may hold. `window` is read at once and grows to `longest` if no record fits."""

    records: int = 2000
    window: int = 512 * 1024
    longest: int = 1024 * 1024
    """Octets; a longer record becomes a reject and is never in memory as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in a file: between two records, or inside one that is too long and being skipped."""

    offset: int = 0
    number: int = 0
    """Lines or elements that end before the offset."""
    stage: Stage = "start"
    depth: int = 0
    """Above 0 while skipping: brackets that are open, the array's own included."""
    in_string: bool = False
    """While skipping: the offset lies inside a JSON string."""


Record: TypeAlias = tuple[int, int, bytes]
"""One line or element: its offset, its number counted from 1, and the octets as they stand.

A bare tuple, because there is one for each event and a class costs three times as much to make.
"""


class Fault(Struct, frozen=True, kw_only=True):
    """A piece of the file that is no record; `number` is 0 for the file as a whole."""

    number: int
    reason: str
    raw: bytes


class Cut(Struct, frozen=True, kw_only=True):
    """What a window held, in order, and the place behind it: lines, or elements of an array."""

    lines: Sequence[bytes] = ()
    """Blank ones included. Offsets and numbers are made when somebody asks: they take 0.3 µs a line."""
    begin: Place = Place()
    """Of the first line."""
    elements: Sequence[Record] = ()
    faults: list[Fault] = field(default_factory=list)
    place: Place
    unit: Literal["line", "element"] = "line"
    full: bool = False
    """The page was full before the window was used up."""

    @property
    def raws(self) -> Sequence[bytes]:
        """The octets of each line or element, blank lines included."""
        return self.lines or [raw for _, _, raw in self.elements]

    def numbered(self) -> Sequence[Record]:
        """The same with places, made anew each time."""
        if not self.lines:
            return self.elements
        first = self.begin.offset
        offsets = accumulate(map(len, self.lines), lambda offset, size: offset + size + 1, initial=first)
        return list(zip(offsets, count(self.begin.number + 1), self.lines, strict=False))

    @property
    def records(self) -> list[Record]:
        """The same without blank lines."""
        return [record for record in self.numbered() if record[2] and not record[2].isspace()]


def too_long(number: int, raw: bytes, limits: Limits) -> Fault:
    """The fault of a record beyond `limits.longest`; its beginning is kept."""
    reason = f"longer than {limits.longest} octets; only its beginning is kept"
    return Fault(number=number, reason=reason, raw=raw[:KEPT])
