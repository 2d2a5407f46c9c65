from __future__ import annotations

import os
import random
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from lpforwarder.delivery.contract import DeliveryJournal
from lpforwarder.errors import Blocked, Busy, Denied, Failure, Transient
from lpforwarder.event import OWN, Reject, Seq, addressed_to
from lpforwarder.intake.contract import IntakeJournal
from lpforwarder.journal.lock import holder
from lpforwarder.journal.rows import LONGEST_REJECT, MOST_REJECTS
from lpforwarder.journal.scan import CONTENTS
from lpforwarder.journal.sqlite import SqliteJournal, open_journal
from tests.fakes.pages import START, event, ids, page
from tests.unit.journal.conftest import Bench

ROOM_FOR_A_MIB = 3 * 2**19
"""A max_size that leaves about that much for events; the rest is for the log and what else lies beside it."""


def test_one_object_serves_intake_and_delivery(bench: Bench) -> None:
    journal = bench.open()
    intake: IntakeJournal = journal
    delivery: DeliveryJournal = journal
    assert intake.cursor("acme") is None
    assert delivery.newest() == 0


# ---- opening ----------------------------------------------------------------------------------------------


def test_everything_comes_back_in_the_next_life(bench: Bench) -> None:
    with bench.open() as journal:
        journal.append("acme", page(1, 3), (), "one")
        journal.register("siem", "oldest")
        journal.advance("siem", Seq(2), Seq(1), clean=True)
    journal.close()
    with bench.open() as journal:
        assert ids(journal.read(START, 10)) == ["1", "2", "3"]
        assert journal.newest() == 3
        assert journal.cursor("acme") == "one"
        assert (journal.checkpoint("siem"), journal.resume("siem"), journal.clean("siem")) == (2, 1, True)
        assert bench.told == []


def test_folder_and_files_are_private_whatever_the_umask(bench: Bench) -> None:
    before = os.umask(0)
    try:
        journal = bench.open()
        journal.append("acme", page(1, 3), (), "one")
    finally:
        os.umask(before)
    assert bench.path.parent.stat().st_mode & 0o777 == 0o700
    modes = {file.name: file.stat().st_mode & 0o777 for file in bench.path.parent.iterdir()}
    assert modes == dict.fromkeys(
        (
            "journal.db",
            "journal.db-wal",
            "journal.db-shm",
            "journal.db.lock",
            "journal.db.reserve",
            "journal.db.safe",
        ),
        0o600,
    )


def test_a_second_writer_is_refused_with_the_pid_of_the_first(bench: Bench) -> None:
    journal = bench.open()
    with pytest.raises(Busy) as refused:
        bench.open()
    assert f"(pid {os.getpid()}, started 17:33 UTC)" in refused.value.what
    assert refused.value.code == "LPF502"
    found = holder(bench.path.with_name("journal.db.lock"))
    assert found is not None
    assert found.pid == os.getpid()
    journal.close()
    bench.open()


def test_a_folder_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(Denied) as refused:
        open_journal(Path("/proc/none/journal.db"), keep=1.0, max_size=1, when_full="pause-polling")
    assert refused.value.code == "LPF503"
    assert "/proc" in refused.value.what


def test_a_file_that_is_no_journal_is_refused_and_the_lock_given_back(bench: Bench) -> None:
    bench.path.parent.mkdir()
    bench.path.write_bytes(b"something else" * 1000)
    for _ in range(2):
        with pytest.raises(Denied) as refused:
            bench.open()
        assert refused.value.code == "LPF505"
    assert bench.path.read_bytes() == b"something else" * 1000


def test_a_journal_of_a_newer_version_is_refused_and_left_alone(bench: Bench) -> None:
    bench.open().close()
    with closing(sqlite3.connect(bench.path)) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(Denied, match="written by a newer lpforwarder"):
        bench.open()


