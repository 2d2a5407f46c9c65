"""Opening a journal for writing: the folder, the file, and small rows that a failing disk has spoiled."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from lpforwarder.errors import Denied
from lpforwarder.journal.faults import is_damage, is_full, not_writable, while_opening
from lpforwarder.journal.page import StoredPage, row_checksum
from lpforwarder.journal.reserve import Reserve
from lpforwarder.journal.rows import seal_collector, seal_source, write_gap
from lpforwarder.journal.scan import Gap
from lpforwarder.journal.writer import Writer

_LOOK_BACK = 100
"""Pages at the end that are asked for the last sequence number when the counter is spoiled."""


def prepare_folder(folder: Path) -> None:
    """Makes the folder and those above it, for us alone, whatever the umask. Denied when it cannot."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        for place in reversed(missing):
            place.mkdir(mode=0o700, exist_ok=True)
            place.chmod(0o700)
            sync_folder(place.parent)
    except OSError as error:
        raise denied(folder, error) from error


def denied(folder: Path, error: OSError) -> Denied:
    """What an OSError of the state folder means to people."""
    existing = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    return not_writable(existing, error.strerror or str(error))


def sync_folder(folder: Path) -> None:
    """Makes the names in it survive a power cut."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def open_writer(path: Path, make: Callable[[], Writer], reserve: Reserve) -> Writer:
    """The writer that `make` gives for the file at `path`; gives up the reserve when that needs room."""
    while True:
        try:
            return make()
        except sqlite3.Error as error:
            if not (is_full(error, path) and reserve.give_up()):
                raise while_opening(error, path) or error from error


def mend(connection: sqlite3.Connection, now: str) -> list[Gap]:
    """Sets right the small rows whose contents are not what was written; what had to be set right.

    Always towards sending or asking again: a collector starts at the oldest place, a source from its start.
    """
    told: list[str] = []
    rows = connection.execute("SELECT last, removed, checksum FROM state").fetchall()
    if not rows or rows[0][2] != row_checksum(*rows[0][:2]):
        _mend_state(connection)
        told.append("the counter was damaged; it was found again from the pages")
    removed = connection.execute("SELECT removed FROM state").fetchall()[0][0]
    for name, *place, checksum in connection.execute(
        "SELECT name, checkpoint, resume, clean, checksum FROM collector"
    ).fetchall():
        if checksum != row_checksum(name, *place):
            connection.execute(
                "UPDATE collector SET checkpoint = ?, resume = ?, clean = 0 WHERE name = ?",
                (removed, removed, name),
            )
            seal_collector(connection, name)
            told.append(f"the place of collector {name} was damaged; it gets everything once more")
    for name, cursor, checksum in connection.execute("SELECT name, cursor, checksum FROM source").fetchall():
        if checksum != row_checksum(name, cursor):
            connection.execute("UPDATE source SET cursor = NULL WHERE name = ?", (name,))
            seal_source(connection, name)
            told.append(f"the cursor of source {name} was damaged; it is read from its start once more")
    gaps = [Gap(first=removed + 1, count=0, reason=reason, found=now) for reason in told]
    for gap in gaps:
        write_gap(connection, gap)
    return gaps


def _mend_state(connection: sqlite3.Connection) -> None:
    """The counter from the newest whole page and from the collectors' places, whichever is further."""
    last = max(_last_page_end(connection), _furthest_place(connection))
    first = connection.execute("SELECT coalesce(min(first), ?) FROM page", (last + 1,)).fetchall()[0][0]
    connection.execute("DELETE FROM state")
    connection.execute(
        "INSERT INTO state VALUES (1, ?, ?, ?)", (last, first - 1, row_checksum(last, first - 1))
    )


def _last_page_end(connection: sqlite3.Connection) -> int:
    query = (
        "SELECT first, count, source, oldest, newest, received, tally, checksum, lines "
        "FROM page ORDER BY first DESC LIMIT ?"
    )
    furthest = 0
    try:
        for row in connection.execute(query, (_LOOK_BACK,)):
            page = StoredPage(*row)
            if page.is_whole():
                return max(furthest, page.end - 1)
            furthest = max(furthest, page.first)  # how many it held is not known, but this place is taken
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
    return furthest


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
