from __future__ import annotations

from pathlib import Path

import pytest

from lpforwarder.journal import wal
from lpforwarder.journal.btree import PAGE
from lpforwarder.journal.descriptors import Hold
from tests.fakes.damaged import killed, spoil
from tests.fakes.pages import page
from tests.unit.journal.conftest import Bench

HEAD, FRAME = 32, 24 + PAGE
COMMITS = 8


@pytest.fixture
def log(bench: Bench, tmp_path: Path) -> Path:
    """The log of a killed journal: the first commits, and eight of one event each."""
    journal = bench.open()
    for number in range(1, COMMITS + 1):
        journal.append("acme", page(number, number), (), str(number))
    killed(bench.path, tmp_path / "copy" / "journal.db")
    return tmp_path / "copy" / "journal.db-wal"


def frames(log: Path) -> int:
    return (log.stat().st_size - HEAD) // FRAME


def test_a_whole_log_is_taken_to_its_end(log: Path) -> None:
    found = wal.read(log)
    assert len(found.taken) == frames(log)
    assert found.behind == ()
    assert found.dropped == 0
    assert sum(1 for frame in found.taken if frame.commit) > COMMITS
    assert found.pages == found.taken[-1].commit


def test_without_a_log_there_is_nothing(tmp_path: Path) -> None:
    assert wal.read(tmp_path / "none") == wal.NONE
    (tmp_path / "empty").touch()
    assert wal.read(tmp_path / "empty") == wal.NONE


@pytest.mark.parametrize("inside", [3, 20, 24, FRAME - 1])
def test_behind_a_damaged_frame_the_others_are_found(log: Path, inside: int) -> None:
    place = frames(log) - 9
    at = HEAD + place * FRAME + inside
    spoil(log, at, bytes(octet ^ 0xFF for octet in log.read_bytes()[at : at + 2]))
    found = wal.read(log)
    assert len(found.taken) <= place
    assert found.taken[-1].commit
    assert len(found.taken) + len(found.behind) in (frames(log), frames(log) - 1)
    assert found.dropped >= 2


def test_a_log_whose_beginning_is_damaged_still_has_its_frames(log: Path) -> None:
    spoil(log, 8, bytes(8))
    found = wal.read(log)
    assert found.taken == ()
    assert len(found.behind) == frames(log)


def test_a_transaction_that_never_ended_is_not_taken(log: Path) -> None:
    all_but_one = len(wal.read(log).taken) - 1
    with open(log, "r+b") as file:
        file.truncate(HEAD + all_but_one * FRAME)
    found = wal.read(log)
    assert len(found.taken) < all_but_one
    assert found.taken[-1].commit
    assert found.dropped == 0


def test_an_older_generation_means_nothing(bench: Bench, tmp_path: Path) -> None:
    journal = bench.open()
    for number in range(1, 20):
        journal.append("acme", page(number, number), (), str(number))
    journal._writer.checkpoint()  # all of it is in the file: the log begins anew with the next commit
    journal.append("acme", page(20, 20), (), "20")
    copy = killed(bench.path, tmp_path / "copy" / "journal.db")
    found = wal.read(Path(f"{copy}-wal"))
    assert sum(1 for frame in found.taken if frame.commit) == 1
    assert found.behind == ()
    assert frames(Path(f"{copy}-wal")) > len(found.taken)


def test_beside_the_writer_the_index_says_what_there_is(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 3), (), "one")
    with journal.view() as connection:
        connection.execute("SELECT * FROM state").fetchall()
        assert wal.read_live(bench.path).taken == wal.read(Path(f"{bench.path}-wal")).taken
    journal._writer.checkpoint()
    with journal.view() as connection:
        connection.execute("SELECT * FROM state").fetchall()
        assert wal.read_live(bench.path) == wal.NONE


def test_without_a_log_there_is_nothing_in_it(bench: Bench) -> None:
    hold = Hold(bench.path)
    assert wal.read_live(bench.path) == wal.NONE
    hold.release()
