from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from lpforwarder.errors import Blocked
from lpforwarder.event import Event
from lpforwarder.intake.contract import Cursor
from lpforwarder.intake.sources.sample import MOST_PER_PAGE, SampleOptions, SampleSource

START = "2026-01-31T00:00:00.000Z"


class Clock:
    """Seconds since 1970; 2026-01-31T00:00:00Z at first."""

    def __init__(self) -> None:
        self.now = 1_769_817_600.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def source(clock: Clock, **keys: Any) -> SampleSource:
    return SampleSource(SampleOptions(name="demo", type="sample", **keys), clock)


def times(events: Any) -> list[str]:
    return [event.text("timestamp") for event in events]


def test_the_first_event_is_due_at_once_and_the_next_after_its_time(clock: Clock) -> None:
    made = source(clock, rate=2.0)
    first = made.pull(None)
    assert (times(first.events), first.more) == ([START], False)
    assert made.pull(first.cursor).events == []
    clock.now += 1.2
    second = made.pull(first.cursor)
    assert times(second.events) == ["2026-01-31T00:00:00.500Z", "2026-01-31T00:00:01.000Z"]


def test_an_idle_pull_gives_the_same_cursor(clock: Clock) -> None:
    made = source(clock)
    end = made.pull(None).cursor
    assert made.pull(end).cursor == end


def test_the_time_of_the_first_event_can_be_chosen(clock: Clock) -> None:
    made = source(clock, start="2024-02-29T23:59:59Z")
    clock.now += 5
    after = made.pull(None).cursor
    clock.now += 1
    assert times(made.pull(None).events) == ["2024-02-29T23:59:59.000Z", "2024-03-01T00:00:00.000Z"]
    assert times(made.pull(after).events) == ["2024-03-01T00:00:00.000Z"]


def test_without_a_rate_events_come_as_fast_as_they_are_asked_for(clock: Clock) -> None:
    made = source(clock, rate=0.0)
    first = made.pull(None)
    second = made.pull(first.cursor)
    assert (len(first.events), first.more, second.more) == (MOST_PER_PAGE, True, True)
    assert times(first.events)[-1] < times(second.events)[0]


def test_a_count_is_an_end(clock: Clock) -> None:
    made = source(clock, rate=0.0, count=1500)
    first = made.pull(None)
    second = made.pull(first.cursor)
    assert (len(first.events), len(second.events), second.more) == (1000, 500, False)
    assert made.pull(second.cursor).events == []
    assert source(clock, count=0).pull(None).events == []


def test_a_backlog_comes_in_pages(clock: Clock) -> None:
    made = source(clock, rate=100.0)
    after = made.pull(None).cursor
    clock.now += 15
    page = made.pull(after)
    assert (len(page.events), page.more) == (1000, True)
    page = made.pull(page.cursor)
    assert (len(page.events), page.more) == (500, False)


def test_a_restart_goes_on_exactly_and_catches_up(clock: Clock) -> None:
    steady, after = source(clock, rate=10.0), None
    seen: list[Event] = []
    restarted: list[Event] = []
    place = None
    for _ in range(5):
        page = steady.pull(after)
        seen += page.events
        after = page.cursor
        page = source(clock, rate=10.0).pull(place)
        restarted += page.events
        place = page.cursor
        clock.now += 3
    assert len(seen) == 121
    assert seen == restarted


def test_a_clock_that_goes_back_gives_nothing_twice(clock: Clock) -> None:
    made = source(clock, rate=10.0)
    first = made.pull(None).cursor
    clock.now += 3
    after = made.pull(first).cursor
    clock.now -= 100
    page = made.pull(after)
    assert (page.events, page.cursor) == ([], after)


def test_the_seed_decides_the_events_and_the_source_is_in_them(clock: Clock) -> None:
    first, same = source(clock, rate=0.0).pull(None), source(clock, rate=0.0).pull(None)
    other = source(clock, rate=0.0, seed=2).pull(None)
    assert first.events == same.events
    assert not {event.text("id") for event in first.events} & {event.text("id") for event in other.events}
    assert {event.text("source") for event in first.events} == {"demo"}


def test_the_place_of_another_kind_of_source_is_mended_by_a_person(clock: Clock) -> None:
    with pytest.raises(Blocked, match="the stored place is not one in a series of samples"):
        source(clock).pull(Cursor("17"))


@pytest.mark.parametrize(
    "keys",
    [{"rate": -1.0}, {"rate": float("nan")}, {"count": -1}, {"start": "yesterday"}, {"seed": "one"}],
)
def test_nonsense_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(keys))):
        SampleOptions.model_validate({"name": "demo", "type": "sample", **keys})


def test_a_whole_number_is_a_rate_too() -> None:
    assert SampleOptions.model_validate({"name": "demo", "type": "sample", "rate": 5}).rate == 5.0
