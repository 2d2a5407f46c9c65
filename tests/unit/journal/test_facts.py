from __future__ import annotations

import sqlite3
from contextlib import closing

from lpforwarder.event import Reject, Seq
from lpforwarder.journal.facts import CollectorFacts, SourceFacts, used_octets, whole_octets
from tests.fakes.pages import event, page
from tests.unit.journal.conftest import Bench

REJECT = Reject(where="line 1", reason="not JSON", raw=b"{")


def test_an_empty_journal_begins_behind_its_end(bench: Bench) -> None:
    facts = bench.open().facts()
    assert (facts.first, facts.last, facts.sources, facts.collectors, facts.gaps, facts.rejects) == (
        1,
        0,
        {},
        {},
        (),
        0,
    )


def test_sources_have_totals_that_only_grow(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", [event("a", timestamp="2022-12-14T10:00:00.000Z")], [REJECT, REJECT], "1")
    bench.now = "2026-01-02T03:04:05.678Z"
    journal.append("acme", [event("b", timestamp="2022-12-14T09:00:00.000Z")], (), "2", duplicates=5)
    journal.append("acme", [event("c", timestamp=None)], [REJECT], "3", duplicates=1)
    journal.append("other", [], [REJECT], "x")
    facts = journal.facts()
    assert facts.sources == {
        "acme": SourceFacts(
            events=3,
            duplicates=6,
            rejects=3,
            appended=bench.now,
            newest="2022-12-14T10:00:00.000Z",
            kept=3,
        ),
        "other": SourceFacts(events=0, duplicates=0, rejects=1, appended=bench.now, newest=None, kept=1),
    }
    assert facts.rejects == 4
    assert (facts.first, facts.last) == (1, 3)


def test_a_reject_that_was_dropped_waits_for_nobody_and_is_still_counted(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", [], [REJECT, REJECT], "1")
    journal.append("other", [], [REJECT], "1")
    assert {name: facts.kept for name, facts in journal.facts().sources.items()} == {"acme": 2, "other": 1}
    journal.drop_rejects([1, 3])
    assert {name: facts.kept for name, facts in journal.facts().sources.items()} == {"acme": 1, "other": 0}
    assert {name: facts.rejects for name, facts in journal.facts().sources.items()} == {"acme": 2, "other": 1}


def test_collectors_have_a_place_and_totals(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 9), (), "1")
    journal.register("new", "newest")
    journal.advance("siem", Seq(5), Seq(2), sent=7, confirmed=5, replayed=1)
    journal.advance("siem", Seq(8), Seq(8), sent=3, confirmed=3, clean=True)
    assert journal.facts().collectors == {
        "new": CollectorFacts(
            checkpoint=9, resume=9, clean=False, sent=0, confirmed=0, replayed=0, moved=None
        ),
        "siem": CollectorFacts(
            checkpoint=8, resume=8, clean=True, sent=7, confirmed=8, replayed=1, moved=bench.now
        ),
    }


def test_the_size_is_that_of_the_files(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 9, 10_000), (), "1")
    facts = journal.facts()
    files = [
        file for file in bench.path.parent.iterdir() if file.suffix not in (".lock", ".reserve", ".safe")
    ]
    assert facts.octets == sum(file.stat().st_size for file in files) > 90_000
    assert 90_000 < facts.used < 200_000


def test_free_room_in_the_file_is_not_in_use() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (a)")
        before = used_octets(connection)
        connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
        assert used_octets(connection) > before + 90_000
        whole = whole_octets(connection)
        assert whole >= used_octets(connection)
        connection.execute("DELETE FROM t")
        assert used_octets(connection) == before
        assert whole_octets(connection) == whole
