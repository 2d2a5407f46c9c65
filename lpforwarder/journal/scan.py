"""Walks along the journal's rows, over damage: what is whole is found, what is not is named."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from lpforwarder.journal.faults import is_damage
from lpforwarder.journal.page import StoredPage
from lpforwarder.journal.schema import has_sums

CONTENTS = "contents are not what was written"
UNREADABLE = "cannot be read from the file"
MISSING = "not in the file any more"
ASKED_AGAIN = "not in the file any more; the sources are asked for it once more"
EXPIRED = "removed by retention while the collector was not configured"

_PAGE = "first, count, source, oldest, newest, received, tally, checksum, lines, sums"
_OLD_PAGE = _PAGE.replace("sums", "NULL")
_FINER = 64
"""A search over unreadable rows grows its step by this part of the way, so that it ends and skips little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Events that were journaled and are not readable any more: `count` places from `first` on."""

    first: int
    count: int
    reason: str
    found: str = ""
    """RFC 3339; empty until it is written down."""
    collector: str = ""
    """Whom it concerns alone; empty when it concerns everybody."""
    number: int = field(default=0, compare=False)
    """Of its row; a gap that grows gets a new one. 0 until it is written down."""
    missed: Mapping[str, int] = field(default_factory=dict, compare=False)
    """Collector → how many of these places it had not confirmed when they were found missing."""

    @property
    def end(self) -> int:
        """The place behind it."""
        return self.first + self.count

    def behind(self, place: int) -> int:
        """How many of its places lie behind this one."""
        return max(self.end - max(self.first, place + 1), 0)

    @property
    def is_loss(self) -> bool:
        """False when nothing is missing in the end: a note, or places whose events come once more."""
        return self.count > 0 and self.reason != ASKED_AGAIN


@dataclass(frozen=True, slots=True)
class Jump:
    """Rows that SQLite cannot read: nothing is known before `to`."""

    to: int


def pages(connection: sqlite3.Connection, after: int, last: int) -> Generator[StoredPage | Gap]:
    """The whole pages that hold what lies behind `after`, in order, and a Gap for what is not there.

    Of a damaged page come its whole parts. Sequence numbers leave nothing out, so a hole between two pages
    is a loss too. `last` is the journal's last place. The first page may begin before `after`.
    """
    position, reason = after + 1, MISSING
    for row in _rows(connection, _columns(connection), position, last):
        if isinstance(row, Jump):
            if row.to > position:
                yield Gap(first=position, count=row.to - position, reason=UNREADABLE)
                position, reason = row.to, MISSING
            continue
        page = StoredPage(*row)
        parts = page.whole_parts()
        is_whole = parts == [page]
        reason = reason if is_whole else CONTENTS
        for part in parts:
            if part.end <= position:
                continue
            if part.first > position:
                yield Gap(first=position, count=part.first - position, reason=reason)
            yield part
            position, reason = part.end, MISSING if is_whole else CONTENTS
    if position <= last:
        yield Gap(first=position, count=last + 1 - position, reason=reason)


def summaries(
    connection: sqlite3.Connection, after: int, last: int
) -> Generator[tuple[int, int, str, str, str]]:
    """(first, count, source, received, tally) of the pages behind `after`; unreadable ones are left out.

    Not checked: only who reads the contents can tell whether they are whole.
    """
    for row in _rows(connection, "first, count, source, received, tally", after + 1, last):
        if not isinstance(row, Jump) and isinstance(row[1], int) and isinstance(row[4], str):
            yield row


def parts_of(connection: sqlite3.Connection, first: int) -> list[StoredPage]:
    """What is whole of the page that begins there; nothing when it cannot be read."""
    row = _alone(connection, f"SELECT {_columns(connection)} FROM page WHERE first = ?", first)
    return StoredPage(*row).whole_parts() if row is not None else []


def joined(gap: Gap, known: list[Gap]) -> tuple[Gap, list[Gap]]:
    """The gap together with the known ones it touches, and those.

    Who begins to read in the middle of a damaged page sees less of it than who comes from before.
    """
    touched = [other for other in known if other.first <= gap.end and gap.first <= other.end]
    first = min([gap.first, *(other.first for other in touched)])
    end = max([gap.end, *(other.end for other in touched)])
    reason = touched[0].reason if touched else gap.reason
    return replace(gap, first=first, count=end - first, reason=reason), touched


def _columns(connection: sqlite3.Connection) -> str:
    """Those of a page; a file of an older version that was only opened for reading has no sums yet."""
    return _PAGE if has_sums(connection) else _OLD_PAGE


def _rows(connection: sqlite3.Connection, columns: str, position: int, last: int) -> Iterator[Any]:
    """Rows from the one that holds `position`; a Jump where SQLite stumbles, which then goes on behind it."""
    query = f"SELECT {columns} FROM page WHERE first >= ? ORDER BY first"
    place = _start(connection, position) if position <= last else position
    while place <= last:
        try:
            with closing(connection.execute(query, (place,))) as rows:
                for row in rows:
                    yield row
                    place = _behind(row[0], place, last)
            return
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
        # Python asks for the next row before it hands out this one, and loses it when that fails.
        alone = _alone(connection, query, place)
        if alone is None:
            place = _readable(connection, (_next_row(connection, place, last) or place) + 1, last)
            yield Jump(place)
        else:
            yield alone
            place = max(place + 1, _behind(alone[0], place, last))


def _start(connection: sqlite3.Connection, position: int) -> int:
    """Where the row begins that holds `position`; `position` itself when nobody can tell."""
    try:
        rows = connection.execute("SELECT max(first) FROM page WHERE first <= ?", (position,)).fetchall()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return position
    return rows[0][0] or 0


def _alone(connection: sqlite3.Connection, query: str, place: int) -> Any:
    """The first row from `place` on, read without its neighbours; None when it cannot be."""
    try:
        rows = connection.execute(query + " LIMIT 1", (place,)).fetchall()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return None
    return rows[0] if rows else None


def _behind(first: object, place: int, last: int) -> int:
    """The place to go on from behind a row; a damaged one may lie about itself."""
    return first + 1 if isinstance(first, int) and place <= first <= last else place


def _readable(connection: sqlite3.Connection, start: int, last: int) -> int:
    """The first row at or behind `start` that SQLite can read, or last + 1."""
    failed, probe = start - 1, start
    while probe <= last:
        found = _next_row(connection, probe, last)
        if found:
            break
        failed, probe = probe, probe + 1 + (probe - start) // _FINER
    else:
        return last + 1
    while probe - failed > 1:
        middle = (failed + probe) // 2
        nearer = _next_row(connection, middle, last)
        if nearer:
            probe, found = middle, nearer
        else:
            failed = middle
    return max(found, start)


def _next_row(connection: sqlite3.Connection, place: int, last: int) -> int:
    """The first row at or behind `place`, last + 1 if there is none, 0 if it cannot be read."""
    try:
        rows = connection.execute(
            "SELECT first FROM page WHERE first >= ? ORDER BY first LIMIT 1", (place,)
        ).fetchall()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return 0
    return min(int(rows[0][0]), last + 1) if rows else last + 1
