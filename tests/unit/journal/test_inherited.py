from __future__ import annotations

import sqlite3
from contextlib import closing

from lpforwarder.event import Seq
from lpforwarder.journal.inherited import COLLECTOR, SOURCE, Found, _identity, find, known_roots, settle
from lpforwarder.journal.page import row_checksum
from lpforwarder.journal.rawfile import RawFile, resting
from lpforwarder.journal.safe_copy import AHEAD, Row, SafeCopy
from lpforwarder.journal.wal import Log
from tests.fakes.pages import TIME, page
from tests.unit.journal.conftest import Bench


def source(cursor: str, events: int = 0) -> Row:
    values = ("acme", cursor, events, 0, 0, TIME, TIME, row_checksum("acme", cursor))
    return dict(zip(SOURCE, values, strict=True))


def collector(checkpoint: int, *, clean: int = 1) -> Row:
    values = ("siem", checkpoint, checkpoint, clean, 0, 0, 0, TIME)
    return dict(zip(COLLECTOR, (*values, row_checksum(*values[:4])), strict=True))


def found(last: int | None = 100, cursor: str = "new", checkpoint: int = 40) -> Found:
    sources, collectors = {"acme": source(cursor)}, {"siem": collector(checkpoint)}
    return Found(last=last, removed=0, sources=sources, collectors=collectors)


SAFE = SafeCopy(
    time=TIME, last=80, removed=0, sources={"acme": source("old")}, collectors={"siem": collector(60)}
)


def cursor_of(rows: object) -> object:
    assert isinstance(rows, list)
    return rows[0]["cursor"]


def test_what_the_file_says_counts_when_it_is_all_there() -> None:
    settled = settle(found(), SAFE, 100, [], lost_end=False)
    assert (settled.last, settled.real, settled.asked_from) == (100, 100, None)
    assert cursor_of(settled.sources) == "new"


def test_what_one_of_both_says_was_confirmed_stays_confirmed() -> None:
    (row,) = settle(found(), SAFE, 100, [], lost_end=False).collectors
    assert (row["checkpoint"], row["clean"]) == (60, 1)
    (row,) = settle(found(checkpoint=90), SAFE, 100, [], lost_end=False).collectors
    assert row["checkpoint"] == 90


def test_an_old_hole_is_a_loss_and_no_reason_to_go_back() -> None:
    settled = settle(found(), SAFE, 100, [range(10, 20)], lost_end=False)
    assert cursor_of(settled.sources) == "new"
    assert settled.asked_from is None


def test_a_hole_behind_the_safe_copy_is_asked_of_the_sources_again() -> None:
    for holes, end in (([range(85, 86)], 100), ([], 95)):
        settled = settle(found(), SAFE, end, holes, lost_end=False)
        assert cursor_of(settled.sources) == "old"
        assert (settled.asked_from, settled.last) == (81, 100)


def test_a_source_that_is_younger_than_the_safe_copy_is_read_from_its_start() -> None:
    young = SafeCopy(time=TIME, last=0, removed=0, sources={}, collectors={})
    settled = settle(found(), young, 60, [], lost_end=False)
    (row,) = settled.sources
    assert (row["cursor"], row["checksum"]) == (None, row_checksum("acme", None))
    assert settled.asked_from == 1
    assert cursor_of(settle(found(), young, 100, [], lost_end=False).sources) == "new"


def test_an_end_that_is_lost_costs_no_number_twice() -> None:
    settled = settle(found(last=70), SAFE, 70, [], lost_end=True)
    assert settled.last == 80 + AHEAD
    assert (settled.real, settled.asked_from) == (70, 71)
    assert cursor_of(settled.sources) == "new"  # as old as the end: the source goes on from there
    (row,) = settled.collectors
    assert (row["checkpoint"], row["clean"]) == (60, 0)


def test_a_file_behind_its_safe_copy_has_lost_its_end() -> None:
    assert settle(found(last=70), SAFE, 70, [], lost_end=False).last == 80 + AHEAD


def test_without_a_counter_the_sources_go_back() -> None:
    settled = settle(found(last=None), SAFE, 100, [], lost_end=False)
    assert (settled.last, settled.real, settled.asked_from) == (80 + AHEAD, 100, 81)
    assert cursor_of(settled.sources) == "old"


def test_with_nothing_but_the_safe_copy_all_goes_on_from_there() -> None:
    nothing = Found(sources={}, collectors={})
    settled = settle(nothing, SAFE, 0, [], lost_end=True)
    assert (settled.last, settled.real) == (80 + AHEAD, 0)
    assert cursor_of(settled.sources) == "old"
    assert settled.knows_collectors
    closed = SafeCopy(time=TIME, last=80, removed=80, closed=True)
    assert settle(nothing, closed, 0, [], lost_end=True).last == 80


def test_without_a_safe_copy_numbers_still_are_new() -> None:
    settled = settle(found(), None, 100, [], lost_end=True)
    assert settled.last == 100 + AHEAD
    assert cursor_of(settled.sources) == "new"
    nothing = settle(Found(sources={}, collectors={}), None, 30, [], lost_end=True)
    assert nothing.last == 30 + AHEAD
    assert not nothing.knows_collectors


def test_rows_are_found_in_the_file_and_believed_by_their_checksum(bench: Bench) -> None:
    with bench.open() as journal:
        journal.append("acme", page(1, 9), (), "one")
        journal.advance("siem", Seq(4), Seq(2))
    with resting(bench.path) as raw:
        known = find(raw)
    assert (known.last, known.removed) == (9, 0)
    assert len(known.identity) == 16
    assert known.sources["acme"]["cursor"] == "one"
    assert (known.collectors["siem"]["checkpoint"], known.collectors["siem"]["resume"]) == (4, 2)
    with closing(sqlite3.connect(bench.path, isolation_level=None)) as other:
        for change in ("state SET last = 8", "source SET cursor = 'x'", "collector SET clean = 1"):
            other.execute(f"UPDATE {change}")
        other.execute("UPDATE identity SET name = '0123456789abcdef'")
    with resting(bench.path) as raw:
        assert find(raw) == Found(sources={}, collectors={})


def test_events_that_lie_where_an_older_file_has_no_identity_are_none_and_are_not_read(bench: Bench) -> None:
    read: list[int] = []

    class Watched(RawFile):
        def page(self, number: int) -> bytes:
            read.append(number)
            return super().page(number)

    for rows in (1, 400):
        with bench.open() as journal:
            for number in range(rows):
                journal.append("acme", page(number, number, 300), (), str(number))
        with closing(Watched(bench.path, Log())) as raw:
            root = known_roots(raw)["page"]
            read.clear()
            assert _identity(raw, root) == ""
    assert read == [root]


def test_without_a_file_nothing_is_found() -> None:
    assert find(None) == Found(sources={}, collectors={})
