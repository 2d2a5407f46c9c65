from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.simulator.vault.event import SECOND, VaultEvent
from lpforwarder.simulator.vault.history import History

MakeEvent = Callable[..., VaultEvent]


def bare(at: int, data: str = "") -> VaultEvent:
    return VaultEvent(at=at, username="", ip_address="", action="", data=data)


def test_nothing_is_visible_before_it_is_due(event: MakeEvent) -> None:
    early, late = event(10), event(5, data="late")
    history = History([(10 * SECOND, early), (20 * SECOND, late)])
    assert history.advance(9 * SECOND) == 0
    assert history.advance(10 * SECOND) == 1
    assert list(history) == [early]
    assert history.advance(60 * SECOND) == 1
    assert list(history) == [late, early]


def test_an_endless_timeline_is_taken_as_far_as_the_clock_goes() -> None:
    history = History((at, bare(at)) for at in iter(int, 1))
    assert history.advance(-1) == 0


def test_places_are_counted_with_and_without_the_instant_itself(event: MakeEvent) -> None:
    history = History()
    for seconds in (3, 1, 2, 2):
        history.add(event(seconds))
    assert (history.before(2 * SECOND), history.up_to(2 * SECOND), len(history)) == (1, 3, 4)
    assert history[0].at == SECOND
    assert [event.at // SECOND for event in history.newest_first(1, 4)] == [3, 2, 2]


def test_events_of_one_microsecond_keep_the_order_they_came_in() -> None:
    history = History()
    for data in "abc":
        history.add(bare(7, data))
    history.add(bare(9))
    history.add(bare(7, "d"))
    assert "".join(event.data for event in history) == "abcd"


@given(st.lists(st.integers(0, 50)))
def test_any_order_of_arrival_ends_in_the_order_of_time(instants: list[int]) -> None:
    history = History()
    for at in instants:
        history.add(bare(at))
    assert [event.at for event in history] == sorted(instants)
