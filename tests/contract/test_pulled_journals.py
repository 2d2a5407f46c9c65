"""What every journal promises to readers over HTTP: the real one, and the one in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from lpforwarder.endpoint.contract import EndpointJournal
from lpforwarder.event import Event, Seq
from lpforwarder.journal.pulling import PulledJournal
from lpforwarder.journal.sqlite import open_journal
from tests.fakes.pages import event, page
from tests.fakes.pulled_journal import FakePulledJournal

KEEP = 3600
MORNING, EVENING = "2022-12-14T06:00:00.000Z", "2022-12-14T18:00:00.000Z"


class Tried(EndpointJournal, Protocol):
    """A journal, and what a test does to it."""

    def append(self, source: str, *events: Event) -> None: ...

    def remove_oldest(self) -> None: ...


class RealPulledJournal(PulledJournal):
    """The real one. Its first page is old by the time of the second."""

    def __init__(self, path: Path, open_ones: ExitStack) -> None:
        self._now, self._even = MORNING, 0.0
        self._opened = open_ones.enter_context(
            open_journal(
                path,
                keep=KEEP,
                max_size=2**30,
                when_full="pause-polling",
                reserve_size=2**16,
                now=lambda: self._now,
                even=lambda: self._even,
            )
        )
        super().__init__(self._opened)

    def append(self, source: str, *events: Event) -> None:
        self._opened.append(source, events, (), str(self.newest()))
        self._now, self._even = EVENING, 12 * 3600.0

    def remove_oldest(self) -> None:
        assert self._opened.remove_some() == 1


@pytest.fixture(params=["sqlite", "memory"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tried]:
    with ExitStack() as open_ones:
        if request.param == "memory":
            yield FakePulledJournal()
        else:
            yield RealPulledJournal(tmp_path / "journal.db", open_ones)


def test_a_new_journal_is_empty(journal: Tried) -> None:
    assert (journal.oldest(), journal.newest(), journal.last()) == (0, 0, 0)
    assert list(journal.stored(Seq(0), 10)) == []
    assert journal.find("1") is None


def test_an_identity_is_sixteen_hexadecimal_digits(journal: Tried) -> None:
    assert re.fullmatch("[0-9a-f]{16}", journal.identity())
    assert journal.identity() == journal.identity()


def test_pages_come_whole_and_in_order_as_they_were_written(journal: Tried) -> None:
    journal.append("acme", *page(1, 3))
    journal.append("other", event("4"))
    assert journal.last() == 4
    first, second = journal.stored(Seq(0), 100)
    assert (first.first, first.count, first.source) == (1, 3, "acme")
    assert first.lines == b"\n".join(one.line for one in page(1, 3))
    assert (first.oldest, first.newest) == ("2022-12-14T17:33:43.369Z", "2022-12-14T17:33:43.369Z")
    assert (second.first, second.count, second.source, second.lines) == (4, 1, "other", event("4").line)


@pytest.mark.parametrize(
    ("after", "limit", "expected"),
    [
        (0, 1, [1]),
        (0, 3, [1]),
        (0, 4, [1, 4]),
        (2, 1, [1]),
        (2, 2, [1, 4]),
        (3, 1, [4]),
        (4, 9, [4, 6]),
        (6, 1, []),
        (99, 1, []),
    ],
)
def test_there_are_enough_pages_and_no_more(
    journal: Tried, after: int, limit: int, expected: list[int]
) -> None:
    for events in (page(1, 3), page(4, 5), page(6, 6)):
        journal.append("acme", *events)
    assert [one.first for one in journal.stored(Seq(after), limit)] == expected


def test_the_pages_of_one_source_are_found_among_those_of_others(journal: Tried) -> None:
    assert journal.of_source("acme", Seq(0)) == ([], 0)
    for source, events in (("acme", page(1, 3)), ("other", page(4, 5)), ("acme", page(6, 6))):
        journal.append(source, *events)
    pages, last = journal.of_source("acme", Seq(0))
    assert [(one.first, one.count, one.source) for one in pages] == [(1, 3, "acme"), (6, 1, "acme")]
    assert last == 6
    assert journal.of_source("acme", last) == ([], 6)
    assert [one.lines for one in journal.of_source("acme", Seq(3))[0]] == [page(6, 6)[0].line]
    assert journal.of_source("nobody", Seq(0)) == ([], 6)


def test_what_was_removed_is_not_there_any_more(journal: Tried) -> None:
    journal.append("acme", *page(1, 3))
    journal.append("acme", *page(4, 5))
    journal.remove_oldest()
    assert (journal.oldest(), journal.newest()) == (3, 5)
    assert [one.first for one in journal.stored(Seq(0), 10)] == [4]
    assert journal.find("3") is None
    entry = journal.find("4")
    assert entry is not None
    assert entry.seq == 4


def test_the_first_event_of_an_id_is_found_with_its_place_and_source(journal: Tried) -> None:
    journal.append("acme", *page(1, 3), event("2", message="once more"))
    journal.append("other", event("2"))
    entry = journal.find("2")
    assert entry is not None
    assert (entry.seq, entry.source, entry.event) == (2, "acme", page(2, 2)[0])


@pytest.mark.parametrize(
    "name",
    ["é", "名", "𝄞", 'a"b', "a\\b", "a/b", "a\nb\x7f\x00", "\ufffd", "%", "17", "true", " ", '"id":"1"'],
)
def test_an_id_of_any_letters_is_found(journal: Tried, name: str) -> None:
    journal.append("acme", event("x" + name), event(name), event(name + "x"))
    entry = journal.find(name)
    assert entry is not None
    assert (entry.seq, entry.event.text("id")) == (2, name)


@pytest.mark.parametrize(
    ("value", "name"),
    [(17, "17"), (2**70, str(2**70)), (1e16, "1e+16"), (True, "true"), ([1, "a"], '[1,"a"]')],
)
def test_an_id_that_is_no_text_is_found_by_what_it_reads(journal: Tried, value: object, name: str) -> None:
    journal.append("acme", Event.of({"id": 170}), Event.of({"id": value}))
    entry = journal.find(name)
    assert entry is not None
    assert entry.seq == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"message": '"id":"wanted"'},
        {"message": "wanted"},
        {"details": {"id": "wanted"}},
        {"other id": "wanted"},
        {"wanted": "id"},
    ],
)
def test_an_id_within_another_field_is_not_one(journal: Tried, fields: dict[str, object]) -> None:
    journal.append("acme", event("1", **fields))
    assert journal.find("wanted") is None
    journal.append("acme", event("wanted"))
    entry = journal.find("wanted")
    assert entry is not None
    assert entry.seq == 2


@pytest.mark.parametrize("name", ["", "\ud800", "null", "{}", '1,"x":2', "[" * 5000])
def test_an_id_that_nothing_has_is_not_found(journal: Tried, name: str) -> None:
    journal.append("acme", event("1"), event("\ufffd"), Event.of({"id": 1, "x": 2}))
    assert journal.find(name) is None


def test_it_rings_when_there_is_something_new_to_read(journal: Tried) -> None:
    heard: list[Seq] = []
    with journal.ringing(lambda: heard.append(journal.newest())):
        journal.append("acme", *page(1, 3))
        journal.append("acme", event("4"))
    journal.append("acme", event("5"))
    assert heard == [3, 4]


def test_an_event_of_a_source_that_is_not_wanted_is_passed_over_as_if_there_were_none(journal: Tried) -> None:
    journal.append("secret", event("1"), event("2"))
    journal.append("open", event("2"))
    assert journal.find("1", lambda source: source == "open") is None
    entry = journal.find("2", lambda source: source == "open")
    assert entry is not None
    assert entry.source == "open"
