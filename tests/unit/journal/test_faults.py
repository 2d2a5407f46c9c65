from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from lpforwarder.errors import Blocked, Denied, Failure, Fatal, Transient
from lpforwarder.journal.faults import (
    AGAIN_AFTER,
    held_up,
    is_damage,
    not_writable,
    while_opening,
    while_reading,
    while_writing,
)
from lpforwarder.journal.reader import open_reader
from lpforwarder.journal.verifying import verify
from tests.fakes.pipes import pipe, without_waiting
from tests.unit.journal.conftest import Bench


def error(code: int, text: str = "as SQLite says") -> sqlite3.OperationalError:
    made = sqlite3.OperationalError(text)
    made.sqlite_errorcode = code
    return made


@pytest.mark.parametrize(
    ("code", "writing", "reading"),
    [
        (sqlite3.SQLITE_FULL, (Transient, "LPF501"), (Transient, "LPF501")),
        (sqlite3.SQLITE_IOERR_FSYNC, (Fatal, "LPF506"), (Blocked, "LPF506")),
        (sqlite3.SQLITE_IOERR_WRITE, (Fatal, "LPF506"), (Blocked, "LPF506")),
        (sqlite3.SQLITE_IOERR_READ, (Blocked, "LPF505"), (Blocked, "LPF505")),
        (sqlite3.SQLITE_BUSY, (Transient, "LPF502"), (Transient, "LPF502")),
        (sqlite3.SQLITE_CORRUPT, (Blocked, "LPF505"), (Blocked, "LPF505")),
        (sqlite3.SQLITE_NOTADB, (Blocked, "LPF505"), (Denied, "LPF505")),
        (sqlite3.SQLITE_READONLY, (Denied, "LPF503"), (Denied, "LPF503")),
        (sqlite3.SQLITE_CANTOPEN, (Denied, "LPF503"), (Denied, "LPF503")),
    ],
)
def test_an_error_is_sorted_by_who_can_mend_it(
    tmp_path: Path, code: int, writing: tuple[type[Failure], str], reading: tuple[type[Failure], str]
) -> None:
    for judged, (kind, name) in (
        (while_writing(error(code), tmp_path / "journal.db"), writing),
        (while_reading(error(code), tmp_path / "journal.db"), reading),
    ):
        assert type(judged) is kind
        assert judged.code == name
        assert judged.fix


def test_what_is_not_a_database_is_refused_at_the_start(tmp_path: Path) -> None:
    assert type(while_opening(error(sqlite3.SQLITE_NOTADB), tmp_path / "journal.db")) is Denied
    assert type(while_opening(error(sqlite3.SQLITE_IOERR_FSYNC), tmp_path / "journal.db")) is Fatal


def test_our_own_mistakes_stay_what_they_are(tmp_path: Path) -> None:
    for mistake in (
        error(sqlite3.SQLITE_ERROR),
        error(sqlite3.SQLITE_CONSTRAINT),
        sqlite3.ProgrammingError("x"),
    ):
        assert while_writing(mistake, tmp_path / "journal.db") is None
        assert while_reading(mistake, tmp_path / "journal.db") is None


def test_damaged_text_is_damage_and_is_not_repeated(tmp_path: Path) -> None:
    made = sqlite3.OperationalError("Could not decode to UTF-8 column 'raw' with text 'secret'")
    assert is_damage(made)
    judged = while_reading(made, tmp_path / "journal.db")
    assert isinstance(judged, Blocked)
    assert "secret" not in str(judged)


def test_a_folder_of_our_own_says_what_the_system_said(tmp_path: Path) -> None:
    judged = not_writable(tmp_path, "Read-only file system")
    assert judged.what == f"cannot write to the state folder {tmp_path}: Read-only file system"
    assert judged.code == "LPF503"


def test_a_folder_that_is_not_there_has_a_remedy_too(tmp_path: Path) -> None:
    assert not_writable(tmp_path / "none", "No such file or directory").fix.startswith("give journal.path")


@pytest.mark.parametrize("make", [Path.mkdir, pipe], ids=["folder", "pipe"])
def test_what_is_no_file_is_refused_and_not_opened(bench: Bench, make: Callable[[Path], object]) -> None:
    bench.path.parent.mkdir()
    make(bench.path)

    def refused(work: Callable[[], object]) -> Denied:
        with pytest.raises(Denied) as denied:
            without_waiting(work, bench.path)
        return denied.value

    for work in (bench.open, lambda: open_reader(bench.path), lambda: verify(bench.path)):
        found = refused(work)
        assert (found.what, found.code) == (f"{bench.path} is not a file", "LPF505")
        assert found.fix == "let journal.path name a file"


def test_where_one_cannot_look_is_told_and_is_no_bug_of_ours(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 300)
    for work in (lambda: open_reader(path), lambda: verify(path)):
        with pytest.raises(Denied, match=r"cannot look at the journal .*: File name too long") as denied:
            work()
        assert (denied.value.code, denied.value.fix[:30]) == ("LPF503", "run this as the user of the se")


def test_who_reads_for_long_is_told_by_what_it_does_and_how_to_find_it(tmp_path: Path) -> None:
    failure = held_up(tmp_path / "journal.db")
    assert (failure.code, failure.retry_after) == ("LPF501", AGAIN_AFTER)
    assert "reads the journal for long" in failure.what
    assert f"lsof {tmp_path}/journal.db" in failure.fix
