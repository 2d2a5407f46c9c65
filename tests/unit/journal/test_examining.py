from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from lpforwarder.journal import safe_copy
from lpforwarder.journal.btree import PAGE
from lpforwarder.journal.examining import FINE, Finding, examine
from lpforwarder.journal.safe_copy import SafeCopy
from tests.fakes.damaged import killed, root_of, spoil
from tests.fakes.pages import TIME, page
from tests.unit.journal.conftest import Bench

COPY = SafeCopy(time=TIME, last=10, removed=0, closed=True)


def look(path: Path) -> Finding:
    return examine(path, safe_copy.read(path))


@pytest.fixture
def closed(bench: Bench) -> Path:
    with bench.open() as journal:
        for number in range(1, 11):
            journal.append("acme", page(number, number), (), str(number))
    return bench.path


@pytest.fixture
def dead(bench: Bench, tmp_path: Path) -> Path:
    """A killed journal with ten commits in its log."""
    journal = bench.open()
    for number in range(1, 11):
        journal.append("acme", page(number, number), (), str(number))
    return killed(bench.path, tmp_path / "dead" / "journal.db")


def test_a_sound_journal_is_fine_closed_or_killed(closed: Path, dead: Path) -> None:
    assert look(closed) == FINE
    assert look(dead) == FINE


def test_a_first_start_is_fine(tmp_path: Path) -> None:
    assert examine(tmp_path / "journal.db", None) == FINE
    (tmp_path / "journal.db").touch()
    assert examine(tmp_path / "journal.db", None) == FINE


def test_a_journal_that_is_gone_is_missed(closed: Path) -> None:
    closed.write_bytes(b"")
    assert look(closed) == Finding(damage="the file is empty", lost_end=True)
    closed.unlink()
    assert look(closed) == Finding(damage="the file is gone", lost_end=True)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: spoil(path, 0, os.urandom(64)),
        lambda path: spoil(path, 16, b"\x00"),
        lambda path: spoil(path, 60, b"\x7f\xff\xff\xff"),
        lambda path: spoil(path, 68, bytes(4)),
        lambda path: spoil(path, PAGE - 100, bytes(100)),
        lambda path: spoil(path, root_of(path, "page"), bytes(PAGE)),
        lambda path: spoil(path, root_of(path, "state"), bytes(PAGE)),
        lambda path: path.write_bytes(path.read_bytes()[: -3 * PAGE]),
    ],
)
@pytest.mark.parametrize("has_copy", [True, False])
def test_damage_is_noticed(closed: Path, damage: Callable[[Path], object], has_copy: bool) -> None:
    damage(closed)
    if not has_copy:
        safe_copy.place_of(closed).unlink()
    assert look(closed).damage


def test_what_never_was_a_journal_is_left_to_be_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"something else" * 1000)
    assert look(tmp_path / "text") == FINE
    with closing(sqlite3.connect(tmp_path / "theirs")) as theirs:
        theirs.execute("CREATE TABLE t (a)")
    assert look(tmp_path / "theirs") == FINE


def test_a_journal_of_a_newer_version_is_left_to_be_refused(closed: Path) -> None:
    spoil(closed, 60, (99).to_bytes(4, "big"))
    assert look(closed) == FINE


def test_a_mark_from_the_last_life_counts(closed: Path) -> None:
    copy = safe_copy.read(closed)
    assert copy is not None
    safe_copy.write(closed, safe_copy.damaged(copy, "could not be written"))
    assert look(closed) == Finding(damage="could not be written")


# ---- the log --------------------------------------------------------------------------------------------


def frame(log: Path, number: int) -> int:
    """Where a frame begins, counted from the end of the log."""
    return log.stat().st_size - number * (24 + PAGE)


def test_a_log_damaged_in_its_middle_is_noticed(dead: Path) -> None:
    log = Path(f"{dead}-wal")
    for place in (frame(log, 20) + 4, frame(log, 20) + 2000):
        before = log.read_bytes()
        spoil(log, place, os.urandom(64))
        found = look(dead)
        assert "its log is damaged" in found.damage
        assert found.lost_end
        log.write_bytes(before)
    spoil(log, 8, os.urandom(64))
    found = look(dead)  # nothing of this journal was in the file itself yet
    assert found.damage
    assert found.lost_end


def test_the_last_commit_torn_is_what_a_power_cut_leaves(dead: Path) -> None:
    log = Path(f"{dead}-wal")
    spoil(log, frame(log, 1) + 2000, os.urandom(64))
    assert look(dead) == FINE


def test_an_old_generation_behind_a_torn_beginning_is_no_damage(bench: Bench, tmp_path: Path) -> None:
    """A cut while the log begins anew: its head is the old one, its first frames are new."""
    journal = bench.open()
    for number in range(1, 11):
        journal.append("acme", page(number, number), (), str(number))
    journal._writer.checkpoint()
    old = Path(f"{bench.path}-wal").read_bytes()[:32]
    journal.append("acme", page(11, 11), (), "11")
    copy = killed(bench.path, tmp_path / "copy" / "journal.db")
    spoil(Path(f"{copy}-wal"), 0, old)
    assert look(copy) == FINE


def test_a_log_that_is_gone_is_missed_unless_the_journal_was_closed(closed: Path, dead: Path) -> None:
    Path(f"{dead}-wal").unlink()
    assert look(dead) == Finding(lost_end=True)
    assert look(closed) == FINE


def test_a_journal_older_than_its_safe_copy_has_lost_its_end(bench: Bench, tmp_path: Path) -> None:
    with bench.open() as journal:
        journal.append("acme", page(1, 3), (), "3")
    shutil.copyfile(bench.path, tmp_path / "old")
    with bench.open() as journal:
        journal.append("acme", page(4, 6), (), "6")
    shutil.copyfile(tmp_path / "old", bench.path)
    assert look(bench.path) == Finding(lost_end=True)
    assert examine(bench.path, COPY) == Finding(lost_end=True)
    assert examine(bench.path, None) == FINE
