from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lpforwarder.event import Entry, Poison, Reject, Seq
from lpforwarder.journal import tables
from lpforwarder.journal.btree import PAGE
from lpforwarder.journal.facts import ends, gaps_in
from lpforwarder.journal.rawfile import RawFile, resting
from lpforwarder.journal.safe_copy import AHEAD, SafeCopy
from lpforwarder.journal.scan import ASKED_AGAIN, Gap
from lpforwarder.journal.taking_over import LOST, Taken, take_over
from tests.fakes.damaged import root_of, spoil
from tests.fakes.pages import TIME, event, page
from tests.unit.journal.conftest import Bench

ROWS, SIZE = 300, 2
SAFE = SafeCopy(time=TIME, last=ROWS * SIZE, removed=0, closed=True)


@pytest.fixture
def path(bench: Bench) -> Path:
    """A closed journal with something in every table."""
    with bench.open() as journal:
        for number in range(ROWS):
            reject = Reject(where=f"line {number}", reason="not JSON", raw=b"{")
            events = page(SIZE * number + 1, SIZE * (number + 1))
            journal.append("acme", events, [reject] if number < 3 else (), str(number))
        entry = Entry(Seq(7), "acme", event("7"))
        journal.set_aside("siem", [Poison(entry=entry, code="LPF601", reason="too big", message=b"message")])
        journal.advance("siem", Seq(9), Seq(8), clean=True, confirmed=9)
    return bench.path


@pytest.fixture
def new() -> Iterator[sqlite3.Connection]:
    with closing(tables.fresh(":memory:")) as connection:
        yield connection


def taken(
    new: sqlite3.Connection, raw: RawFile | None, safe: SafeCopy | None = SAFE, *, lost_end: bool = False
) -> Taken:
    return take_over(new, raw, safe, TIME, lost_end=lost_end, progress=lambda events: None)


def contents(connection: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    return connection.execute(f"SELECT * FROM {table}").fetchall()


def test_of_a_sound_file_everything_comes_over(path: Path, new: sqlite3.Connection) -> None:
    with resting(path) as raw:
        result = taken(new, raw)
    assert (result.events, result.gaps) == (ROWS * SIZE, ())
    with closing(sqlite3.connect(path)) as old:
        names = [name for (name,) in old.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert {"page", "state", "source", "collector", "reject", "set_aside", "set_aside_count"} <= set(
            names
        )
        for name in names:
            assert contents(new, name) == contents(old, name), name
    assert new.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_progress_is_told_in_events(path: Path, new: sqlite3.Connection) -> None:
    told: list[int] = []
    with resting(path) as raw:
        take_over(new, raw, SAFE, TIME, lost_end=False, progress=told.append)
    assert len(told) > 1
    assert sum(told) == ROWS * SIZE


def test_what_is_missing_becomes_gaps(path: Path, new: sqlite3.Connection) -> None:
    with resting(path) as raw:
        leaf = next(image for image in raw.starting_with({13}) if raw.use(image.page)[0] == 5)
    spoil(path, leaf.offset, bytes(PAGE))
    with resting(path) as raw:
        result = taken(new, raw)
    (gap,) = result.gaps
    assert (gap.reason, gap.found) == (LOST, TIME)
    assert gap.count == ROWS * SIZE - result.events > 0
    assert gaps_in(new) == [gap]
    assert ends(new) == (0, ROWS * SIZE)


def test_without_a_file_the_safe_copy_is_all(new: sqlite3.Connection) -> None:
    result = taken(new, None, SafeCopy(time=TIME, last=80, removed=20), lost_end=True)
    assert ends(new) == (20, 80 + AHEAD)
    assert [(gap.first, gap.count, gap.is_loss) for gap in result.gaps] == [
        (21, 60, True),
        (81, AHEAD, False),
    ]


def test_what_retention_removed_does_not_come_back(path: Path, new: sqlite3.Connection) -> None:
    spoil(path, root_of(path, "state"), bytes(PAGE))
    with resting(path) as raw:
        result = taken(new, raw, SafeCopy(time=TIME, last=ROWS * SIZE, removed=100, closed=True))
    assert result.events == ROWS * SIZE - 100
    assert ends(new)[0] == 100


def test_without_counter_and_copy_the_first_event_found_is_the_first(
    path: Path, new: sqlite3.Connection
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM page WHERE first <= 100")
    spoil(path, root_of(path, "state"), bytes(PAGE))
    with resting(path) as raw:
        result = taken(new, raw, None)
    assert ends(new) == (100, ROWS * SIZE + AHEAD)
    assert [(gap.first, gap.count) for gap in result.gaps] == [(ROWS * SIZE + 1, AHEAD)]


def test_old_gaps_stay_as_far_as_they_still_are_ones(path: Path, new: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM page WHERE first IN (11, 13, 15)")
        rows = [(1, 5, "never was one", 1, ""), (11, 4, "told", 1, ""), (3, 0, "a note", 0, "")]
        rows.append((1, 9, "of one collector", 1, "siem"))
        connection.executemany(
            "INSERT INTO gap (first, count, reason, found, told, collector) VALUES (?, ?, ?, 'then', ?, ?)",
            rows,
        )
    with resting(path) as raw:
        result = taken(new, raw)
    assert [(gap.first, gap.count, gap.reason) for gap in result.gaps] == [(15, 2, LOST)]
    told = new.execute(
        "SELECT first, count, reason, found, told, collector FROM gap ORDER BY first"
    ).fetchall()
    assert told == [
        (1, 9, "of one collector", "then", 1, "siem"),
        (3, 0, "a note", "then", 0, ""),
        (11, 4, "told", "then", 1, ""),
        (15, 2, LOST, TIME, 0, ""),
    ]


def test_a_hole_partly_behind_the_copy_is_partly_asked_again(path: Path, new: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM page WHERE first IN (11, 13)")
    with resting(path) as raw:
        result = taken(new, raw, SafeCopy(time=TIME, last=12, removed=0))
    assert list(result.gaps) == [
        Gap(first=11, count=2, reason=LOST, found=TIME),
        Gap(first=13, count=2, reason=ASKED_AGAIN, found=TIME),
    ]
    assert result.settled.asked_from == 13


def test_rows_that_a_new_table_would_refuse_are_left_out(path: Path, new: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '') WHERE name = 'reject'"
        )
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE reject SET reason = NULL WHERE id = 2")
    with resting(path) as raw:
        taken(new, raw)
    assert new.execute("SELECT id FROM reject").fetchall() == [(1,), (3,)]


def test_what_was_set_aside_and_is_gone_is_lost_to_its_collector(path: Path, new: sqlite3.Connection) -> None:
    spoil(path, root_of(path, "set_aside"), b"\xff" * PAGE)
    with resting(path) as raw:
        taken(new, raw)
    assert new.execute("SELECT count(*) FROM set_aside").fetchall() == [(0,)]
    assert new.execute("SELECT collector, kept, lost FROM set_aside_count").fetchall() == [("siem", 0, 1)]
    (note,) = gaps_in(new)
    assert (note.count, note.reason) == (
        0,
        "some rows of table set_aside could not be read from the damaged file",
    )


def test_a_large_row_is_a_batch_of_its_own(bench: Bench, new: sqlite3.Connection) -> None:
    with bench.open() as journal:
        for number in range(3):
            journal.append("acme", page(number * 5 + 1, number * 5 + 5, 10**6), (), str(number))
    told: list[int] = []
    with resting(bench.path) as raw:
        take_over(new, raw, None, TIME, lost_end=False, progress=told.append)
    assert [events for events in told if events] == [5, 5, 5]