def test_damaged_places_are_set_right_and_told_at_the_next_start(bench: Bench) -> None:
    with bench.open() as journal:
        journal.append("acme", page(1, 9), (), "one")
        journal.advance("siem", Seq(2), Seq(2))
    with closing(sqlite3.connect(bench.path, isolation_level=None)) as other:
        other.execute("UPDATE collector SET checkpoint = 9")
    with bench.open() as journal:
        assert journal.checkpoint("siem") == 2
        assert [gap.count for gap in bench.told] == [0]
        assert "collector siem" in bench.told[0].reason
        assert journal.gaps() == tuple(bench.told)
        assert ids(journal.read(START, 2)) == ["1", "2"]


# ---- intake -----------------------------------------------------------------------------------------------


def test_a_poll_that_brought_nothing_writes_nothing(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 3), (), "one")
    before = bench.path.with_name("journal.db-wal").stat().st_size
    assert journal.append("acme", [], (), "one") == 0
    assert bench.path.with_name("journal.db-wal").stat().st_size == before
    journal.append("acme", [], (), "two")
    assert journal.cursor("acme") == "two"
    journal.append("acme", [], (), "two", duplicates=3)
    assert journal.facts().sources["acme"].duplicates == 3


def test_rejects_are_kept_cut_and_counted(bench: Bench) -> None:
    journal = bench.open()
    long = Reject(where="odd \udcff.json line 1", reason="too \ud800 long", raw=b"x" * (LONGEST_REJECT + 5))
    journal.append("acme", page(1, 1), [long], "one")
    (kept,) = journal.rejects()
    assert (kept.where, kept.reason) == ("odd ?.json line 1", "too ? long")
    assert (len(kept.raw), kept.octets) == (LONGEST_REJECT, LONGEST_REJECT + 5)


def test_only_the_newest_rejects_are_kept_but_all_are_counted(bench: Bench) -> None:
    journal = bench.open()
    many = [Reject(where=f"line {n}", reason="not JSON", raw=b"{") for n in range(MOST_REJECTS)]
    journal.append("acme", (), many, "one")
    journal.append("acme", (), many[:5], "two")
    kept = journal.rejects(2 * MOST_REJECTS)
    assert len(kept) == MOST_REJECTS
    assert (kept[0].where, kept[-1].where) == ("line 4", "line 5")
    assert journal.facts().rejects == MOST_REJECTS + 5


def test_a_journal_that_has_reached_its_size_takes_nothing_and_says_who_is_missing(bench: Bench) -> None:
    journal = bench.open(max_size=ROOM_FOR_A_MIB)
    journal.register("archive", "oldest")
    journal.register("late", "newest")
    appended = 700
    journal.append("acme", page(1, appended, 1000), (), "700")
    with pytest.raises(Transient) as refused:
        journal.append("acme", page(701, 1100, 1000), (), "1100")
    assert refused.value.code == "LPF501"
    assert refused.value.what == "journal has reached 1536 KiB; polling is paused, delivery goes on"
    assert refused.value.fix == (
        f"raise journal.max_size, or bring back: archive ({appended} waiting), late ({appended} waiting)"
    )
    assert (journal.newest(), journal.cursor("acme")) == (appended, str(appended))
    journal.advance("archive", Seq(appended), Seq(appended))
    assert journal.checkpoint("archive") == appended


@pytest.mark.parametrize("source", [OWN, addressed_to("archive")])
def test_a_journal_that_has_reached_its_size_takes_own_events_and_goes_on_sparing_the_vault(
    bench: Bench, source: str
) -> None:
    journal = bench.open(max_size=ROOM_FOR_A_MIB)
    journal.register("archive", "oldest")
    journal.append("acme", page(1, 700, 1000), (), "700")
    with pytest.raises(Transient):
        journal.append("acme", page(701, 900, 1000), (), "900")
    journal.append(source, page(1, 200, 1000), (), "place")
    assert journal.newest() == 900
    with pytest.raises(Transient):
        journal.check_room()
    with pytest.raises(Transient):
        journal.append(source, page(1, 1100, 1000), (), "more")
    assert journal.cursor(source) == "place"


