from __future__ import annotations

from lpforwarder.journal.decoded import DecodedPages
from lpforwarder.journal.page import store
from tests.fakes.pages import TIME, ids, page


def test_a_page_is_found_from_any_place_in_it() -> None:
    decoded = DecodedPages()
    decoded.keep(100, store(5, "acme", page(5, 8), TIME).entries())
    assert ids(decoded.holding(5)) == ["5", "6", "7", "8"]
    assert ids(decoded.holding(8)) == ["8"]
    assert decoded.holding(4) == decoded.holding(9) == []


def test_the_page_used_longest_ago_makes_room() -> None:
    decoded = DecodedPages()
    for first in (1, 3):
        decoded.keep(100, store(first, "acme", page(first, first + 1), TIME).entries())
    decoded.holding(1)
    decoded.keep(100, store(5, "acme", page(5, 6), TIME).entries())
    assert ids(decoded.holding(1)) == ["1", "2"]
    assert decoded.holding(3) == []


def test_a_huge_page_stands_alone() -> None:
    decoded = DecodedPages()
    decoded.keep(100, store(1, "acme", page(1, 1), TIME).entries())
    decoded.keep(2**30, store(2, "acme", page(2, 2), TIME).entries())
    assert decoded.holding(1) == []
    assert ids(decoded.holding(2)) == ["2"]


def test_an_empty_page_is_not_kept() -> None:
    decoded = DecodedPages()
    decoded.keep(0, [])
    assert decoded.holding(0) == []
