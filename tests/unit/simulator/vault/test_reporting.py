from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lpforwarder.simulator.vault.call import BadParameter, Call
from lpforwarder.simulator.vault.event import SECOND, VaultEvent
from lpforwarder.simulator.vault.history import History
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.reporting import Page, select
from lpforwarder.simulator.vault.zone import WallClock

MakeEvent = Callable[..., VaultEvent]
NOON = 1_772_625_600  # 2026-03-04 12:00:00 UTC
PASSES = 1_793_510_100  # 2026-11-01 05:15:00 UTC: 01:15 in New York, for the first time


def page(
    events: list[VaultEvent],
    data: Any,
    zone: str = "UTC",
    *,
    stuck: bool = False,
    top: Any = None,
    **switches: Any,
) -> Page:
    history = History()
    for event in events:
        history.add(event)
    call = Call(data=data, top_user=top)
    return select(call, history, WallClock(zone), VaultOptions(**switches), stuck=stuck)


def seconds(found: Page) -> list[float]:
    return [event.at / SECOND - NOON for event in found.events]


def test_everything_comes_newest_first(event: MakeEvent) -> None:
    found = page([event(NOON + n) for n in (1, 3, 2)], {})
    assert seconds(found) == [3, 2, 1]
    assert found.marker is None


@pytest.mark.parametrize(
    ("from_inclusive", "to_inclusive", "found"),
    [(True, True, [2.5, 2, 1.5, 1]), (False, True, [2.5, 2]), (True, False, [1.5, 1]), (False, False, [])],
)
def test_the_ends_of_a_window_count_by_whole_seconds(
    from_inclusive: bool, to_inclusive: bool, found: list[float], event: MakeEvent
) -> None:
    events = [event(NOON + n) for n in (0.5, 1, 1.5, 2, 2.5, 3)]
    window = {"from": "2026-03-04 12:00:01", "to": "2026-03-04 12:00:02"}
    cut = page(events, window, from_inclusive=from_inclusive, to_inclusive=to_inclusive)
    assert seconds(cut) == found


def test_a_window_is_read_on_the_accounts_clock(event: MakeEvent) -> None:
    events = [event(NOON), event(NOON + 3600)]
    assert seconds(page(events, {"from": "2026-03-04 07:30:00"}, "America/New_York")) == [3600]
    assert seconds(page(events, {"to": "2026-03-04 17:30:00"}, "Asia/Kolkata")) == [0]


def test_an_ambiguous_window_covers_both_passes(event: MakeEvent) -> None:
    events = [event(PASSES), event(PASSES + 3600)]
    window = {"from": "2026-11-01 01:10:00", "to": "2026-11-01 01:20:00"}
    assert len(page(events, window, "America/New_York").events) == 2


def test_an_offset_is_not_heeded_unless_switched_on(event: MakeEvent) -> None:
    events = [event(NOON), event(NOON + 3600)]
    window = {"from": "2026-03-04T12:30:00Z"}
    assert seconds(page(events, window, "America/New_York")) == []
    assert seconds(page(events, window, "America/New_York", honour_offset=True)) == [3600]


def test_a_window_that_ends_before_it_starts_is_empty(event: MakeEvent) -> None:
    assert page([event(NOON)], {"from": "2026-03-05 00:00:00", "to": "2026-03-03 00:00:00"}).events == []


def test_the_marker_is_the_instant_of_the_first_event_left_out(event: MakeEvent) -> None:
    events = [event(NOON + n + 0.918273) for n in range(5)]
    first = page(events, {}, page_size=2)
    assert first.marker == NOON * SECOND + 2_918_273
    second = page(events, {"next": first.marker}, page_size=2)
    assert [e.at for e in second.events] == [events[2].at, events[1].at]
    assert page(events, {"next": second.marker}, page_size=2).marker is None


def test_the_marker_may_be_that_of_the_last_event_returned(event: MakeEvent) -> None:
    events = [event(NOON + n) for n in range(5)]
    first = page(events, {}, page_size=2, next_is="last returned")
    assert first.marker == events[3].at
    assert seconds(page(events, {"next": first.marker}, page_size=2)) == [3, 2]


