from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from lpforwarder.event import Seq
from lpforwarder.journal.btree import PAGE
from lpforwarder.journal.hidden import HiddenRows
from lpforwarder.journal.reader import open_reader
from tests.fakes.damaged import interiors, root_of, spoil
from tests.fakes.pages import ids, page
from tests.unit.journal.conftest import Bench

EVENTS = 1500


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A closed journal of single events; its first page leads to some hundred leaves."""
    bench = Bench(path=tmp_path_factory.mktemp("whole") / "journal.db")
    with bench.open() as journal:
        for number in range(1, EVENTS + 1):
            journal.append("acme", page(number, number, 300), (), str(number))
    return bench.path.read_bytes()


@pytest.fixture
def path(bench: Bench, whole: bytes) -> Path:
    bench.path.parent.mkdir()
    bench.path.write_bytes(whole)
    return bench.path


@contextmanager
def looking(path: Path) -> Iterator[HiddenRows]:
    """Rows beside an open read transaction, as a reader looks for them."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("PRAGMA user_version").fetchall()
        yield HiddenRows(path)


def found(path: Path, wanted: range) -> list[int]:
    with looking(path) as hidden:
        return [row.first for row in hidden.across(wanted)]


def test_rows_are_found_along_a_sound_tree(path: Path) -> None:
    assert found(path, range(700, 720)) == list(range(700, 720))
    assert found(path, range(EVENTS, EVENTS + 9)) == [EVENTS]
    assert found(path, range(EVENTS + 5, EVENTS + 9)) == []


@pytest.mark.parametrize("seed", range(12))
def test_rows_are_found_when_the_page_that_leads_to_them_is_damaged(path: Path, seed: int) -> None:
    chance = random.Random(seed)
    (root,) = interiors(path)
    spoil(path, root + chance.randrange(0, 900), chance.randbytes(64))
    assert found(path, range(1, EVENTS + 1)) == list(range(1, EVENTS + 1))


def test_a_large_file_is_looked_along_once(path: Path) -> None:
    spoil(path, root_of(path, "page"), bytes(PAGE))
    with looking(path) as hidden:
        first = [row.first for row in hidden.across(range(1, EVENTS + 1))]
        path.with_name("gone").write_bytes(path.read_bytes())
        again = [row.first for row in hidden.across(range(500, 510))]
    assert first == list(range(1, EVENTS + 1))
    assert again == list(range(500, 510))
    assert len(hidden._found) == 1


def test_of_a_spoiled_leaf_comes_what_can_be_told_apart(path: Path, whole: bytes) -> None:
    place = whole.index(b'"id":"700"')
    leaf = place // PAGE * PAGE
    spoil(path, leaf, b"\xff" * 12)
    rows = found(path, range(690, 711))
    assert rows == list(range(690, 711))


def test_a_row_that_is_destroyed_is_not_found(path: Path, whole: bytes) -> None:
    spoil(path, whole.index(b'"id":"700"'), bytes(64))
    assert found(path, range(699, 702)) == [699, 701]


# ---- as delivery meets it -------------------------------------------------------------------------------


def test_delivery_goes_on_in_order_while_the_tree_is_damaged(path: Path, bench: Bench) -> None:
    """Damaged while it is open: the reader finds everything, and says that a restart is due."""
    everything = [str(number) for number in range(1, EVENTS + 1)]
    journal = bench.open()
    spoil(path, root_of(path, "page") + 20, b"\xff" * 64)
    read: list[str] = []
    place = Seq(0)
    while entries := journal.read(place, 400):
        read += ids(entries)
        place = entries[-1].seq
    assert read == everything
    assert journal.gaps() == ()
    assert "only be found by looking along the file" in journal.damage
    (warning,) = [one for one in journal.warnings if one.code == "LPF505"]
    assert warning.is_grave
    assert warning.fix.startswith("restart the service")


def test_the_next_start_puts_a_sound_file_in_its_place(path: Path, bench: Bench) -> None:
    with bench.open() as journal:
        spoil(path, root_of(path, "page") + 20, b"\xff" * 64)
        journal.read(Seq(0), 10)
    with bench.open() as journal:
        assert journal.rebuilt is not None
        assert (journal.rebuilt.events, journal.rebuilt.lost) == (EVENTS, 0)
        assert len(journal.read(Seq(0), 10**6)) == EVENTS
        assert journal.damage == ""


def test_somebody_who_only_looks_finds_them_too(path: Path) -> None:
    spoil(path, root_of(path, "page") + 20, b"\xff" * 64)
    with open_reader(path) as reader:
        assert len(reader.read(Seq(0), 10**6)) == EVENTS
        assert reader.has_hidden
