"""The pages of an SQLite file, taken apart without SQLite: for files in which it cannot find its way.

Pure: octets go in, cells and values come out; Broken says what cannot be. Pages have 4096 octets, nothing
reserved, as connections.py makes them. Source of every rule: sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

PAGE = 4096
TABLE_LEAF, TABLE_INTERIOR, INDEX_LEAF, INDEX_INTERIOR = 13, 5, 10, 2
KINDS = frozenset({TABLE_LEAF, TABLE_INTERIOR, INDEX_LEAF, INDEX_INTERIOR})
MAGIC = b"SQLite format 3\x00"

_LEAF_MOST = {TABLE_LEAF: PAGE - 35, INDEX_LEAF: (PAGE - 12) * 64 // 255 - 23}
_LEAF_MOST[INDEX_INTERIOR] = _LEAF_MOST[INDEX_LEAF]
_LEAST = (PAGE - 12) * 32 // 255 - 23
_LONGEST_PAYLOAD = 2**31
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")

Value = None | int | float | str | bytes


class Broken(Exception):
    """These octets cannot be what they should be; the text says why."""


class Cell(Struct, frozen=True):
    """One row of a leaf: where its payload begins and goes on."""

    rowid: int
    """0 in an index, which is what a table without rowid is."""
    size: int
    """Octets of the whole payload."""
    local: bytes
    """The part that lies in the leaf."""
    overflow: int
    """The page on which it goes on; 0 when it does not."""


class Interior(Struct, frozen=True):
    """A page that leads to others."""

    children: tuple[int, ...]
    keys: tuple[int, ...]
    """The greatest rowid below each child but the last; nothing in an index."""


class Header(Struct, frozen=True, kw_only=True):
    """What the first 100 octets say."""

    pages: int
    """Of the file, when it was last written in step with `changes`; see is_current."""
    is_current: bool
    freelist: int
    free: int
    user_version: int
    application_id: int


def header(first: bytes) -> Header:
    """Of page 1; Broken when this is no SQLite file, or not one of ours."""
    if len(first) < 100 or not first.startswith(MAGIC):
        raise Broken("the file does not begin like a database")
    page_size, reserved = u16(first, 16), first[20]
    if page_size != PAGE or reserved or first[21:24] != b"\x40\x20\x20":
        raise Broken("the header's sizes are not ours")
    if (
        first[18] > 2
        or first[19] > 2
        or u32(first, 44) not in (0, 1, 2, 3, 4)
        or u32(first, 56) not in (0, 1)
    ):
        raise Broken("the header's formats are not ours")
    return Header(
        pages=u32(first, 28),
        is_current=first[24:28] == first[92:96],
        freelist=u32(first, 32),
        free=u32(first, 36),
        user_version=u32(first, 60),
        application_id=u32(first, 68),
    )


def kind(page: bytes, at: int = 0) -> int:
    """Which kind of tree page this is; Broken when it is none. `at` is 100 on page 1."""
    if len(page) != PAGE or page[at] not in KINDS:
        raise Broken("no page of a tree")
    return page[at]


def cell_places(page: bytes, at: int = 0) -> Sequence[int]:
    """Where the cells of a tree page begin, in the order of their keys; Broken when that cannot be."""
    is_interior = kind(page, at) in (TABLE_INTERIOR, INDEX_INTERIOR)
    count = u16(page, at + 3)
    start = at + (12 if is_interior else 8)
    end = start + 2 * count
    if end > PAGE:
        raise Broken("more cells than fit on the page")
    places = struct.unpack_from(f">{count}H", page, start)
    if places and (min(places) < end or max(places) > PAGE - 4):
        raise Broken("a cell that does not lie on its page")
    return places


def cell(page: bytes, place: int, of: int) -> Cell:
    """The cell of a leaf, or of an index page of any kind, that begins there. `of` is the page's kind."""
    at = place + 4 if of == INDEX_INTERIOR else place
    size, at = varint(page, at)
    rowid = 0
    if of == TABLE_LEAF:
        rowid, at = varint(page, at)
    if not 0 < size < _LONGEST_PAYLOAD:
        raise Broken("a row of an impossible length")
    here = local_size(size, of)
    is_spilled = here < size
    if at + here + 4 * is_spilled > PAGE:
        raise Broken("a row that does not end on its page")
    overflow = u32(page, at + here) if is_spilled else 0
    return Cell(rowid, size, page[at : at + here], overflow)


