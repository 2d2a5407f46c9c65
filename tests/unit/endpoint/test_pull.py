"""Which events an answer holds, in what order, and where the next one begins."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from lpforwarder.endpoint import pull
from lpforwarder.endpoint.query import Query
from lpforwarder.event import OWN, Event, Seq, addressed_to
from lpforwarder.journal.page import StoredPage
from tests.fakes.pulled_journal import FakePulledJournal, events


@pytest.fixture
def journal() -> FakePulledJournal:
    journal = FakePulledJournal()
    journal.append("acme", *events(1, 5))
    journal.append("archive", *events(6, 5, eventType="itemchange", eventId="4001"))
    journal.append("acme", *events(11, 5))
    return journal


def ids(lines: list[bytes]) -> list[str]:
    return [json.loads(line)["id"] for line in lines]


def numbered(*numbers: int) -> list[str]:
    return [f"e{number}" for number in numbers]


def test_a_long_search_stops_where_it_is_when_the_service_ends(journal: FakePulledJournal) -> None:
    looks: list[Seq] = []

    class Counted(FakePulledJournal):
        def stored(self, after: Seq, limit: int) -> Sequence[StoredPage]:
            looks.append(after)
            return super().stored(after, 1)

    journal.__class__ = Counted
    rare = Query(types=frozenset({"itemchange"}))

    def found(most: int) -> pull.Found:
        looks.clear()
        return pull.collect(journal, rare, Seq(0), None, is_ending=lambda: len(looks) >= most)

    assert [(ids(each.lines), each.place) for each in (found(0), found(1), found(2))] == [
        ([], 0),
        ([], 5),
        (numbered(6, 7, 8, 9, 10), 10),
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 7, 15, 100])
def test_page_by_page_every_event_comes_once_and_in_order(journal: FakePulledJournal, limit: int) -> None:
    seen, place = [], Seq(0)
    while (found := pull.collect(journal, Query(limit=limit), place, None)).lines:
        assert len(found.lines) <= limit
        seen += ids(found.lines)
        place = found.place
    assert seen == numbered(*range(1, 16))
    assert place == 15


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"types": frozenset({"itemchange"})}, range(6, 11)),
        ({"types": frozenset({"1001"})}, [*range(1, 6), *range(11, 16)]),
        ({"sources": frozenset({"archive"})}, range(6, 11)),
        ({"sources": frozenset({"nobody"})}, []),
        ({"since": "2026-01-01T00:00:12.000Z"}, range(12, 16)),
        ({"until": "2026-01-01T00:00:07.000Z"}, range(1, 7)),
        ({"since": "2026-01-01T00:00:03.000Z", "until": "2026-01-01T00:00:04.000Z"}, [3]),
    ],
)
def test_what_is_asked_for_comes_and_nothing_else(
    journal: FakePulledJournal, asked: dict[str, object], expected: list[int], limit: int
) -> None:
    seen, place = [], Seq(0)
    while (found := pull.collect(journal, Query(limit=limit, **asked), place, None)).lines:  # type: ignore[arg-type]
        seen += ids(found.lines)
        place = found.place
    assert seen == numbered(*expected)


def test_a_reader_of_one_source_gets_that_and_nothing_else(journal: FakePulledJournal) -> None:
    assert ids(pull.collect(journal, Query(), Seq(0), ("archive",)).lines) == numbered(*range(6, 11))
    assert not pull.collect(journal, Query(sources=frozenset({"acme"})), Seq(0), ("archive",)).lines


def test_what_is_addressed_to_a_collector_is_for_nobody_else() -> None:
    journal = FakePulledJournal()
    journal.append(addressed_to("siem"), *events(1, 1))
    journal.append(OWN, *events(2, 1))
    assert ids(pull.collect(journal, Query(), Seq(0), None).lines) == ["e2"]
    assert not pull.collect(journal, Query(sources=frozenset({addressed_to("siem")})), Seq(0), None).lines
    assert not pull.collect(journal, Query(), Seq(0), ("acme",)).lines


def test_an_answer_has_a_size_a_client_can_bear_but_never_less_than_one_event() -> None:
    journal = FakePulledJournal()
    long = "x" * (pull.MOST_OCTETS // 2)
    journal.append("acme", *events(1, 3, message=long))
    journal.append("acme", *events(4, 1, message=long * 3))
    seen, place = [], Seq(0)
    while (found := pull.collect(journal, Query(), place, None)).lines:
        assert len(found.lines) == 1
        seen += ids(found.lines)
        place = found.place
    assert seen == numbered(1, 2, 3, 4)


def test_events_without_a_time_come_unless_a_time_is_asked_for() -> None:
    journal = FakePulledJournal()
    journal.append("acme", Event.of({"id": "e1"}))
    assert ids(pull.collect(journal, Query(), Seq(0), None).lines) == ["e1"]
    assert not pull.collect(journal, Query(since="2000-01-01T00:00:00.000Z"), Seq(0), None).lines


def test_an_event_is_one_element_of_an_array_and_one_line(journal: FakePulledJournal) -> None:
    lines = pull.collect(journal, Query(limit=3), Seq(0), None).lines
    assert ids([json.dumps(event).encode() for event in json.loads(pull.as_array(lines))]) == numbered(
        1, 2, 3
    )
    assert ids(pull.as_lines(lines).splitlines()) == numbered(1, 2, 3)
    assert json.loads(pull.as_array([])) == []
    assert pull.as_lines([]) == b""


class CountingJournal(FakePulledJournal):
    """Notes how many events were asked for at once."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def stored(self, after: Seq, limit: int) -> Sequence[StoredPage]:
        self.asked.append(limit)
        return super().stored(after, limit)


def test_no_more_is_read_than_is_asked_for_where_every_event_is_wanted() -> None:
    journal = CountingJournal()
    journal.append("acme", *events(1, 5))
    pull.collect(journal, Query(limit=3), Seq(0), None)
    pull.collect(journal, Query(limit=3, types=frozenset({"1001"})), Seq(0), None)
    assert journal.asked == [3, pull.STEP]
