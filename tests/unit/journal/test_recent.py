"""The pages used last, as lines."""

from __future__ import annotations

import pytest

from lpforwarder.event import Event, Stretch
from lpforwarder.journal.page import StoredPage, store
from lpforwarder.journal.recent import RecentPages


def stored(first: int, last: int, octets: int = 0) -> StoredPage:
    events = [Event.of({"id": str(number) + "x" * octets}) for number in range(first, last + 1)]
    return store(first, "acme", events, "2026-01-01T00:00:00.000Z")


def found(recent: RecentPages, place: int, limit: int = 99) -> list[str]:
    stretch = recent.holding(place, limit)
    assert stretch is None or (stretch.first, stretch.source) == (place, "acme")
    return [] if stretch is None else numbers(stretch)


def numbers(stretch: Stretch) -> list[str]:
    return [entry.event.text("id").rstrip("x") for entry in stretch.entries()]


@pytest.mark.parametrize("way", ["keep", "kept"])
def test_a_page_is_found_from_any_place_in_it(way: str) -> None:
    recent = RecentPages()
    getattr(recent, way)(stored(5, 8))
    for _ in range(2):
        assert found(recent, 5) == ["5", "6", "7", "8"]
        assert found(recent, 8) == ["8"]
        assert found(recent, 6, 2) == ["6", "7"]
        assert found(recent, 4) == found(recent, 9) == []


def test_a_page_from_the_file_is_given_as_lines() -> None:
    assert numbers(RecentPages().kept(stored(5, 7))) == ["5", "6", "7"]


def test_of_what_was_read_the_page_used_longest_ago_makes_room() -> None:
    recent = RecentPages()
    for first in range(1, 17):
        recent.kept(stored(first, first))
    assert found(recent, 1)
    recent.kept(stored(17, 17))
    assert found(recent, 1)
    assert not found(recent, 2)
    assert found(recent, 3)


def test_of_what_was_written_and_not_read_the_newest_but_one_makes_room() -> None:
    recent = RecentPages()
    for first in range(1, 61):
        recent.keep(stored(first, first))
    assert [first for first in range(1, 61) if found(recent, first)] == [*range(1, 48), 60]
    assert [first for first in range(1, 61) if found(recent, first)] == [*range(33, 48), 60]


def test_room_is_counted_in_octets_too() -> None:
    recent = RecentPages()
    for first in range(1, 6):
        recent.keep(stored(first, first, octets=5 * 2**20))
    assert [bool(found(recent, first)) for first in (1, 2, 3, 4, 5)] == [True, True, False, False, True]
    assert [bool(found(recent, first)) for first in (1, 2, 3, 4, 5)] == [False, False, False, False, True]


@pytest.mark.parametrize("way", ["keep", "kept"])
def test_a_huge_page_stands_alone(way: str) -> None:
    recent = RecentPages()
    getattr(recent, way)(stored(1, 1))
    getattr(recent, way)(stored(2, 2, octets=2**24))
    assert found(recent, 2) == ["2"]
    assert not found(recent, 1)


def test_a_page_written_again_at_the_same_place_replaces_the_one_before() -> None:
    recent = RecentPages()
    recent.keep(stored(1, 2))
    recent.keep(stored(1, 3))
    assert found(recent, 1) == ["1", "2", "3"]


def test_what_has_left_the_journal_is_forgotten() -> None:
    recent = RecentPages()
    for first in (1, 3, 5):
        recent.keep(stored(first, first + 1))
    assert found(recent, 1)
    recent.forget(4)
    assert [bool(found(recent, place)) for place in range(1, 7)] == [False] * 4 + [True] * 2
