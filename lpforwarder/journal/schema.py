"""The tables of a journal, and how an older file becomes a newer one: numbered steps, never edited."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from lpforwarder.errors import Denied

APPLICATION_ID = 0x4C50464A
"""`LPFJ` in the file's header: tells our files from other SQLite databases."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # A page of events as it was appended. `lines` stands last, so that the small columns are read
        # without touching the blob. `checksum` covers all the others: SQLite does not notice damage.
        """CREATE TABLE page (
            first INTEGER PRIMARY KEY,
            count INTEGER NOT NULL,
            source TEXT NOT NULL,
            oldest TEXT,
            newest TEXT,
            received TEXT NOT NULL,
            tally TEXT NOT NULL,
            checksum INTEGER NOT NULL,
            lines BLOB NOT NULL
        )""",
        # `last` is the counter of sequence numbers; `removed` the last one that retention took away.
        """CREATE TABLE state (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            last INTEGER NOT NULL,
            removed INTEGER NOT NULL,
            checksum INTEGER NOT NULL
        )""",
        """CREATE TABLE source (
            name TEXT PRIMARY KEY,
            cursor TEXT,
            events INTEGER NOT NULL DEFAULT 0,
            duplicates INTEGER NOT NULL DEFAULT 0,
            rejects INTEGER NOT NULL DEFAULT 0,
            appended TEXT,
            newest TEXT,
            checksum INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID""",
        """CREATE TABLE collector (
            name TEXT PRIMARY KEY,
            checkpoint INTEGER NOT NULL,
            resume INTEGER NOT NULL,
            clean INTEGER NOT NULL DEFAULT 0,
            sent INTEGER NOT NULL DEFAULT 0,
            confirmed INTEGER NOT NULL DEFAULT 0,
            replayed INTEGER NOT NULL DEFAULT 0,
            moved TEXT,
            checksum INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID""",
        """CREATE TABLE reject (
            id INTEGER PRIMARY KEY,
            source TEXT NOT NULL,
            place TEXT NOT NULL,
            reason TEXT NOT NULL,
            time TEXT NOT NULL,
            octets INTEGER NOT NULL,
            raw BLOB NOT NULL
        )""",
        """CREATE TABLE gap (
            id INTEGER PRIMARY KEY,
            first INTEGER NOT NULL,
            count INTEGER NOT NULL,
            reason TEXT NOT NULL,
            found TEXT NOT NULL
        )""",
        "INSERT INTO state VALUES (1, 0, 0, row_checksum(0, 0))",
    ),
    (
        # What a collector could not take; see set_asides.py. `checksum` covers all other columns.
        """CREATE TABLE set_aside (
            id INTEGER PRIMARY KEY,
            collector TEXT NOT NULL,
            number INTEGER NOT NULL,
            place INTEGER NOT NULL,
            state TEXT NOT NULL,
            own TEXT NOT NULL,
            event_id TEXT NOT NULL,
            code TEXT NOT NULL,
            reason TEXT NOT NULL,
            detail TEXT NOT NULL,
            time TEXT NOT NULL,
            tries INTEGER NOT NULL,
            octets INTEGER NOT NULL,
            checksum INTEGER NOT NULL DEFAULT 0,
            message BLOB NOT NULL,
            line BLOB NOT NULL,
            UNIQUE (collector, number)
        )""",
        "CREATE INDEX set_aside_place ON set_aside (collector, place)",
        """CREATE TABLE set_aside_count (
            collector TEXT PRIMARY KEY,
            kept INTEGER NOT NULL DEFAULT 0,
            again INTEGER NOT NULL DEFAULT 0,
            sent INTEGER NOT NULL DEFAULT 0,
            dropped INTEGER NOT NULL DEFAULT 0,
            lost INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID""",
    ),
    (
        # A checksum of each line, so that damage costs single events; see page.py.
        "ALTER TABLE page ADD COLUMN sums BLOB",
        # `collector` is empty when a gap concerns everybody. `told`: it was reported as an event.
        "ALTER TABLE gap ADD COLUMN collector TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE gap ADD COLUMN told INTEGER NOT NULL DEFAULT 0",
        # JSON: collector → how many of these places it had not confirmed.
        "ALTER TABLE gap ADD COLUMN missed TEXT NOT NULL DEFAULT '{}'",
    ),
    (
        # Tells this journal from any other, for as long as its numbers go on: cursors of readers hold it.
        """CREATE TABLE identity (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            name TEXT NOT NULL,
            checksum INTEGER NOT NULL
        )""",
        "INSERT INTO identity VALUES (1, lower(hex(randomblob(8))), 0)",
        "UPDATE identity SET checksum = row_checksum(name)",
    ),
)

VERSION = len(MIGRATIONS)

_SUMS_SINCE = next(number for number, step in enumerate(MIGRATIONS, 1) if "COLUMN sums" in step[0])
_IDENTITY_SINCE = next(number for number, step in enumerate(MIGRATIONS, 1) if "TABLE identity" in step[0])


def migrate(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Brings the file to the newest form in one transaction; does nothing when it has it.

    Denied (LPF505) when the file is not a journal, or was written by a newer version.
    """
    check(connection, len(migrations))
    version = version_of(connection)
    if version == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in migrations[version:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def check(connection: sqlite3.Connection, known: int = VERSION) -> None:
    """Denied (LPF505) when we must not touch this file."""
    version = version_of(connection)
    if version > known:
        raise Denied(
            f"the journal was written by a newer lpforwarder (format {version}, this one knows {known})",
            code="LPF505",
            fix="install that version again, or give journal.path another file",
        )
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchall()[0][0]
    marked = connection.execute("PRAGMA application_id").fetchall()[0][0] == APPLICATION_ID
    if not marked and (tables or version):
        raise Denied(
            "the file is a database of another program, not a journal",
            code="LPF505",
            fix="give journal.path another file",
        )


def version_of(connection: sqlite3.Connection) -> int:
    """The number of steps this file has behind it; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchall()[0][0])


def has_sums(connection: sqlite3.Connection) -> bool:
    """False for a file of an older version that was only opened for reading: no sums, gaps of everybody."""
    return version_of(connection) >= _SUMS_SINCE


def has_identity(connection: sqlite3.Connection) -> bool:
    """False for a file of an older version that was only opened for reading."""
    return version_of(connection) >= _IDENTITY_SINCE
