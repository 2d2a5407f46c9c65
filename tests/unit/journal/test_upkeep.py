from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from lpforwarder.errors import Transient
from lpforwarder.event import Seq
from lpforwarder.journal import safe_copy
from lpforwarder.journal.clock_watch import STEADY
from lpforwarder.journal.held import TRY_EVERY
from lpforwarder.journal.scan import CONTENTS, Gap
from tests.fakes.damaged import root_of, spoil
from tests.fakes.pages import START, ids, page
from tests.unit.journal.conftest import Bench

LATER = "2030-01-01T00:00:00.000Z"


@contextmanager
def locked(bench: Bench) -> Iterator[None]:
    """Another program keeps the journal locked: for a moment nothing can be written."""
    with closing(sqlite3.connect(bench.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


# ---- facts ------------------------------------------------------------------------------------------------


def test_facts_are_asked_of_the_file_once_as_long_as_nothing_is_written(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 9), (), "one")
    journal.register("siem", "oldest")
    before = journal.facts()
    assert journal.facts().sources is before.sources
    journal.append("acme", page(10, 11), (), "two")
    assert journal.facts().sources["acme"].events == 11
    journal.advance("siem", Seq(3), Seq(3), confirmed=3)
    assert journal.facts().collectors["siem"].checkpoint == 3
    journal.note_gap(Gap(first=1, count=1, reason="unreadable", found=LATER))
    assert [gap.count for gap in journal.facts().gaps] == [1]


# ---- places that cannot be written ------------------------------------------------------------------------


def test_a_place_that_cannot_be_written_is_held_and_written_later(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 9), (), "one")
    journal.register("siem", "oldest")
    with locked(bench):
        journal.advance("siem", Seq(3), Seq(2), sent=8, confirmed=3, clean=True)
        journal.advance("siem", Seq(5), Seq(4), sent=7, confirmed=2, clean=True)
        assert (journal.checkpoint("siem"), journal.resume("siem"), journal.clean("siem")) == (5, 4, True)
        assert journal.sent("siem") == journal.facts().collectors["siem"].sent == 8
        assert journal.facts().collectors["siem"].confirmed == 5
        (warning,) = journal.warnings
        assert warning.code == "LPF502"
        assert "its places are held in memory" in warning.text
    bench.even += TRY_EVERY
    journal.advance("siem", Seq(6), Seq(6), confirmed=1)
    assert journal.warnings == ()
    journal.close()
    with bench.open() as again:
        row = again.facts().collectors["siem"]
        assert (row.checkpoint, row.resume, row.clean, row.confirmed) == (6, 6, False, 6)
        assert row.sent == again.sent("siem") == 8


def test_held_places_are_tried_no_more_than_once_a_second(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 9), (), "one")
    with locked(bench):
        journal.advance("siem", Seq(3), Seq(2))
    journal.advance("siem", Seq(4), Seq(4))
    assert journal.warnings != ()
    bench.even += TRY_EVERY
    journal.write_held()
    assert journal.warnings == ()
    assert journal.facts().collectors["siem"].checkpoint == 4


def test_held_places_are_written_at_the_end(bench: Bench) -> None:
    with bench.open() as journal:
        journal.append("acme", page(1, 9), (), "one")
        with locked(bench):
            journal.advance("siem", Seq(3), Seq(2))
    with bench.open() as again:
        assert again.checkpoint("siem") == 3


# ---- the clock --------------------------------------------------------------------------------------------


def test_a_clock_that_jumps_ahead_removes_nothing(bench: Bench) -> None:
    journal = bench.open(keep=3600.0)
    journal.append("acme", page(1, 3), (), "one")
    journal.advance("siem", Seq(3), Seq(3))
    bench.now = LATER
    assert journal.clock_watch.look() is not None
    assert journal.remove_some() == 0
    assert journal.facts().first == 1
    (warning,) = journal.warnings
    assert (warning.code, warning.is_grave) == ("LPF510", False)
    bench.even += STEADY
    bench.now = "2030-01-02T00:00:00.000Z"
    assert journal.clock_watch.look() is None
    assert journal.warnings == ()
    assert journal.remove_some() == 1


def test_a_clock_that_jumped_while_nobody_looked_removes_nothing(bench: Bench) -> None:
    with bench.open(keep=3600.0) as journal:
        journal.append("acme", page(1, 3), (), "one")
        journal.advance("siem", Seq(3), Seq(3))
    bench.now = LATER
    with bench.open(keep=3600.0) as journal:
        assert journal.remove_some() == 0
        bench.even += STEADY
        assert journal.remove_some() == 1


# ---- room -------------------------------------------------------------------------------------------------


