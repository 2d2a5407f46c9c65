"""One row of the journal: a page of events as it was appended, and how to tell that it is still whole."""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import count as counting
from itertools import repeat
from typing import cast

from msgspec import Struct

from lpforwarder.event import Entry, Event, Seq, split_lines
from lpforwarder.event_page import EventPage, Kind
from lpforwarder.journal.crc import crc32


class StoredPage(Struct, frozen=True):
    """The columns of one row, in their order. Read from a file they may be anything: ask is_whole()."""

    first: int
    count: int
    source: str
    oldest: str | None
    """Least and greatest event time of the page; None when no event has one."""
    newest: str | None
    received: str
    tally: str
    """How many events there are of each kind, so that counting needs no decoding; see kinds_in()."""
    checksum: int
    lines: bytes
    sums: bytes | None = None
    """A checksum of each line, so that damage costs the events it hit and no other; None in older files."""

    @property
    def end(self) -> int:
        """The place behind the last event."""
        return self.first + self.count

    def is_whole(self) -> bool:
        """False when a single octet is not what was appended."""
        return isinstance(self.lines, bytes) and self.checksum == _checksum(self)

    def entries(self) -> list[Entry]:
        """The events with their places; only for a page that is whole."""
        places = cast("Iterator[Seq]", counting(self.first))
        return list(map(Entry, places, repeat(self.source), split_lines(self.lines)))

    def whole_parts(self) -> list[StoredPage]:
        """The page itself when it is whole; else a Part for each run of events that still are, in order.

        Nothing when what says so is damaged too.
        """
        return [self] if self.is_whole() else _parts(self)


class Part(StoredPage, frozen=True):
    """Whole events of a page that is not; no row of the table."""


Columns = tuple[int, int, str, str | None, str | None, str, str, int, bytes, bytes | None]


def store(first: int, source: str, events: Sequence[Event], received: str) -> StoredPage:
    """The row for these events; `received` is the present time."""
    page = EventPage.of(events)
    kinds, lines, number = tally(page.kinds), b"\n".join(page.lines), len(page)
    head = row_checksum(first, number, source, page.oldest, page.newest, received, kinds)
    seal = row_checksum(first, number, source, received)
    sums = _sealed(list(map(crc32, page.lines)), seal)
    checksum = crc32(lines, head)
    return StoredPage(first, number, source, page.oldest, page.newest, received, kinds, checksum, lines, sums)


def page_columns(page: StoredPage) -> Columns:
    """The columns in the order of the table."""
    return (
        page.first,
        page.count,
        page.source,
        page.oldest,
        page.newest,
        page.received,
        page.tally,
        page.checksum,
        page.lines,
        page.sums,
    )


def row_checksum(*values: object) -> int:
    """CRC-32 over the values of a row; also a function of our SQL. JSON keeps the borders apart."""
    return crc32(json.dumps(values, default=repr).encode("ascii"))


def _checksum(page: StoredPage) -> int:
    return crc32(page.lines, _head(page))


def _head(page: StoredPage) -> int:
    """The checksum of the small columns, with which the one of the whole row begins."""
    return row_checksum(*page_columns(page)[:7])


# ---- what is left of a damaged page -----------------------------------------------------------------------


def _sealed(sums: Sequence[int], head: int) -> bytes:
    """The checksums of the lines, and one over them and what the lines do not say themselves.

    `head` is that of first, count, source and received; the other columns are made anew from the lines.
    """
    packed = struct.pack(f">{len(sums)}I", *sums)
    return packed + struct.pack(">I", crc32(packed, head))


def _parts(page: StoredPage) -> list[StoredPage]:
    if not (isinstance(page.sums, bytes) and isinstance(page.lines, bytes) and isinstance(page.count, int)):
        return []
    if not page.sums or len(page.sums) != 4 * page.count + 4:
        return []
    sums = struct.unpack(f">{page.count}I", page.sums[:-4])
    if page.sums != _sealed(sums, row_checksum(page.first, page.count, page.source, page.received)):
        return []
    return [_part(page, place, lines) for place, lines in _runs(sums, page.lines.split(b"\n"))]


def _part(page: StoredPage, place: int, lines: list[bytes]) -> Part:
    events = split_lines(b"\n".join(lines))
    return Part(*page_columns(store(page.first + place, page.source, events, page.received)))


def _runs(sums: Sequence[int], lines: list[bytes]) -> list[tuple[int, list[bytes]]]:
    """(place, lines) of each run of lines whose checksums are the ones that stand at these places.

    Damage may have made line feeds or taken some away, so each line is looked for behind the one before.
    """
    where: dict[int, list[int]] = {}
    for number in range(len(lines) - 1, -1, -1):
        where.setdefault(crc32(lines[number]), []).append(number)
    runs: list[tuple[int, list[bytes]]] = []
    behind, at = -1, -1
    for place, checksum in enumerate(sums):
        found = where.get(checksum, [])
        while found and found[-1] < behind:
            found.pop()
        if not found:
            continue
        behind = found.pop() + 1
        if not runs or place != at:
            runs.append((place, []))
        runs[-1][1].append(lines[behind - 1])
        at = place + 1
    return runs


# ---- counting by kind -----------------------------------------------------------------------------------


def tally(kinds: Counter[Kind]) -> str:
    """Compact JSON `[[eventType, eventId, severity, count], …]`, equal for equal counts."""
    rows = [[*kind, number] for kind, number in sorted(kinds.items())]
    return json.dumps(rows, separators=(",", ":"))


@lru_cache(maxsize=256)  # a page's tally has about 1 KB, so this stays under a few MB
def kinds_in(tally: str) -> tuple[tuple[Kind, int], ...]:
    """Each kind with its count; nothing when the text is damaged."""
    try:
        return tuple(((str(a), str(b), int(c)), int(number)) for a, b, c, number in json.loads(tally))
    except (ValueError, TypeError):
        return ()
