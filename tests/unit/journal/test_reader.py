from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lpforwarder.errors import Denied
from lpforwarder.event import Event, Reject, Seq
from lpforwarder.journal.reader import open_reader
from lpforwarder.journal.scan import CONTENTS, Gap
from tests.fakes.pages import START, event, ids, page
from tests.unit.journal.conftest import Bench


def test_a_reader_sees_what_a_living_writer_has_written(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 3), (), "one")
    with open_reader(bench.path) as reader:
        assert ids(reader.read(START, 10)) == ["1", "2", "3"]
        journal.append("acme", page(4, 4), (), "two")
        journal.advance("siem", Seq(3), Seq(2), clean=True)
        assert reader.newest() == 4
        assert ids(reader.read(Seq(2), 10)) == ["3", "4"]
        assert reader.cursor("acme") == "two"
        assert (reader.checkpoint("siem"), reader.resume("siem"), reader.clean("siem")) == (3, 2, True)
        assert reader.facts().last == journal.facts().last == 4


def test_a_reader_works_after_the_writer_has_ended_and_leaves_it_its_place(bench: Bench) -> None:
    with bench.open() as journal:
        journal.append("acme", page(1, 3), (), "one")
    with open_reader(bench.path) as reader:
        assert ids(reader.read(START, 10)) == ["1", "2", "3"]
        with bench.open() as journal:
            journal.append("acme", page(4, 4), (), "two")
            assert ids(reader.read(START, 10)) == ["1", "2", "3", "4"]
        assert ids(reader.read(Seq(3), 10)) == ["4"]
    with bench.open() as journal:
        assert ids(journal.read(START, 10)) == ["1", "2", "3", "4"]


def test_there_is_nothing_to_read_before_the_first_start(bench: Bench) -> None:
    with pytest.raises(FileNotFoundError, match="there is no journal at"):
        open_reader(bench.path)
    bench.path.parent.mkdir()
    bench.path.touch()
    with pytest.raises(FileNotFoundError, match="has not been begun yet"):
        open_reader(bench.path)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, but long enough to look like one" * 100)
    with pytest.raises(Denied, match="is not a journal"):
        open_reader(tmp_path / "text")
    with closing(sqlite3.connect(tmp_path / "theirs")) as theirs:
        theirs.execute("CREATE TABLE t (a)")
    with pytest.raises(Denied, match="a database of another program"):
        open_reader(tmp_path / "theirs")


def test_a_reader_cannot_change_anything(bench: Bench) -> None:
    bench.open()
    with (
        open_reader(bench.path) as reader,
        reader.view() as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("DELETE FROM page")


def test_a_reader_passes_over_damage_without_noting_it(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 3), (), "one")
    journal.append("acme", page(4, 6), (), "two")
    spoil(bench, first=1)
    with open_reader(bench.path) as reader:
        assert ids(reader.read(START, 10)) == ["4", "5", "6"]
        assert reader.gaps() == ()


def test_a_page_is_read_from_the_file_once_for_many_small_reads(bench: Bench) -> None:
    bench.open().append("acme", page(1, 1000), (), "one")
    with open_reader(bench.path) as journal:
        first, second = (journal.stretches(Seq(after), 500) for after in (0, 500))
        lines = [line for part in (*first, *second) for line in part.lines]
        assert lines == [event.line for event in page(1, 1000)]
        again = [
            line for after in (0, 500) for part in journal.stretches(Seq(after), 500) for line in part.lines
        ]
        # The same objects: nothing was read a second time.
        assert all(one is other for one, other in zip(lines, again, strict=True))


def test_lines_come_in_runs_of_one_page_from_any_place_to_any_place(bench: Bench) -> None:
    journal = bench.open()
    for number in range(4):
        journal.append(f"source {number}", page(10 * number, 10 * number + 9), (), str(number))
    for after in range(41):
        for limit in (1, 9, 10, 11, 25, 100):
            with open_reader(bench.path) as reader:
                for journal_or_reader in (journal, reader):
                    found = journal_or_reader.stretches(Seq(after), limit)
                    entries = [entry for part in found for entry in part.entries()]
                    assert entries == journal.read(START, 40)[after : after + limit]
                    assert all(part.lines for part in found)


