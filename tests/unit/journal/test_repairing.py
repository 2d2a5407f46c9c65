from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lpforwarder.errors import Busy
from lpforwarder.journal import safe_copy
from lpforwarder.journal.rebuilding import set_aside
from lpforwarder.journal.repairing import repair
from lpforwarder.journal.verifying import verify
from tests.fakes.damaged import spoil
from tests.fakes.pages import START, ids, page
from tests.unit.journal.conftest import Bench


@pytest.fixture
def path(bench: Bench) -> Path:
    with bench.open() as journal:
        journal.append("acme", page(1, 9, 400), (), "one")
        journal.append("acme", page(10, 19, 400), (), "two")
    return bench.path


def damage_one_event(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(
            "UPDATE page SET lines = CAST(replace(lines, '\"12\"', '\"XX\"') AS BLOB) WHERE first = 10"
        )


def test_a_sound_journal_is_left_alone(path: Path, bench: Bench) -> None:
    before = path.read_bytes()
    done = repair(path, bench.open)
    assert done.rebuilt is None
    assert done.before.events == 19
    assert path.read_bytes() == before


@pytest.mark.parametrize("has_copy", [True, False])
def test_a_single_damaged_row_is_enough_on_request(path: Path, bench: Bench, has_copy: bool) -> None:
    damage_one_event(path)
    if not has_copy:
        safe_copy.place_of(path).unlink()
    done = repair(path, bench.open)
    assert done.rebuilt is not None
    assert (done.rebuilt.reason, done.rebuilt.events, done.rebuilt.lost) == ("1 event cannot be read", 18, 1)
    assert verify(path).is_good
    assert len(set_aside(path)) == 1
    with bench.open() as journal:
        assert journal.rebuilt is None
        assert ids(journal.read(START, 99)) == [str(number) for number in range(1, 20) if number != 12]
        assert (journal.cursor("acme"), journal.newest()) == ("two", 19)


def test_a_journal_that_cannot_be_opened_is_repaired(path: Path, bench: Bench) -> None:
    spoil(path, 0, os.urandom(100))
    done = repair(path, bench.open)
    assert done.rebuilt is not None
    assert (done.rebuilt.events, done.rebuilt.lost) == (19, 0)


def test_a_journal_in_use_is_busy(path: Path, bench: Bench) -> None:
    bench.open()
    with pytest.raises(Busy):
        repair(path, bench.open)


def test_what_is_not_there_cannot_be_repaired(bench: Bench) -> None:
    with pytest.raises(FileNotFoundError):
        repair(bench.path, bench.open)
    assert not bench.path.parent.exists()
