from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpforwarder.journal.facts import gaps_in
from lpforwarder.journal.page import row_checksum, store
from lpforwarder.journal.rows import (
    Move,
    insert_collector,
    insert_page,
    move_collector,
    seal_collector,
    seal_state,
    skip_removed,
    write_gap,
)
from lpforwarder.journal.scan import ASKED_AGAIN, CONTENTS, EXPIRED, Gap
from lpforwarder.journal.schema import migrate
from tests.fakes.pages import TIME, page


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.create_function("row_checksum", -1, row_checksum)
        migrate(connection)
        insert_page(connection, store(1, "acme", page(1, 100), TIME))
        yield connection


def move(connection: sqlite3.Connection, to: int, resume: int) -> None:
    move_collector(connection, "siem", Move(to=to, resume=resume, confirmed=1), TIME)


@given(moves=st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=1))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_checkpoint_is_the_furthest_place_and_the_way_back_never_ahead_of_it(
    connection: sqlite3.Connection, moves: list[tuple[int, int]]
) -> None:
    connection.execute("BEGIN")
    for to, resume in moves:
        move(connection, to, resume)
    (row,) = connection.execute("SELECT name, checkpoint, resume, clean, checksum, confirmed FROM collector")
    connection.execute("ROLLBACK")
    furthest = max(to for to, _ in moves)
    to, resume = moves[-1]
    assert row[1] == furthest
    assert row[2] == min(to, resume)
    assert row[4] == row_checksum(*row[:4])
    assert row[5] == len(moves)


def test_a_place_behind_the_end_is_a_mistake_of_ours(connection: sqlite3.Connection) -> None:
    with pytest.raises(ValueError, match="siem cannot have confirmed 101: the journal ends at 100"):
        move(connection, 101, 0)


def test_a_row_that_lies_about_its_number_gives_way(connection: sqlite3.Connection) -> None:
    insert_page(connection, store(101, "acme", page(101, 101), TIME))
    connection.execute("UPDATE state SET last = 100")
    seal_state(connection)
    insert_page(connection, store(101, "acme", page(201, 202), TIME))
    assert connection.execute("SELECT first, count FROM page").fetchall() == [(1, 100), (101, 2)]


def test_a_registered_collector_can_be_told_from_a_damaged_one(connection: sqlite3.Connection) -> None:
    insert_collector(connection, "siem", "newest")
    query = "SELECT name, checkpoint, resume, clean, checksum FROM collector"
    (row,) = connection.execute(query)
    assert row[1:3] == (100, 100)
    assert row[4] == row_checksum(*row[:4])
    seal_collector(connection, "siem")
    assert connection.execute(query).fetchall() == [row]


def test_a_gap_takes_the_place_of_what_was_known_of_it(connection: sqlite3.Connection) -> None:
    parts = [Gap(first=first, count=2, reason="part", found=TIME) for first in (1, 5, 9)]
    for part in parts:
        write_gap(connection, part)
    whole = Gap(first=1, count=6, reason="whole", found=TIME)
    write_gap(connection, whole, instead_of=parts[:2])
    assert gaps_in(connection) == [whole, parts[2]]


def test_a_place_that_is_damaged_does_not_win_by_being_further_on(connection: sqlite3.Connection) -> None:
    move(connection, 10, 9)
    connection.execute("UPDATE collector SET checkpoint = 99")
    move(connection, 12, 11)
    (row,) = connection.execute("SELECT name, checkpoint, resume, clean, checksum FROM collector").fetchall()
    assert row[1:3] == (12, 11)
    assert row[4] == row_checksum(*row[:4])


def test_what_was_removed_before_a_collector_came_back_is_its_gap(connection: sqlite3.Connection) -> None:
    move(connection, 10, 9)
    assert skip_removed(connection, "siem", TIME) is None
    connection.execute("UPDATE state SET removed = 60")
    seal_state(connection)
    gap = skip_removed(connection, "siem", TIME)
    assert gap == Gap(first=11, count=50, reason=EXPIRED, found=TIME, collector="siem")
    assert gaps_in(connection) == [gap]
    (row,) = connection.execute("SELECT name, checkpoint, resume, clean, checksum FROM collector").fetchall()
    assert row[1:3] == (60, 60)
    assert row[4] == row_checksum(*row[:4])
    assert skip_removed(connection, "siem", TIME) is None
    assert skip_removed(connection, "nobody", TIME) is None


def test_a_gap_says_who_had_not_confirmed_what_is_missing(connection: sqlite3.Connection) -> None:
    for name, place in (("all", 100), ("half", 52), ("none", 0)):
        move_collector(connection, name, Move(to=place, resume=place), TIME)
    first = Gap(first=50, count=5, reason=CONTENTS, found=TIME)
    write_gap(connection, first)
    assert gaps_in(connection)[0].missed == {"half": 2, "none": 5}
    move_collector(connection, "none", Move(to=60, resume=60), TIME)
    (known,) = gaps_in(connection)
    write_gap(connection, Gap(first=48, count=7, reason=CONTENTS, found=TIME), instead_of=[known])
    # What was passed over before stays passed over, and what was confirmed is no loss.
    assert gaps_in(connection)[0].missed == {"half": 2, "none": 5}
    write_gap(connection, Gap(first=90, count=5, reason=ASKED_AGAIN, found=TIME))
    assert gaps_in(connection)[1].missed == {}
