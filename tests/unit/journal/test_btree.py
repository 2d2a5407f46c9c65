from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpforwarder.journal import btree
from lpforwarder.journal.btree import PAGE, TABLE_LEAF, Broken
from lpforwarder.journal.rawfile import resting

INTEGERS = st.integers(-(2**63), 2**63 - 1)
VALUES = st.one_of(
    st.none(),
    INTEGERS,
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.binary(max_size=40),
    st.integers(0, 9000).map(bytes),
)


def table(path: Path, rows: list[tuple[int, object]]) -> None:
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in (f"page_size = {PAGE}", "auto_vacuum = INCREMENTAL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b)")
        connection.executemany("INSERT OR REPLACE INTO t VALUES (?, ?)", rows)


@given(rows=st.lists(st.tuples(INTEGERS, VALUES), max_size=30))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_are_what_sqlite_has_written(tmp_path: Path, rows: list[tuple[int, object]]) -> None:
    table(tmp_path / "t.db", rows)
    found = {}
    with resting(tmp_path / "t.db") as raw:
        for image in raw.starting_with({TABLE_LEAF}):
            octets = raw.page(image.page)
            for place in btree.cell_places(octets):
                cell = btree.cell(octets, place, TABLE_LEAF)
                payload = raw.payload(cell, raw.ways_on(image.page, cell)[0])
                found[cell.rowid] = btree.record(payload)[1]
    assert found == dict(rows)


@given(octets=st.binary(max_size=200), at=st.integers(0, 190))
@settings(max_examples=300, deadline=None)
def test_what_is_no_page_is_broken_and_nothing_else(octets: bytes, at: int) -> None:
    page = octets + bytes(PAGE - len(octets))
    for take_apart in (
        lambda: btree.header(page),
        lambda: btree.header(octets),
        lambda: btree.cell_places(page),
        lambda: btree.interior(page),
        lambda: btree.record(octets),
        lambda: btree.cell(page, at, TABLE_LEAF),
        lambda: btree.cell(page, PAGE - at - 1, btree.INDEX_INTERIOR),
        lambda: btree.varint(octets, at),
    ):
        with suppress(Broken):
            take_apart()


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        (0, "00"),
        (127, "7f"),
        (128, "8100"),
        (2**56 - 1, "ffffffffffffff7f"),
        (2**56, "80c080808080808000"),
        (-1, "ffffffffffffffffff"),
    ],
)
def test_numbers_have_one_to_nine_octets(value: int, octets: str) -> None:
    given_octets = bytes.fromhex(octets)
    assert btree.varint(given_octets, 0) == (value, len(given_octets))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda page: bytes(16) + page[16:], "does not begin like a database"),
        (lambda page: page[:16] + b"\x04\x00" + page[18:], "sizes"),
        (lambda page: page[:44] + b"\xff" + page[45:], "formats"),
    ],
)
def test_a_header_that_is_not_ours_is_refused(
    tmp_path: Path, change: Callable[[bytes], bytes], why: str
) -> None:
    table(tmp_path / "t.db", [])
    first = (tmp_path / "t.db").read_bytes()[:PAGE]
    assert btree.header(first).pages == 3
    with pytest.raises(Broken, match=why):
        btree.header(change(first))


def test_every_page_but_a_few_has_its_entry_in_the_map() -> None:
    assert [number for number in range(1, 900) if not btree.is_mapped(number)] == [1, 2, 822]
    assert not btree.is_mapped(btree.LOCK_PAGE)
    assert (btree.map_page(3), btree.map_place(3)) == (2, 0)
    assert (btree.map_page(821), btree.map_place(821)) == (2, 5 * 818)
    assert (btree.map_page(823), btree.map_place(823)) == (822, 0)