def test_a_source_with_a_name_like_ours_is_a_source(bench: Bench) -> None:
    journal = bench.open(max_size=ROOM_FOR_A_MIB)
    journal.register("archive", "oldest")
    journal.append("acme", page(1, 700, 1000), (), "700")
    with pytest.raises(Transient):
        journal.append("lpforwarder2", page(1, 200, 1000), (), "200")


def test_a_full_file_takes_nothing_half_and_lets_checkpoints_through(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 3), (), "one")
    pages_now = limit(journal, 1)
    with pytest.raises(Transient) as refused:
        journal.append("acme", page(4, 500, 1000), [Reject(where="x", reason="y", raw=b"z")], "two")
    assert refused.value.code == "LPF501"
    assert ids(journal.read(START, 10)) == ["1", "2", "3"]
    assert (journal.newest(), journal.cursor("acme"), journal.rejects()) == (3, "one", [])
    for place in (1, 2, 3):
        journal.advance("siem", Seq(place), Seq(place))
    assert journal.checkpoint("siem") == 3
    limit(journal, pages_now + 10_000)
    journal.append("acme", page(4, 500, 1000), (), "two")
    assert journal.newest() == 500


def limit(journal: SqliteJournal, pages: int) -> int:
    """Lets the file grow to that many pages of 4 KiB; how many it has."""
    found: list[int] = []
    journal._writer.run(
        lambda connection: found.extend(connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()[0])
    )
    return found[0]


def test_without_its_reserve_a_journal_takes_no_events(bench: Bench) -> None:
    journal = bench.open(reserve_size=2**62)
    with pytest.raises(Transient, match="the disk of the journal is full"):
        journal.append("acme", page(1, 1), (), "one")
    assert not journal.make_reserve()


