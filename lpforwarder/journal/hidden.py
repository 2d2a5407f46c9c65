"""Rows that SQLite does not find any more because a page that leads to them is damaged.

They are looked for in the file itself, beside the writer, so that delivery goes on in order. It works, but
slowly, and the next start should put a new file in place.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Iterator
from pathlib import Path

from lpforwarder.journal import btree, inherited, salvage
from lpforwarder.journal.btree import TABLE_INTERIOR, Broken
from lpforwarder.journal.page import StoredPage
from lpforwarder.journal.rawfile import Image, RawFile, living

_LONGEST = 20_000
"""Events of a page that may begin before the places that are looked for."""
_REMEMBERED = 8
_DEEPEST = 20


class HiddenRows:
    """For one journal. Its callers hold a read transaction that has read something."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[tuple[range, list[salvage.Leaf]]] = []
        """Leaves by the stretch of places they were looked for in: looking takes seconds on a large file."""

    def across(self, wanted: range) -> Generator[StoredPage]:
        """What is whole of the rows that reach into the range, in order; nothing when there is nothing."""
        with living(self._path) as raw:
            position = wanted.start
            for image in self._images(raw, wanted):
                for row in _rows(raw, image, wanted):
                    for part in row.whole_parts():
                        if position < part.end and part.first < wanted.stop:
                            yield part
                            position = part.end

    def _images(self, raw: RawFile, wanted: range) -> list[Image]:
        """The leaves that may hold such rows: those the tree leads to, or all if it does not lead well."""
        try:
            return list(leaves_across(raw, inherited.known_roots(raw)["page"], wanted))
        except Broken:
            leaves = self._scanned(raw, wanted)
        start = max(bisect_left(leaves, wanted.start, key=lambda leaf: leaf.least) - 1, 0)
        return [leaf.image for leaf in leaves[start:] if leaf.least < wanted.stop]

    def _scanned(self, raw: RawFile, wanted: range) -> list[salvage.Leaf]:
        for stretch, leaves in self._found:
            if stretch.start <= wanted.start and wanted.stop <= stretch.stop:
                return leaves
        low = wanted.start - _LONGEST
        leaves = [leaf for leaf in salvage.Salvage(raw).leaves if low <= leaf.least < wanted.stop]
        self._found = [*self._found[-_REMEMBERED + 1 :], (wanted, leaves)]
        return leaves


def leaves_across(raw: RawFile, root: int, wanted: range) -> Iterator[Image]:
    """The leaves along the tree that hold the range, and the one before; Broken when the way is damaged.

    A leaf itself may be damaged: nothing leads on from it.
    """
    for number in _below(raw, root, _depth(raw, root), wanted):
        yield raw.image_of(number)


def _below(raw: RawFile, number: int, depth: int, wanted: range) -> Iterator[int]:
    if depth == 0:
        yield number
        return
    page = btree.interior(raw.page(number))
    first = max(bisect_left(page.keys, wanted.start) - 1, 0)
    last = min(bisect_left(page.keys, wanted.stop - 1), len(page.keys))
    for child in page.children[first : last + 1]:
        if not raw.holds(child) or raw.use(child) != (btree.TREE, number):
            raise Broken("a page that leads elsewhere")
        yield from _below(raw, child, depth - 1, wanted)


def _depth(raw: RawFile, root: int) -> int:
    """Levels below the root, along its left edge."""
    number = root
    for depth in range(_DEEPEST):
        if btree.kind(raw.page(number)) != TABLE_INTERIOR:
            return depth
        number = btree.interior(raw.page(number)).children[0]
    raise Broken("a tree without an end")


def _rows(raw: RawFile, image: Image, wanted: range) -> list[StoredPage]:
    """The rows of a leaf; where it is spoiled, also those that are found octet by octet."""
    rows = list(salvage.rows_across(raw, image, wanted))
    if salvage.is_spoiled(raw.image(image)):
        rows += salvage.hunt(raw, image, range(max(wanted.start - _LONGEST, 1), wanted.stop))
    return sorted(rows, key=lambda row: row.first)
