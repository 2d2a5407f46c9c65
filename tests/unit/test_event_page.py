"""A page of events: its lines, and the columns that are known of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.event import JSON, Event, join_lines, split_lines
from lpforwarder.event_page import EventPage, kind_of, kinds_of, span
from tests.fakes.hostile_events import events as hostile
from tests.fakes.pages import event, page


def test_a_page_gives_its_events_back() -> None:
    events = page(1, 3)
    made = EventPage.of(events)
    assert made == events
    assert events == made
    assert made != events[:2]
    assert (len(made), made[1], made[1:], list(made)) == (3, events[1], events[1:], events)


def test_no_events_are_a_page_too() -> None:
    nothing = EventPage.of(())
    assert (len(nothing), list(nothing), nothing.oldest, nothing.newest) == (0, [], None, None)
    assert EventPage.joined([]) == ()


def test_a_page_is_made_once() -> None:
    made = EventPage.of(page(1, 3))
    assert EventPage.of(made) is made


def test_pages_joined_are_the_page_of_all_their_events() -> None:
    events = [*page(1, 3), Event.of({"id": "x"}), event("y", eventType="itemchange")]
    parts = [EventPage.of(events[:2]), EventPage.of(()), EventPage.of(events[2:4]), EventPage.of(events[4:])]
    joined, whole = EventPage.joined(parts), EventPage.of(events)
    assert joined == whole
    assert (joined.kinds, joined.oldest, joined.newest) == (whole.kinds, whole.oldest, whole.newest)


@given(st.lists(hostile, max_size=4))
def test_what_a_page_says_is_what_its_events_say(events: list[Event]) -> None:
    made = EventPage.of(events)
    assert made.kinds == Counter(map(kind_of, events))
    assert [one.line for one in made] == [one.line for one in events]
    assert (made.oldest, made.newest) == span(split_lines(join_lines(events)))


@pytest.mark.parametrize("name", ["eventType", "eventId", "severity"])
@pytest.mark.parametrize("value", [None, True, 1, 1.0, 7, 11, -1, "1", ["1"], {}, "absent"])
def test_fields_that_are_not_as_usual_are_counted_like_a_filter_sees_them(name: str, value: JSON) -> None:
    fields: dict[str, JSON] = {"eventType": "1", "eventId": "1", "severity": 1}
    odd = {key: old for key, old in fields.items() if key != name} | (
        {} if value == "absent" else {name: value}
    )
    for events in ([Event.of(fields), Event.of(odd)], [Event.of(odd), Event.of(fields)]):
        assert kinds_of(events) == Counter(map(kind_of, events))


# ---- time span --------------------------------------------------------------------------------------------


def at(times: Sequence[JSON]) -> list[Event]:
    return [Event.of({"timestamp": time}) for time in times]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ((), (None, None)),
        ((None, 5, ["2022"]), (None, None)),
        (("yesterday",), (None, None)),
        (
            ("2022-12-14T17:33:43.369Z", "2022-12-14T17:33:43.368Z"),
            ("2022-12-14T17:33:43.368Z", "2022-12-14T17:33:43.369Z"),
        ),
        # A zone of its own sorts wrongly as text.
        (
            ("2022-12-14T17:00:00.000Z", "2022-12-14T18:30:00+02:00"),
            ("2022-12-14T16:30:00.000Z", "2022-12-14T17:00:00.000Z"),
        ),
        # As long as a time, and greater than any.
        (("2022-12-14T17:33:43.369Z", "z" * 24), ("2022-12-14T17:33:43.369Z", "2022-12-14T17:33:43.369Z")),
    ],
)
def test_the_span_is_that_of_the_times_that_can_be_read(
    times: Sequence[JSON], expected: tuple[str | None, str | None]
) -> None:
    assert span(at(times)) == expected


def test_events_without_a_time_do_not_hide_those_of_others() -> None:
    events = [Event.of({"id": "x"}), event("a")]
    assert span(events) == (event("a").text("timestamp"), event("a").text("timestamp"))
