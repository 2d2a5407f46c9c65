"""Is the file built as it should be? Looks at what leads to rows, not at the rows: quick on any size.

Four GB of journal have about 3,000 pages that lead to others and 1,300 of the pointer map; the rows
themselves are read in the background, see reading.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from lpforwarder.journal import btree, schema, tables
from lpforwarder.journal.btree import PAGE, TABLE_INTERIOR, TABLE_LEAF, Broken
from lpforwarder.journal.rawfile import RawFile

SECONDS = 1.0
"""A check at the start looks no longer at one kind of page; what is left is found when it is read."""
_SMALL = frozenset({"state", "source", "collector", "identity"})
_ALWAYS = frozenset({"state", "source", "collector", "page", "gap", "reject"})
"""Tables of every version."""
_MOST_DEPTH = 20
_USES = frozenset(range(btree.ROOT, btree.TREE + 1))


class Watch:
    """Says when there has been enough of something."""

    def __init__(self, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = clock() + seconds

    @property
    def is_over(self) -> bool:
        """True when the time is up."""
        return self._clock() >= self._until


def check(raw: RawFile, seconds: float = SECONDS) -> None:
    """Broken, with what is wrong, when SQLite could not read or write here; returns when all seems well."""
    _check_size(raw)
    found = tables.listed(raw)
    _check_list(found, is_older=btree.header(raw.page(1)).user_version < schema.VERSION)
    for name, (root, _) in found.items():
        try:
            check_tree(raw, root, Watch(seconds))
            if name in _SMALL:
                tables.check(raw, root)
        except Broken as error:
            raise Broken(f"table {name}: {error}") from error
    check_free(raw, Watch(seconds))
    check_map(raw, Watch(seconds))


def check_tree(raw: RawFile, root: int, watch: Watch) -> None:
    """Follows every page that leads to others, and both edges to the leaf; Broken when one is wrong."""
    depth = _depth(raw, root)
    places: list[tuple[int, int, int | None, int | None]] = [(root, 0, None, None)]
    seen: set[int] = set()
    while places:
        number, level, low, high = places.pop()
        if number in seen:
            raise Broken(f"page {number} is reached twice")
        seen.add(number)
        if level == depth or watch.is_over:
            continue
        found = btree.interior(raw.page(number))
        if any(not raw.holds(child) or child < 3 for child in found.children):
            raise Broken(f"page {number} leads out of the file")
        if found.keys and ((low is not None and found.keys[0] <= low) or _is_above(found.keys[-1], high)):
            raise Broken(f"page {number} holds keys that belong elsewhere")
        borders = (low, *found.keys, high) if found.keys else (low,) + (None,) * len(found.children)
        for place, child in enumerate(found.children):
            if level + 1 < depth:
                places.append((child, level + 1, borders[place], borders[place + 1]))
    _check_edge(raw, root, depth, 0)
    _check_edge(raw, root, depth, -1)


def _is_above(key: int, high: int | None) -> bool:
    return high is not None and key > high


def _depth(raw: RawFile, root: int) -> int:
    """How many levels lie below the root, along its left edge."""
    number = root
    for depth in range(_MOST_DEPTH):
        octets = raw.page(number)
        if btree.kind(octets) in (TABLE_LEAF, btree.INDEX_LEAF):
            return depth
        number = btree.interior(octets).children[0]
    raise Broken("a tree without an end")


def _check_edge(raw: RawFile, root: int, depth: int, side: int) -> None:
    """The first (0) or last (-1) leaf can be read: new rows go to the last one."""
    number = root
    for _ in range(depth):
        number = btree.interior(raw.page(number)).children[side]
    octets = raw.page(number)
    of = btree.kind(octets)
    if of in (TABLE_INTERIOR, btree.INDEX_INTERIOR):
        raise Broken(f"page {number} is no leaf and should be one")
    for place in btree.cell_places(octets):
        btree.cell(octets, place, of)


def check_free(raw: RawFile, watch: Watch) -> None:
    """Follows the list of free pages; Broken when it leads astray or its length is not what is said."""
    head = btree.header(raw.page(1))
    number, count = head.freelist, 0
    seen: set[int] = set()
    while number:
        if watch.is_over:
            return
        if number in seen or not raw.holds(number) or number < 3:
            raise Broken("the list of free pages leads astray")
        seen.add(number)
        octets = raw.page(number)
        inside = btree.u32(octets, 4)
        if inside > PAGE // 4 - 2:
            raise Broken("the list of free pages is damaged")
        leaves = (btree.u32(octets, 8 + 4 * place) for place in range(inside))
        if not all(2 < leaf <= raw.pages for leaf in leaves):
            raise Broken("the list of free pages leads out of the file")
        count += 1 + inside
        number = btree.u32(octets, 0)
    if count != head.free:
        raise Broken(f"the list of free pages has {count} and should have {head.free}")


def check_map(raw: RawFile, watch: Watch) -> None:
    """Every entry of the pointer map is one that can be; SQLite moves pages by it."""
    for number in raw.map_pages():
        if watch.is_over:
            return
        entries = min(PAGE // 5, raw.pages - number)
        if entries < 1:
            return
        octets = raw.page(number)
        uses = set(octets[: 5 * entries : 5])
        skips_lock = number < btree.LOCK_PAGE <= number + entries
        if not uses - ({0} if skips_lock else set()) <= _USES:
            raise Broken("the pointer map is damaged")


def _check_size(raw: RawFile) -> None:
    head = btree.header(raw.page(1))
    if head.is_current and head.pages > raw.pages:
        raise Broken(f"the file has {raw.in_file} pages and should have {head.pages}")
    if not all(raw.holds(number) for number in range(raw.in_file + 1, raw.pages + 1)):
        raise Broken("the file is shorter than it should be")


def _check_list(found: Mapping[str, tuple[int, str | None]], *, is_older: bool) -> None:
    """Every table is there, and SQLite will understand how it was made."""
    usual = tables.usual_list()
    for name in sorted(_ALWAYS if is_older else usual):
        if name not in found:
            raise Broken(f"table {name} is not in the list of tables")
        # Older files say it differently: columns were added since.
        if not is_older and found[name][1] != usual[name][1]:
            raise Broken(f"the list of tables does not say how {name} was made")
