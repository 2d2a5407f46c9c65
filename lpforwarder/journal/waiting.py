"""Counts what a collector still gets, from the tallies of the pages: nothing is decoded for it."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing

from lpforwarder.event_page import Kind
from lpforwarder.journal.facts import ends, gaps_in
from lpforwarder.journal.page import kinds_in
from lpforwarder.journal.scan import Gap, parts_of, summaries

Wanted = Callable[[str, str, str, int], bool]
"""Asked with source, event type, event id and severity: does a collector want such an event?"""

BLOCK = 2**14
"""Places that are counted together and remembered: a million pages of one event take seconds to count."""
_MOST_KINDS = 1000
"""Of a block that is remembered; more is not worth the memory."""
_MOST_BLOCKS = 1024

SourceKind = tuple[str, Kind]

Found = tuple[int, str | None]
"""How many, and when the oldest was received."""


class WaitingCounter:
    """Remembers the counts of whole blocks, which never change but by damage. For several threads."""

    def __init__(self) -> None:
        self._blocks: dict[int, Counter[SourceKind]] = {}
        self._known: dict[SourceKind, SourceKind] = {}
        """One object for each: the blocks of 10 million events took 10 MB when each had its own."""
        self._gaps: list[Gap] = []
        self._guard = threading.Lock()

    def count(
        self,
        connection: sqlite3.Connection,
        checkpoint: int,
        wanted: Wanted,
        partial: Callable[[int, int], int],
    ) -> Found:
        """Wanted events behind `checkpoint`. `partial(checkpoint, last)` counts those of one page."""
        removed, last = ends(connection)
        gaps = [gap for gap in gaps_in(connection) if gap.count and not gap.collector]
        self._forget_if_changed(gaps)
        position = max(checkpoint, removed)
        border = (position // BLOCK + 1) * BLOCK
        tail = max(border, last // BLOCK * BLOCK)
        total, oldest = self._rows(connection, gaps, (position + 1, border, last), wanted, partial)
        for start in range(border, tail, BLOCK):
            stretch = (start, start + BLOCK, last)
            number = self._block(connection, gaps, stretch, wanted)
            if number and oldest is None:
                oldest = _first_received(connection, gaps, stretch, wanted)
            total += number
        if tail <= last:
            number, received = self._rows(connection, gaps, (tail, last + 1, last), wanted, None)
            total, oldest = total + number, oldest or received
        return total, oldest

    def _rows(
        self,
        connection: sqlite3.Connection,
        gaps: list[Gap],
        stretch: tuple[int, int, int],
        wanted: Wanted,
        partial: Callable[[int, int], int] | None,
    ) -> Found:
        """Page by page. A page that begins before the stretch is `partial`'s, or was counted before."""
        counted: dict[tuple[str, str], int] = {}
        total, oldest = 0, None
        for first, count, source, received, tally in _pages(connection, gaps, stretch):
            if first < stretch[0]:
                number = partial(stretch[0] - 1, first + count - 1) if partial is not None else 0
            elif (known := counted.get((source, tally))) is not None:
                number = known
            else:
                number = sum(times for kind, times in kinds_in(tally) if wanted(source, *kind))
                counted[source, tally] = number
            if number:
                total += number
                oldest = oldest or received
        return total, oldest

    def _block(
        self, connection: sqlite3.Connection, gaps: list[Gap], stretch: tuple[int, int, int], wanted: Wanted
    ) -> int:
        kinds = self._blocks.get(stretch[0])
        if kinds is None:
            kinds = _count_kinds(connection, gaps, stretch)
            if len(kinds) <= _MOST_KINDS and len(self._blocks) < _MOST_BLOCKS:
                self._blocks[stretch[0]] = self._shared(kinds)
        return sum(number for (source, kind), number in kinds.items() if wanted(source, *kind))

    def _shared(self, kinds: Counter[SourceKind]) -> Counter[SourceKind]:
        return Counter({self._known.setdefault(kind, kind): number for kind, number in kinds.items()})

    def _forget_if_changed(self, gaps: list[Gap]) -> None:
        with self._guard:
            if gaps != self._gaps:
                self._gaps, self._blocks, self._known = gaps, {}, {}


def _pages(
    connection: sqlite3.Connection, gaps: list[Gap], stretch: tuple[int, int, int]
) -> Generator[tuple[int, int, str, str, str]]:
    """(first, count, source, received, tally) of the pages that begin in the stretch, or reach into it.

    Of a damaged page come the parts that are whole: its own tally counts what is lost.
    """
    start, end, last = stretch
    with closing(summaries(connection, start - 1, last)) as rows:
        for row in rows:
            if row[0] >= end:
                return
            end_of_row = row[0] + row[1]
            if any(gap.first <= row[0] < end_of_row <= gap.end for gap in gaps):
                continue
            if any(gap.first < end_of_row and row[0] < gap.end for gap in gaps):
                for part in parts_of(connection, row[0]):
                    yield part.first, part.count, part.source, part.received, part.tally
            else:
                yield row


def _count_kinds(
    connection: sqlite3.Connection, gaps: list[Gap], stretch: tuple[int, int, int]
) -> Counter[SourceKind]:
    pages: Counter[tuple[str, str]] = Counter()
    for first, _, source, _, tally in _pages(connection, gaps, stretch):
        if first >= stretch[0]:
            pages[source, tally] += 1
    kinds: Counter[SourceKind] = Counter()
    for (source, tally), times in pages.items():
        for kind, number in kinds_in(tally):
            kinds[source, kind] += number * times
    return kinds


def _first_received(
    connection: sqlite3.Connection, gaps: list[Gap], stretch: tuple[int, int, int], wanted: Wanted
) -> str | None:
    with closing(_pages(connection, gaps, stretch)) as rows:
        for first, _, source, received, tally in rows:
            if first >= stretch[0] and any(wanted(source, *kind) for kind, _ in kinds_in(tally)):
                return received
    return None