def test_several_threads_append_and_every_number_is_given_once(bench: Bench) -> None:
    journal = bench.open()

    def fill(source: str) -> None:
        for number in range(25):
            journal.append(
                source, [event(f"{source}-{number}"), event(f"{source}+{number}")], (), str(number)
            )

    threads = [threading.Thread(target=fill, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    entries = journal.read(START, 1000)
    assert [entry.seq for entry in entries] == list(range(1, 151))
    for source in "abc":
        mine = [entry.event.text("id") for entry in entries if entry.source == source]
        assert mine == [f"{source}{sign}{number}" for number in range(25) for sign in "-+"]


# ---- delivery ---------------------------------------------------------------------------------------------


def test_where_nothing_waits_the_file_is_not_asked(bench: Bench) -> None:
    """Status is asked for every ten seconds, for each collector."""
    journal = bench.open()
    journal.append("acme", page(1, 3), (), "one")
    assert [journal.waiting(place, lambda *kind: True)[0] for place in (0, 2, 3, 4)] == [3, 1, 0, 0]
    with closing(sqlite3.connect(bench.path, isolation_level=None)) as other:
        other.execute("UPDATE state SET checksum = 1")
    assert journal.waiting(3, lambda *kind: True) == (0, None)
    with pytest.raises(Blocked):
        journal.waiting(2, lambda *kind: True)


def test_only_configured_collectors_hold_back_retention(bench: Bench) -> None:
    journal = bench.open(keep=0.0)
    journal.append("acme", page(1, 3), (), "one")
    journal.register("gone", "oldest")
    journal.register("siem", "newest")
    bench.pass_time("2030-01-01T00:00:00.000Z")
    assert journal.remove_some() == 0
    journal.hold_for(["siem"])
    assert journal.remove_some() == 1
    assert journal.checkpoint("gone") == 0


def test_a_changed_configuration_is_followed(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 3), (), "one")
    journal.apply(keep=-1.0, max_size=1, when_full="pause-polling")
    assert journal.remove_some() == 1
    journal.register("archive", "oldest")
    journal.append("acme", page(4, 4), (), "two")
    with pytest.raises(Transient, match="journal has reached 1 octets"):
        journal.append("acme", page(5, 5), (), "three")


def test_a_page_larger_than_all_room_is_taken_when_nothing_else_is_there(bench: Bench) -> None:
    """Else its source would stand still for ever."""
    journal = bench.open(max_size=2**20)
    journal.register("siem", "oldest")
    journal.append("acme", page(1, 1500, 1000), (), "one")
    with pytest.raises(Transient):
        journal.append("acme", page(1501, 1501), (), "two")
    journal.advance("siem", Seq(1500), Seq(1500))
    journal.append("acme", page(1501, 3000, 1000), (), "two")
    assert (journal.facts().first, journal.newest()) == (1501, 3000)


# ---- damage -----------------------------------------------------------------------------------------------


PAGES, SIZE = 40, 12
"""Pages of 12 events of 700 octets: two file pages and a bit each."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed journal, to be copied and damaged."""
    path = tmp_path_factory.mktemp("whole") / "journal.db"
    with open_journal(
        path, keep=1e9, max_size=2**30, when_full="pause-polling", reserve_size=2**16
    ) as journal:
        for number in range(PAGES):
            first = number * SIZE + 1
            journal.append("acme", page(first, first + SIZE - 1, 600), (), str(number))
        journal.advance("siem", Seq(SIZE + 3), Seq(SIZE + 3))
    return path


@pytest.mark.parametrize("seed", range(4))
def test_damage_in_the_contents_is_always_noticed_and_costs_only_its_event(
    bench: Bench, whole: Path, seed: int
) -> None:
    chance = random.Random(seed)
    for trial in range(25):
        hit = damage_contents(whole, bench.path, chance)
        bench.told.clear()
        with bench.open() as journal:
            around = [str(n) for n in range(1, PAGES * SIZE + 1) if n != hit]
            assert ids(journal.read(START, 10**6)) == around, trial
            assert [(gap.first, gap.count) for gap in bench.told] == [(hit, 1)], trial
            assert ids(journal.read(START, 10**6)) == around
            assert len(bench.told) == len(journal.gaps()) == 1
            assert journal.waiting(0, lambda *kind: True)[0] == len(around)


def damage_contents(whole: Path, path: Path, chance: random.Random) -> int:
    """A copy with 64 random octets inside the text of one event; which event."""
    path.parent.mkdir(exist_ok=True)
    contents = bytearray(whole.read_bytes())
    hit = chance.randrange(1, PAGES * SIZE + 1)
    place = contents.index(b'"message":"' + b"m" * 100, contents.index(f'"id":"{hit}"'.encode("ascii"))) + 20
    contents[place : place + 64] = chance.randbytes(64)
    path.write_bytes(contents)
    return hit


@pytest.mark.parametrize("seed", range(5))
def test_damage_anywhere_never_delivers_a_wrong_event_nor_hides_a_missing_one(
    bench: Bench, whole: Path, seed: int
) -> None:
    """64 random octets at any place behind the first file page, which says what the others mean."""
    chance = random.Random(1000 + seed)
    bench.path.parent.mkdir(exist_ok=True)
    right = {number: one.line for number, one in enumerate(page(1, PAGES * SIZE, 600), start=1)}
    opened = delivered = 0
    codes: set[str] = set()
    for _ in range(20):
        contents = bytearray(whole.read_bytes())
        place = chance.randrange(4096, len(contents) - 64)
        contents[place : place + 64] = chance.randbytes(64)
        bench.path.write_bytes(contents)
        try:
            with bench.open() as journal:
                entries = journal.read(START, 10**6)
                gaps = journal.gaps()
        except Failure as failure:
            codes.add(failure.code)
            continue
        opened += 1
        delivered += len(entries)
        assert all(entry.event.line == right[entry.seq] for entry in entries)
        missing = set(right) - {entry.seq for entry in entries}
        assert missing == {n for gap in gaps for n in range(gap.first, gap.end)} & set(right)
        assert [entry.seq for entry in entries] == sorted({entry.seq for entry in entries})
    assert codes <= {"LPF505"}
    assert opened >= 15
    assert delivered / opened > 0.8 * PAGES * SIZE


def test_a_gap_seen_from_its_middle_and_from_before_is_one_gap(bench: Bench, whole: Path) -> None:
    bench.path.parent.mkdir()
    shutil.copyfile(whole, bench.path)
    with closing(sqlite3.connect(bench.path, isolation_level=None)) as other:
        other.execute("UPDATE page SET lines = x'00' WHERE first = 13")
    journal = bench.open()
    assert journal.read(Seq(15), 1)[0].seq == 25
    assert [(gap.first, gap.count) for gap in journal.gaps()] == [(16, 9)]
    assert journal.read(Seq(12), 1)[0].seq == 25
    assert [(gap.first, gap.count) for gap in journal.gaps()] == [(13, 12)]
    assert journal.gaps()[0].reason == CONTENTS


def test_a_damaged_end_is_no_reason_to_look_again_and_again(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 3), (), "one")
    journal.append("acme", page(4, 6), (), "two")
    journal.close()
    with closing(sqlite3.connect(bench.path, isolation_level=None)) as other:
        other.execute("UPDATE page SET lines = x'00' WHERE first = 4")
    journal = bench.open()
    assert ids(journal.read(START, 10)) == ["1", "2", "3"]
    assert journal.newest() == 3
    journal.close()
    with bench.open() as again:
        assert again.newest() == 3
        again.append("acme", page(7, 7), (), "three")
        assert again.newest() == 7
        assert [(entry.seq, entry.event.text("id")) for entry in again.read(Seq(3), 10)] == [(7, "7")]


