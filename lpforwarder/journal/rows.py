"""The statements that change rows: each inside a transaction of the caller, each row with its checksum."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from lpforwarder.event import Reject
from lpforwarder.journal.facts import ends
from lpforwarder.journal.page import StoredPage, page_columns
from lpforwarder.journal.scan import Gap

LONGEST_REJECT = 64 * 2**10
"""Octets of a rejected record that are kept."""
MOST_REJECTS = 10_000


def insert_page(connection: sqlite3.Connection, page: StoredPage) -> None:
    """Appends a page; its end becomes the journal's."""
    # A row at a place that was never given can only be a damaged one that lies about its number.
    connection.execute("INSERT OR REPLACE INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", page_columns(page))
    connection.execute("UPDATE state SET last = ?", (page.end - 1,))
    seal_state(connection)


def insert_rejects(connection: sqlite3.Connection, source: str, rejects: Sequence[Reject], time: str) -> None:
    """Keeps rejects, and of all of them the newest."""
    connection.executemany(
        "INSERT INTO reject (source, place, reason, time, octets, raw) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                source,
                _storable(one.where),
                _storable(one.reason),
                time,
                len(one.raw),
                one.raw[:LONGEST_REJECT],
            )
            for one in rejects
        ],
    )
    connection.execute("DELETE FROM reject WHERE id <= (SELECT max(id) FROM reject) - ?", (MOST_REJECTS,))


def count_source(
    connection: sqlite3.Connection,
    source: str,
    cursor: str,
    *,
    events: int,
    duplicates: int,
    rejects: int,
    time: str,
    newest: str | None,
) -> None:
    """Notes a source's new cursor and adds to its totals."""
    connection.execute(
        """
        INSERT INTO source (name, cursor, events, duplicates, rejects, appended, newest)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET
            cursor = excluded.cursor,
            events = events + excluded.events,
            duplicates = duplicates + excluded.duplicates,
            rejects = rejects + excluded.rejects,
            appended = excluded.appended,
            newest = nullif(max(coalesce(newest, ''), coalesce(excluded.newest, '')), '')
        """,
        (source, cursor, events, duplicates, rejects, time, newest),
    )
    seal_source(connection, source)


def insert_collector(connection: sqlite3.Connection, collector: str, start: str) -> None:
    """Gives a collector that is not known yet its first place: `oldest` or `newest`."""
    removed, last = ends(connection)
    first = last if start == "newest" else removed
    made = connection.execute(
        "INSERT OR IGNORE INTO collector (name, checkpoint, resume) VALUES (?, ?, ?)",
        (collector, first, first),
    )
    if made.rowcount:
        seal_collector(connection, collector)


def move_collector(
    connection: sqlite3.Connection,
    collector: str,
    to: int,
    resume: int,
    *,
    clean: bool,
    sent: int,
    confirmed: int,
    replayed: int,
    time: str,
) -> None:
    """Moves a checkpoint, never backwards, and adds to the totals. ValueError behind the journal's end."""
    last = ends(connection)[1]
    if to > last:
        raise ValueError(f"{collector} cannot have confirmed {to}: the journal ends at {last}")
    connection.execute(
        """
        INSERT INTO collector (name, checkpoint, resume, clean, sent, confirmed, replayed, moved)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET
            checkpoint = max(checkpoint, excluded.checkpoint),
            resume = min(excluded.resume, max(checkpoint, excluded.checkpoint)),
            clean = excluded.clean,
            sent = sent + excluded.sent,
            confirmed = confirmed + excluded.confirmed,
            replayed = replayed + excluded.replayed,
            moved = excluded.moved
        """,
        (collector, to, min(to, resume), clean, sent, confirmed, replayed, time),
    )
    seal_collector(connection, collector)


def write_gap(connection: sqlite3.Connection, gap: Gap, instead_of: Sequence[Gap] = ()) -> None:
    """Notes down what was found damaged, in place of what was known of it before."""
    for known in instead_of:
        connection.execute("DELETE FROM gap WHERE first = ? AND count = ?", (known.first, known.count))
    connection.execute(
        "INSERT INTO gap (first, count, reason, found) VALUES (?, ?, ?, ?)",
        (gap.first, gap.count, gap.reason, gap.found),
    )


def seal_state(connection: sqlite3.Connection) -> None:
    """Writes the checksum of the counter."""
    connection.execute("UPDATE state SET checksum = row_checksum(last, removed)")


def seal_collector(connection: sqlite3.Connection, name: str) -> None:
    """Writes the checksum of a collector's place."""
    connection.execute(
        "UPDATE collector SET checksum = row_checksum(name, checkpoint, resume, clean) WHERE name = ?",
        (name,),
    )


def seal_source(connection: sqlite3.Connection, name: str) -> None:
    """Writes the checksum of a source's cursor."""
    connection.execute("UPDATE source SET checksum = row_checksum(name, cursor) WHERE name = ?", (name,))


def _reject_row(source: str, reject: Reject, time: str) -> tuple[str, str, str, str, int, bytes]:
    raw = reject.raw
    return source, _storable(reject.where), _storable(reject.reason), time, len(raw), raw[:LONGEST_REJECT]


def _storable(text: str) -> str:
    """Lone surrogates, as in odd file names, cannot be stored; each becomes `?`."""
    return text.encode("utf-8", "replace").decode("utf-8")
