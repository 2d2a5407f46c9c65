from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpforwarder.journal.page import StoredPage, page_columns, row_checksum, store
from lpforwarder.journal.scan import CONTENTS, MISSING, UNREADABLE, Gap, joined, pages, parts_of, summaries
from lpforwarder.journal.schema import migrate
from tests.fakes.pages import TIME, page

LAST = 60
"""Twenty pages of three events."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of twenty pages, about three of them to a page of SQLite's own."""
    with closing(connect(tmp_path / "file.db")) as connection:
        migrate(connection)
        for first in range(1, LAST, 3):
            row = page_columns(store(first, "acme", page(first, first + 2, 250), TIME))
            connection.execute("INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    return tmp_path / "file.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(path)) as connection:
        yield connection


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.create_function("row_checksum", -1, row_checksum)
    return connection


def found(connection: sqlite3.Connection, after: int = 0, last: int = LAST) -> list[tuple[int, int, str]]:
    """(first, end, what) of everything on the way; `what` is empty for a whole page."""
    return [
        (one.first, one.end, "" if isinstance(one, StoredPage) else one.reason)
        for one in pages(connection, after, last)
    ]


def test_whole_pages_come_in_order_from_the_one_that_holds_the_place(connection: sqlite3.Connection) -> None:
    assert found(connection) == [(first, first + 3, "") for first in range(1, LAST, 3)]
    assert found(connection, after=56) == [(55, 58, ""), (58, 61, "")]
    assert found(connection, after=57) == [(58, 61, "")]
    assert found(connection, after=LAST) == []