def test_a_damaged_file_is_not_made_smaller(bench: Bench) -> None:
    with bench.open(keep=-1.0) as journal:
        journal.append("acme", page(1, 100, 5000), (), "one")
        journal.append("acme", page(101, 200, 5000), (), "two")
        journal.advance("siem", Seq(100), Seq(100))
        assert journal.remove_some() == 1
    with open(bench.path, "r+b") as file:
        file.seek(4096)  # the page that says where the others belong
        file.write(b"\xff" * 4096)
    journal = bench.open(reserve_size=2**62)
    before = bench.path.read_bytes()
    assert not journal.shrink_some()
    assert not journal.shrink_some()
    assert bench.path.read_bytes() == before
    assert len(journal.read(START, 1000)) == 100


# ---- a start after damage ---------------------------------------------------------------------------------


def test_a_damaged_journal_is_set_aside_and_told(bench: Bench) -> None:
    with bench.open() as journal:
        for number in range(1, 41):
            journal.append("acme", page(number, number, 300), (), str(number))
        journal.advance("siem", Seq(4), Seq(4))
    contents = bytearray(bench.path.read_bytes())
    contents[:100] = os.urandom(100)
    place = contents.index(b'"id":"17"')
    contents[place : place + 4] = b"????"
    bench.path.write_bytes(contents)
    told: list[int] = []
    with bench.open(on_progress=told.append) as journal:
        assert journal.rebuilt is not None
        assert (journal.rebuilt.events, journal.rebuilt.lost, sum(told)) == (39, 1, 39)
        assert [(gap.first, gap.count) for gap in bench.told] == [(17, 1)]
        assert [warning.code for warning in journal.warnings] == ["LPF507"]
        assert ids(journal.read(START, 99)) == [str(n) for n in range(1, 41) if n != 17]
        assert (journal.checkpoint("siem"), journal.cursor("acme")) == (4, "40")
        assert journal.append("acme", page(41, 41), (), "41") == 1
        assert journal.newest() == 41
    with bench.open() as journal:
        assert journal.rebuilt is None
        assert journal.warnings == ()