def test_a_full_page_that_is_also_the_last_has_no_marker(event: MakeEvent) -> None:
    assert page([event(NOON), event(NOON + 1)], {}, page_size=2).marker is None


def test_a_marker_never_reaches_beyond_the_window(event: MakeEvent) -> None:
    events = [event(NOON + n) for n in range(5)]
    window = {"from": "2026-03-04 12:00:01", "to": "2026-03-04 12:00:03", "next": (NOON + 9) * SECOND}
    assert seconds(page(events, window)) == [3, 2, 1]


def test_more_events_in_one_microsecond_than_a_page_holds_cannot_be_paged(event: MakeEvent) -> None:
    events = [event(NOON, data=str(n)) for n in range(5)]
    first = page(events, {}, page_size=2)
    second = page(events, {"next": first.marker}, page_size=2)
    assert first.marker == second.marker == NOON * SECOND
    assert first.events == second.events


def test_a_stuck_marker_gives_the_same_page_again(event: MakeEvent) -> None:
    events = [event(NOON + n) for n in range(5)]
    first = page(events, {}, page_size=2, next_stuck=True)
    second = page(events, {"next": first.marker}, page_size=2, next_stuck=True)
    assert (first.events, first.marker) == (second.events, second.marker)


def test_a_marker_may_stick_for_one_request(event: MakeEvent) -> None:
    events = [event(NOON + n) for n in range(5)]
    marker = page(events, {}, page_size=2).marker
    assert page(events, {"next": marker}, page_size=2, stuck=True).marker == marker
    assert page([], {}, stuck=True).marker is None


def test_numbering_over_pages_counts_what_came_before(event: MakeEvent) -> None:
    events = [event(NOON + n) for n in range(5)]
    marker = page(events, {}, page_size=2).marker
    assert page(events, {"next": marker}, page_size=2, numbering="report").skipped == 2
    assert page(events, {"next": marker}, page_size=2).skipped == 0


def test_a_user_is_found_in_either_place(event: MakeEvent) -> None:
    events = [event(NOON, username="Ana@example.org"), event(NOON + 1)]
    assert seconds(page(events, {"user": "ana@example.org"})) == [0]
    assert seconds(page(events, {}, top="ana@example.org")) == [0]
    assert seconds(page(events, {"user": "allusers"}, top="allusers")) == [1, 0]


def test_the_place_of_the_user_may_be_fixed(event: MakeEvent) -> None:
    events = [event(NOON, username="ana@example.org"), event(NOON + 1)]
    assert len(page(events, {"user": "ana@example.org"}, user_place="top").events) == 2
    assert len(page(events, {}, top="ana@example.org", user_place="data").events) == 2
    assert len(page(events, {"user": "ana@example.org"}, user_place="data").events) == 1


def test_admin_events_and_texts_can_be_asked_for(event: MakeEvent) -> None:
    events = [event(NOON, action="Make Admin", data="Bob"), event(NOON + 1)]
    assert seconds(page(events, {"admin": 1})) == [0]
    assert seconds(page(events, {"search": "bOB"})) == [0]
    assert seconds(page(events, {"admin": 0, "search": ""})) == [1, 0]


def test_a_bad_parameter_is_named(event: MakeEvent) -> None:
    with pytest.raises(BadParameter, match="to"):
        page([event(NOON)], {"to": "tomorrow"})


@given(
    st.lists(st.integers(0, 40), max_size=60),
    st.integers(3, 20),
    st.sampled_from(["first left out", "last returned"]),
)
def test_a_chain_of_pages_holds_every_event(instants: list[int], size: int, next_is: str) -> None:
    # More of one microsecond than a page holds cannot progress, as another test shows.
    assume(all(instants.count(at) < size for at in instants))
    events = [
        VaultEvent(at=at, username="", ip_address="", action="", data=str(n)) for n, at in enumerate(instants)
    ]
    found: set[str] = set()
    data: dict[str, Any] = {}
    for _ in range(len(events) + 1):
        cut = page(events, data, page_size=size, next_is=next_is)
        found |= {event.data for event in cut.events}
        if cut.marker is None:
            break
        assert cut.marker < data.get("next", 41)
        data = {"next": cut.marker}
    assert found == {event.data for event in events}