def test_a_page_that_is_not_there_is_a_gap(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM page WHERE first IN (1, 7, 10, 58)")
    assert found(connection) == [
        (1, 4, MISSING),
        (4, 7, ""),
        (7, 13, MISSING),
        *((first, first + 3, "") for first in range(13, 56, 3)),
        (58, 61, MISSING),
    ]
    assert found(connection, after=8)[0] == (9, 13, MISSING)


@pytest.mark.parametrize(
    "change",
    [
        "lines = substr(lines, 2)",
        "count = 500",
        "count = 'many'",
        "first = 60",
        "received = 'then'",
        "lines = 'text'",
        "checksum = 'x'",
    ],
)
def test_a_page_that_is_not_whole_is_a_gap(connection: sqlite3.Connection, change: str) -> None:
    connection.execute(f"UPDATE page SET sums = NULL, {change} WHERE first = 7")
    around = found(connection)
    reason = MISSING if change == "first = 60" else CONTENTS
    assert around[1:4] == [(4, 7, ""), (7, 10, reason), (10, 13, "")]
    assert around[-1] == (58, 61, "")


def test_of_a_page_that_is_not_whole_comes_what_is(connection: sqlite3.Connection) -> None:
    change = (
        'UPDATE page SET lines = CAST(replace(lines, \'"id":"8"\', \'"id":"0"\') AS BLOB) WHERE first = 7'
    )
    connection.execute(change)
    assert found(connection)[1:6] == [(4, 7, ""), (7, 8, ""), (8, 9, CONTENTS), (9, 10, ""), (10, 13, "")]
    assert found(connection, after=7)[:2] == [(8, 9, CONTENTS), (9, 10, "")]
    assert [page.first for page in parts_of(connection, 7)] == [7, 9]


def test_a_page_whose_own_checksum_is_damaged_loses_nothing(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE page SET checksum = 'x', tally = '[[' WHERE first = 7")
    assert found(connection) == [(first, first + 3, "") for first in range(1, LAST, 3)]


def test_a_file_of_an_older_version_is_read_as_it_is(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE page DROP COLUMN sums")
    connection.execute("PRAGMA user_version = 1")
    assert found(connection) == [(first, first + 3, "") for first in range(1, LAST, 3)]
    connection.execute("UPDATE page SET lines = CAST(substr(lines, 2) AS BLOB) WHERE first = 7")
    assert found(connection)[2] == (7, 10, CONTENTS)


def spoil(path: Path, marker: str, octets: bytes) -> None:
    """Overwrites the head of the file page that holds this text."""
    contents = path.read_bytes()
    place = contents.index(marker.encode("ascii")) // 4096 * 4096
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(octets)


def test_rows_that_sqlite_cannot_read_are_a_gap_and_those_behind_them_are_found(path: Path) -> None:
    spoil(path, '"id":"31"', b"\xff" * 64)
    with closing(connect(path)) as connection:
        around = found(connection)
        (gap,) = [one for one in around if one[2]]
        assert gap[2] == UNREADABLE
        assert gap[0] <= 31 < gap[1]
        whole = [one for one in around if not one[2]]
        assert len(whole) >= 16
        assert [(first, end) for first, end, _ in around] == sorted((first, end) for first, end, _ in around)
        assert {place for first, end, _ in around for place in range(first, end)} == set(range(1, LAST + 1))
        # Whoever starts in the middle of it finds the same end.
        assert found(connection, after=gap[0])[0] == (gap[0] + 1, gap[1], UNREADABLE)
        assert [first for first, *_ in summaries(connection, 0, LAST)] == [first for first, *_ in whole]


def test_a_page_whose_contents_cannot_be_read_costs_no_other(
    path: Path, connection: sqlite3.Connection
) -> None:
    row = page_columns(store(61, "acme", page(61, 61, 20_000), TIME))
    connection.execute("INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    row = page_columns(store(62, "acme", page(62, 62), TIME))
    connection.execute("INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    connection.close()
    contents = path.read_bytes()
    chained = (contents.rindex(b"m" * 4000) // 4096 - 1) * 4096  # its first octets name the next of the chain
    with open(path, "r+b") as file:
        file.seek(chained)
        file.write(b"\x7f\xff\xff\xff")
    with closing(connect(path)) as again:
        assert found(again, last=62)[-3:] == [(58, 61, ""), (61, 62, UNREADABLE), (62, 63, "")]


def test_a_long_damaged_stretch_ends_exactly_where_rows_can_be_read_again(path: Path) -> None:
    size, many = 500, 30
    with closing(connect(path)) as connection:
        connection.execute("DELETE FROM page")
        for number in range(many):
            events = page(number * size + 1, (number + 1) * size)
            row = page_columns(store(number * size + 1, "acme", events, TIME))
            connection.execute("INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    for number in range(10, 15):
        spoil(path, f'"id":"{number * size + 1}"', b"\xff" * 64)
    with closing(connect(path)) as connection:
        around = found(connection, last=size * many)
    (gap,) = [one for one in around if one[2]]
    assert gap[0] <= 10 * size + 1 < 15 * size <= gap[1] - 1
    assert gap[1] - gap[0] < 10 * size
    assert len(around) == many + 1 - (gap[1] - gap[0]) // size
    assert (gap[0] - 1) % size == (gap[1] - 1) % size == 0


def test_text_that_is_no_text_any_more_is_a_gap(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE page SET source = CAST(x'FF41' AS TEXT) WHERE first = 7")
    assert found(connection)[2] == (7, 10, UNREADABLE)


@given(gone=st.sets(st.integers(0, 19)), after=st.integers(0, LAST))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_and_gaps_leave_no_place_out(
    connection: sqlite3.Connection, gone: set[int], after: int
) -> None:
    connection.execute("BEGIN")
    connection.executemany("DELETE FROM page WHERE first = ?", [(3 * number + 1,) for number in gone])
    around = found(connection, after)
    connection.execute("ROLLBACK")
    places = [place for first, end, _ in around for place in range(max(first, after + 1), end)]
    assert places == list(range(after + 1, LAST + 1))


# ---- gaps -------------------------------------------------------------------------------------------------


def test_gaps_that_touch_become_one() -> None:
    known = [
        Gap(first=1, count=2, reason="a"),
        Gap(first=10, count=5, reason="b"),
        Gap(first=30, count=1, reason="c"),
    ]
    whole, touched = joined(Gap(first=8, count=3, reason="new"), known)
    assert (whole.first, whole.end, whole.reason) == (8, 15, "b")
    assert touched == [known[1]]
    assert joined(Gap(first=20, count=2, reason="new"), known) == (Gap(first=20, count=2, reason="new"), [])
