from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest
from msgspec.structs import replace

from lpforwarder.journal.facts import gaps_in, identity_in
from lpforwarder.journal.inherited import COLLECTOR, SOURCE
from lpforwarder.journal.mending import catch_up, mend
from lpforwarder.journal.page import page_columns, row_checksum, store
from lpforwarder.journal.rows import seal_collector, seal_source
from lpforwarder.journal.safe_copy import AHEAD, Row, SafeCopy
from lpforwarder.journal.scan import ASKED_AGAIN
from lpforwarder.journal.schema import migrate
from tests.fakes.pages import TIME, page


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Two pages of three events; a collector at 4, a source with a cursor."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.create_function("row_checksum", -1, row_checksum)
        migrate(connection)
        for first in (1, 4):
            row = page_columns(store(first, "acme", page(first, first + 2), TIME))
            connection.execute("INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        connection.execute("UPDATE state SET last = 6, removed = 0, checksum = row_checksum(6, 0)")
        connection.execute("INSERT INTO collector (name, checkpoint, resume) VALUES ('siem', 4, 2)")
        seal_collector(connection, "siem")
        connection.execute("INSERT INTO source (name, cursor) VALUES ('acme', 'here')")
        seal_source(connection, "acme")
        yield connection


def rows(connection: sqlite3.Connection) -> tuple[object, ...]:
    """(last, removed), (checkpoint, resume), cursor."""
    state = connection.execute("SELECT last, removed FROM state").fetchall()[0]
    place = connection.execute("SELECT checkpoint, resume FROM collector").fetchall()[0]
    return state, place, connection.execute("SELECT cursor FROM source").fetchall()[0][0]


def test_what_is_right_is_left_alone(connection: sqlite3.Connection) -> None:
    assert mend(connection, TIME) == []
    assert rows(connection) == ((6, 0), (4, 2), "here")


def test_a_collector_whose_place_is_damaged_gets_everything_again(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE collector SET checkpoint = 6")
    (told,) = mend(connection, TIME)
    assert "collector siem" in told.reason
    assert rows(connection)[1] == (0, 0)
    assert mend(connection, TIME) == []


def test_a_source_whose_cursor_is_damaged_is_read_from_its_start(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE source SET cursor = 'there'")
    (told,) = mend(connection, TIME)
    assert "source acme" in told.reason
    assert rows(connection)[2] is None
    assert mend(connection, TIME) == []


@pytest.mark.parametrize(
    "change", ["UPDATE state SET last = 2", "UPDATE state SET last = 99", "DELETE FROM state"]
)
def test_a_damaged_counter_is_found_again_from_the_pages(connection: sqlite3.Connection, change: str) -> None:
    connection.execute(change)
    (told,) = mend(connection, TIME)
    assert "counter" in told.reason
    assert rows(connection)[0] == (6, 0)


def test_a_counter_is_never_set_behind_what_a_collector_has_confirmed(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM page")
    connection.execute("UPDATE state SET last = 0")
    mend(connection, TIME)
    assert rows(connection)[0] == (4, 4)


def test_a_damaged_page_does_not_tell_where_the_journal_ends(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE page SET count = 1000000 WHERE first = 4")
    connection.execute("UPDATE collector SET checkpoint = 0")
    seal_collector(connection, "siem")
    connection.execute("UPDATE state SET last = 0")
    told = mend(connection, TIME)
    assert (told[1].first, told[1].count, told[1].is_loss) == (5, AHEAD, False)
    # Nor how many places it took: numbers go on where none can have been given.
    assert rows(connection)[0] == (4 + AHEAD, 0)


# ---- with the last safe copy ------------------------------------------------------------------------------


def row(columns: Sequence[str], **values: object) -> Row:
    return {**dict.fromkeys(columns), "events": 0, "duplicates": 0, "rejects": 0, "sent": 0, **values}


SAFE = SafeCopy(
    time=TIME,
    last=5,
    removed=0,
    sources={"acme": row(SOURCE, name="acme", cursor="before", checksum=row_checksum("acme", "before"))},
    collectors={
        "siem": row(
            COLLECTOR,
            name="siem",
            checkpoint=3,
            resume=2,
            clean=1,
            confirmed=0,
            replayed=0,
            checksum=row_checksum("siem", 3, 2, 1),
        )
    },
)


def test_damaged_places_go_back_to_those_of_the_copy(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE collector SET checkpoint = 6")
    connection.execute("UPDATE source SET cursor = 'there'")
    reasons = [gap.reason for gap in mend(connection, TIME, SAFE)]
    assert rows(connection)[1:] == ((3, 2), "before")
    assert ["seconds before" in reason for reason in reasons] == [True, True]
    assert mend(connection, TIME, SAFE) == []


def test_rows_that_are_gone_come_back_from_the_copy(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM collector")
    connection.execute("DELETE FROM source")
    told = mend(connection, TIME, SAFE)
    assert [gap.reason.split(" was")[0] for gap in told] == ["collector siem", "source acme"]
    assert rows(connection)[1:] == ((3, 2), "before")
    assert mend(connection, TIME, SAFE) == []


def test_a_damaged_counter_is_never_set_behind_the_copy(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE state SET last = 0")
    mend(connection, TIME, replace(SAFE, last=17))
    assert rows(connection)[0] == (17, 0)


def test_what_lies_before_the_first_page_is_missing_unless_it_was_removed(
    connection: sqlite3.Connection,
) -> None:
    connection.execute("DELETE FROM page WHERE first = 1")
    connection.execute("UPDATE state SET last = 0")
    mend(connection, TIME, SAFE)
    assert rows(connection)[0] == (6, 0)
    connection.execute("UPDATE state SET last = 0")
    mend(connection, TIME, replace(SAFE, removed=3))
    assert rows(connection)[0] == (6, 3)


# ---- an end that is lost ----------------------------------------------------------------------------------


def test_a_damaged_identity_comes_back_from_the_copy(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE identity SET name = '0123456789abcdef'")
    (told,) = mend(connection, TIME, replace(SAFE, identity="fedcba9876543210"))
    assert "identity of the journal was damaged; it is the one it was" in told.reason
    assert identity_in(connection) == "fedcba9876543210"


def test_a_damaged_identity_that_nobody_remembers_becomes_a_new_one(connection: sqlite3.Connection) -> None:
    before = identity_in(connection)
    connection.execute("DELETE FROM identity")
    (told,) = mend(connection, TIME, SAFE)
    assert "is a new one" in told.reason
    assert identity_in(connection) not in ("", before)
    assert mend(connection, TIME, SAFE) == []


def test_numbers_go_on_where_none_was_given(connection: sqlite3.Connection) -> None:
    safe = replace(SAFE, last=50, collectors={"siem": {**SAFE.collectors["siem"], "checkpoint": 40}})
    (gap,) = catch_up(connection, safe, TIME)
    assert (gap.first, gap.end, gap.reason) == (7, 51 + AHEAD, ASKED_AGAIN)
    assert not gap.is_loss
    assert rows(connection) == ((50 + AHEAD, 0), (40, 2), "here")
    assert gaps_in(connection) == [gap]
    assert catch_up(connection, safe, TIME) == []


def test_a_collector_that_is_further_on_stays_there(connection: sqlite3.Connection) -> None:
    catch_up(connection, SAFE, TIME)
    assert rows(connection)[1] == (4, 2)
