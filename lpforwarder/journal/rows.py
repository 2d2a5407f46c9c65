"""The statements that change rows: each inside a transaction of the caller, each row with its checksum."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct

from lpforwarder.event import Reject
from lpforwarder.journal.facts import ends
from lpforwarder.journal.page import StoredPage, page_columns, row_checksum
from lpforwarder.journal.scan import EXPIRED, Gap

LONGEST_REJECT = 64 * 2**10
"""Octets of a rejected record that are kept."""
MOST_REJECTS = 10_000


class Move(Struct, frozen=True, kw_only=True):
    """One move of a collector's place; `confirmed` and `replayed` are added to its totals."""

    to: int
    resume: int
    clean: bool = False
    sent: int = 0
    """The furthest place that was handed to the transport."""
    confirmed: int = 0
    replayed: int = 0

    def after(self, earlier: Move | None) -> Move:
        """Both moves as one."""
        if earlier is None:
            return self
        to = max(self.to, earlier.to)
        return Move(
            to=to,
            resume=min(self.resume, to),
            clean=self.clean,
            sent=max(self.sent, earlier.sent),
            confirmed=self.confirmed + earlier.confirmed,
            replayed=self.replayed + earlier.replayed,
        )


def insert_page(connection: sqlite3.Connection, page: StoredPage) -> None:
    """Appends a page; its end becomes the journal's."""
    # A row at a place that was never given can only be a damaged one that lies about its number.
    connection.execute(
        "INSERT OR REPLACE INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", page_columns(page)
    )
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
                len(one.raw) if one.octets is None else one.octets,
                one.raw[:LONGEST_REJECT],
            )
            for one in rejects
        ],
    )
    connection.execute("DELETE FROM reject WHERE id <= (SELECT max(id) FROM reject) - ?", (MOST_REJECTS,))


def delete_rejects(connection: sqlite3.Connection, numbers: Sequence[int]) -> int:
    """Forgets rejects for good; how many there were."""
    rows = [(number,) for number in numbers]
    return connection.executemany("DELETE FROM reject WHERE id = ?", rows).rowcount


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


def skip_removed(connection: sqlite3.Connection, collector: str, now: str) -> Gap | None:
    """What retention removed before this collector confirmed it becomes a gap; its place moves behind it."""
    removed = ends(connection)[0]
    rows = connection.execute("SELECT checkpoint FROM collector WHERE name = ?", (collector,)).fetchall()
    if not rows or rows[0][0] >= removed:
        return None
    place = rows[0][0]
    gap = Gap(first=place + 1, count=removed - place, reason=EXPIRED, found=now, collector=collector)
    write_gap(connection, gap)
    connection.execute(
        "UPDATE collector SET checkpoint = ?, resume = ? WHERE name = ?", (removed, removed, collector)
    )
    seal_collector(connection, collector)
    return gap


def move_collector(connection: sqlite3.Connection, collector: str, move: Move, time: str) -> None:
    """Moves a checkpoint, never backwards, and adds to the totals. ValueError behind the journal's end."""
    last = ends(connection)[1]
    if move.to > last:
        raise ValueError(f"{collector} cannot have confirmed {move.to}: the journal ends at {last}")
    _distrust(connection, collector)
    connection.execute(
        """
        INSERT INTO collector (name, checkpoint, resume, clean, sent, confirmed, replayed, moved)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET
            checkpoint = max(checkpoint, excluded.checkpoint),
            resume = min(excluded.resume, max(checkpoint, excluded.checkpoint)),
            clean = excluded.clean,
            sent = max(sent, excluded.sent),
            confirmed = confirmed + excluded.confirmed,
            replayed = replayed + excluded.replayed,
            moved = excluded.moved
        """,
        (
            collector,
            move.to,
            min(move.to, move.resume),
            move.clean,
            move.sent,
            move.confirmed,
            move.replayed,
            time,
        ),
    )
    seal_collector(connection, collector)


def _distrust(connection: sqlite3.Connection, collector: str) -> None:
    """A place that is not what was written must not win by being further on: the collector knows its own."""
    rows = connection.execute(
        "SELECT name, checkpoint, resume, clean, checksum FROM collector WHERE name = ?", (collector,)
    ).fetchall()
    if rows and rows[0][-1] != row_checksum(*rows[0][:-1]):
        connection.execute("UPDATE collector SET checkpoint = 0, resume = 0 WHERE name = ?", (collector,))


def write_gap(connection: sqlite3.Connection, gap: Gap, instead_of: Sequence[Gap] = ()) -> None:
    """Notes down what was found damaged, in place of what was known of it before."""
    for known in instead_of:
        connection.execute(
            "DELETE FROM gap WHERE first = ? AND count = ? AND collector = ?",
            (known.first, known.count, known.collector),
        )
    missed = json.dumps(_missed(connection, gap, instead_of))
    connection.execute(
        "INSERT INTO gap (first, count, reason, found, collector, missed) VALUES (?, ?, ?, ?, ?, ?)",
        (gap.first, gap.count, gap.reason, gap.found, gap.collector, missed),
    )


def _missed(connection: sqlite3.Connection, gap: Gap, known: Sequence[Gap]) -> Mapping[str, int]:
    """Collector → how many places of the gap it had not confirmed when each was found missing."""
    if gap.collector or gap.missed or not gap.is_loss:
        return {gap.collector: gap.count} if gap.collector else gap.missed
    missed = Counter[str]()
    for other in known:
        missed.update(other.missed)
    for name, place in connection.execute("SELECT name, checkpoint FROM collector").fetchall():
        missed[name] += gap.behind(place) - sum(other.behind(place) for other in known)
    return +missed


def put_identity(connection: sqlite3.Connection, name: str) -> None:
    """From now on the journal is known by this name."""
    connection.execute("DELETE FROM identity")
    connection.execute("INSERT INTO identity VALUES (1, ?, ?)", (name, row_checksum(name)))


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
