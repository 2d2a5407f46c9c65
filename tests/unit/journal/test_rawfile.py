from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lpforwarder.journal import btree, tables
from lpforwarder.journal.btree import PAGE, TABLE_LEAF, Broken
from lpforwarder.journal.rawfile import Image, RawFile, living, resting
from tests.fakes.damaged import killed, spoil
from tests.fakes.pages import page
from tests.unit.journal.conftest import Bench


@pytest.fixture
def copy(bench: Bench, tmp_path: Path) -> Path:
    """A killed journal: half of it in the file, half in the log; each row goes on over three pages."""
    journal = bench.open()
    for number in range(6):
        journal.append("acme", page(10 * number + 1, 10 * number + 10, 900), (), str(number))
        if number == 2:
            journal._writer.checkpoint()
    return killed(bench.path, tmp_path / "copy" / "journal.db")


def rows(raw: RawFile) -> list[list[object]]:
    return list(tables.rows(raw, tables.roots(raw)["page"]))


def test_every_page_is_what_a_checkpoint_would_make_of_it(copy: Path, tmp_path: Path) -> None:
    with resting(copy) as raw:
        assert raw.in_file < raw.pages
        pages = [raw.page(number) for number in range(1, raw.pages + 1)]
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("SELECT 1 FROM state").fetchall()
    octets = copy.read_bytes()
    assert len(octets) == PAGE * len(pages)
    assert all(octets[PAGE * n : PAGE * n + PAGE] == one for n, one in enumerate(pages))


def test_beside_the_writer_the_same_is_seen(bench: Bench, copy: Path) -> None:
    journal = bench.open_ones  # the journal of `copy` is still open
    assert journal is not None
    with resting(copy) as raw:
        expected = rows(raw)
    reader = sqlite3.connect(f"file:{bench.path}?mode=ro", uri=True, isolation_level=None)
    with closing(reader):
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM state").fetchall()
        with living(bench.path) as raw:
            assert rows(raw) == expected


def test_what_is_not_there_is_broken(copy: Path) -> None:
    with resting(copy) as raw:
        for number in (0, -1, raw.pages + 1, 2**31):
            assert not raw.holds(number)
            with pytest.raises(Broken):
                raw.page(number)
        assert raw.use(1) == raw.use(2) == raw.use(2**31) == (0, 0)


def test_a_file_is_closed_twice_without_harm(copy: Path) -> None:
    with resting(copy) as raw:
        raw.page(1)
        raw.close()


def first_row(raw: RawFile) -> tuple[int, btree.Cell]:
    """The leaf that holds the row of the first page, and its cell."""
    leaf = next(image for image in raw.starting_with({TABLE_LEAF}) if raw.use(image.page)[0] == btree.TREE)
    octets = raw.page(leaf.page)
    return leaf.page, btree.cell(octets, btree.cell_places(octets)[0], TABLE_LEAF)


@pytest.fixture
def closed(bench: Bench) -> Path:
    """A closed journal with a row over several pages."""
    with bench.open() as journal:
        for number in range(20):
            journal.append("acme", page(10 * number + 1, 10 * number + 10, 900), (), str(number))
    return bench.path


def test_a_row_goes_on_where_the_map_says_when_its_page_does_not(closed: Path) -> None:
    with resting(closed) as raw:
        _, cell = first_row(raw)
        whole = raw.payload(cell, cell.overflow)
        assert len(whole) == cell.size
        second = btree.u32(raw.page(cell.overflow), 0)
    for wrong in (b"\x00" * 4, b"\xff" * 4, b"\x00\x00\x00\x09"):
        spoil(closed, (cell.overflow - 1) * PAGE, wrong)
        with resting(closed) as raw:
            assert raw.payload(cell, cell.overflow)[: 2 * PAGE] == whole[: 2 * PAGE]
            assert raw.use(second) == (btree.OVERFLOW, cell.overflow)


def test_a_row_begins_to_go_on_where_the_map_says_when_its_leaf_does_not(closed: Path) -> None:
    with resting(closed) as raw:
        leaf, cell = first_row(raw)
        octets = raw.page(leaf)
        pointer = octets.index(cell.local) + len(cell.local)
        whole = raw.payload(cell, cell.overflow)
    spoil(closed, (leaf - 1) * PAGE + pointer, b"\xff\xff\xff\xff")
    with resting(closed) as raw:
        _, damaged = first_row(raw)
        ways = raw.ways_on(leaf, damaged)
        assert ways == [cell.overflow]
        assert raw.payload(damaged, ways[0]) == whole


def test_a_row_longer_than_its_file_is_not_even_tried(closed: Path) -> None:
    with resting(closed) as raw, pytest.raises(Broken, match="longer than its file"):
        raw.payload(btree.Cell(1, 2**30, b"", 0), 0)


def test_a_walk_finds_pages_in_the_file_and_in_the_log(copy: Path) -> None:
    with resting(copy) as raw:
        found = list(raw.starting_with({TABLE_LEAF}))
        assert {image.in_log for image in found} == {False, True}
        assert all(raw.image(image)[0] == TABLE_LEAF for image in found)
        assert Image(3, 2 * PAGE, in_log=False) in found or raw.page(3)[0] == btree.TABLE_INTERIOR
