"""The pages used last, as lines."""

from __future__ import annotations

from lpforwarder.event import Event
from lpforwarder.journal.page import store
from lpforwarder.journal.recent import RecentPages


def kept(recent: RecentPages, first: int, last: int, octets: int = 0) -> None:
    events = [Event.of({"id": str(number) + "x" * octets}) for number in range(first, last + 1)]
    recent.keep(store(first, "acme", events, "2026-01-01T00:00:00.000Z"))


def found(recent: RecentPages, place: int, limit: int = 99) -> list[str]:
    stretch = recent.holding(place, limit)
    assert stretch is None or (stretch.first, stretch.source) == (place, "acme")
    return [] if stretch is None else [entry.event.text("id").rstrip("x") for entry in stretch.entries()]


def test_a_page_is_found_from_any_place_in_it() -> None:
    recent = RecentPages()
    kept(recent, 5, 8)
    assert found(recent, 5) == ["5", "6", "7", "8"]
    assert found(recent, 8) == ["8"]
    assert found(recent, 6, 2) == ["6", "7"]
    assert found(recent, 4) == found(recent, 9) == []


def test_the_page_used_longest_ago_makes_room() -> None:
    recent = RecentPages()
    for first in range(1, 17):
        kept(recent, first, first)
    assert found(recent, 1)
    kept(recent, 17, 17)
    assert found(recent, 1)
    assert not found(recent, 2)
    assert found(recent, 3)


def test_a_huge_page_stands_alone() -> None:
    recent = RecentPages()
    kept(recent, 1, 1)
    kept(recent, 2, 2, octets=2**23)
    assert not found(recent, 1)
    assert found(recent, 2) == ["2"]