def test_room_is_told_before_it_ends(bench: Bench) -> None:
    journal = bench.open(max_size=2**20)
    journal.register("archive", "oldest")
    assert journal.look_at_room().level == "enough"
    journal.append("acme", page(1, 850, 1000), (), "one")
    for _ in range(12):
        bench.even += 10.0
        room = journal.look_at_room()
    assert room.level == "very low"
    assert journal.full_in is not None
    (warning,) = journal.warnings
    assert (warning.code, warning.is_grave) == ("LPF511", True)
    assert warning.fix == "raise journal.max_size, or bring back: archive (850 waiting)"
    journal.advance("archive", Seq(850), Seq(850))
    assert journal.look_at_room().level == "enough"
    assert journal.warnings == ()


def test_room_is_not_asked_of_collectors_that_are_gone(bench: Bench) -> None:
    journal = bench.open(max_size=2**20)
    journal.register("gone", "oldest")
    journal.append("acme", page(1, 850, 1000), (), "one")
    journal.hold_for(["siem"])
    for _ in range(12):
        bench.even += 10.0
        assert journal.look_at_room().level == "enough"
    journal.register("siem", "oldest")
    with pytest.raises(Transient) as refused:
        journal.append("acme", page(851, 1100, 1000), (), "two")
    assert refused.value.fix == "raise journal.max_size, or bring back: siem (850 waiting)"


# ---- reading along ----------------------------------------------------------------------------------------


def test_damage_is_found_before_anybody_reads_there(bench: Bench) -> None:
    journal = bench.open()
    for number in range(1, 31):
        journal.append("acme", page(number, number, 2000), (), str(number))
    journal.tidy_log()
    journal.read_along()
    assert bench.told == []
    journal._writer.run(lambda one: one.execute("UPDATE page SET lines = x'00' WHERE first = 7"))
    journal.read_along()
    assert bench.told == []  # the next pass is a day away
    bench.even += 86_400.0
    journal.read_along()
    assert [(gap.first, gap.count, gap.reason) for gap in bench.told] == [(7, 1, CONTENTS)]


def test_a_long_file_is_read_a_little_at_a_time_over_several_lives(bench: Bench) -> None:
    with bench.open() as journal:
        for number in range(3):
            journal.append("acme", page(10 * number + 1, 10 * number + 10, 300_000), (), str(number))
        journal.read_along()
        assert journal._read_to == 20
    copy = safe_copy.read(bench.path)
    assert copy is not None
    assert copy.checked == 20
    with bench.open() as journal:
        journal.read_along()
        assert journal._read_to == 0


def test_damage_in_what_leads_to_rows_is_found_by_reading_along(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 3), (), "one")
    journal._writer.checkpoint()
    spoil(bench.path, root_of(bench.path, "reject"), b"\xff" * 64)
    journal.read_along()
    assert journal.damage.startswith("table reject")


def test_a_damaged_counter_is_said_and_mended_by_the_next_start(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 3), (), "one")
    journal._writer.run(lambda one: one.execute("UPDATE state SET last = 9"))
    journal.look_at_room()
    assert journal.damage == "the counter of the journal is damaged"
    journal.close()
    with bench.open() as again:
        assert (again.newest(), again.damage) == (3, "")
        assert ids(again.read(START, 9)) == ["1", "2", "3"]


# ---- the safe copy ----------------------------------------------------------------------------------------


def test_places_are_copied_every_few_seconds_and_at_the_end(bench: Bench) -> None:
    def copied() -> tuple[int, bool]:
        copy = safe_copy.read(bench.path)
        assert copy is not None
        return copy.last, copy.closed

    with bench.open() as journal:
        assert copied() == (0, False)
        journal.append("acme", page(1, 3), (), "one")
        journal.copy_places()
        assert copied() == (0, False)
        bench.even += 10.0
        journal.copy_places()
        assert copied() == (3, False)
        journal.append("acme", page(4, 4), (), "two")
    assert copied() == (4, True)


def test_numbers_are_not_given_far_beyond_the_copy(bench: Bench) -> None:
    journal = bench.open()
    for number in range(6):
        journal.append("acme", page(20_000 * number + 1, 20_000 * (number + 1)), (), str(number))
    copy = safe_copy.read(bench.path)
    assert copy is not None
    assert copy.last == 100_000
    assert copy.beyond > journal.newest()


def test_damage_is_in_the_copy_at_once(bench: Bench) -> None:
    journal = bench.open()
    journal.mark_damage("something broke")
    journal.mark_damage("something else")
    journal.copy_places()
    copy = safe_copy.read(bench.path)
    assert copy is not None
    assert copy.damage == "something broke"
