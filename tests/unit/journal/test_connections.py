from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from lpforwarder.errors import Blocked, Denied
from lpforwarder.journal.connections import Readers, connect_reading, connect_writing
from lpforwarder.journal.lock import Lock

Unprivileged = Callable[[], AbstractContextManager[None]]


def made(path: Path) -> Path:
    """A closed file with one table."""
    with closing(connect_writing(path, "FULL")) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.execute("INSERT INTO t VALUES (1)")
    return path


def rows(readers: Readers) -> list[tuple[int]]:
    with readers.transaction() as connection:
        return connection.execute("SELECT a FROM t").fetchall()


def test_the_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with closing(connect_writing(tmp_path / "j.db", "FULL")) as connection:
            connection.execute("CREATE TABLE t (a)")
            modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"j.db": 0o600, "j.db-wal": 0o600, "j.db-shm": 0o600}


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("page_size", 4096),
        ("auto_vacuum", 2),
        ("secure_delete", 2),
        ("wal_autocheckpoint", 0),
        ("mmap_size", 0),
    ],
)
def test_the_writing_connection_is_set_up(tmp_path: Path, pragma: str, value: object) -> None:
    with closing(connect_writing(tmp_path / "j.db", "FULL")) as connection:
        assert connection.execute(f"PRAGMA {pragma}").fetchall()[0][0] == value


def test_a_reading_connection_cannot_write(tmp_path: Path) -> None:
    path = made(tmp_path / "j.db")
    with (
        closing(connect_reading(path)) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("INSERT INTO t VALUES (2)")


def test_a_path_with_odd_characters_is_that_file(tmp_path: Path) -> None:
    path = made(tmp_path / "a?mode=rw&b#c%20.db")
    with closing(connect_reading(path)) as connection:
        assert connection.execute("SELECT a FROM t").fetchall() == [(1,)]


def test_a_reader_works_beside_a_writer_and_before_and_after_it(tmp_path: Path) -> None:
    readers = Readers(made(tmp_path / "j.db"))
    assert rows(readers) == [(1,)]
    with closing(connect_writing(tmp_path / "j.db", "FULL")) as writer:
        writer.execute("INSERT INTO t VALUES (2)")
        assert rows(readers) == [(1,), (2,)]
    assert rows(readers) == [(1,), (2,)]
    readers.close()
    with closing(connect_writing(tmp_path / "j.db", "FULL")) as writer:
        writer.execute("INSERT INTO t VALUES (3)")
    late = Readers(tmp_path / "j.db")
    assert rows(late) == [(1,), (2,), (3,)]
    late.close()


def test_one_view_does_not_change_while_it_is_open(tmp_path: Path) -> None:
    with closing(connect_writing(tmp_path / "j.db", "FULL")) as writer:
        writer.execute("CREATE TABLE t (a)")
        readers = Readers(tmp_path / "j.db")
        with readers.transaction() as connection:
            assert connection.execute("SELECT a FROM t").fetchall() == []
            writer.execute("INSERT INTO t VALUES (1)")
            assert connection.execute("SELECT a FROM t").fetchall() == []
        assert rows(readers) == [(1,)]
        readers.close()


def test_a_connection_is_used_again_and_not_more_than_needed(tmp_path: Path) -> None:
    readers = Readers(made(tmp_path / "j.db"))
    with readers.transaction() as one, readers.transaction() as two:
        assert one is not two
    with readers.transaction() as again:
        assert again in (one, two)
    readers.close()
    readers.close()


def test_a_connection_that_comes_back_late_is_closed(tmp_path: Path) -> None:
    readers = Readers(made(tmp_path / "j.db"))
    with readers.transaction() as connection:
        readers.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_an_error_of_sqlite_is_translated_and_the_connection_closed(tmp_path: Path) -> None:
    path = made(tmp_path / "j.db")
    with open(path, "r+b") as file:
        file.seek(2 * 4096)  # the second page of such a file says where the others belong
        file.write(b"\xff" * 4096)
    readers = Readers(path)
    with pytest.raises(Blocked), readers.transaction() as connection:
        connection.execute("SELECT count(*) FROM t").fetchall()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
    readers.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j.db").write_bytes(b"hello" * 1000)
    readers = Readers(tmp_path / "j.db")
    with pytest.raises(Denied, match="is not a journal"), readers.transaction():
        pass
    readers.close()


# ---- a folder that cannot be written ----------------------------------------------------------------------


def test_a_closed_journal_is_read_where_nothing_can_be_written(
    open_folder: Path, unprivileged: Unprivileged
) -> None:
    Lock(open_folder / "j.db.lock", now="").close()
    path = read_only(made(open_folder / "j.db"))
    with unprivileged():
        readers = Readers(path)
        assert rows(readers) == rows(readers) == [(1,)]
        readers.close()
    open_folder.chmod(0o755)


def test_a_writer_waits_outside_while_such_a_journal_is_read(
    open_folder: Path, unprivileged: Unprivileged
) -> None:
    writer = Lock(open_folder / "j.db.lock", now="")
    path = read_only(made(open_folder / "j.db"))
    with unprivileged():
        readers = Readers(path)
        with pytest.raises(Denied):
            rows(readers)
        readers.close()
    writer.close()
    open_folder.chmod(0o755)


def test_a_log_that_nobody_emptied_is_never_ignored(open_folder: Path, unprivileged: Unprivileged) -> None:
    path = made(open_folder / "j.db")
    (open_folder / "j.db-wal").write_bytes(b"")
    read_only(path)
    with unprivileged():
        readers = Readers(path)
        with pytest.raises(Denied):
            rows(readers)
        readers.close()
    open_folder.chmod(0o755)


def read_only(path: Path) -> Path:
    """Everybody may read it, nobody may make a file beside it."""
    for file in path.parent.iterdir():
        file.chmod(0o444)
    path.parent.chmod(0o555)
    return path
