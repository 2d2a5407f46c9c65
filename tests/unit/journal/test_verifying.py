from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lpforwarder.errors import Denied
from lpforwarder.event import Seq
from lpforwarder.journal.btree import PAGE
from lpforwarder.journal.scan import CONTENTS
from lpforwarder.journal.verifying import resting_damage, verify
from tests.fakes.damaged import root_of, spoil
from tests.fakes.pages import START, page
from tests.unit.journal.conftest import Bench

ROWS = 30


@pytest.fixture
def path(bench: Bench) -> Path:
    with bench.open() as journal:
        for number in range(ROWS):
            journal.append("acme", page(10 * number + 1, 10 * number + 10, 400), (), str(number))
        journal.advance("siem", Seq(5), Seq(5))
    return bench.path


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(statement)


def test_a_sound_journal_is_good_closed_or_written(path: Path, bench: Bench) -> None:
    told: list[tuple[int, int]] = []
    found = verify(path, lambda place, last: told.append((place, last)))
    assert found.is_good
    assert (found.pages, found.events, found.last, found.lost) == (ROWS, 10 * ROWS, 10 * ROWS, 0)
    assert found.copied == bench.now
    assert told[-1] == (300, 300)
    journal = bench.open()
    journal.append("acme", page(301, 310), (), "more")
    assert verify(path).is_good
    assert verify(path).events == 310


def test_a_long_journal_is_read_in_pieces(bench: Bench) -> None:
    with bench.open() as journal:
        for number in range(6):
            journal.append("acme", page(10 * number + 1, 10 * number + 10, 400_000), (), str(number))
    told: list[int] = []
    assert verify(bench.path, lambda place, last: told.append(place)).is_good
    assert told == [30, 60, 60]


def test_a_single_damaged_event_is_found_beside_the_service(path: Path, bench: Bench) -> None:
    bench.open()
    change(path, "UPDATE page SET lines = CAST(replace(lines, '\"33\"', '\"XX\"') AS BLOB) WHERE first = 31")
    found = verify(path)
    assert not found.is_good
    assert [(gap.first, gap.count, gap.reason) for gap in found.gaps] == [(33, 1, CONTENTS)]
    assert (found.lost, found.parts, found.events) == (1, 2, 299)


def test_damage_that_costs_nothing_is_damage(path: Path) -> None:
    change(path, "UPDATE page SET tally = '[[' WHERE first = 31")
    found = verify(path)
    assert (found.lost, found.parts, found.is_good) == (0, 1, False)


def test_damage_in_the_structure_is_found_beside_the_service(path: Path, bench: Bench) -> None:
    bench.open()
    spoil(path, PAGE + 5, b"\xff" * 16)
    assert verify(path).structure == "the pointer map is damaged"


def test_what_the_next_start_would_set_aside_is_said_in_its_words(path: Path) -> None:
    spoil(path, root_of(path, "state"), bytes(PAGE))
    assert verify(path).structure == resting_damage(path) == "table state: no page of a tree"
    spoil(path, 0, os.urandom(100))
    found = verify(path)
    assert found.structure.startswith("its beginning is damaged")
    assert (found.events, found.is_good) == (0, False)
    path.unlink()
    assert verify(path).structure == "the file is gone"


def test_what_is_known_and_gone_is_no_damage_and_what_lies_there_is(path: Path, bench: Bench) -> None:
    change(path, "UPDATE page SET sums = NULL, lines = x'00' WHERE first = 31")
    with bench.open() as journal:
        journal.read(START, 1000)
        assert len(journal.gaps()) == 1
    found = verify(path)
    assert (found.gaps, found.lost, found.is_good) == ((), 0, False)
    change(path, "DELETE FROM page WHERE first = 31")
    change(path, "UPDATE gap SET reason = 'could not be read from the damaged file'")
    found = verify(path)
    assert found.is_good
    assert [gap.count for gap in found.known] == [10]


def test_what_is_no_journal_is_not_judged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        verify(tmp_path / "none")
    (tmp_path / "text").write_bytes(b"something else" * 1000)
    with pytest.raises(Denied):
        verify(tmp_path / "text")
