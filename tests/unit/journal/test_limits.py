"""A journal within its max_size: what lies on the disk, and who may come in when it is full."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from lpforwarder.errors import Transient
from lpforwarder.event import Seq
from lpforwarder.journal.connections import connect_reading
from lpforwarder.journal.headway import AWAY_AFTER
from lpforwarder.journal.quota import divided
from lpforwarder.journal.sqlite import SqliteJournal
from tests.fakes.pages import page
from tests.unit.journal.conftest import Bench

MIB = 2**20
EACH = 200
"""Events of a page; of 1,000 octets each."""


def on_disk(bench: Bench) -> int:
    return sum(file.stat().st_size for file in bench.path.parent.iterdir())


def fill(journal: SqliteJournal, look: Callable[[], object] = lambda: None) -> int:
    """Appends until it is full, and looks after each page; the last place then."""
    while True:
        last = int(journal.newest())
        try:
            journal.append("acme", page(last + 1, last + EACH, 1000), (), str(last))
        except Transient:
            return last
        look()


def confirm(journal: SqliteJournal, place: int) -> None:
    journal.advance("siem", Seq(place), Seq(place))


# ---- what is counted --------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_size", [4 * MIB, 8 * MIB, 32 * MIB])
def test_all_that_lies_on_the_disk_stays_within_max_size(bench: Bench, max_size: int) -> None:
    journal = bench.open(max_size=max_size, reserve_size=None)
    journal.register("siem", "oldest")
    seen: list[int] = []
    for _ in range(4):
        confirm(journal, fill(journal, lambda: seen.append(on_disk(bench))))
    assert 0.75 * max_size < max(seen) <= max_size


def test_a_log_that_a_reader_holds_up_counts_and_is_made_short_when_it_is_gone(bench: Bench) -> None:
    journal = bench.open(max_size=8 * MIB, reserve_size=None)
    journal.register("siem", "oldest")
    with closing(connect_reading(bench.path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM page").fetchall()
        held = fill(journal)
        assert on_disk(bench) <= 8 * MIB
        bench.even += 10.0
        with pytest.raises(Transient):
            journal.check_room()
        reader.execute("ROLLBACK")
    bench.even += 10.0
    journal.check_room()
    assert fill(journal) > held + 1000
    assert on_disk(bench) <= 8 * MIB


def test_own_events_have_a_share_of_their_own(bench: Bench) -> None:
    journal = bench.open(max_size=8 * MIB, reserve_size=None)
    journal.register("siem", "oldest")
    last = fill(journal)
    journal.append("lpforwarder", page(last + 1, last + EACH, 1000), (), "own")
    with pytest.raises(Transient):
        journal.check_room()
    assert on_disk(bench) <= 8 * MIB


def test_a_smaller_quota_makes_the_file_smaller(bench: Bench) -> None:
    journal = bench.open(max_size=16 * MIB, reserve_size=None)
    journal.register("siem", "oldest")
    last = fill(journal)
    confirm(journal, last)
    journal.apply(keep=3600.0, max_size=4 * MIB, when_full="pause-polling")
    while journal.remove_some() or journal.shrink_some():
        journal.tidy_log()
    assert on_disk(bench) <= 4 * MIB
    assert bench.path.with_name("journal.db.reserve").stat().st_size == divided(4 * MIB).reserve


# ---- room that comes back ---------------------------------------------------------------------------------


def test_a_collector_that_catches_up_makes_room_before_it_has_all(bench: Bench) -> None:
    journal = bench.open(max_size=8 * MIB)
    journal.register("siem", "oldest")
    last = fill(journal)
    confirm(journal, 2 * EACH)
    journal.append("acme", page(last + 1, last + EACH, 1000), (), "more")
    assert journal.newest() == last + EACH
    assert journal.facts().first > 1


def test_a_collector_that_is_away_keeps_what_all_have(bench: Bench) -> None:
    journal = bench.open(max_size=8 * MIB)
    journal.register("siem", "oldest")
    journal.append("acme", page(1, EACH, 1000), (), "one")
    confirm(journal, EACH)
    journal.remove_some()
    bench.even += AWAY_AFTER
    fill(journal)
    assert journal.facts().first == 1


def test_who_was_refused_is_told_when_there_is_room_and_not_before(bench: Bench) -> None:
    journal = bench.open(max_size=8 * MIB)
    told: list[int] = []
    journal.on_room = lambda: told.append(int(journal.checkpoint("siem")))
    journal.register("siem", "oldest")
    last = fill(journal)
    assert journal.full_in == 0.0
    confirm(journal, 10)  # not even one page
    assert told == []
    confirm(journal, 2 * EACH)
    assert told == [2 * EACH]
    assert journal.full_in is None
    confirm(journal, last)
    assert told == [2 * EACH]


def test_a_checkpoint_is_written_also_when_looking_for_room_fails(bench: Bench) -> None:
    journal = bench.open(max_size=8 * MIB)
    journal.register("siem", "oldest")
    fill(journal)
    with closing(sqlite3.connect(bench.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        confirm(journal, 2 * EACH)
        other.execute("ROLLBACK")
    assert journal.checkpoint("siem") == 2 * EACH
