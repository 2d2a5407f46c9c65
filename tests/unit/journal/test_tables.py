from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lpforwarder.event import Reject, Seq
from lpforwarder.journal import tables
from lpforwarder.journal.btree import PAGE, Broken
from lpforwarder.journal.rawfile import resting
from lpforwarder.journal.schema import VERSION, version_of
from tests.fakes.damaged import root_of, spoil
from tests.fakes.pages import page
from tests.unit.journal.conftest import Bench


@pytest.fixture
def path(bench: Bench) -> Path:
    """A closed journal with something in most tables, and enough rejects for several leaves."""
    with bench.open() as journal:
        journal.append("acme", page(1, 9), (), "one")
        for number in range(200):
            reject = Reject(where=f"line {number}", reason="not JSON", raw=b"{" * 100)
            journal.append("other", (), [reject], str(number))
        for number in range(300):
            journal.register(f"collector {number}", "oldest")
        journal.advance("siem", Seq(4), Seq(2))
    return bench.path


def by_sqlite(path: Path, table: str) -> list[list[object]]:
    with closing(sqlite3.connect(path)) as connection:
        return [list(row) for row in connection.execute(f"SELECT * FROM {table}").fetchall()]


@pytest.mark.parametrize("table", ["page", "state", "source", "collector", "reject", "gap", "set_aside"])
def test_rows_are_those_that_sqlite_reads(path: Path, table: str) -> None:
    with resting(path) as raw:
        found = list(tables.rows(raw, tables.roots(raw)[table]))
    rows = by_sqlite(path, table)
    # Large tables without row numbers have rows on pages that lead to others: those come first.
    assert found == rows if table != "collector" else sorted(found, key=str) == sorted(rows, key=str)


def test_tables_begin_where_they_usually_do(path: Path) -> None:
    with resting(path) as raw:
        assert tables.roots(raw) == tables.usual_roots()


def test_a_damaged_list_of_tables_is_broken(path: Path) -> None:
    spoil(path, 108, b"\xff" * 4)  # where the cells of page 1 begin
    with resting(path) as raw, pytest.raises(Broken):
        tables.roots(raw)


@pytest.mark.parametrize("table", ["reject", "collector"])
def test_what_cannot_be_read_is_left_out_of_a_table(path: Path, table: str) -> None:
    rows = by_sqlite(path, table)
    with resting(path) as raw:
        leaf = next(
            number for number in range(12, raw.pages + 1) if raw.use(number)[1] == tables.roots(raw)[table]
        )
    spoil(path, (leaf - 1) * PAGE, b"\xff" * 16)
    with resting(path) as raw:
        root = tables.roots(raw)[table]
        found = list(tables.rows(raw, root))
        assert 0 < len(found) < len(rows)
        assert all(row in rows for row in found)
        with pytest.raises(Broken):
            tables.check(raw, root)


def test_a_tree_that_leads_back_to_itself_ends(path: Path) -> None:
    root = root_of(path, "reject")
    spoil(path, root + 8, (root // PAGE + 1).to_bytes(4, "big"))
    with resting(path) as raw:
        assert len(list(tables.rows(raw, tables.roots(raw)["reject"]))) < 200
        with pytest.raises(Broken, match="leads back to itself"):
            tables.check(raw, tables.roots(raw)["reject"])


def test_a_new_journal_has_all_tables_and_is_of_this_version() -> None:
    with closing(tables.fresh(":memory:")) as connection:
        assert version_of(connection) == VERSION
        assert connection.execute("SELECT last, removed FROM state").fetchall() == [(0, 0)]
