from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from lpforwarder.errors import Denied
from lpforwarder.journal.page import row_checksum
from lpforwarder.journal.schema import MIGRATIONS, VERSION, check, has_identity, migrate, version_of


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.create_function("row_checksum", -1, row_checksum)
        yield connection


def test_an_empty_file_gets_every_step(connection: sqlite3.Connection) -> None:
    migrate(connection)
    assert version_of(connection) == VERSION == len(MIGRATIONS)
    assert connection.execute("SELECT last, removed FROM state").fetchall() == [(0, 0)]
    migrate(connection)
    check(connection)


def test_an_older_file_gets_the_steps_it_has_not(connection: sqlite3.Connection) -> None:
    migrate(connection)
    connection.execute("UPDATE state SET last = 7")
    migrate(
        connection, (*MIGRATIONS, ("ALTER TABLE state ADD COLUMN extra TEXT", "UPDATE state SET extra = 'x'"))
    )
    assert version_of(connection) == VERSION + 1
    assert connection.execute("SELECT last, extra FROM state").fetchall() == [(7, "x")]


def test_every_journal_has_an_identity_of_its_own(connection: sqlite3.Connection) -> None:
    migrate(connection, MIGRATIONS[:3])
    assert not has_identity(connection)
    migrate(connection)
    assert has_identity(connection)
    ((name, checksum),) = connection.execute("SELECT name, checksum FROM identity").fetchall()
    assert re.fullmatch("[0-9a-f]{16}", name)
    assert checksum == row_checksum(name)


def test_a_step_that_fails_changes_nothing(connection: sqlite3.Connection) -> None:
    migrate(connection)
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, (*MIGRATIONS, ("ALTER TABLE state ADD COLUMN extra TEXT", "no SQL")))
    assert version_of(connection) == VERSION
    assert not connection.in_transaction
    assert "extra" not in str(connection.execute("SELECT sql FROM sqlite_master").fetchall())


def test_a_newer_file_is_refused_with_a_remedy(connection: sqlite3.Connection) -> None:
    migrate(connection, (*MIGRATIONS, ("SELECT 1",)))
    with pytest.raises(Denied) as refused:
        migrate(connection)
    assert refused.value.code == "LPF505"
    assert refused.value.what == (
        f"the journal was written by a newer lpforwarder (format {VERSION + 1}, this one knows {VERSION})"
    )
    assert "install that version again" in refused.value.fix


def test_a_database_of_another_program_is_left_alone(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE theirs (a)")
    with pytest.raises(Denied, match="a database of another program"):
        migrate(connection)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
