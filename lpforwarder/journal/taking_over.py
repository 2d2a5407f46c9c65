"""Fills a new journal from a damaged file: every row that is whole, and a note of each that is not."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from msgspec import Struct

from lpforwarder.journal import inherited, salvage, tables
from lpforwarder.journal.btree import Broken
from lpforwarder.journal.facts import missed_in
from lpforwarder.journal.inherited import COLLECTOR, SOURCE, Settled
from lpforwarder.journal.page import StoredPage, page_columns, row_checksum
from lpforwarder.journal.rawfile import RawFile
from lpforwarder.journal.rows import put_identity, write_gap
from lpforwarder.journal.safe_copy import Row, SafeCopy
from lpforwarder.journal.scan import ASKED_AGAIN, Gap

LOST = "could not be read from the damaged file"
_OURS = frozenset({"page", "state", "source", "collector", "gap", "identity"})
"""Tables that are filled row by row; all others are copied as they are."""
_INSERT = "INSERT OR IGNORE INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FIRST_COLUMNS, _LATER = 5, ("", 0, "{}")
"""Of a gap: how many columns it had at first, and what those added since say of older rows."""
_NEVER = 2**62
"""No number is ever so high."""
_BATCH, _BATCH_OCTETS = 256, 4 * 2**20
"""Rows in one transaction, and between two signs of progress: whichever comes first."""

Progress = Callable[[int], None]
"""Told now and then how many events have been taken over since the last time; 0 is a sign of life."""


def unheard(_events: int) -> None:
    """Progress that nobody wants to know."""


class Taken(Struct, frozen=True, kw_only=True):
    """What came over."""

    events: int
    gaps: tuple[Gap, ...]
    """New ones, the asked again among them."""
    settled: Settled


def take_over(
    connection: sqlite3.Connection,
    raw: RawFile | None,
    safe: SafeCopy | None,
    now: str,
    *,
    lost_end: bool,
    progress: Progress,
) -> Taken:
    """Fills the empty journal of `connection` from the file `raw`, if there is one, and the safe copy."""
    found = inherited.find(raw)
    known = [
        place for place in (found.removed, safe.removed if safe is not None else None) if place is not None
    ]
    if raw is not None:
        found_rows = salvage.Salvage(raw, lambda: progress(0))
        _copy_events(connection, found_rows, max(known, default=0), progress)
    removed = max(known, default=_first(connection) - 1)
    known_end = _end(connection)
    holes = _holes(connection, removed, known_end)
    settled = inherited.settle(found, safe, known_end, holes, lost_end=lost_end)
    gaps = _gaps(_holes(connection, removed, settled.last), settled, now)
    connection.execute("BEGIN")
    _store_places(connection, settled, removed)
    identity = found.identity or (safe.identity if safe is not None else "")
    if identity:
        put_identity(connection, identity)
    new = _store_gaps(connection, _old_gaps(raw, settled.last), gaps)
    if raw is not None:
        _copy_tables(connection, raw, now)
        _recount(connection)
    connection.execute("COMMIT")
    return Taken(events=_count(connection), gaps=tuple(new), settled=settled)


# ---- events -----------------------------------------------------------------------------------------------


def _copy_events(
    connection: sqlite3.Connection, found: salvage.Salvage, removed: int, progress: Progress
) -> None:
    """Whole rows first, then what is whole of damaged ones, then what lies where no leaf can be read."""
    damaged: list[StoredPage] = []
    _insert(connection, _whole(found.rows(removed), damaged), progress)
    if damaged:
        _insert(connection, salvage.whole_parts(damaged, _all_holes(connection, removed)), progress)
    if found.spoiled:
        rows = sorted(found.hunted(range(removed + 1, _NEVER)), key=lambda row: row.first)
        _insert(connection, salvage.whole_parts(rows, _all_holes(connection, removed)), progress)


def _whole(rows: Iterable[StoredPage], damaged: list[StoredPage]) -> Iterator[StoredPage]:
    for row in rows:
        if row.is_whole():
            yield row
        elif row.whole_parts():
            damaged.append(row)


def _insert(connection: sqlite3.Connection, rows: Iterator[StoredPage], progress: Progress) -> None:
    while True:
        batch = _batch(rows)
        if not batch:
            return
        connection.execute("BEGIN")
        connection.executemany(_INSERT, [page_columns(row) for row in batch])
        connection.execute("COMMIT")
        progress(sum(row.count for row in batch))


def _batch(rows: Iterator[StoredPage]) -> list[StoredPage]:
    """The next rows, as many as fit into memory easily; nothing at the end."""
    batch: list[StoredPage] = []
    octets = 0
    for row in rows:
        batch.append(row)
        octets += len(row.lines)
        if octets >= _BATCH_OCTETS or len(batch) >= _BATCH:
            break
    return batch


def _all_holes(connection: sqlite3.Connection, removed: int) -> list[range]:
    """The holes, and all that lies behind the last row: there may be more."""
    end = _end(connection)
    return [*_holes(connection, removed, end), range(max(end, removed) + 1, _NEVER)]


def _holes(connection: sqlite3.Connection, removed: int, last: int) -> list[range]:
    """What is missing between `removed` and `last`, in order."""
    found, position = [], removed + 1
    for first, count in connection.execute("SELECT first, count FROM page ORDER BY first"):
        if first > position:
            found.append(range(position, first))
        position = max(position, first + count)
    if position <= last:
        found.append(range(position, last + 1))
    return found


def _first(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(min(first), 1) FROM page").fetchall()[0][0])


def _end(connection: sqlite3.Connection) -> int:
    rows = connection.execute("SELECT first + count - 1 FROM page ORDER BY first DESC LIMIT 1").fetchall()
    return int(rows[0][0]) if rows else 0


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(sum(count), 0) FROM page").fetchall()[0][0])


# ---- gaps -------------------------------------------------------------------------------------------------


def _gaps(holes: Sequence[range], settled: Settled, now: str) -> list[Gap]:
    """A gap for each hole; one that is only partly asked again becomes two."""
    border = settled.asked_from if settled.asked_from is not None else settled.last + 1
    gaps = []
    for hole in holes:
        for part, reason in (
            (range(hole.start, min(hole.stop, border)), LOST),
            (range(max(hole.start, border), hole.stop), ASKED_AGAIN),
        ):
            if part:
                gaps.append(Gap(first=part.start, count=len(part), reason=reason, found=now))
    return gaps


def _old_gaps(raw: RawFile | None, last: int) -> list[tuple[Gap, int]]:
    """What the damaged file knew of gaps, and whether each was told; impossible rows are left out."""
    if raw is None:
        return []
    found = []
    for row in tables.rows(raw, inherited.known_roots(raw)["gap"]):
        if not _FIRST_COLUMNS <= len(row) <= _FIRST_COLUMNS + len(_LATER):
            continue
        columns: list[Any] = [*row, *_LATER[len(row) - _FIRST_COLUMNS :]]
        _, first, count, reason, found_at, collector, told, missed = columns
        numbers = all(isinstance(value, int) for value in (first, count, told))
        texts = all(isinstance(value, str) for value in (reason, found_at, collector))
        if numbers and texts and first > 0 and count >= 0 and first + count <= last + 1:
            gap = Gap(first=first, count=count, reason=reason, found=found_at, collector=collector)
            found.append((replace(gap, missed=missed_in(missed)), told))
    return found


def _store_gaps(
    connection: sqlite3.Connection, old: Sequence[tuple[Gap, int]], gaps: Sequence[Gap]
) -> list[Gap]:
    """Writes the old gaps that are still there, and then the new ones; the new ones."""
    places = [(gap, told) for gap, told in old if gap.count and not gap.collector]
    for gap, told in old:
        if not gap.count or gap.collector:
            _write(connection, gap, told)
    new: list[Gap] = []
    for gap in gaps:
        rest = [range(gap.first, gap.end)]
        for known, told in places:
            for part in _common(rest, range(known.first, known.end)):
                _write(connection, replace(known, first=part.start, count=len(part)), told)
            rest = _without(rest, range(known.first, known.end))
        for part in rest:
            new.append(Gap(first=part.start, count=len(part), reason=gap.reason, found=gap.found))
            write_gap(connection, new[-1])
    return new


def _write(connection: sqlite3.Connection, gap: Gap, told: int) -> None:
    write_gap(connection, gap)
    connection.execute("UPDATE gap SET told = ? WHERE id = last_insert_rowid()", (told,))


def _common(ranges: Sequence[range], other: range) -> list[range]:
    both = (range(max(one.start, other.start), min(one.stop, other.stop)) for one in ranges)
    return [one for one in both if one]


def _without(ranges: Sequence[range], other: range) -> list[range]:
    rest: list[range] = []
    for one in ranges:
        rest += [range(one.start, min(one.stop, other.start)), range(max(one.start, other.stop), one.stop)]
    return [one for one in rest if one]


# ---- the other tables -------------------------------------------------------------------------------------


def _store_places(connection: sqlite3.Connection, settled: Settled, removed: int) -> None:
    connection.execute(
        "UPDATE state SET last = ?, removed = ?, checksum = ?",
        (settled.last, removed, row_checksum(settled.last, removed)),
    )
    _put(connection, "source", SOURCE, settled.sources)
    _put(connection, "collector", COLLECTOR, settled.collectors)


def _put(connection: sqlite3.Connection, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    marks = ", ".join("?" for _ in columns)
    connection.executemany(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})",
        [[row[column] for column in columns] for row in rows],
    )


def _copy_tables(connection: sqlite3.Connection, raw: RawFile, now: str) -> None:
    """The rows of every other table, as far as they can be reached and the new table takes them."""
    roots = inherited.known_roots(raw)
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for name in sorted(set(names) & set(roots) - _OURS):
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({name})").fetchall()]
        rows = [row for row in tables.rows(raw, roots[name]) if 0 < len(row) <= len(columns)]
        if not _is_sound(raw, roots[name]):
            reason = f"some rows of table {name} could not be read from the damaged file"
            write_gap(connection, Gap(first=1, count=0, reason=reason, found=now))
        if rows:
            connection.execute(f"DELETE FROM {name}")
        for row in rows:
            marks = ", ".join("?" for _ in row)
            with suppress(sqlite3.IntegrityError, sqlite3.InterfaceError, OverflowError):
                connection.execute(
                    f"INSERT OR REPLACE INTO {name} ({', '.join(columns[: len(row)])}) VALUES ({marks})", row
                )


def _is_sound(raw: RawFile, root: int) -> bool:
    try:
        tables.check(raw, root)
    except Broken:
        return False
    return True


def _recount(connection: sqlite3.Connection) -> None:
    """What was set aside and could not be read any more counts as lost to its collector."""
    there = Counter[tuple[str, str]]()
    query = "SELECT collector, state, count(*) FROM set_aside WHERE own = '' GROUP BY collector, state"
    for collector, state, count in connection.execute(query):
        there[collector, state] = count
    for collector, kept, again in connection.execute(
        "SELECT collector, kept, again FROM set_aside_count"
    ).fetchall():
        left = there[collector, "kept"], there[collector, "again"]
        connection.execute(
            "UPDATE set_aside_count SET kept = ?, again = ?, lost = lost + ? WHERE collector = ?",
            (*left, max(kept + again - sum(left), 0), collector),
        )
