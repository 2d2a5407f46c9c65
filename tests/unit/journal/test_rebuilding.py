from __future__ import annotations

import os
from pathlib import Path

import pytest

from lpforwarder.event import Seq
from lpforwarder.journal import safe_copy
from lpforwarder.journal.examining import FINE, Finding, examine
from lpforwarder.journal.rebuilding import finish, rebuild, set_aside
from tests.fakes.damaged import killed, spoil
from tests.fakes.pages import TIME, ids, page
from tests.unit.journal.conftest import Bench

DAMAGE = Finding(damage="its beginning is damaged", lost_end=False)
ASIDE = "journal.db.damaged-20221214T173343Z"


@pytest.fixture
def path(bench: Bench, tmp_path: Path) -> Path:
    """A killed journal whose beginning is damaged; part of it lies in the log."""
    journal = bench.open()
    for number in range(1, 21):
        journal.append("acme", page(number, number), (), str(number))
        if number == 10:
            journal._writer.checkpoint()
    journal.advance("siem", Seq(4), Seq(4))
    journal.copy_places(at_once=True)
    copy = killed(bench.path, tmp_path / "copy" / "journal.db")
    journal.close()
    bench.path = copy
    spoil(copy, 0, os.urandom(64))
    return copy


def names(path: Path) -> set[str]:
    return {file.name for file in path.parent.iterdir()}


def test_the_damaged_file_is_kept_with_its_log(path: Path) -> None:
    before, log = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    made = rebuild(path, DAMAGE, safe_copy.read(path), TIME)
    assert (made.reason, made.events, made.lost) == (DAMAGE.damage, 20, 0)
    assert made.aside == str(path.with_name(ASIDE))
    assert Path(made.aside).read_bytes() == before
    assert Path(f"{made.aside}-wal").read_bytes() == log
    assert names(path) == {"journal.db", "journal.db.safe", ASIDE, f"{ASIDE}-wal"}
    assert set_aside(path) == [path.with_name(ASIDE)]
    assert path.stat().st_mode & 0o777 == 0o600
    assert examine(path, None) == FINE


def test_the_new_journal_goes_on_where_the_old_one_was(path: Path, bench: Bench) -> None:
    rebuild(path, DAMAGE, safe_copy.read(path), TIME)
    with bench.open() as journal:
        assert ids(journal.read(Seq(0), 100)) == [str(number) for number in range(1, 21)]
        assert (journal.cursor("acme"), journal.checkpoint("siem")) == ("20", 4)
        journal.append("acme", page(21, 21), (), "21")
        assert journal.newest() == 21


def test_a_second_damage_in_the_same_second_gets_a_name_of_its_own(path: Path) -> None:
    rebuild(path, DAMAGE, safe_copy.read(path), TIME)
    rebuild(path, DAMAGE, safe_copy.read(path), TIME)
    assert [file.name for file in set_aside(path)] == [ASIDE, ASIDE.replace("343Z", "344Z")]


def test_a_journal_that_is_gone_leaves_nothing_to_set_aside(path: Path) -> None:
    path.unlink()
    Path(f"{path}-wal").unlink()
    made = rebuild(path, Finding(damage="the file is gone", lost_end=True), safe_copy.read(path), TIME)
    assert (made.aside, made.events, made.asked_again) == ("", 0, True)
    assert [(gap.first, gap.is_loss) for gap in made.gaps] == [(1, True), (21, False)]


# ---- cut off on the way ----------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", ["nothing", "log", "file", "all"])
def test_an_exchange_that_was_cut_off_is_finished(path: Path, bench: Bench, cut: str) -> None:
    """Four places where a power cut can come between the renames."""
    rebuild(path, DAMAGE, safe_copy.read(path), TIME)
    if cut != "all":  # back to a moment before the end
        path.rename(f"{path}.new-20221214T173343Z")
        if cut != "file":
            path.with_name(ASIDE).rename(path)
        if cut == "nothing":
            path.with_name(f"{ASIDE}-wal").rename(f"{path}-wal")
    finish(path)
    finish(path)
    assert names(path) == {"journal.db", "journal.db.safe", ASIDE, f"{ASIDE}-wal"}
    with bench.open() as journal:
        assert journal.newest() == 20
        assert journal.rebuilt is None


def test_a_new_file_that_was_never_finished_is_made_anew(path: Path) -> None:
    path.with_name("journal.db.building").write_bytes(b"half")
    assert finish(path) == ""
    assert rebuild(path, DAMAGE, safe_copy.read(path), TIME).events == 20
    assert "journal.db.building" not in names(path)


def test_the_mark_that_asked_for_it_is_gone_before_the_new_file_is_there(path: Path, bench: Bench) -> None:
    copy = safe_copy.read(path)
    assert copy is not None
    marked = safe_copy.damaged(copy, "could not be written")
    safe_copy.write(path, marked)
    rebuild(path, DAMAGE, marked, TIME)
    assert examine(path, safe_copy.read(path)) == FINE


def test_files_of_others_are_left_alone(path: Path) -> None:
    path.with_name("journal.db.new-version.txt").write_text("mine")
    assert finish(path) == ""
    assert path.with_name("journal.db.new-version.txt").read_text() == "mine"
