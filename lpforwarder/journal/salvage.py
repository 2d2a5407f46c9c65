"""What is still whole in a journal's file, found without SQLite: rows are known by their checksums.

A row is looked for in every leaf of the file and of the log, whatever leads to it or does not. Old copies
of a row do no harm: a row of events never changes once it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain

from msgspec import Struct

from lpforwarder.journal import btree
from lpforwarder.journal.btree import PAGE, TABLE_LEAF, Broken, Cell
from lpforwarder.journal.page import StoredPage
from lpforwarder.journal.rawfile import Image, RawFile

_COLUMNS = (9, 10)
"""Of a row of events: without and with the checksums of its lines."""
_TREES = frozenset({btree.ROOT, btree.TREE})
_BEAT_EVERY = 4096
"""Leaves between two signs of life."""
_SHORTEST = 20
"""Octets that such a row has at least."""


class Leaf(Struct, frozen=True):
    """A leaf that holds rows of events, or perhaps did."""

    least: int
    """Of the rows on it, the first place."""
    image: Image


class Salvage:
    """The rows of events in one file."""

    def __init__(self, raw: RawFile, beat: Callable[[], None] | None = None) -> None:
        """Looks along the whole file, some hundred MB a second; `beat` is called on the way."""
        self._raw = raw
        self.leaves: list[Leaf] = []
        """In the order of their rows."""
        self.spoiled: list[Image] = []
        """Where a leaf should be and cannot be read as one, wholly or in part."""
        for number, image in enumerate(raw.starting_with({TABLE_LEAF}), start=1):
            self._sort(image)
            if beat is not None and number % _BEAT_EVERY == 0:
                beat()
        self.leaves.sort(key=lambda leaf: leaf.least)
        self.spoiled += _headless(raw)

    def rows(self, after: int = 0, end: int | None = None) -> Iterator[StoredPage]:
        """Every row that begins between `after` and `end`, whole or not: nearly in order, some twice."""
        for leaf in self.leaves:
            if end is None or leaf.least < end:
                for row in rows_of(self._raw, leaf.image):
                    if row.first > after and (end is None or row.first < end):
                        yield row

    def hunted(self, wanted: range) -> Iterator[StoredPage]:
        """Rows that begin in this range, looked for octet by octet where leaves are spoiled."""
        for image in self.spoiled:
            yield from hunt(self._raw, image, wanted)

    def _sort(self, image: Image) -> None:
        octets = self._raw.image(image)
        cells = cells_of(self._raw, image)
        if cells and _looks_like_events(cells[0]):
            self.leaves.append(Leaf(cells[0].rowid, image))
        if is_spoiled(octets):
            self.spoiled.append(image)


def rows_of(raw: RawFile, image: Image) -> Iterator[StoredPage]:
    """The rows of events on one leaf, whole or not; nothing of what cannot be read at all."""
    for cell in cells_of(raw, image):
        row = _row(raw, image.page, cell)
        if row is not None:
            yield row


def rows_across(raw: RawFile, image: Image, wanted: range) -> Iterator[StoredPage]:
    """Those rows of a leaf that begin in the range, and the last one before it, which may reach into it."""
    cells = [cell for cell in cells_of(raw, image) if cell.rowid < wanted.stop]
    before = [cell for cell in cells if cell.rowid < wanted.start]
    for cell in [*before[-1:], *(cell for cell in cells if cell.rowid >= wanted.start)]:
        row = _row(raw, image.page, cell)
        if row is not None and row.end > wanted.start:
            yield row


def cells_of(raw: RawFile, image: Image) -> list[Cell]:
    """The cells of a leaf that can be taken apart, in order."""
    octets = raw.image(image)
    found = []
    try:
        places = btree.cell_places(octets)
    except Broken:
        return []
    for place in places:
        with suppress(Broken):
            found.append(btree.cell(octets, place, TABLE_LEAF))
    return found


def is_spoiled(octets: bytes) -> bool:
    """True for a leaf with a row that cannot be taken apart, and for what is no leaf at all."""
    try:
        for place in btree.cell_places(octets):
            btree.cell(octets, place, TABLE_LEAF)
    except Broken:
        return True
    return octets[0] != TABLE_LEAF


def hunt(raw: RawFile, image: Image, wanted: range) -> Iterator[StoredPage]:
    """Rows that begin in the range, wherever on this page one can be; only such as have whole parts."""
    octets = raw.image(image)
    for place in range(PAGE - _SHORTEST) if any(octets) else ():
        try:
            cell = btree.cell(octets, place, TABLE_LEAF)
        except Broken:
            continue
        if cell.rowid in wanted and _looks_like_events(cell):
            row = _row(raw, image.page, cell)
            if row is not None and row.whole_parts():
                yield row


def whole_parts(rows: Sequence[StoredPage], holes: Sequence[range]) -> Iterator[StoredPage]:
    """Of damaged rows what is whole and lies in one of the holes, none twice."""
    taken: set[int] = set()
    for row in rows:
        for part in row.whole_parts():
            mine = range(part.first, part.end)
            fits = any(hole.start <= part.first and part.end <= hole.stop for hole in holes)
            if fits and taken.isdisjoint(mine):
                taken.update(mine)
                yield part


def _row(raw: RawFile, leaf: int, cell: Cell) -> StoredPage | None:
    """The row of a cell; None when it is of another table, or not there to its end."""
    row = None
    for way_on in raw.ways_on(leaf, cell):
        with suppress(Broken):
            values = btree.record(raw.payload(cell, way_on))
            if len(values) in _COLUMNS and values[0] is None and isinstance(values[1], int):
                row = StoredPage(cell.rowid, *values[1:])  # type: ignore[arg-type]
                if row.whole_parts():
                    break
    return row


def _looks_like_events(cell: Cell) -> bool:
    """True when the row begins like one of events; most others need no more than this look."""
    try:
        length, at = btree.varint(cell.local, 0)
        kinds: list[int] = []
        while at < length and len(kinds) <= _COLUMNS[-1]:
            serial, at = btree.varint(cell.local, at)
            kinds.append(serial)
    except Broken:
        return False
    return len(kinds) in _COLUMNS and kinds[0] == 0 and kinds[2] > 12 and kinds[8] >= 12


def _headless(raw: RawFile) -> Iterator[Image]:
    """Pages that the map calls parts of a tree, and that do not begin like one."""
    in_file = (Image(number, (number - 1) * PAGE, in_log=False) for number in range(3, raw.in_file + 1))
    for image in chain(in_file, raw.frames()):
        with suppress(Broken):  # what the disk cannot read at all
            if raw.use(image.page)[0] in _TREES and raw.image(image)[0] not in btree.KINDS:
                yield image
