from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from lpforwarder.journal.facts import ends
from lpforwarder.journal.page import page_columns, row_checksum, store
from lpforwarder.journal.rows import seal_state, write_gap
from lpforwarder.journal.scan import Gap
from lpforwarder.journal.schema import migrate
from lpforwarder.journal.waiting import BLOCK, WaitingCounter
from tests.fakes.pages import event

PAGES = 300
SIZE = 199
"""Events of a page: borders of pages and of blocks never meet."""
LAST = PAGES * SIZE


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    """Pages of two sources in turn; the received time of a page is its number."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.create_function("row_checksum", -1, row_checksum)
        migrate(connection)
        pages = {
            source: [
                event("x"),
                *(event("x", eventType="itemchange", severity=severity) for _ in range(SIZE - 1)),
            ]
            for source, severity in (("acme", 5), ("other", 7))
        }
        for number in range(PAGES):
            source = "other" if number % 2 else "acme"
            row = page_columns(store(number * SIZE + 1, source, pages[source], f"{number:04d}"))
            connection.execute("INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        connection.execute("UPDATE state SET last = ?", (LAST,))
        seal_state(connection)
        yield connection


def everything(source: str, event_type: str, event_id: str, severity: int) -> bool:
    return True


def logins_of_other(source: str, event_type: str, event_id: str, severity: int) -> bool:
    return source == "other" and event_type == "authentication"


def no_partial_page(checkpoint: int, last: int) -> int:
    raise AssertionError(f"nothing lies in the middle of a page: {checkpoint}, {last}")


def test_everything_behind_a_place_is_counted_over_all_blocks(connection: sqlite3.Connection) -> None:
    counter = WaitingCounter()
    assert LAST > 3 * BLOCK
    assert ends(connection) == (0, LAST)
    for _ in range(2):
        assert counter.count(connection, 0, everything, no_partial_page) == (LAST, "0000")
    for pages in (1, 82, 83, 164, 165, 299):
        found = counter.count(connection, pages * SIZE, everything, no_partial_page)
        assert found == (LAST - pages * SIZE, f"{pages:04d}")
    assert counter.count(connection, LAST, everything, no_partial_page) == (0, None)


def test_only_what_is_wanted_is_counted(connection: sqlite3.Connection) -> None:
    counter = WaitingCounter()
    assert counter.count(connection, 0, logins_of_other, no_partial_page) == (PAGES // 2, "0001")
    assert counter.count(connection, 82 * SIZE, logins_of_other, no_partial_page) == (
        (PAGES - 82) // 2,
        "0083",
    )
    assert counter.count(connection, 0, lambda *kind: False, no_partial_page) == (0, None)


def test_the_oldest_may_lie_in_a_block_far_behind(connection: sqlite3.Connection) -> None:
    def nobody_before(source: str, event_type: str, event_id: str, severity: int) -> bool:
        return severity == 9

    connection.execute("BEGIN")
    rare = store(250 * SIZE + 1, "acme", [event("x", severity=9)] * SIZE, "0250")
    connection.execute("UPDATE page SET tally = ? WHERE first = ?", (rare.tally, rare.first))
    assert WaitingCounter().count(connection, 0, nobody_before, no_partial_page) == (SIZE, "0250")
    connection.execute("ROLLBACK")


def test_a_page_in_the_middle_is_asked_for_alone(connection: sqlite3.Connection) -> None:
    asked: list[tuple[int, int]] = []

    def partial(checkpoint: int, last: int) -> int:
        asked.append((checkpoint, last))
        return last - checkpoint

    found = WaitingCounter().count(connection, 5 * SIZE + 10, everything, partial)
    assert found == (LAST - 5 * SIZE - 10, "0005")
    assert asked == [(5 * SIZE + 10, 6 * SIZE)]


def test_what_is_damaged_is_not_waited_for_once_it_is_known(connection: sqlite3.Connection) -> None:
    counter = WaitingCounter()
    assert counter.count(connection, 0, everything, no_partial_page)[0] == LAST
    connection.execute("BEGIN")
    for number in (0, 100, 299):
        write_gap(connection, Gap(first=number * SIZE + 1, count=SIZE, reason="damaged"))
    assert counter.count(connection, 0, everything, no_partial_page) == (LAST - 3 * SIZE, "0001")
    connection.execute("ROLLBACK")
    assert counter.count(connection, 0, everything, no_partial_page) == (LAST, "0000")


def test_what_retention_removed_is_not_waited_for(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN")
    connection.execute("UPDATE state SET removed = ?", (2 * SIZE,))
    seal_state(connection)
    connection.execute("DELETE FROM page WHERE first <= ?", (2 * SIZE,))
    assert WaitingCounter().count(connection, SIZE, everything, no_partial_page) == (LAST - 2 * SIZE, "0002")
    connection.execute("ROLLBACK")


def test_a_row_whose_small_columns_are_damaged_counts_nothing(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN")
    connection.execute("UPDATE page SET tally = '[[' WHERE first = 1")
    assert WaitingCounter().count(connection, 0, everything, no_partial_page) == (LAST - SIZE, "0001")
    connection.execute("ROLLBACK")
