from __future__ import annotations

import random
from pathlib import Path

import pytest

from lpforwarder.journal import btree, salvage
from lpforwarder.journal.btree import PAGE, TABLE_LEAF
from lpforwarder.journal.page import Part
from lpforwarder.journal.rawfile import Image, resting
from lpforwarder.journal.salvage import Salvage
from tests.fakes.damaged import interiors, killed, spoil
from tests.fakes.pages import page
from tests.unit.journal.conftest import Bench

ROWS, SIZE = 40, 12
"""Rows of twelve events of 700 octets: each begins on a leaf with others and goes on over two pages."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    bench = Bench(path=tmp_path_factory.mktemp("whole") / "journal.db")
    with bench.open() as journal:
        for number in range(ROWS):
            journal.append("acme", page(number * SIZE + 1, (number + 1) * SIZE, 600), (), str(number))
    return bench.path.read_bytes()


@pytest.fixture
def path(tmp_path: Path, whole: bytes) -> Path:
    (tmp_path / "journal.db").write_bytes(whole)
    return tmp_path / "journal.db"


def places(path: Path, after: int = 0, end: int | None = None) -> list[int]:
    """Where the whole rows begin that are found."""
    with resting(path) as raw:
        return [row.first for row in Salvage(raw).rows(after, end) if row.is_whole()]


FIRSTS = list(range(1, ROWS * SIZE, SIZE))


def test_every_row_is_found_once_and_in_order(path: Path) -> None:
    assert places(path) == FIRSTS
    assert places(path, after=13, end=61) == [25, 37, 49]
    with resting(path) as raw:
        assert Salvage(raw).spoiled == []


def test_rows_are_found_whatever_leads_to_them(path: Path) -> None:
    for place in interiors(path):
        spoil(path, place, b"\xff" * PAGE)
    spoil(path, 0, bytes(100))
    assert places(path) == FIRSTS


def test_rows_are_found_in_the_log_of_a_killed_journal(bench: Bench, tmp_path: Path) -> None:
    journal = bench.open()
    for number in range(1, 6):
        journal.append("acme", page(number, number), (), str(number))
    copy = killed(bench.path, tmp_path / "copy" / "journal.db")
    assert sorted(set(places(copy))) == [1, 2, 3, 4, 5]


def leaf_of(path: Path, first: int) -> tuple[Image, int, btree.Cell]:
    """The leaf of the row that begins there, where its cell stands, and the cell."""
    with resting(path) as raw:
        for leaf in Salvage(raw).leaves:
            octets = raw.image(leaf.image)
            for place in btree.cell_places(octets):
                cell = btree.cell(octets, place, TABLE_LEAF)
                if cell.rowid == first:
                    return leaf.image, place, cell
    raise AssertionError(f"no row begins at {first}")


def test_a_leaf_without_a_head_still_gives_its_rows(path: Path) -> None:
    image, _, _ = leaf_of(path, 25)
    spoil(path, image.offset, b"\xff" * 8)
    assert 25 not in places(path)
    with resting(path) as raw:
        found = Salvage(raw)
        assert image in found.spoiled
        hunted = {row.first for row in found.hunted(range(1, 10**6))}
    assert set(FIRSTS) - set(places(path)) == hunted


def test_a_leaf_that_is_all_zeros_gives_nothing_and_takes_no_time(path: Path) -> None:
    image, _, _ = leaf_of(path, 25)
    spoil(path, image.offset, bytes(PAGE))
    with resting(path) as raw:
        found = Salvage(raw)
        assert image in found.spoiled
        assert list(found.hunted(range(1, 10**6))) == []


def test_a_row_whose_neighbour_is_destroyed_is_found(path: Path) -> None:
    """64 octets across two rows of a leaf: the end of one with its way on, and the head of the other."""
    image, place, _ = leaf_of(path, 25)
    spoil(path, image.offset + place - 30, random.Random(3).randbytes(64))
    with resting(path) as raw:
        rows = {row.first: row for row in Salvage(raw).rows()}
        assert 25 not in rows
        assert not rows[37].is_whole()
        (part,) = rows[37].whole_parts()
        assert isinstance(part, Part)
        assert (part.first, part.count) == (38, 11)


def test_parts_fill_holes_and_nothing_else(path: Path) -> None:
    _, _, cell = leaf_of(path, 25)
    spoil(path, (cell.overflow - 1) * PAGE + 2000, bytes(64))
    with resting(path) as raw:
        row = next(row for row in Salvage(raw).rows() if row.first == 25)
        parts = row.whole_parts()
    assert sum(part.count for part in parts) == SIZE - 1
    assert list(salvage.whole_parts([row, row], [range(25, 37)])) == parts
    assert list(salvage.whole_parts([row], [range(26, 37)])) == parts[1:]
    assert list(salvage.whole_parts([row], [])) == []


def test_the_row_that_reaches_into_a_range_is_among_those_across_it(path: Path) -> None:
    image, _, _ = leaf_of(path, 37)
    with resting(path) as raw:
        across = [row.first for row in salvage.rows_across(raw, image, range(45, 62))]
        assert across == [37, 49, 61]
        assert [row.first for row in salvage.rows_across(raw, image, range(49, 50))] == [49]
