from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from lpforwarder import rfc3339
from lpforwarder.event import Reject
from lpforwarder.journal.facts import ends, used_octets
from lpforwarder.journal.page import page_columns, row_checksum, store
from lpforwarder.journal.retention import (
    DROP,
    MOST_PAGES,
    PAUSE,
    Rules,
    before,
    behind,
    remove_some,
    trim_rejects,
)
from lpforwarder.journal.rows import seal_state, write_gap
from lpforwarder.journal.scan import Gap
from lpforwarder.journal.schema import migrate
from tests.fakes.pages import page

HOUR = 3600.0
LAST = 100
HUGE = 2**40


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Ten pages of ten events of 1 KB, received an hour apart from midnight on."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.create_function("row_checksum", -1, row_checksum)
        migrate(connection)
        for number in range(10):
            first = 10 * number + 1
            row = page_columns(store(first, "acme", page(first, first + 9, 1000), at(number)))
            connection.execute("INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        connection.execute("UPDATE state SET last = ?", (LAST,))
        seal_state(connection)
        yield connection


def at(hour: int) -> str:
    return f"2026-01-02T{hour:02d}:00:00.000Z"


def collector(connection: sqlite3.Connection, name: str, checkpoint: int, resume: int | None = None) -> None:
    connection.execute(
        "INSERT INTO collector (name, checkpoint, resume) VALUES (?, ?, ?)",
        (name, checkpoint, checkpoint if resume is None else resume),
    )


def rules(keep: float = HOUR, max_size: int = HUGE, when_full: str = PAUSE) -> Rules:
    return Rules(keep=keep, max_size=max_size, when_full=when_full)


def firsts(connection: sqlite3.Connection) -> list[int]:
    return [first for (first,) in connection.execute("SELECT first FROM page ORDER BY first")]


# ---- old age ----------------------------------------------------------------------------------------------


def test_confirmed_pages_leave_when_they_are_old(connection: sqlite3.Connection) -> None:
    collector(connection, "siem", LAST)
    assert remove_some(connection, rules(), at(4), None) == 3
    assert firsts(connection) == [31, 41, 51, 61, 71, 81, 91]
    assert ends(connection) == (30, LAST)
    state = connection.execute("SELECT last, removed, checksum FROM state").fetchall()[0]
    assert state[2] == row_checksum(*state[:2])


def test_what_one_collector_has_not_confirmed_stays_however_old(connection: sqlite3.Connection) -> None:
    collector(connection, "siem", LAST)
    collector(connection, "down", 25)
    assert remove_some(connection, rules(keep=0.0), at(23), None) == 2
    assert firsts(connection)[0] == 21


def test_what_a_replay_would_send_again_stays(connection: sqlite3.Connection) -> None:
    collector(connection, "siem", LAST, resume=45)
    assert remove_some(connection, rules(keep=0.0), at(23), None) == 4
    assert firsts(connection)[0] == 41


def test_collectors_that_are_not_configured_any_more_hold_nothing_back(
    connection: sqlite3.Connection,
) -> None:
    collector(connection, "siem", 50)
    collector(connection, "gone", 0)
    assert remove_some(connection, rules(keep=0.0), at(23), None) == 0
    assert remove_some(connection, rules(keep=0.0), at(23), {"siem"}) == 5


def test_without_collectors_age_alone_decides(connection: sqlite3.Connection) -> None:
    assert remove_some(connection, rules(), at(4), None) == 3


def test_a_place_that_was_removed_is_never_read_as_a_gap(connection: sqlite3.Connection) -> None:
    for hour in (2, 5, 9):
        remove_some(connection, rules(), at(hour), None)
    assert ends(connection) == (80, LAST)
    assert remove_some(connection, rules(), at(9), None) == 0


def test_one_step_removes_no_more_than_a_few_pages(connection: sqlite3.Connection) -> None:
    for first in range(LAST + 1, LAST + 2 * MOST_PAGES + 1):
        row = page_columns(store(first, "acme", page(first, first), at(0)))
        connection.execute("INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    connection.execute("UPDATE state SET last = ?", (LAST + 2 * MOST_PAGES,))
    seal_state(connection)
    steps = [remove_some(connection, rules(keep=0.0), at(23), None) for _ in range(4)]
    assert steps == [MOST_PAGES, MOST_PAGES, 10, 0]


# ---- size -------------------------------------------------------------------------------------------------


def size(connection: sqlite3.Connection) -> int:
    """A limit that half of the pages fit under."""
    return used_octets(connection) * 5 // 9


def test_delivered_pages_leave_early_when_that_is_asked_for(connection: sqlite3.Connection) -> None:
    collector(connection, "siem", LAST)
    collector(connection, "down", 70)
    limit = size(connection)
    assert remove_some(connection, rules(HUGE, limit, DROP), at(9), None) >= 4
    assert used_octets(connection) <= 0.9 * limit + 4096
    assert remove_some(connection, rules(HUGE, limit, DROP), at(9), None) <= 1


def test_what_is_not_confirmed_never_leaves_for_its_size(connection: sqlite3.Connection) -> None:
    collector(connection, "down", 20)
    assert remove_some(connection, rules(HUGE, 1, DROP), at(9), None) == 2
    assert remove_some(connection, rules(HUGE, 1, DROP), at(9), None) == 0
    assert firsts(connection)[0] == 21


def test_pausing_keeps_history_while_a_collector_waits(connection: sqlite3.Connection) -> None:
    collector(connection, "siem", LAST)
    collector(connection, "down", 70)
    assert remove_some(connection, rules(HUGE, size(connection), PAUSE), at(9), None) == 0


def test_pausing_gives_history_up_while_the_one_who_waits_catches_up(connection: sqlite3.Connection) -> None:
    collector(connection, "siem", LAST)
    collector(connection, "slow", 70)
    asked: list[int] = []

    def goes_on(confirmed: int) -> bool:
        asked.append(confirmed)
        return True

    limit = size(connection)
    assert remove_some(connection, rules(HUGE, limit, PAUSE), at(9), None, goes_on=goes_on) >= 4
    assert asked == [70]
    assert firsts(connection)[0] <= 71


def test_what_lies_beside_the_events_leaves_less_room_for_them(connection: sqlite3.Connection) -> None:
    collector(connection, "siem", LAST)
    limit = size(connection)
    whole = rules(HUGE, limit + 50_000, PAUSE)
    assert remove_some(connection, whole, at(9), None, beside=50_000) >= 4
    assert used_octets(connection) <= 0.9 * limit + 4096


def test_for_want_of_room_leaves_what_only_a_replay_would_need(connection: sqlite3.Connection) -> None:
    collector(connection, "siem", LAST, resume=0)
    assert remove_some(connection, rules(keep=0.0), at(23), None) == 0
    limit = size(connection)
    assert remove_some(connection, rules(HUGE, limit, PAUSE), at(9), None) >= 4
    assert used_octets(connection) <= 0.9 * limit + 4096


def test_room_is_made_for_what_is_wanted(connection: sqlite3.Connection) -> None:
    collector(connection, "siem", LAST)
    limit = 2 * used_octets(connection)
    assert remove_some(connection, rules(HUGE, limit, PAUSE), at(9), None) == 0
    wanted = limit // 2 + 30_000
    assert remove_some(connection, rules(HUGE, limit, PAUSE), at(9), None, wanted=wanted) == 3
    assert used_octets(connection) + wanted <= limit + 4096


def test_pausing_ends_once_everybody_has_everything(connection: sqlite3.Connection) -> None:
    collector(connection, "siem", LAST)
    limit = size(connection)
    assert remove_some(connection, rules(HUGE, limit, PAUSE), at(9), None) >= 4
    assert used_octets(connection) <= 0.9 * limit + 4096


# ---- damage -----------------------------------------------------------------------------------------------


def test_a_damaged_page_is_passed_over_and_stays(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE page SET lines = x'00' WHERE first = 11")
    assert remove_some(connection, rules(keep=0.0), at(23), None) == 9
    assert firsts(connection) == [11]
    assert ends(connection) == (LAST, LAST)


# ---- rejects ----------------------------------------------------------------------------------------------


def test_rejects_leave_when_they_are_old(connection: sqlite3.Connection) -> None:
    for hour in range(4):
        put_reject(connection, at(hour), b"{")
    trim_rejects(connection, rules(), at(3))
    assert connection.execute("SELECT time FROM reject").fetchall() == [(at(2),), (at(3),)]


def test_the_newest_rejects_stay_when_they_are_too_large(connection: sqlite3.Connection) -> None:
    for number in range(70):
        put_reject(connection, at(number % 10), bytes(2**20))
    trim_rejects(connection, rules(keep=HUGE / 1000), at(9))
    kept = [number for (number,) in connection.execute("SELECT id FROM reject")]
    assert kept == list(range(7, 71))


def put_reject(connection: sqlite3.Connection, time: str, raw: bytes) -> None:
    one = Reject(where="line 1", reason="not JSON", raw=raw)
    connection.execute(
        "INSERT INTO reject (source, place, reason, time, octets, raw) VALUES ('acme', ?, ?, ?, 1, ?)",
        (one.where, one.reason, time, one.raw),
    )


# ---- time -------------------------------------------------------------------------------------------------


def test_a_time_before_the_first_year_is_the_first(connection: sqlite3.Connection) -> None:
    assert before(at(3), HOUR) == at(2)
    assert rfc3339.parse(before(at(3), 1e15)) is not None
    with pytest.raises(ValueError, match="is not a time"):
        before("now", 1.0)


# ---- clocks that are wrong --------------------------------------------------------------------------------


def test_while_the_clock_is_not_steady_only_size_removes(connection: sqlite3.Connection) -> None:
    collector(connection, "siem", LAST)
    put_reject(connection, at(0), b"{")
    assert remove_some(connection, rules(keep=0.0), at(23), None, by_age=False) == 0
    trim_rejects(connection, rules(keep=0.0), at(23), by_age=False)
    assert connection.execute("SELECT count(*) FROM reject").fetchall() == [(1,)]
    assert remove_some(connection, rules(HUGE, size(connection), DROP), at(9), None, by_age=False) >= 4


def test_pages_from_the_future_hold_up_nobody(connection: sqlite3.Connection) -> None:
    """The clock was a year ahead for a while: what came after shows when it was at the latest."""
    collector(connection, "siem", LAST)
    for first in (21, 31):
        row = page_columns(store(first, "acme", page(first, first + 9), "2027-01-02T03:00:00.000Z"))
        connection.execute("INSERT OR REPLACE INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    assert remove_some(connection, rules(), at(4), None) == 2
    assert firsts(connection)[0] == 21
    assert remove_some(connection, rules(), at(6), None) == 3
    assert firsts(connection)[0] == 51


def test_a_page_from_the_future_at_the_end_stays(connection: sqlite3.Connection) -> None:
    collector(connection, "siem", LAST)
    row = page_columns(store(91, "acme", page(91, 100), "2027-01-02T03:00:00.000Z"))
    connection.execute("INSERT OR REPLACE INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    assert remove_some(connection, rules(keep=0.0), at(23), None) == 9
    assert firsts(connection) == [91]


def test_what_is_left_of_a_damaged_page_stays_with_it(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE page SET lines = CAST(substr(lines, 2) AS BLOB) WHERE first = 11")
    assert remove_some(connection, rules(keep=0.0), at(23), None) == 9
    assert firsts(connection) == [11]
    assert ends(connection) == (LAST, LAST)


def test_collectors_that_lag_are_named_if_they_matter(connection: sqlite3.Connection) -> None:
    collector(connection, "archive", 70)
    collector(connection, "gone", 10)
    collector(connection, "siem", LAST)
    assert behind(connection, LAST, None) == (("archive", 30), ("gone", 90))
    assert behind(connection, LAST, {"archive", "siem"}) == (("archive", 30),)
    write_gap(connection, Gap(first=66, count=10, reason="damaged"))
    assert behind(connection, LAST, {"archive"}) == (("archive", 25),)
