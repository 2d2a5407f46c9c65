from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lpforwarder.errors import Transient
from lpforwarder.journal.connections import connect_reading
from lpforwarder.journal.quota import KEEP_OF_LOG
from lpforwarder.journal.reserve import Reserve
from lpforwarder.journal.writer import Writer


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    reserve = Reserve(tmp_path / "reserve", 2**16)
    reserve.make()
    writer = Writer(tmp_path / "j.db", reserve=reserve, checkpoint_every=2**20)
    with writer.transaction() as connection:
        connection.execute("CREATE TABLE t (a)")
    yield writer
    writer.close(nothing, nothing)


def nothing() -> None:
    pass


def values(path: Path) -> list[object]:
    with closing(connect_reading(path)) as connection:
        return [value for (value,) in connection.execute("SELECT a FROM t ORDER BY a")]


def put(writer: Writer, value: object, octets: int = 0) -> None:
    with writer.transaction(octets) as connection:
        connection.execute("INSERT INTO t VALUES (?)", (value,))


class Unstorable:
    """Fails in the middle of the transaction, when SQLite asks how to store it."""

    def __conform__(self, protocol: object) -> object:
        return 1 // 0


def test_a_transaction_is_there_for_others_when_it_ends(writer: Writer, tmp_path: Path) -> None:
    with writer.transaction() as connection:
        connection.execute("INSERT INTO t VALUES (1)")
        assert values(tmp_path / "j.db") == []
    assert values(tmp_path / "j.db") == [1]


def test_a_transaction_that_fails_leaves_nothing(writer: Writer, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        put(writer, Unstorable())
    assert values(tmp_path / "j.db") == []
    put(writer, 2)
    assert values(tmp_path / "j.db") == [2]


def test_a_full_file_gives_up_the_reserve_and_nothing_else(writer: Writer, tmp_path: Path) -> None:
    put(writer, 1)
    writer.run(lambda connection: connection.execute("PRAGMA max_page_count = 10").fetchall())
    with pytest.raises(Transient) as refused:
        put(writer, b"x" * 2**17)
    assert refused.value.code == "LPF501"
    assert not writer.reserve.held
    assert values(tmp_path / "j.db") == [1]
    put(writer, 2)


def test_a_program_that_locks_the_file_is_waited_for_and_then_named(writer: Writer, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "j.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Transient, match="another program keeps the journal locked"):
            put(writer, 1)
        other.execute("ROLLBACK")
    put(writer, 1)


def test_a_mistake_of_ours_is_not_called_anything_else(writer: Writer) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"), writer.transaction() as connection:
        connection.execute("SELECT * FROM nowhere")


def test_the_log_is_copied_and_used_again(writer: Writer, tmp_path: Path) -> None:
    for number in range(60):
        put(writer, bytes(2**16), octets=2**16)
        assert log_size(tmp_path) < 2**21, number
    assert (tmp_path / "j.db").stat().st_size > 2**21


def test_a_small_log_is_copied_before_it_outgrows_its_share(writer: Writer, tmp_path: Path) -> None:
    writer.limit_log(2**20, 2**20)
    for number in range(5):
        put(writer, bytes(600_000), octets=600_000)
        assert 600_000 < log_size(tmp_path) < 2**20, number
    assert not writer.log_is_long()
    put(writer, bytes(2**21), octets=2**21)
    assert writer.log_is_long()
    put(writer, 1)
    assert not writer.log_is_long()


def test_a_reader_that_sits_still_holds_the_log_up_only_while_it_does(writer: Writer, tmp_path: Path) -> None:
    with closing(connect_reading(tmp_path / "j.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT a FROM t").fetchall()
        while log_size(tmp_path) < 2 * KEEP_OF_LOG:
            put(writer, bytes(2**21), octets=2**21)
        for mode in ("PASSIVE", "TRUNCATE"):
            assert not writer.checkpoint(mode)
            assert writer.is_held_up
        assert log_size(tmp_path) > 2 * KEEP_OF_LOG
        reader.execute("ROLLBACK")
    assert writer.checkpoint("TRUNCATE")
    assert not writer.is_held_up
    assert log_size(tmp_path) == 0


def test_a_reader_of_all_that_is_there_holds_the_log_up_as_well(writer: Writer, tmp_path: Path) -> None:
    """All of the log is in the file, and yet it cannot begin anew: nobody but TRUNCATE finds that."""
    put(writer, 1)
    with closing(connect_reading(tmp_path / "j.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT a FROM t").fetchall()
        assert writer.checkpoint()
        assert not writer.is_held_up
        assert not writer.checkpoint("TRUNCATE")
        assert writer.is_held_up
        reader.execute("ROLLBACK")


def test_a_program_that_locks_the_file_holds_the_log_up_too(writer: Writer, tmp_path: Path) -> None:
    put(writer, 1)
    with closing(sqlite3.connect(tmp_path / "j.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not writer.checkpoint("TRUNCATE")
        assert writer.is_held_up
        other.execute("ROLLBACK")
    assert writer.checkpoint("TRUNCATE")


def test_the_log_is_made_ready_for_what_would_outgrow_it(writer: Writer, tmp_path: Path) -> None:
    writer.limit_log(2**20, 2**20)
    put(writer, bytes(600_000), octets=600_000)
    changes = writer.changes
    writer.make_log_ready(400_000)
    assert writer.changes == changes
    with closing(connect_reading(tmp_path / "j.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT a FROM t").fetchall()
        put(writer, 2)
        writer.make_log_ready(600_000)
        assert writer.is_held_up
        reader.execute("ROLLBACK")
    assert not writer.log_is_long()


def test_room_is_given_back_a_little_at_a_time(writer: Writer, tmp_path: Path) -> None:
    put(writer, bytes(2**20))
    with writer.transaction() as connection:
        connection.execute("DELETE FROM t")
    writer.checkpoint()
    before = (tmp_path / "j.db").stat().st_size
    writer.shrink(100)
    assert (tmp_path / "j.db").stat().st_size == before - 100 * 4096


def test_the_end_empties_the_log_and_may_come_twice(writer: Writer, tmp_path: Path) -> None:
    put(writer, 1)
    order: list[str] = []
    for _ in range(2):
        writer.close(lambda: order.append("hold"), lambda: order.append("readers"))
    assert order == ["readers"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["j.db", "reserve"]
    assert values(tmp_path / "j.db") == [1]


def log_size(folder: Path) -> int:
    return os.stat(folder / "j.db-wal").st_size
