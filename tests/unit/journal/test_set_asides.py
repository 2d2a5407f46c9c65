"""Events that were set aside: from kept to sent or dropped, and what replays and damage do to them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from lpforwarder.errors import Transient
from lpforwarder.event import OWN, Entry, Event, Poison, Reject, Seq, addressed_to
from lpforwarder.journal import set_asides
from lpforwarder.journal.facts import SetAsideFacts
from lpforwarder.journal.reader import open_reader
from lpforwarder.journal.scan import Gap
from lpforwarder.journal.set_asides import SetAside
from lpforwarder.journal.sqlite import SqliteJournal
from tests.fakes.pages import event, ids, page
from tests.unit.journal.conftest import Bench


def poison(number: int, *, reason: str = "was refused", message: bytes = b"m") -> Poison:
    entry = Entry(Seq(number), "acme", event(str(number)))
    return Poison(entry=entry, code="LPF602", reason=reason, detail="500 no", message=message)


@pytest.fixture
def journal(bench: Bench) -> SqliteJournal:
    """Ten events, of which siem could not take the third."""
    journal = bench.open()
    journal.register("siem", "oldest")
    journal.append("acme", page(1, 10), (), "10")
    journal.set_aside("siem", [poison(3)])
    return journal


def only(journal: SqliteJournal) -> SetAside:
    rows = journal.set_asides()
    assert len(rows) == 1
    return rows[0]


def facts(journal: SqliteJournal) -> SetAsideFacts:
    return journal.facts().set_asides["siem"]


def test_what_is_set_aside_is_listed_without_contents(journal: SqliteJournal) -> None:
    row = only(journal)
    assert (row.collector, row.number, row.place, row.state, row.tries) == ("siem", 3, 3, "kept", 1)
    assert (row.event_id, row.code, row.reason, row.detail) == ("3", "LPF602", "was refused", "500 no")
    assert (row.message, row.line, row.octets) == (b"", b"", 1 + len(event("3").line))
    assert facts(journal) == SetAsideFacts(kept=1, total=1)


def test_by_its_number_it_comes_with_message_and_event(journal: SqliteJournal) -> None:
    row = journal.set_aside_numbered(3)[0]
    assert (row.message, row.line, row.is_whole) == (b"m", event("3").line, True)
    assert journal.set_aside_numbered(4) == []


def test_it_survives_the_process(journal: SqliteJournal, bench: Bench) -> None:
    journal.close()
    assert only(bench.open()).number == 3


def test_several_collectors_may_have_the_same_number(journal: SqliteJournal) -> None:
    journal.set_aside("archive", [poison(3)])
    assert [row.collector for row in journal.set_aside_numbered(3)] == ["archive", "siem"]


def test_what_is_known_already_changes_nothing(journal: SqliteJournal) -> None:
    assert journal.set_aside("siem", [poison(3, reason="another")]).fresh == {}
    assert (only(journal).reason, facts(journal).total) == ("was refused", 1)


def test_sent_again_it_is_appended_for_its_collector_alone(journal: SqliteJournal) -> None:
    row = only(journal)
    assert journal.send_again([row.id]) == [row.id]
    entry = journal.read(Seq(10), 10)[0]
    assert (entry.seq, entry.source, entry.event.line) == (11, addressed_to("siem"), event("3").line)
    assert journal.newest() == 11
    assert (only(journal).state, only(journal).place, only(journal).number) == ("again", 11, 3)
    assert facts(journal) == SetAsideFacts(again=1, total=1)


def test_who_sleeps_until_something_is_appended_hears_of_it(journal: SqliteJournal) -> None:
    row, heard = only(journal), list[int]()
    with journal.ringing(lambda: heard.append(journal.newest())):
        journal.send_again([row.id])
        journal.send_again([row.id])
    assert heard == [11]


def test_what_is_on_its_way_is_not_sent_twice(journal: SqliteJournal) -> None:
    row = only(journal)
    journal.send_again([row.id])
    assert journal.send_again([row.id]) == []
    assert journal.newest() == 11


def test_it_is_gone_once_the_checkpoint_has_passed_it(journal: SqliteJournal) -> None:
    journal.send_again([only(journal).id])
    journal.advance("siem", Seq(10), Seq(5))
    assert only(journal).state == "again"
    journal.advance("siem", Seq(11), Seq(5))
    assert journal.set_asides() == []
    assert facts(journal) == SetAsideFacts(sent=1, total=1)


def test_refused_again_it_is_kept_under_its_number_with_one_try_more(journal: SqliteJournal) -> None:
    journal.send_again([only(journal).id])
    outcome = journal.set_aside("siem", [poison(11, reason="is still refused", message=b"new")])
    assert list(outcome.fresh) == [3]
    row = journal.set_aside_numbered(3)[0]
    assert (row.state, row.tries, row.reason, row.message) == ("kept", 2, "is still refused", b"new")
    journal.advance("siem", Seq(11), Seq(11))
    assert (only(journal).state, facts(journal)) == ("kept", SetAsideFacts(kept=1, total=1))


def test_a_replay_of_either_place_finds_it_known(journal: SqliteJournal) -> None:
    journal.send_again([only(journal).id])
    journal.set_aside("siem", [poison(11)])
    assert journal.set_aside("siem", [poison(3), poison(11)]).fresh == {}
    assert (only(journal).tries, facts(journal).total) == (2, 1)


def test_a_replay_of_the_first_place_does_not_hold_up_what_is_on_its_way(journal: SqliteJournal) -> None:
    journal.send_again([only(journal).id])
    assert journal.set_aside("siem", [poison(3)]).fresh == {}
    assert only(journal).state == "again"


def test_what_was_confirmed_and_is_refused_in_a_replay_is_kept_after_all(journal: SqliteJournal) -> None:
    journal.send_again([only(journal).id])
    journal.advance("siem", Seq(11), Seq(5))
    assert list(journal.set_aside("siem", [poison(11, message=b"late")]).fresh) == [3]
    row = journal.set_aside_numbered(3)[0]
    assert (row.state, row.message, row.line) == ("kept", b"late", event("11").line)
    assert facts(journal) == SetAsideFacts(kept=1, total=1)


def test_what_was_dropped_does_not_come_back_with_a_replay(journal: SqliteJournal) -> None:
    row = only(journal)
    assert journal.drop_set_asides([row.id, 99]) == [row.id]
    assert journal.set_asides() == []
    assert journal.set_aside("siem", [poison(3)]).fresh == {}
    assert facts(journal) == SetAsideFacts(dropped=1, total=1)


def test_what_is_dropped_or_sent_leaves_no_contents_behind(journal: SqliteJournal, bench: Bench) -> None:
    journal.set_aside("siem", [poison(4)])
    first, second = journal.set_asides()
    journal.send_again([first.id])
    journal.drop_set_asides([second.id])
    journal.advance("siem", Seq(11), Seq(0))
    journal.close()
    with writable(bench) as connection:
        rows = connection.execute("SELECT state, message, line, detail FROM set_aside").fetchall()
    assert rows == [("sent", b"", b"", ""), ("dropped", b"", b"", "")]


def test_once_no_replay_can_come_by_nothing_is_remembered(journal: SqliteJournal, bench: Bench) -> None:
    journal.set_aside("siem", [poison(4)])
    first, second = journal.set_asides()
    journal.send_again([first.id])
    journal.drop_set_asides([second.id])
    journal.advance("siem", Seq(11), Seq(11))
    journal.close()
    with writable(bench) as connection:
        assert connection.execute("SELECT count(*) FROM set_aside").fetchone() == (0,)


def test_what_is_on_its_way_cannot_be_dropped(journal: SqliteJournal) -> None:
    row = only(journal)
    journal.send_again([row.id])
    assert journal.drop_set_asides([row.id]) == []
    assert only(journal).state == "again"


def test_damage_on_its_way_brings_it_back(journal: SqliteJournal) -> None:
    journal.send_again([only(journal).id])
    journal.note_gap(Gap(first=11, count=1, reason="contents are not what was written"))
    journal.advance("siem", Seq(11), Seq(11))
    row = journal.set_aside_numbered(3)[0]
    assert (row.state, row.code, row.line) == ("kept", "LPF508", event("3").line)
    assert row.reason == "the journal was damaged at the place where it was to be sent again from"
    assert facts(journal) == SetAsideFacts(kept=1, total=1)


def test_a_damaged_row_is_told_and_never_sent(journal: SqliteJournal, bench: Bench) -> None:
    row = only(journal)
    journal.close()
    with writable(bench) as connection:
        connection.execute("UPDATE set_aside SET line = replace(line, '2022', '2023')")
    again = bench.open()
    assert not again.set_aside_numbered(3)[0].is_whole
    assert again.send_again([row.id]) == []
    assert again.newest() == 10


def test_the_oldest_make_room_and_are_counted_as_lost(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 10), (), "10")
    half = b"m" * (set_asides.MOST_OCTETS // 2)
    journal.set_aside("archive", [poison(1)])
    assert journal.set_aside("siem", [poison(2, message=half)]).lost == {}
    assert journal.set_aside("siem", [poison(3, message=half)]).lost == {"siem": 1, "archive": 1}
    assert [row.number for row in journal.set_asides()] == [3]
    assert facts(journal) == SetAsideFacts(kept=1, lost=1, total=2)
    assert journal.facts().set_asides["archive"] == SetAsideFacts(lost=1, total=1)


def test_a_small_journal_keeps_fewer(bench: Bench) -> None:
    journal = bench.open(max_size=2**20)
    journal.append("acme", page(1, 10), (), "10")
    message = b"m" * 2**17
    assert journal.set_aside("siem", [poison(1, message=message)]).lost == {}
    assert journal.set_aside("siem", [poison(2, message=message)]).lost == {"siem": 1}


def test_the_newest_stays_whatever_its_size(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 1), (), "1")
    journal.set_aside("siem", [poison(1, message=b"m" * (set_asides.MOST_OCTETS + 1))])
    assert only(journal).number == 1


def own(number: int, event_id: str, source: str = OWN) -> Poison:
    made = Event.of({"id": f"own-{number}", "eventId": event_id, "source": OWN})
    return Poison(entry=Entry(Seq(number), source, made), code="LPF602", reason="was refused")


def test_of_what_the_forwarder_says_about_itself_the_newest_of_each_kind_is_kept(
    journal: SqliteJournal,
) -> None:
    heartbeats = addressed_to("siem")
    for number, event_id, source in ((11, "8100", heartbeats), (12, "8009", OWN), (13, "8100", heartbeats)):
        assert list(journal.set_aside("siem", [own(number, event_id, source)]).fresh) == [number]
    assert [row.number for row in journal.set_asides()] == [3, 12, 13]
    journal.set_aside("archive", [own(13, "8100", addressed_to("archive"))])
    assert len(journal.set_asides()) == 4


def test_what_the_forwarder_says_about_itself_is_not_counted_or_it_would_report_its_reports(
    journal: SqliteJournal,
) -> None:
    before = facts(journal)
    journal.append("acme", page(11, 12), (), "12")
    journal.set_aside("siem", [own(11, "8009")])
    row = journal.set_asides()[-1]
    journal.send_again([row.id])
    journal.set_aside("siem", [own(13, "8009", addressed_to("siem"))])
    assert (journal.set_asides()[-1].number, journal.set_asides()[-1].tries) == (11, 2)
    journal.send_again([row.id])
    journal.advance("siem", Seq(14), Seq(14))
    assert facts(journal) == before


def test_an_event_that_only_claims_to_be_the_forwarders_is_like_any_other(journal: SqliteJournal) -> None:
    for number in (4, 5):
        journal.set_aside("siem", [own(number, "8100", "acme")])
    assert [row.number for row in journal.set_asides()] == [3, 4, 5]
    assert facts(journal).kept == 3


def test_only_the_newest_are_listed_when_there_are_too_many(journal: SqliteJournal) -> None:
    journal.set_aside("siem", [poison(4), poison(5)])
    assert [row.number for row in journal.set_asides(2)] == [4, 5]


def test_a_full_journal_sends_nothing_again(bench: Bench) -> None:
    journal = bench.open()
    journal.register("siem", "oldest")
    journal.append("acme", page(1, 10), (), "10")
    journal.set_aside("siem", [poison(3)])
    journal.apply(keep=3600.0, max_size=1, when_full="pause-polling")
    with pytest.raises(Transient):
        journal.send_again([only(journal).id])
    assert only(journal).state == "kept"


def test_hostile_words_and_ids_are_kept_short_and_storable(bench: Bench) -> None:
    journal = bench.open()
    journal.append("acme", page(1, 1), (), "1")
    entry = Entry(Seq(1), "acme", Event.of({"id": "i" * 100_000}))
    journal.set_aside("siem", [Poison(entry=entry, code="LPF602", reason="r", detail="\ud800" * 100_000)])
    assert (len(only(journal).event_id), len(only(journal).detail)) == (200, 2000)


def test_an_older_file_that_is_only_read_has_none(journal: SqliteJournal, bench: Bench) -> None:
    journal.close()
    with writable(bench) as connection:
        for table in ("set_aside", "set_aside_count"):
            connection.execute(f"DROP TABLE {table}")
    with open_reader(bench.path) as reader:
        assert (reader.set_asides(), reader.set_aside_numbered(3)) == ([], [])
        assert reader.facts().set_asides == {}


def test_records_a_source_could_not_read_can_be_looked_up_and_forgotten(journal: SqliteJournal) -> None:
    journal.append("acme", (), [Reject(where=f"line {n}", reason="no", raw=b"{") for n in (1, 2)], "11")
    listed = journal.rejects(contents=False)
    assert [(one.number, one.where, one.raw, one.octets) for one in listed] == [
        (2, "line 2", b"", 1),
        (1, "line 1", b"", 1),
    ]
    found = journal.reject(1)
    assert found is not None
    assert found.raw == b"{"
    assert journal.drop_rejects([1, 99]) == 1
    assert journal.reject(1) is None


def test_events_that_are_sent_again_keep_their_order(journal: SqliteJournal) -> None:
    journal.set_aside("siem", [poison(7), poison(5)])
    journal.send_again([row.id for row in reversed(journal.set_asides())])
    assert ids(journal.read(Seq(10), 10)) == ["3", "5", "7"]


@contextmanager
def writable(bench: Bench) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(bench.path, isolation_level=None)) as connection:
        yield connection
