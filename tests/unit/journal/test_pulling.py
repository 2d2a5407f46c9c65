from __future__ import annotations

import random
import shutil
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lpforwarder.errors import Blocked
from lpforwarder.event import Event, Seq, addressed_to
from lpforwarder.journal import pulling, safe_copy, scan
from lpforwarder.journal.btree import PAGE
from lpforwarder.journal.facts import identity_in
from lpforwarder.journal.page import page_columns, row_checksum, store
from lpforwarder.journal.pulling import READ_OCTETS, PulledJournal
from lpforwarder.journal.repairing import repair
from lpforwarder.journal.schema import MIGRATIONS, migrate
from lpforwarder.journal.sqlite import SqliteJournal
from lpforwarder.runtime.bell import Bell
from tests.fakes.damaged import hit, killed, root_of, spoil
from tests.fakes.pages import TIME, event, ids, page
from tests.unit.journal.conftest import Bench

ROWS, SIZE = 60, 9
EVENTS = ROWS * SIZE


def fill(journal: SqliteJournal) -> None:
    """Pages of nine events, three file pages each, of two sources in turn."""
    for number in range(ROWS):
        events = page(SIZE * number + 1, SIZE * (number + 1), 1000)
        journal.append("acme" if number % 2 else "other", events, (), str(number))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed journal, to be copied and damaged."""
    bench = Bench(path=tmp_path_factory.mktemp("whole") / "journal.db")
    with bench.open() as journal:
        fill(journal)
    return bench.path


@pytest.fixture
def path(bench: Bench, whole: Path) -> Path:
    bench.path.parent.mkdir()
    for suffix in ("", ".safe"):
        shutil.copyfile(f"{whole}{suffix}", f"{bench.path}{suffix}")
    return bench.path


Place = tuple[int, str, bytes]


def delivered(journal: SqliteJournal) -> list[Place]:
    """What a collector would be sent, page by page."""
    found: list[Place] = []
    place = Seq(0)
    while entries := journal.read(place, 50):
        found += [(entry.seq, entry.source, entry.event.line) for entry in entries]
        place = entries[-1].seq
    return found


def pulled(journal: PulledJournal, limit: int = 50) -> list[Place]:
    """What a reader over HTTP would get, page by page."""
    found: list[Place] = []
    place = Seq(0)
    while pages := journal.stored(place, limit):
        for one in pages:
            found += [(one.first + at, one.source, line) for at, line in enumerate(one.lines.split(b"\n"))]
        place = Seq(pages[-1].end - 1)
    return found


# ---- the order of delivery --------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 8, 9, 10, 1000])
def test_readers_get_what_delivery_reads(path: Path, bench: Bench, limit: int) -> None:
    journal = bench.open()
    found = pulled(PulledJournal(journal), limit)
    assert found == delivered(journal)
    assert [place for place, _, _ in found] == list(range(1, EVENTS + 1))


def test_readers_get_what_retention_left(path: Path, bench: Bench) -> None:
    journal = bench.open()
    reader = PulledJournal(journal)
    bench.pass_time("2022-12-14T19:00:00.000Z")
    journal.append("acme", page(EVENTS + 1, EVENTS + 3), (), "more")
    while journal.remove_some():
        assert pulled(reader) == delivered(journal)
        assert pulled(reader)[0][0] == reader.oldest() + 1
    assert reader.oldest() == EVENTS
    assert [one.first for one in reader.stored(Seq(3), 1)] == [EVENTS + 1]


@pytest.mark.parametrize("seed", range(10))
def test_readers_go_around_damage_as_delivery_does(path: Path, bench: Bench, seed: int) -> None:
    journal = bench.open()
    chance = random.Random(seed)
    for _ in range(3):
        hit(path, chance, start=root_of(path, "page") + PAGE)
    reader = PulledJournal(journal)
    found = pulled(reader)
    assert found == delivered(journal)
    assert EVENTS - 3 * SIZE <= len(found) < EVENTS + 1
    for place, source, line in random.Random(seed).sample(found, 20):
        entry = reader.find(str(place))
        assert entry is not None
        assert (entry.seq, entry.source, entry.event.line) == (place, source, line)
    there = {place for place, _, _ in found}
    for lost in set(range(1, EVENTS + 1)) - there:
        assert reader.find(str(lost)) is None
    assert sum(gap.count for gap in journal.gaps()) == EVENTS - len(found)


def test_readers_tell_of_damage_once(path: Path, bench: Bench) -> None:
    journal = bench.open()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE page SET lines = x'00' WHERE first = 10")
    reader = PulledJournal(journal)
    assert len(pulled(reader)) == len(pulled(reader)) == EVENTS - SIZE
    assert [(gap.first, gap.count) for gap in bench.told] == [(10, SIZE)]
    assert [one.first for one in reader.stored(Seq(9), 1)] == [10 + SIZE]


def test_rows_that_sqlite_does_not_find_are_there_all_the_same(path: Path, bench: Bench) -> None:
    journal = bench.open()
    reader = PulledJournal(journal)
    spoil(path, root_of(path, "page") + 20, b"\xff" * 64)
    found = pulled(reader)
    assert [place for place, _, _ in found] == list(range(1, EVENTS + 1))
    assert found == delivered(journal)
    assert "only be found by looking along the file" in journal.damage
    for place in (1, 17, EVENTS):
        entry = reader.find(str(place))
        assert entry is not None
        assert entry.seq == place
    assert reader.find("nobody") is None


def test_readers_get_what_a_salvage_took_over(path: Path, bench: Bench) -> None:
    spoil(path, root_of(path, "page") + 20, b"\xff" * 64)
    journal = bench.open()
    assert journal.rebuilt is not None
    assert pulled(PulledJournal(journal)) == delivered(journal)
    assert len(pulled(PulledJournal(journal))) == EVENTS


def test_a_read_ends_after_some_mb(bench: Bench) -> None:
    journal = bench.open()
    for number in range(4):
        journal.append("acme", page(10 * number, 10 * number + 9, READ_OCTETS // 15), (), str(number))
    reader = PulledJournal(journal)
    assert [len(reader.stored(Seq(after), 1000)) for after in (0, 20, 40)] == [2, 2, 0]
    entry = reader.find("39")
    assert entry is not None
    assert entry.seq == 40
    with journal.view() as connection:
        assert pulling._search(connection, Seq(0), [b'"id"'], lambda _: True) == ([1], 10)


def test_events_for_one_collector_are_left_to_the_caller(bench: Bench) -> None:
    journal = bench.open()
    journal.append(addressed_to("siem"), page(1, 2), (), "one")
    (found,) = PulledJournal(journal).stored(Seq(0), 10)
    assert found.source == "lpforwarder:siem"


# ---- one event by its id ----------------------------------------------------------------------------------


def test_every_event_is_found(path: Path, bench: Bench) -> None:
    reader = PulledJournal(bench.open())
    for number in range(1, EVENTS + 1, 7):
        entry = reader.find(str(number))
        assert entry is not None
        assert (entry.seq, entry.event.text("id")) == (number, str(number))


@pytest.mark.parametrize("row", [1, 1 + SIZE, 1 + 7 * SIZE])
def test_a_row_that_is_passed_by_and_then_not_found_is_looked_for_as_delivery_does(
    path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch, row: int
) -> None:
    """What SQLite makes of a damaged way to it depends on what lies behind the page in memory."""
    reader = PulledJournal(bench.open())
    found = scan.parts_of
    monkeypatch.setattr(pulling, "parts_of", lambda view, first: [] if first == row else found(view, first))
    for number in (1, row, row + 2, row + SIZE, EVENTS):
        entry = reader.find(str(number))
        assert entry is not None
        assert entry.seq == number


@given(name=st.text(min_size=1) | st.integers() | st.floats(allow_nan=False) | st.booleans())
@example(name="\x7f\x1f\x08\U0010ffff")
@settings(max_examples=300, deadline=None)
def test_an_id_is_looked_for_as_a_line_writes_it(name: object) -> None:
    written = Event.of({"timestamp": TIME, "id": name, "message": "m"})
    asked = written.text("id")
    if asked:
        assert any(form in written.line for form in pulling._written(asked))


@given(count=st.integers(-3, 30), others=st.lists(st.integers(1, 30), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_row_that_lies_about_its_length_hides_no_other(
    tmp_path: Path, count: int, others: Sequence[int]
) -> None:
    """One of three events says that it has another number; what the others hold is found."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.create_function("row_checksum", -1, row_checksum)
        migrate(connection)
        place = 1
        for number in (3, *others):
            row = page_columns(store(place, "acme", page(place, place + number - 1), TIME))
            connection.execute("INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            place += number
        connection.execute("UPDATE page SET count = ? WHERE first = 1", (count,))
        connection.execute("UPDATE state SET last = ?, checksum = row_checksum(?, 0)", (place - 1, place - 1))
        firsts, sure = pulling._search(connection, Seq(0), [b'"id"'], lambda _: True)
        starts = [1, *(4 + sum(others[:at]) for at in range(len(others)))]
        assert (firsts, sure) == ((starts[:-1], starts[-1] - 1) if count == 3 else ([], 0))


def test_an_id_is_found_while_the_oldest_events_are_removed(path: Path, bench: Bench) -> None:
    journal = bench.open()
    reader = PulledJournal(journal)
    bench.pass_time("2022-12-14T19:00:00.000Z")
    journal.append("acme", [event("last")], (), "more")
    assert journal.remove_some() > 0
    entry = reader.find("last")
    assert entry is not None
    assert entry.seq == EVENTS + 1
    assert reader.find("1") is None


def test_who_may_not_see_a_row_causes_no_look_into_it(path: Path, bench: Bench) -> None:
    """Or the time of an answer would say that an event is there which the reader must not know of."""
    with bench.open().view() as connection:
        every, end = pulling._search(connection, Seq(0), [b'"id"'], lambda _: True)
        assert len(every) > ROWS / 2
        half = pulling._search(connection, Seq(0), [b'"id"'], lambda source: source == "acme")
        assert half == ([first for first in every if (first - 1) // SIZE % 2], end)
        assert pulling._search(connection, Seq(0), [b'"id"'], lambda _: False) == ([], end)


# ---- many at once -----------------------------------------------------------------------------------------


def test_threads_read_and_search_while_events_are_appended(bench: Bench) -> None:
    journal = bench.open()
    reader = PulledJournal(journal)
    results: list[list[int]] = []
    misses: list[str] = []

    def follow() -> None:
        places: list[int] = []
        place, bell = Seq(0), Bell()
        with reader.ringing(bell.ring):
            while place < EVENTS:
                if reader.newest() <= place:
                    bell.wait(30.0)
                for one in reader.stored(place, 7):
                    places += range(one.first, one.end)
                    place = Seq(one.end - 1)
        results.append(places)

    def search() -> None:
        chance = random.Random(1)
        while (newest := reader.newest()) < EVENTS:
            name = str(chance.randint(1, max(newest, 1)))
            if newest and reader.find(name) is None:
                misses.append(name)

    threads = [threading.Thread(target=follow) for _ in range(6)] + [threading.Thread(target=search)]
    for thread in threads:
        thread.start()
    fill(journal)
    for thread in threads:
        thread.join(timeout=60)
    assert results == [list(range(1, EVENTS + 1))] * 6
    assert misses == []


# ---- identity ---------------------------------------------------------------------------------------------


def identity(bench: Bench) -> str:
    with bench.open() as journal:
        return PulledJournal(journal).identity()


def remove(path: Path, *suffixes: str) -> None:
    for suffix in suffixes:
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def test_an_identity_outlives_a_restart(bench: Bench) -> None:
    first = identity(bench)
    assert identity(bench) == first
    assert len(first) == 16
    int(first, 16)


def test_a_journal_begun_anew_has_another_identity(path: Path, bench: Bench) -> None:
    first = identity(bench)
    remove(path, "", "-wal", "-shm", ".safe")
    assert identity(bench) != first


@pytest.mark.parametrize("table", ["page", "state", "source"])
@pytest.mark.parametrize("has_copy", [True, False])
def test_an_identity_outlives_a_salvage(path: Path, bench: Bench, table: str, has_copy: bool) -> None:
    first = identity(bench)
    if not has_copy:
        remove(path, ".safe")
    spoil(path, root_of(path, table), b"\xff" * 64)
    with bench.open() as journal:
        assert journal.rebuilt is not None
        assert PulledJournal(journal).identity() == first
        assert delivered(journal)[-1][0] == EVENTS


def test_an_identity_outlives_a_repair_on_request(path: Path, bench: Bench) -> None:
    first = identity(bench)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE page SET lines = x'00' WHERE first = 10")
    assert repair(path, bench.open).rebuilt is not None
    assert identity(bench) == first


def test_the_safe_copy_alone_keeps_the_identity_and_gives_no_number_twice(path: Path, bench: Bench) -> None:
    first = identity(bench)
    remove(path, "", "-wal", "-shm")
    with bench.open() as journal:
        reader = PulledJournal(journal)
        assert reader.identity() == first
        journal.append("acme", [event("new")], (), "new")
        entry = reader.find("new")
        assert entry is not None
        assert entry.seq > EVENTS


def test_an_identity_that_is_not_what_was_written_comes_from_the_safe_copy(path: Path, bench: Bench) -> None:
    first = identity(bench)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE identity SET name = '0123456789abcdef'")
    assert identity(bench) == first
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE identity SET name = '0123456789abcdef'")
    remove(path, ".safe")
    assert identity(bench) not in (first, "0123456789abcdef")


def test_an_identity_that_sqlite_cannot_read_comes_from_the_safe_copy(path: Path, bench: Bench) -> None:
    first = identity(bench)
    start = path.read_bytes().index(first.encode(), root_of(path, "identity"))
    spoil(path, start - 4, b"\x7f")  # the length of the record's header
    with bench.open() as journal:
        assert journal.rebuilt is not None
        assert (journal.rebuilt.events, journal.rebuilt.lost) == (EVENTS, 0)
        assert PulledJournal(journal).identity() == first


def test_damage_while_the_service_runs_changes_no_identity(path: Path, bench: Bench, tmp_path: Path) -> None:
    journal = bench.open()
    reader = PulledJournal(journal)
    first = reader.identity()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("DELETE FROM identity")
    journal.append("acme", [event("more")], (), "more")
    journal.copy_places(at_once=True)
    assert reader.identity() == first
    with pytest.raises(Blocked, match="identity of the journal is damaged"):
        PulledJournal(journal)
    copy = safe_copy.read(path)
    assert copy is not None
    assert copy.identity == first
    bench.path = killed(path, tmp_path / "copy" / "journal.db")
    assert identity(bench) == first


def test_a_journal_of_the_version_before_gets_an_identity(bench: Bench) -> None:
    bench.path.parent.mkdir()
    with closing(sqlite3.connect(bench.path, isolation_level=None)) as older:
        older.create_function("row_checksum", -1, row_checksum)
        older.execute("PRAGMA page_size = 4096")
        older.execute("PRAGMA auto_vacuum = INCREMENTAL")
        migrate(older, _before_identity())
        older.execute(
            "INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            page_columns(store(1, "acme", page(1, 9), TIME)),
        )
        older.execute("UPDATE state SET last = 9, checksum = row_checksum(9, 0)")
        assert identity_in(older) == ""
    first = identity(bench)
    assert len(first) == 16
    with bench.open() as journal:
        assert journal.rebuilt is None
        assert ids(journal.read(Seq(0), 99)) == [str(number) for number in range(1, 10)]
        assert PulledJournal(journal).identity() == first


def _before_identity() -> Sequence[Sequence[str]]:
    at = next(at for at, step in enumerate(MIGRATIONS) if "TABLE identity" in step[0])
    return MIGRATIONS[:at]


def test_a_damaged_journal_of_the_version_before_gets_one_too(path: Path, bench: Bench) -> None:
    """Where the table would begin, such a file has events: they are no identity."""
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        older.execute("DROP TABLE identity")
        older.execute(f"PRAGMA user_version = {len(_before_identity())}")
    remove(path, ".safe")
    spoil(path, root_of(path, "page"), b"\xff" * 64)
    with bench.open() as journal:
        assert journal.rebuilt is not None
        assert (journal.rebuilt.events, journal.rebuilt.lost) == (EVENTS, 0)
        first = PulledJournal(journal).identity()
    assert len(first) == 16
    assert identity(bench) == first
