"""Sets right what a failing disk has spoiled in a journal that can be used: single rows, and its end.

Always towards sending or asking again, but no further back than the last safe copy says is needed.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from lpforwarder.journal.facts import identity_in
from lpforwarder.journal.faults import is_damage
from lpforwarder.journal.inherited import COLLECTOR, SOURCE
from lpforwarder.journal.page import StoredPage, row_checksum
from lpforwarder.journal.rows import put_identity, seal_collector, seal_source, seal_state, write_gap
from lpforwarder.journal.safe_copy import AHEAD, Row, SafeCopy
from lpforwarder.journal.scan import ASKED_AGAIN, Gap

_LOOK_BACK = 100
"""Pages at the end that are asked for the last sequence number when the counter is spoiled."""


def mend(connection: sqlite3.Connection, now: str, safe: SafeCopy | None = None) -> list[Gap]:
    """Sets right the small rows whose contents are not what was written; what had to be set right.

    A collector goes back to its place in the safe copy, a source to its cursor there; without a copy the
    one begins at the oldest place, the other at its start.
    """
    found = _mend_state(connection, safe)
    removed = connection.execute("SELECT removed FROM state").fetchall()[0][0]
    found += _mend_collectors(connection, safe, removed)
    found += _mend_sources(connection, safe)
    found += _mend_identity(connection, safe)
    if safe is not None:
        found += _bring_back(connection, safe)
    gaps = [replace(gap, first=gap.first or removed + 1, found=now) for gap in found]
    for gap in gaps:
        write_gap(connection, gap)
    return gaps


def catch_up(connection: sqlite3.Connection, safe: SafeCopy, now: str) -> list[Gap]:
    """For a file that has lost its end: numbers go on where none was ever given; what may be missing.

    Cursors are as old as the end, so the sources give what is missing once more. What a collector had
    confirmed stays confirmed.
    """
    last = connection.execute("SELECT last FROM state").fetchall()[0][0]
    if last >= safe.beyond:
        return []
    connection.execute("UPDATE state SET last = ?", (safe.beyond,))
    seal_state(connection)
    for name, row in safe.collectors.items():
        rows = connection.execute("SELECT checkpoint FROM collector WHERE name = ?", (name,)).fetchall()
        if rows and rows[0][0] < row["checkpoint"]:
            _put(connection, "collector", COLLECTOR, row)
    gap = Gap(first=last + 1, count=safe.beyond - last, reason=ASKED_AGAIN, found=now)
    write_gap(connection, gap)
    return [gap]


def _mend_state(connection: sqlite3.Connection, safe: SafeCopy | None) -> list[Gap]:
    """The counter from the newest page, the collectors' places and the copy, whichever is furthest."""
    rows = connection.execute("SELECT last, removed, checksum FROM state").fetchall()
    if rows and rows[0][2] == row_checksum(*rows[0][:2]):
        return []
    end, is_sure = _last_page_end(connection)
    last = max(end, _furthest_place(connection), safe.last if safe is not None else 0)
    gaps = [Gap(first=0, count=0, reason="the counter was damaged; it was found again from the pages")]
    if not is_sure:  # the newest page does not say how many events it held
        known, last = last, max(last, safe.beyond if safe is not None else last + AHEAD)
        gaps.append(Gap(first=known + 1, count=last - known, reason=ASKED_AGAIN))
    first = connection.execute("SELECT coalesce(min(first), ?) FROM page", (last + 1,)).fetchall()[0][0]
    removed = max(safe.removed if safe is not None else first - 1, 0)
    connection.execute("DELETE FROM state")
    connection.execute("INSERT INTO state VALUES (1, ?, ?, ?)", (last, removed, row_checksum(last, removed)))
    return gaps


def _mend_collectors(connection: sqlite3.Connection, safe: SafeCopy | None, removed: int) -> list[Gap]:
    gaps = []
    for name, *place, checksum in connection.execute(
        "SELECT name, checkpoint, resume, clean, checksum FROM collector"
    ).fetchall():
        if checksum == row_checksum(name, *place):
            continue
        known = safe.collectors.get(name) if safe is not None else None
        checkpoint, resume = (known["checkpoint"], known["resume"]) if known else (removed, removed)
        connection.execute(
            "UPDATE collector SET checkpoint = ?, resume = ?, clean = 0 WHERE name = ?",
            (checkpoint, resume, name),
        )
        seal_collector(connection, name)
        what = "goes back to where it was seconds before" if known else "gets everything once more"
        gaps.append(Gap(first=0, count=0, reason=f"the place of collector {name} was damaged; it {what}"))
    return gaps


def _mend_sources(connection: sqlite3.Connection, safe: SafeCopy | None) -> list[Gap]:
    gaps = []
    for name, cursor, checksum in connection.execute("SELECT name, cursor, checksum FROM source").fetchall():
        if checksum == row_checksum(name, cursor):
            continue
        known = safe.sources.get(name) if safe is not None else None
        connection.execute(
            "UPDATE source SET cursor = ? WHERE name = ?", (known["cursor"] if known else None, name)
        )
        seal_source(connection, name)
        what = "from where it was seconds before" if known else "from its start once more"
        gaps.append(
            Gap(first=0, count=0, reason=f"the cursor of source {name} was damaged; it is read {what}")
        )
    return gaps


def _mend_identity(connection: sqlite3.Connection, safe: SafeCopy | None) -> list[Gap]:
    if identity_in(connection):
        return []
    known = safe.identity if safe is not None else ""
    put_identity(connection, known or os.urandom(8).hex())
    what = "is the one it was" if known else "is a new one, and the cursors of readers over HTTP are void"
    return [Gap(first=0, count=0, reason=f"the identity of the journal was damaged; it {what}")]


def _bring_back(connection: sqlite3.Connection, safe: SafeCopy) -> list[Gap]:
    """Rows of the copy that are gone from the journal, which itself never removes one."""
    gaps = []
    for table, columns, rows in (
        ("collector", COLLECTOR, safe.collectors),
        ("source", SOURCE, safe.sources),
    ):
        known = {name for (name,) in connection.execute(f"SELECT name FROM {table}")}
        for name in sorted(set(rows) - known):
            _put(connection, table, columns, rows[name])
            gaps.append(
                Gap(first=0, count=0, reason=f"{table} {name} was missing; it is where it was seconds before")
            )
    return gaps


def _put(connection: sqlite3.Connection, table: str, columns: Sequence[str], row: Row) -> None:
    marks = ", ".join("?" for _ in columns)
    values = [row[column] for column in columns]
    connection.execute(f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({marks})", values)


def _last_page_end(connection: sqlite3.Connection) -> tuple[int, bool]:
    """The last number by the newest page that is whole, and whether none is newer."""
    query = (
        "SELECT first, count, source, oldest, newest, received, tally, checksum, lines "
        "FROM page ORDER BY first DESC LIMIT ?"
    )
    furthest, is_sure = 0, True
    try:
        for row in connection.execute(query, (_LOOK_BACK,)):
            page = StoredPage(*row)
            if page.is_whole():
                return max(furthest, page.end - 1), is_sure
            furthest = max(furthest, page.first)  # how many it held is not known, but this place is taken
            is_sure = False
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        is_sure = False
    return furthest, is_sure


def _furthest_place(connection: sqlite3.Connection) -> int:
    return max(
        (
            place[0]
            for name, *place, checksum in connection.execute(
                "SELECT name, checkpoint, resume, clean, checksum FROM collector"
            )
            if checksum == row_checksum(name, *place)
        ),
        default=0,
    )