def test_waiting_decodes_only_the_page_with_the_checkpoint_in_it(bench: Bench) -> None:
    journal = bench.open()
    for number in range(3):
        bench.now = f"2026-01-02T03:04:0{number}.000Z"
        journal.append("acme", [event("a", severity=4), event("b", severity=8), event("c")], (), str(number))

    def serious(source: str, event_type: str, event_id: str, severity: int) -> bool:
        return severity > 5

    assert journal.waiting(0, serious) == (3, "2026-01-02T03:04:00.000Z")
    assert journal.waiting(1, serious) == (3, "2026-01-02T03:04:00.000Z")
    assert journal.waiting(2, serious) == (2, "2026-01-02T03:04:01.000Z")
    assert journal.waiting(8, serious) == (0, None)


def test_waiting_takes_a_damaged_page_for_no_events_once_it_is_known(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 3), (), "one")
    journal.append("acme", page(4, 6), (), "two")
    spoil(bench, first=1)
    assert journal.waiting(1, lambda *kind: True)[0] == 3
    journal.stored(START, 10)
    assert journal.waiting(0, lambda *kind: True)[0] == 3


def test_waiting_counts_an_odd_event_as_its_filter_sees_it(bench: Bench) -> None:
    journal = bench.open()
    odd = Event.of({"id": "x", "eventType": 7, "eventId": None, "severity": "high"})
    journal.append("acme", [odd], (), "one")
    asked: list[tuple[object, ...]] = []

    def wanted(*kind: object) -> bool:
        asked.append(kind)
        return False

    journal.waiting(0, wanted)
    assert asked == [("acme", "7", "", odd.severity)]


def test_rejects_are_listed_newest_first(bench: Bench) -> None:
    journal = bench.open()
    journal.append(
        "acme", (), [Reject(where=f"line {n}", reason="not JSON", raw=b"{") for n in (1, 2, 3)], "1"
    )
    assert [(one.source, one.where, one.time, one.raw) for one in journal.rejects(2)] == [
        ("acme", "line 3", bench.now, b"{"),
        ("acme", "line 2", bench.now, b"{"),
    ]


def test_places_that_are_damaged_are_not_believed(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 9), (), "one")
    journal.advance("siem", Seq(2), Seq(2))
    change(bench, "UPDATE collector SET checkpoint = 9")
    change(bench, "UPDATE source SET cursor = 'else'")
    with open_reader(bench.path) as reader:
        assert (reader.checkpoint("siem"), reader.resume("siem")) == (0, 0)
        assert reader.cursor("acme") is None


def test_a_gap_says_where_and_why(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 3), (), "one")
    spoil(bench, first=1)
    journal.stored(START, 10)
    (gap,) = journal.gaps()
    assert (gap.first, gap.count, gap.reason, gap.found) == (1, 3, CONTENTS, bench.now)
    assert bench.told == [gap]


def spoil(bench: Bench, first: int) -> None:
    """Damages one page behind the journal's back."""
    change(
        bench,
        f"UPDATE page SET lines = replace(lines, 'authentication', 'AUTHENTICATION') WHERE first = {first}",
    )


def change(bench: Bench, statement: str) -> None:
    with closing(sqlite3.connect(bench.path, isolation_level=None)) as other:
        other.execute(statement)


def test_gaps_are_told_once_and_again_when_they_grow(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 3), (), "one")
    journal.append("acme", page(4, 6), (), "two")
    spoil(bench, first=4)
    journal.stored(START, 10)
    (gap,) = journal.untold_gaps()
    assert (gap.first, gap.count) == (4, 3)
    journal.gaps_told([gap])
    assert journal.untold_gaps() == ()
    with open_reader(bench.path) as reader:
        assert reader.untold_gaps() == ()
    journal.note_gap(Gap(first=2, count=2, reason=CONTENTS))
    (gap,) = journal.untold_gaps()
    assert (gap.first, gap.count) == (2, 5)


def test_waiting_counts_of_a_damaged_page_what_is_whole(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 9), (), "one")
    change(bench, "UPDATE page SET lines = CAST(replace(lines, '\"5\"', '\"X\"') AS BLOB)")
    journal.stored(START, 10)
    assert [journal.waiting(place, lambda *kind: True)[0] for place in (0, 3, 4, 5, 8)] == [8, 5, 4, 4, 1]
