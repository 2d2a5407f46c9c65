"""Own events reach the journal in order and once, whatever it does meanwhile."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from lpforwarder import own_events
from lpforwarder.errors import Blocked, Denied, Failure, Fatal, Transient
from lpforwarder.event import OWN, Event
from lpforwarder.reporting.diary import MOST_KEPT, TRY_AGAIN, Diary
from lpforwarder.reporting.told import Place, Told, read_place
from tests.fakes.patience import StandingClock
from tests.fakes.stubborn_journal import StubbornJournal

NOW = "2026-11-22T12:00:00.000Z"
FULL = Transient("the journal is full", code="LPF501")


class Desk:
    """A diary with a journal and a clock; `again()` is the next life."""

    def __init__(self) -> None:
        self.journal = StubbornJournal()
        self.clock = StandingClock()
        self.diary = self.again("first")

    def again(self, life: str) -> Diary:
        self.diary = Diary(self.journal, life, now=lambda: NOW, clock=self.clock)
        return self.diary

    def event(self, count: int = 1) -> Event:
        return own_events.set_aside(self.diary.stamp(), collector="siem", count=count)

    def counts(self) -> list[str]:
        return [event.text("count") for event in self.journal.events(OWN)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_event_is_written_at_once_with_the_place_that_counts_then(desk: Desk) -> None:
    desk.diary.write(desk.event(), lambda place: replace(place, started=NOW, ended=False))
    assert desk.journal.kinds(OWN) == ["8009"]
    assert read_place(desk.journal.cursor(OWN)) == Place(started=NOW, ended=False)


def test_the_next_life_begins_at_the_place_of_the_last(desk: Desk) -> None:
    told = Told(rejected={"acme": 3})
    desk.diary.write(desk.event(), lambda place: replace(place, told=told))
    assert desk.again("second").place.told == told


def test_no_id_comes_twice_in_any_life(desk: Desk) -> None:
    for life in ("first", "second"):
        desk.again(life)
        for _ in range(10):
            desk.diary.write(desk.event())
    assert len({event.text("id") for event in desk.journal.events()}) == 20


@pytest.mark.parametrize(
    "failure", [FULL, Denied("read-only", code="LPF503"), Blocked("damaged", code="LPF505")]
)
def test_what_the_journal_does_not_take_waits_and_goes_in_order(desk: Desk, failure: Failure) -> None:
    desk.journal.failure = failure
    for count in (1, 2):
        desk.diary.write(desk.event(count))
    assert (desk.counts(), desk.diary.waiting) == ([], 2)
    desk.journal.failure = None
    desk.clock.now += TRY_AGAIN
    desk.diary.write(desk.event(3))
    assert (desk.counts(), desk.diary.waiting) == (["1", "2", "3"], 0)


def test_a_full_journal_is_tried_now_and_then_only_and_logged_once(desk: Desk) -> None:
    desk.journal.failure = FULL
    with capture_logs() as logged:
        for _ in range(100):
            desk.diary.write(desk.event())
            desk.diary.retry()
            desk.clock.now += 1.0
    assert desk.journal.tries == 100 / TRY_AGAIN
    assert [(line["event"], line["code"], line["waiting"]) for line in logged] == [
        ("report.deferred", "LPF501", 1)
    ]


def test_what_waits_is_written_without_another_event(desk: Desk) -> None:
    desk.journal.failure = FULL
    desk.diary.write(desk.event())
    desk.journal.failure = None
    desk.diary.retry()
    assert desk.counts() == []
    desk.clock.now += TRY_AGAIN
    desk.diary.retry()
    desk.diary.retry()
    assert (desk.counts(), desk.journal.tries) == (["1"], 2)


def test_at_the_end_it_is_tried_at_once(desk: Desk) -> None:
    desk.journal.failure = FULL
    desk.diary.write(desk.event())
    desk.journal.failure = None
    desk.diary.insist()
    assert desk.counts() == ["1"]


def test_memory_is_bounded_and_what_did_not_fit_is_a_gap_of_its_own(desk: Desk) -> None:
    desk.journal.failure = FULL
    for count in range(MOST_KEPT + 7):
        desk.diary.write(desk.event(count))
    assert desk.diary.waiting == MOST_KEPT + 7
    desk.journal.failure = None
    desk.diary.insist()
    *kept, lost = desk.journal.events(OWN)
    assert [event.text("count") for event in kept] == [str(count) for count in range(MOST_KEPT)]
    assert (lost.text("eventId"), lost.text("count"), desk.diary.waiting) == ("8004", "7", 0)


def test_a_disk_that_failed_is_no_reason_to_wait(desk: Desk) -> None:
    desk.journal.failure = Fatal("the disk failed", code="LPF506")
    with pytest.raises(Fatal):
        desk.diary.write(desk.event())


def test_what_was_told_can_be_settled_without_an_event(desk: Desk) -> None:
    desk.diary.settle(Told(rejected={"acme": 1}))
    assert (desk.diary.place.told.rejected, desk.journal.tries) == ({"acme": 1}, 0)
