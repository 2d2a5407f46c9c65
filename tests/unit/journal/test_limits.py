"""A journal within its max_size: what lies on the disk, and who may come in when it is full."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from lpforwarder.errors import Transient
from lpforwarder.event import Seq
from lpforwarder.journal.connections import connect_reading
from lpforwarder.journal.headway import AWAY_AFTER
from lpforwarder.journal.quota import KEEP_OF_LOG, divided
from lpforwarder.journal.reader import open_reader
from lpforwarder.journal.retention import DROP, PAUSE
from lpforwarder.journal.sqlite import SqliteJournal
from tests.fakes.pages import START, ids, page
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


# ---- beside somebody who reads for long -------------------------------------------------------------------


@contextmanager
def long_reader(bench: Bench) -> Iterator[None]:
    """Another program looks at the journal and does not end: SQLite cannot begin the log anew."""
    with closing(connect_reading(bench.path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM page").fetchall()
        yield
        reader.execute("ROLLBACK")


def kept(bench: Bench) -> list[str]:
    """What the file has; a journal that wrote it remembers some in memory."""
    with open_reader(bench.path) as reader:
        return ids(reader.read(START, 10**6))


def numbers(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


def append(journal: SqliteJournal) -> None:
    last = int(journal.newest())
    journal.append("acme", page(last + 1, last + EACH, 1000), (), str(last))


@pytest.mark.parametrize("when_full", [PAUSE, DROP])
@pytest.mark.parametrize("behind", [0, 5 * EACH])
def test_a_long_reader_costs_nobody_what_is_kept(bench: Bench, when_full: str, behind: int) -> None:
    """Whether the collector has everything or is a little behind: what it has may go for want of room."""
    journal = bench.open(max_size=8 * MIB, reserve_size=None, when_full=when_full)
    journal.register("siem", "oldest")
    for _ in range(10):
        append(journal)
    confirm(journal, 4 * EACH)

    def look() -> None:
        confirm(journal, int(journal.newest()) - behind)
        journal.remove_some()
        assert journal.facts().first == 1

    with long_reader(bench):
        last = fill(journal, look)
        for _ in range(3):
            bench.even += 10.0
            assert journal.remove_some() == 0
            with pytest.raises(Transient):
                journal.check_room()
        assert kept(bench) == numbers(1, last)


@pytest.mark.parametrize("when_full", [PAUSE, DROP])
def test_however_long_the_log_becomes_nothing_is_removed_for_it(bench: Bench, when_full: str) -> None:
    """What delivery notes has to be written, also when that makes the log longer than all of max_size."""
    journal = bench.open(max_size=MIB, when_full=when_full)
    journal.register("siem", "oldest")
    journal.append("acme", page(1, 600, 200), (), "600")
    with long_reader(bench):
        for number in range(1, 601):
            confirm(journal, number)
            if number % 20 == 0:
                journal.remove_some()
                journal.shrink_some()
        assert on_disk(bench) > 2 * MIB
        with pytest.raises(Transient):
            journal.append("acme", page(601, 601), (), "601")
        assert kept(bench) == numbers(1, 600)


@pytest.mark.parametrize("max_size", [4 * MIB, 8 * MIB, 32 * MIB])
@pytest.mark.parametrize("was_full", [False, True])
def test_beside_a_long_reader_all_stays_within_max_size_too(
    bench: Bench, max_size: int, was_full: bool
) -> None:
    """Also where the file has its full size and is free inside, and when the log is copied in the end."""
    journal = bench.open(max_size=max_size, reserve_size=None, when_full=DROP, keep=10.0**9)
    journal.register("siem", "oldest")
    if was_full:
        confirm(journal, fill(journal))
        journal.apply(keep=0.0, max_size=max_size, when_full=DROP)
        bench.even += 1.0
        bench.now = "2022-12-14T17:33:44.369Z"
        while journal.remove_some():
            journal.tidy_log()
        journal.apply(keep=10.0**9, max_size=max_size, when_full=DROP)
    begun = int(journal.newest())
    with long_reader(bench):
        seen = [on_disk(bench)]
        last = fill(journal, lambda: seen.append(on_disk(bench)))
        for _ in range(5):
            confirm(journal, begun)
            journal.remove_some()
            journal.shrink_some()
            journal.tidy_log()
            seen.append(on_disk(bench))
            bench.even += 10.0
    assert max(seen) <= max_size
    journal._writer.checkpoint()
    assert on_disk(bench) <= max_size
    assert kept(bench) == numbers(begun + 1, last)
    assert fill(journal) > last
    assert on_disk(bench) <= max_size
    assert kept(bench) == numbers(begun + 1, int(journal.newest()))


def test_who_is_refused_for_a_long_reader_is_told_what_to_look_for(bench: Bench) -> None:
    journal = bench.open(max_size=8 * MIB, reserve_size=None)
    journal.register("siem", "oldest")
    with long_reader(bench):
        fill(journal)
        with pytest.raises(Transient) as refused:
            append(journal)
    assert refused.value.code == "LPF501"
    assert refused.value.what == (
        "somebody reads the journal for long, and its log cannot be emptied meanwhile; "
        "polling is paused, delivery goes on"
    )
    assert "sqlite3" in refused.value.fix
    assert str(bench.path) in refused.value.fix
    assert journal.full_in == 0.0


def test_a_full_journal_is_said_to_be_full_beside_a_long_reader_too(bench: Bench) -> None:
    journal = bench.open(max_size=8 * MIB, reserve_size=None)
    journal.register("siem", "oldest")
    fill(journal)
    with long_reader(bench), pytest.raises(Transient, match="journal has reached 8 MiB"):
        append(journal)


def test_it_goes_on_within_seconds_after_a_long_reader_left(bench: Bench) -> None:
    journal = bench.open(max_size=8 * MIB, reserve_size=None)
    journal.register("siem", "oldest")
    with long_reader(bench):
        last = fill(journal)
    bench.even += 2.0
    journal.check_room()
    assert journal.full_in is None
    append(journal)
    assert kept(bench) == numbers(1, last + EACH)


def test_a_journal_with_room_again_is_not_said_to_be_full_although_nobody_asks_it_for_any(
    bench: Bench,
) -> None:
    journal = bench.open(max_size=8 * MIB, reserve_size=None)
    journal.register("siem", "oldest")
    with long_reader(bench):
        fill(journal)
        journal.look_at_room()
        assert journal.full_in == 0.0
    bench.even += 2.0
    journal.look_at_room()
    assert journal.full_in != 0.0


def test_a_log_that_cannot_be_emptied_is_tried_every_two_seconds(bench: Bench) -> None:
    journal = bench.open(max_size=8 * MIB, reserve_size=None)
    journal.register("siem", "oldest")
    with long_reader(bench):
        fill(journal)
        changes = journal._writer.changes
        for _ in range(5):
            journal.tidy_log()
            journal.shrink_some()
            with pytest.raises(Transient):
                journal.check_room()
        assert journal._writer.changes == changes
        bench.even += 2.0
        journal.tidy_log()
        assert journal._writer.changes == changes + 1


def test_the_file_is_not_made_smaller_while_the_log_is_held_up(bench: Bench) -> None:
    journal = bench.open(max_size=8 * MIB, reserve_size=None)
    journal.register("siem", "oldest")
    last = fill(journal)
    with long_reader(bench):
        for number in range(100):
            confirm(journal, last - 100 + number)
        journal.apply(keep=3600.0, max_size=4 * MIB, when_full=DROP)
        assert journal.remove_some() > 0
        long = on_disk(bench)
        assert not journal.shrink_some()
        assert on_disk(bench) <= long
    bench.even += 2.0
    assert journal.shrink_some()


def test_a_log_that_readers_held_up_is_emptied_after_they_left(bench: Bench) -> None:
    journal = bench.open()
    log = bench.path.with_name("journal.db-wal")
    with long_reader(bench):
        while log.stat().st_size < 2 * KEEP_OF_LOG:
            journal.append("acme", page(1, 10, 200_000), (), str(log.stat().st_size))
        journal.tidy_log()
        assert log.stat().st_size > 2 * KEEP_OF_LOG
    bench.even += 2.0
    journal.tidy_log()
    assert log.stat().st_size == 0
