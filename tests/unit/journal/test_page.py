from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from lpforwarder.event import Event
from lpforwarder.event_page import kinds_of
from lpforwarder.journal.page import (
    Part,
    StoredPage,
    kinds_in,
    page_columns,
    row_checksum,
    store,
    tally,
)
from tests.fakes.pages import event, page

RECEIVED = "2026-01-02T03:04:05.678Z"


def test_a_stored_page_gives_its_events_back_with_their_places() -> None:
    stored = store(41, "acme", page(1, 3), RECEIVED)
    assert stored.is_whole()
    assert (stored.first, stored.count, stored.end) == (41, 3, 44)
    assert [(entry.seq, entry.source, entry.event.line) for entry in stored.entries()] == [
        (40 + number, "acme", one.line) for number, one in zip((1, 2, 3), page(1, 3), strict=True)
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"first": 2},
        {"count": 4},
        {"source": "acmf"},
        {"oldest": None},
        {"newest": "2022-12-14T17:33:43.370Z"},
        {"received": RECEIVED[:-1]},
        {"tally": "[]"},
        {"checksum": 0},
        {"lines": b"{}"},
        {"lines": None},
        {"count": None},
    ],
)
def test_a_change_of_any_column_is_noticed(change: dict[str, object]) -> None:
    stored = store(1, "acme", page(1, 3), RECEIVED)
    assert not replace(stored, **change).is_whole()


@given(st.data())
def test_a_change_of_any_octet_is_noticed(data: st.DataObject) -> None:
    stored = store(1, "acme", page(1, 2), RECEIVED)
    lines = bytearray(stored.lines)
    lines[data.draw(st.integers(0, len(lines) - 1))] ^= data.draw(st.integers(1, 255))
    assert not replace(stored, lines=bytes(lines)).is_whole()


def test_the_checksum_of_a_row_keeps_the_borders_of_its_values_apart() -> None:
    assert (
        len({row_checksum("ab", "c"), row_checksum("a", "bc"), row_checksum("abc"), row_checksum(None, "")})
        == 4
    )


# ---- tallies ----------------------------------------------------------------------------------------------


def test_a_tally_counts_by_kind() -> None:
    events = [event("a"), event("b", eventType="itemchange", eventId="4001", severity=9), event("c")]
    sign_ins, change = ("authentication", "1001", 3), ("itemchange", "4001", 9)
    assert kinds_in(tally(kinds_of(events))) == ((sign_ins, 2), (change, 1))


def test_equal_counts_make_equal_tallies_whatever_the_order() -> None:
    events = [event("a"), event("b", eventType="itemchange")]
    assert tally(kinds_of(events)) == tally(kinds_of(events[::-1]))


def test_fields_that_are_no_text_are_counted_like_a_filter_sees_them() -> None:
    odd = Event.of({"eventType": ["x"], "eventId": 1001, "severity": "high"})
    assert [kind[:2] for kind, _ in kinds_in(tally(kinds_of([odd])))] == [(odd.text("eventType"), "1001")]


@pytest.mark.parametrize("damaged", ["", "[", "{}x", "[[1]]", '[["a","b",{},1]]', "7"])
def test_a_damaged_tally_counts_nothing(damaged: str) -> None:
    assert kinds_in(damaged) == ()


# ---- what is left of a damaged page -----------------------------------------------------------------------


def parts(damaged: StoredPage) -> list[tuple[int, list[str]]]:
    """(first, names) of each run of whole events."""
    assert not damaged.is_whole()
    found = damaged.whole_parts()
    assert all(isinstance(part, Part) and part.is_whole() for part in found)
    return [(part.first, [entry.event.text("id") for entry in part.entries()]) for part in found]


def test_a_whole_page_is_its_only_part() -> None:
    stored = store(41, "acme", page(1, 3), RECEIVED)
    assert stored.whole_parts() == [stored]


@pytest.mark.parametrize(
    "octets", [b"x" * 20, b"\n" * 20, b'"id":"2"}\n{"id":"9"'], ids=["other", "line feeds", "forged"]
)
def test_damage_costs_the_events_it_hits(octets: bytes) -> None:
    stored = store(41, "acme", page(1, 9, 30), RECEIVED)
    place = stored.lines.index(b'"4"')
    lines = stored.lines[:place] + octets + stored.lines[place + len(octets) :]
    assert parts(replace(stored, lines=lines)) == [
        (41, ["1", "2", "3"]),
        (45, ["5", "6", "7", "8", "9"]),
    ]


def test_damage_across_two_events_costs_both() -> None:
    stored = store(1, "acme", page(1, 4), RECEIVED)
    place = stored.lines.index(b"\n") - 3
    assert parts(replace(stored, lines=stored.lines[:place] + b"??????" + stored.lines[place + 6 :])) == [
        (3, ["3", "4"])
    ]


def test_what_can_be_made_anew_costs_nothing() -> None:
    stored = store(1, "acme", page(1, 3), RECEIVED)
    for change in ({"tally": "[["}, {"oldest": None}, {"newest": "never"}, {"checksum": 7}):
        (part,) = replace(stored, **change).whole_parts()
        assert page_columns(part) == page_columns(stored)


@pytest.mark.parametrize(
    "change",
    [
        {"first": 2},
        {"count": 2},
        {"count": "three"},
        {"source": "other"},
        {"received": ""},
        {"sums": None},
        {"sums": b""},
        {"sums": "text"},
        {"sums": bytes(16)},
        {"lines": None},
    ],
)
def test_what_says_so_must_be_whole_itself(change: dict[str, Any]) -> None:
    stored = store(1, "acme", page(1, 3), RECEIVED)
    assert replace(stored, **{"checksum": 0, **change}).whole_parts() == []


@given(place=st.integers(0, 10**6), octets=st.binary(min_size=1, max_size=64), events=st.integers(1, 12))
def test_no_event_comes_back_that_was_not_appended(place: int, octets: bytes, events: int) -> None:
    stored = store(1, "acme", page(1, events, 20), RECEIVED)
    at = place % len(stored.lines)
    lines = (stored.lines[:at] + octets + stored.lines[at + len(octets) :])[: len(stored.lines)]
    right = {entry.seq: entry.event.line for entry in stored.entries()}
    found = [entry for part in replace(stored, lines=lines).whole_parts() for entry in part.entries()]
    assert all(right[entry.seq] == entry.event.line for entry in found)
    hit = sum(1 for line in stored.lines.split(b"\n")) - len(found)
    assert hit <= 1 + octets.count(b"\n") + stored.lines[at : at + len(octets)].count(b"\n") + 1
