from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from lpforwarder.errors import Denied
from lpforwarder.journal.opening import mend, prepare_folder
from lpforwarder.journal.page import page_columns, row_checksum, store
from lpforwarder.journal.rows import seal_collector, seal_source
from lpforwarder.journal.schema import migrate
from tests.fakes.pages import TIME, page


def test_folders_are_made_for_us_alone_and_those_that_exist_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o755)
    before = os.umask(0)
    try:
        prepare_folder(tmp_path / "shared" / "a" / "b")
        prepare_folder(tmp_path / "shared" / "a" / "b")
    finally:
        os.umask(before)
    modes = [(tmp_path / "shared" / place).stat().st_mode & 0o777 for place in ("", "a", "a/b")]
    assert modes == [0o755, 0o700, 0o700]


def test_a_folder_that_cannot_be_made_is_refused_with_its_owner(
    open_folder: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    open_folder.chmod(0o555)
    with unprivileged(), pytest.raises(Denied) as refused:
        prepare_folder(open_folder / "state")
    open_folder.chmod(0o755)
    assert refused.value.code == "LPF503"
    assert str(open_folder) in refused.value.what
    if os.geteuid() == 0:
        assert "it belongs to root, we run as nobody" in refused.value.what
        assert refused.value.fix == f"chown nobody {open_folder}"


def test_a_file_in_the_way_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Denied, match=r"Not a directory|File exists"):
        prepare_folder(tmp_path / "file" / "state")


# ---- rows that a failing disk has spoiled -----------------------------------------------------------------


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Two pages of three events; a collector at 4, a source with a cursor."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.create_function("row_checksum", -1, row_checksum)
        migrate(connection)
        for first in (1, 4):
            row = page_columns(store(first, "acme", page(first, first + 2), TIME))
            connection.execute("INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        connection.execute("UPDATE state SET last = 6, removed = 0, checksum = row_checksum(6, 0)")
        connection.execute("INSERT INTO collector (name, checkpoint, resume) VALUES ('siem', 4, 2)")
        seal_collector(connection, "siem")
        connection.execute("INSERT INTO source (name, cursor) VALUES ('acme', 'here')")
        seal_source(connection, "acme")
        yield connection


def rows(connection: sqlite3.Connection) -> tuple[object, ...]:
    """(last, removed), (checkpoint, resume), cursor."""
    state = connection.execute("SELECT last, removed FROM state").fetchall()[0]
    place = connection.execute("SELECT checkpoint, resume FROM collector").fetchall()[0]
    return state, place, connection.execute("SELECT cursor FROM source").fetchall()[0][0]


def test_what_is_right_is_left_alone(connection: sqlite3.Connection) -> None:
    assert mend(connection, TIME) == []
    assert rows(connection) == ((6, 0), (4, 2), "here")


def test_a_collector_whose_place_is_damaged_gets_everything_again(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE collector SET checkpoint = 6")
    (told,) = mend(connection, TIME)
    assert "collector siem" in told.reason
    assert rows(connection)[1] == (0, 0)
    assert mend(connection, TIME) == []


def test_a_source_whose_cursor_is_damaged_is_read_from_its_start(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE source SET cursor = 'there'")
    (told,) = mend(connection, TIME)
    assert "source acme" in told.reason
    assert rows(connection)[2] is None
    assert mend(connection, TIME) == []


@pytest.mark.parametrize(
    "change", ["UPDATE state SET last = 2", "UPDATE state SET last = 99", "DELETE FROM state"]
)
def test_a_damaged_counter_is_found_again_from_the_pages(connection: sqlite3.Connection, change: str) -> None:
    connection.execute(change)
    (told,) = mend(connection, TIME)
    assert "counter" in told.reason
    assert rows(connection)[0] == (6, 0)


def test_a_counter_is_never_set_behind_what_a_collector_has_confirmed(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM page")
    connection.execute("UPDATE state SET last = 0")
    mend(connection, TIME)
    assert rows(connection)[0] == (4, 4)


def test_a_damaged_page_does_not_tell_where_the_journal_ends(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE page SET count = 1000000 WHERE first = 4")
    connection.execute("UPDATE collector SET checkpoint = 0")
    seal_collector(connection, "siem")
    connection.execute("UPDATE state SET last = 0")
    mend(connection, TIME)
    assert rows(connection)[0] == (4, 0)  # not 3: that place is taken
