"""What every journal promises to intake and delivery: the real one, the one in memory, and any later one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpforwarder.delivery.contract import DeliveryJournal
from lpforwarder.event import Cursor, Event, Poison, Reject, Seq
from lpforwarder.intake.contract import IntakeJournal
from lpforwarder.journal.sqlite import open_journal
from lpforwarder.runtime.bell import Bell
from tests.fakes.journal import MemoryJournal

START = Seq(0)
CURSOR = Cursor("7")


class Journal(IntakeJournal, DeliveryJournal, Protocol):
    """What app hands to both halves, and uses itself."""

    def register(self, collector: str, start: Literal["oldest", "newest"]) -> None: ...

    def waiting(
        self, checkpoint: int, wanted: Callable[[str, str, str, int], bool]
    ) -> tuple[int, str | None]: ...


@pytest.fixture(params=["sqlite", "memory"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    with ExitStack() as open_ones:
        yield make(request.param, tmp_path, open_ones)


def make(kind: str, folder: Path, open_ones: ExitStack) -> Journal:
    if kind == "memory":
        return MemoryJournal()
    return open_ones.enter_context(
        open_journal(
            folder / "journal.db", keep=3600.0, max_size=2**30, when_full="pause-polling", reserve_size=2**16
        )
    )


def event(name: str, kind: str = "authentication") -> Event:
    return Event.of(
        {"id": name, "timestamp": "2022-12-14T17:33:43.369Z", "eventType": kind, "eventId": "1001"}
    )


def names(journal: Journal, after: int = 0, limit: int = 1000) -> list[str]:
    return [entry.event.text("id") for entry in journal.read(Seq(after), limit)]


def everything(source: str, event_type: str, event_id: str, severity: int) -> bool:
    return True


def test_a_new_journal_holds_nothing(journal: Journal) -> None:
    assert journal.read(START, 10) == []
    assert journal.newest() == 0
    assert journal.cursor("acme") is None


def test_lines_come_in_runs_of_neighbours_and_hold_what_the_entries_hold(journal: Journal) -> None:
    for number, source in enumerate(("acme", "acme", "other", "acme")):
        journal.append(source, [event(f"{number}{name}") for name in "abc"], (), CURSOR)
    everything = journal.read(START, 100)
    assert len(everything) == 12
    assert journal.stretches(Seq(12), 10) == []
    for after in range(12):
        for limit in (1, 3, 4, 100):
            found = journal.stretches(Seq(after), limit)
            assert all(part.lines for part in found)
            assert [entry for part in found for entry in part.entries()] == everything[after:][:limit]


def test_events_come_back_in_the_order_they_were_appended(journal: Journal) -> None:
    assert journal.append("acme", [event("a"), event("b")], (), CURSOR) == 2
    assert journal.append("other", [event("c")], (), CURSOR) == 1
    entries = journal.read(START, 10)
    assert [(entry.seq, entry.source, entry.event.text("id")) for entry in entries] == [
        (1, "acme", "a"),
        (2, "acme", "b"),
        (3, "other", "c"),
    ]
    assert [entry.event.line for entry in entries] == [event(name).line for name in "abc"]


def test_an_event_comes_back_with_all_its_fields(journal: Journal) -> None:
    fields = {"id": "x", "mfa": True, "count": 3, "none": None, "list": [1, {"a": "é\n"}], "extra": "kept"}
    journal.append("acme", [Event.of(fields)], (), CURSOR)
    assert journal.read(START, 1)[0].event.fields == fields


def test_the_cursor_is_the_one_of_the_last_append_of_that_source(journal: Journal) -> None:
    journal.append("acme", [event("a")], (), Cursor("one"))
    journal.append("other", [], (), Cursor("x"))
    journal.append("acme", [], (), Cursor("two"))
    assert journal.cursor("acme") == "two"
    assert journal.cursor("other") == "x"
    assert journal.newest() == 1


def test_rejects_use_no_place(journal: Journal) -> None:
    reject = Reject(where="events.json line 3", reason="not JSON", raw=b"{")
    assert journal.append("acme", [event("a")], [reject, reject], CURSOR) == 1
    assert journal.append("acme", [event("b")], (), CURSOR) == 1
    assert names(journal) == ["a", "b"]
    assert journal.newest() == 2


@pytest.mark.parametrize(("after", "limit", "found"), [(0, 3, "abc"), (2, 2, "cd"), (4, 9, "e"), (5, 9, "")])
def test_reading_starts_behind_a_place_and_stops_at_a_limit(
    journal: Journal, after: int, limit: int, found: str
) -> None:
    journal.append("acme", [event(name) for name in "abcd"], (), CURSOR)
    journal.append("acme", [event("e")], (), CURSOR)
    assert names(journal, after, limit) == list(found)


def test_it_rings_when_there_is_something_new_to_read(journal: Journal) -> None:
    heard: list[list[str]] = []
    with journal.ringing(lambda: heard.append(names(journal))):
        assert heard == []
        journal.append("acme", [event("a")], (), CURSOR)
        journal.append("acme", [event("b"), event("c")], (), CURSOR)
    journal.append("acme", [event("d")], (), CURSOR)
    assert heard == [["a"], ["a", "b", "c"]]


def test_it_does_not_ring_for_what_nobody_can_read(journal: Journal) -> None:
    heard: list[Seq] = []
    with journal.ringing(lambda: heard.append(journal.newest())):
        journal.append("acme", [], (), Cursor("8"))
        journal.append("acme", [], [Reject(where="events.json line 3", reason="not JSON", raw=b"{")], CURSOR)
    assert heard == []


def test_everybody_who_sleeps_is_woken_by_an_append(journal: Journal) -> None:
    bells = [Bell() for _ in range(5)]
    sleepers = [threading.Thread(target=bell.wait, args=(60.0,), daemon=True) for bell in bells]
    with ExitStack() as ringing:
        for bell in bells:
            ringing.enter_context(journal.ringing(bell.ring))
        for sleeper in sleepers:
            sleeper.start()
        journal.append("acme", [event("a")], (), CURSOR)
        for sleeper in sleepers:
            sleeper.join(timeout=30)
    assert not any(sleeper.is_alive() for sleeper in sleepers)


def test_a_collector_nobody_knows_is_at_the_beginning(journal: Journal) -> None:
    assert journal.checkpoint("siem") == 0
    assert journal.resume("siem") == 0
    assert not journal.clean("siem")


def test_a_checkpoint_never_moves_backwards(journal: Journal) -> None:
    journal.append("acme", [event(name) for name in "abcd"], (), CURSOR)
    journal.advance("siem", Seq(3), Seq(1), clean=True)
    assert journal.clean("siem")
    journal.advance("siem", Seq(2), Seq(2))
    assert (journal.checkpoint("siem"), journal.resume("siem")) == (3, 2)
    assert not journal.clean("siem")


def test_the_place_to_go_back_to_is_never_ahead_of_the_checkpoint(journal: Journal) -> None:
    journal.append("acme", [event(name) for name in "abcd"], (), CURSOR)
    journal.advance("siem", Seq(2), Seq(4))
    assert journal.resume("siem") == 2
    journal.advance("siem", Seq(3), Seq(4))
    assert journal.resume("siem") == 3


def test_how_far_it_was_sent_never_moves_backwards(journal: Journal) -> None:
    journal.append("acme", [event(name) for name in "abcd"], (), CURSOR)
    assert journal.sent("siem") == 0
    journal.advance("siem", Seq(1), Seq(1), sent=4)
    journal.advance("siem", Seq(2), Seq(2))
    journal.advance("siem", Seq(3), Seq(3), sent=3)
    assert journal.sent("siem") == 4


def test_nobody_can_have_confirmed_what_is_not_there(journal: Journal) -> None:
    journal.append("acme", [event("a")], (), CURSOR)
    with pytest.raises(ValueError, match="siem cannot have confirmed 2"):
        journal.advance("siem", Seq(2), Seq(0))
    assert journal.checkpoint("siem") == 0


def test_collectors_do_not_know_each_other(journal: Journal) -> None:
    journal.append("acme", [event("a")], (), CURSOR)
    journal.advance("one", Seq(1), Seq(1))
    assert journal.checkpoint("two") == 0


@pytest.mark.parametrize(("start", "place"), [("oldest", 0), ("newest", 2)])
def test_a_new_collector_starts_where_it_is_told(
    journal: Journal, start: Literal["oldest", "newest"], place: int
) -> None:
    journal.append("acme", [event("a"), event("b")], (), CURSOR)
    journal.register("siem", start)
    assert (journal.checkpoint("siem"), journal.resume("siem")) == (place, place)


def test_a_known_collector_keeps_its_place(journal: Journal) -> None:
    journal.append("acme", [event("a"), event("b")], (), CURSOR)
    journal.advance("siem", Seq(1), Seq(1))
    journal.register("siem", "newest")
    assert journal.checkpoint("siem") == 1


def test_what_a_collector_cannot_take_is_kept_once_under_its_place(journal: Journal) -> None:
    journal.append("acme", [event("a"), event("b")], (), CURSOR)
    entry = journal.read(START, 2)[1]
    poison = Poison(entry=entry, code="LPF602", reason="was refused by the collector", message=b"b")
    assert dict(journal.set_aside("siem", [poison]).fresh) == {2: poison}
    assert dict(journal.set_aside("siem", [poison]).fresh) == {}
    assert dict(journal.set_aside("archive", [poison]).fresh) == {2: poison}
    assert journal.checkpoint("siem") == 0


def test_waiting_counts_what_the_collector_wants_behind_its_checkpoint(journal: Journal) -> None:
    journal.append("acme", [event("a"), event("b", "itemchange"), event("c", "itemchange")], (), CURSOR)
    journal.append("other", [event("d", "itemchange")], (), CURSOR)

    def changes_of_acme(source: str, event_type: str, event_id: str, severity: int) -> bool:
        return source == "acme" and event_type == "itemchange" and event_id == "1001" and severity == 3

    assert journal.waiting(0, everything)[0] == 4
    assert journal.waiting(0, changes_of_acme)[0] == 2
    assert journal.waiting(2, changes_of_acme)[0] == 1
    assert journal.waiting(4, everything) == (0, None)


def test_several_threads_read_while_one_appends(journal: Journal) -> None:
    pages = 40
    found: dict[int, list[str]] = {}

    def follow(reader: int) -> None:
        seen: list[str] = []
        place, bell = START, Bell()
        with journal.ringing(bell.ring):
            while len(seen) < 3 * pages:
                if journal.newest() <= place:
                    bell.wait(10.0)
                entries = journal.read(place, 2 + reader)
                seen += [entry.event.text("id") for entry in entries]
                place = entries[-1].seq if entries else place
        found[reader] = seen

    readers = [threading.Thread(target=follow, args=(number,)) for number in range(3)]
    for reader in readers:
        reader.start()
    for page in range(pages):
        journal.append("acme", [event(f"{page}-{number}") for number in range(3)], (), CURSOR)
    for reader in readers:
        reader.join(timeout=60)
    expected = [f"{page}-{number}" for page in range(pages) for number in range(3)]
    assert found == {0: expected, 1: expected, 2: expected}


@pytest.mark.parametrize("kind", ["sqlite", "memory"])
@given(
    pages=st.lists(st.integers(0, 6), max_size=8),
    reads=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9))),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_window_of_any_pages_is_a_slice_of_all_events(
    kind: str,
    tmp_path_factory: pytest.TempPathFactory,
    pages: Sequence[int],
    reads: Sequence[tuple[int, int]],
) -> None:
    everything_appended: list[str] = []
    with ExitStack() as open_ones:
        journal = make(kind, tmp_path_factory.mktemp("journal"), open_ones)
        for number, size in enumerate(pages):
            page = [f"{number}-{place}" for place in range(size)]
            journal.append("acme", [event(name) for name in page], (), Cursor(str(number)))
            everything_appended += page
        for after, limit in reads:
            after = min(after, len(everything_appended))
            assert names(journal, after, limit) == everything_appended[after : after + limit]
            assert journal.waiting(after, everything)[0] == len(everything_appended) - after