def interior(page: bytes, at: int = 0) -> Interior:
    """Where a page leads to; Broken when it is a leaf, or its keys are not in order."""
    of = kind(page, at)
    if of not in (TABLE_INTERIOR, INDEX_INTERIOR):
        raise Broken("a leaf where a page with children must be")
    children, keys = [], []
    for place in cell_places(page, at):
        children.append(u32(page, place))
        if of == TABLE_INTERIOR:
            keys.append(varint(page, place + 4)[0])
    if any(one >= other for one, other in pairwise(keys)):
        raise Broken("keys that are not in order")
    children.append(u32(page, at + 8))
    return Interior(tuple(children), tuple(keys))


def local_size(size: int, of: int) -> int:
    """How many octets of a payload lie in the leaf itself."""
    most = _LEAF_MOST[of]
    if size <= most:
        return size
    here = _LEAST + (size - _LEAST) % (PAGE - 4)
    return here if here <= most else _LEAST


def record(payload: bytes) -> list[Value]:
    """The values of a row; Broken when the octets are no record. Texts must be UTF-8."""
    length, at = varint(payload, 0)
    if not at <= length <= len(payload):
        raise Broken("a record whose head is too long")
    kinds = []
    while at < length:
        serial, at = varint(payload, at)
        kinds.append(serial)
    if at != length:
        raise Broken("a record whose head does not end where it says")
    values: list[Value] = []
    for serial in kinds:
        value, at = _value(payload, at, serial)
        values.append(value)
    return values


def _value(payload: bytes, at: int, serial: int) -> tuple[Value, int]:
    if serial == 0:
        return None, at
    if serial in (8, 9):
        return serial - 8, at
    if serial < 7:
        end = at + _INTEGERS[serial]
        _within(payload, end)
        return int.from_bytes(payload[at:end], "big", signed=True), end
    if serial == 7:
        _within(payload, at + 8)
        return float(struct.unpack_from(">d", payload, at)[0]), at + 8
    if serial < 12:
        raise Broken("a value of a kind that is not used")
    end = at + (serial - 12) // 2
    _within(payload, end)
    if serial % 2 == 0:
        return payload[at:end], end
    try:
        return payload[at:end].decode("utf-8"), end
    except UnicodeDecodeError:
        raise Broken("text that is no text") from None


def _within(payload: bytes, end: int) -> None:
    if end > len(payload):
        raise Broken("a record that ends too soon")


def varint(octets: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine octets, signed as a row number is, and the place behind it."""
    try:
        value = octets[at]
        if value < 128:
            return value, at + 1
        value &= 127
        for place in range(at + 1, at + 8):
            octet = octets[place]
            value = value << 7 | octet & 127
            if octet < 128:
                return value, place + 1
        value = value << 8 | octets[at + 8]
    except IndexError:
        raise Broken("a number that does not end") from None
    return (value - 2**64 if value >= 2**63 else value), at + 9


def u16(octets: bytes, at: int) -> int:
    """Two octets, big-endian; Broken behind the end."""
    if at + 2 > len(octets):
        raise Broken("too short")
    return int(_U16.unpack_from(octets, at)[0])


def u32(octets: bytes, at: int) -> int:
    """Four octets, big-endian; Broken behind the end."""
    if at + 4 > len(octets):
        raise Broken("too short")
    return int(_U32.unpack_from(octets, at)[0])


# ---- the pointer map: what every page is used for ---------------------------------------------------------

ROOT, FREE, FIRST_OVERFLOW, OVERFLOW, TREE = 1, 2, 3, 4, 5
_MAPPED = PAGE // 5
MAP_EVERY = _MAPPED + 1
"""Pages from one page of the map to the next; the first is page 2."""
LOCK_PAGE = 2**30 // PAGE + 1
"""The page that file locks lie on; it holds nothing."""


def map_page(number: int) -> int:
    """The page that says what page `number` is used for; itself for one that only says that of others."""
    found = (number - 2) // MAP_EVERY * MAP_EVERY + 2
    return found + 1 if found == LOCK_PAGE else found


def is_mapped(number: int) -> bool:
    """False for page 1, the pages of the map, and the lock page."""
    return number > 1 and number != LOCK_PAGE and map_page(number) != number


def map_place(number: int) -> int:
    """Where on its map page the entry of page `number` stands: five octets, a kind and a page."""
    return 5 * (number - map_page(number) - 1)
