from __future__ import annotations

import shutil

import pytest
from msgspec.structs import replace

from lpforwarder.event import Seq
from lpforwarder.journal import safe_copy
from lpforwarder.journal.copier import EVERY, Copier
from lpforwarder.journal.rows import Move
from lpforwarder.journal.safe_copy import AHEAD
from lpforwarder.journal.sqlite import SqliteJournal
from tests.fakes.pages import TIME, page
from tests.unit.journal.conftest import Bench


@pytest.fixture
def journal(bench: Bench) -> SqliteJournal:
    journal = bench.open()
    journal.append("acme", page(1, 9), (), "one")
    journal.advance("siem", Seq(4), Seq(2), confirmed=4)
    return journal


@pytest.fixture
def copier(bench: Bench, journal: SqliteJournal) -> Copier:
    return Copier(bench.path, journal.view, lambda: bench.now, lambda: bench.even)


def test_a_copy_is_due_when_some_time_has_passed(bench: Bench, copier: Copier) -> None:
    assert copier.is_due
    copier.make({}, damage="", checked=0)
    assert not copier.is_due
    bench.even += EVERY
    assert copier.is_due


def test_nothing_is_written_when_nothing_has_changed(bench: Bench, copier: Copier) -> None:
    copier.make({}, damage="", checked=0)
    before = safe_copy.place_of(bench.path).stat().st_ino
    bench.now = "2022-12-14T17:34:00.000Z"
    copier.make({}, damage="", checked=0)
    assert safe_copy.place_of(bench.path).stat().st_ino == before
    copier.make({}, damage="a reason", checked=7)
    copy = safe_copy.read(bench.path)
    assert copy is not None
    assert (copy.damage, copy.checked, copy.time) == ("a reason", 7, bench.now)


def test_numbers_are_covered_up_to_a_border(bench: Bench, copier: Copier) -> None:
    assert not copier.covers(1)
    copier.make({}, damage="", checked=0)
    assert copier.covers(9 + AHEAD)
    assert not copier.covers(10 + AHEAD)


def test_places_in_memory_are_in_the_copy(bench: Bench, copier: Copier) -> None:
    copier.make({"siem": Move(to=7, resume=6, clean=True, confirmed=3)}, damage="", checked=0)
    copy = safe_copy.read(bench.path)
    assert copy is not None
    row = copy.collectors["siem"]
    assert (row["checkpoint"], row["resume"], row["clean"], row["confirmed"]) == (7, 6, 1, 7)


def test_a_journal_closed_in_order_says_so(bench: Bench, copier: Copier) -> None:
    copier.close()  # nothing was copied yet
    copier.make({}, damage="", checked=0)
    copier.close()
    copy = safe_copy.read(bench.path)
    assert copy is not None
    assert copy.closed


def test_what_cannot_be_read_any_more_is_as_it_was(
    bench: Bench, journal: SqliteJournal, copier: Copier
) -> None:
    copier.make({}, damage="", checked=0)
    before = safe_copy.read(bench.path)
    assert before is not None
    journal._writer.run(lambda one: one.execute("UPDATE state SET last = 99"))
    copier.make({}, damage="the counter", checked=0)
    assert safe_copy.read(bench.path) == replace(before, damage="the counter", time=TIME)


def test_a_folder_that_takes_no_file_is_borne(bench: Bench, copier: Copier) -> None:
    place = safe_copy.place_of(bench.path)
    place.unlink()
    place.mkdir()
    (place / "in the way").touch()
    copier.make({}, damage="", checked=0)
    assert copier.copy is None
    shutil.rmtree(place)
    copier.make({}, damage="", checked=0)
    assert copier.copy is not None
