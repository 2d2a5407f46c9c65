"""The pages used last, as lines."""

from __future__ import annotations

from lpforwarder.event import Seq, Stretch
from lpforwarder.journal.recent import RecentPages


def kept(recent: RecentPages, first: int, last: int, octets: int = 100) -> None:
    lines = [b"%d" % number for number in range(first, last + 1)]
    recent.keep(octets, Stretch(Seq(first), "acme", lines))


def found(recent: RecentPages, place: int) -> list[bytes]:
    stretch = recent.holding(place)
    assert stretch is None or (stretch.first, stretch.source) == (place, "acme")
    return [] if stretch is None else list(stretch.lines)


def test_a_page_is_found_from_any_place_in_it() -> None:
    recent = RecentPages()
    kept(recent, 5, 8)
    assert found(recent, 5) == [b"5", b"6", b"7", b"8"]
    assert found(recent, 8) == [b"8"]
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
    kept(recent, 2, 2, octets=2**30)
    assert not found(recent, 1)
    assert found(recent, 2) == [b"2"]