def test_after_everything_is_lost_no_collector_begins_at_the_newest(bench: Bench) -> None:
    with bench.open() as journal:
        journal.append("acme", page(1, 9), (), "one")
        journal.register("siem", "newest")
    contents = bench.path.read_bytes()
    for file in bench.path.parent.iterdir():
        file.unlink()
    # Nobody remembers the collectors: not the table, and no copy of it.
    damaged = bytearray(contents)
    damaged[:100] = os.urandom(100)
    for page_number in (4, 5, 6):
        damaged[(page_number - 1) * 4096 : page_number * 4096] = bytes(4096)
    bench.path.write_bytes(damaged)
    with bench.open() as journal:
        journal.register("siem", "newest")
        assert journal.checkpoint("siem") == 0
        assert len(journal.read(START, 99)) == 9


def test_a_journal_that_lost_its_end_gives_no_number_twice(bench: Bench) -> None:
    with bench.open() as journal:
        journal.append("acme", page(1, 9), (), "one")
        before = bench.path.read_bytes()
    old = bytearray(before)
    with bench.open() as journal:
        journal.append("acme", page(10, 19), (), "two")
        journal.advance("siem", Seq(15), Seq(15))
    bench.path.write_bytes(b"")
    with bench.open() as journal:
        assert journal.newest() == 0
        assert journal.cursor("acme") == "two"
        assert [(gap.first, gap.count, gap.is_loss) for gap in journal.gaps()] == [(1, 19, True)]
        journal.append("acme", page(20, 20), (), "three")
        assert journal.newest() == 20
        assert journal.checkpoint("siem") == 15
    assert len(old) > 0


def test_a_collector_that_comes_back_learns_what_was_removed(bench: Bench) -> None:
    journal = bench.open(keep=3600.0)
    journal.append("acme", page(1, 9), (), "one")
    journal.register("gone", "oldest")
    journal.hold_for(["siem"])
    bench.pass_time("2022-12-15T00:00:00.000Z")
    assert journal.remove_some() == 1
    journal.register("gone", "oldest")
    assert [(gap.collector, gap.first, gap.count) for gap in bench.told] == [("gone", 1, 9)]
    assert journal.checkpoint("gone") == 9
    assert journal.waiting(0, lambda *kind: True) == (0, None)


# ---- room, asked before a source is -----------------------------------------------------------------------


def test_a_journal_with_room_is_silent(bench: Bench) -> None:
    bench.open().check_room()


def test_room_is_made_of_what_everybody_has_at_once(bench: Bench) -> None:
    """Also of what only a replay would need, or a small journal could stay full for ever."""
    journal = bench.open(max_size=ROOM_FOR_A_MIB)
    journal.append("acme", page(1, 600, 1000), (), "600")
    journal.append("acme", page(601, 700, 1000), (), "700")
    journal.advance("siem", Seq(700), Seq(0))
    journal.append("acme", page(701, 900, 1000), (), "900")
    assert journal.facts().first == 601
    assert journal.newest() == 900


def test_what_was_refused_is_refused_before_the_source_is_asked_again(bench: Bench) -> None:
    journal = bench.open(max_size=ROOM_FOR_A_MIB)
    journal.register("archive", "oldest")
    journal.append("acme", page(1, 700, 1000), (), "700")
    journal.check_room()
    with pytest.raises(Transient):
        journal.append("acme", page(701, 1100, 1000), (), "1100")
    with pytest.raises(Transient) as refused:
        journal.check_room()
    assert refused.value.code == "LPF501"
    assert refused.value.retry_after == 1.0
    journal.apply(keep=3600.0, max_size=2**22, when_full="pause-polling")
    journal.check_room()
    journal.append("acme", page(701, 1100, 1000), (), "1100")


def test_a_journal_without_its_reserve_is_full_before_the_source_is_asked(bench: Bench) -> None:
    journal = bench.open(reserve_size=2**62)
    with pytest.raises(Transient, match="the disk of the journal is full"):
        journal.check_room()
