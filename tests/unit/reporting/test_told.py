"""What was told survives a restart as text, whatever the text is worth."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from lpforwarder.reporting.told import Down, Place, Told, read_place

DOWN = Down(state="blocked", since="2026-11-22T12:00:00.000Z", place=7)
TOLD = Told(
    sources={"acme": Down(state="silent", since="2026-11-22T12:00:00.000Z")},
    collectors={"siem": DOWN},
    alarms={"source acme": ("LPF316", "LPF318"), "collector siem": ("LPF220",), "journal": ("LPF511",)},
    certificates={"siem client fwd1.example.net": 14},
    missing=frozenset({7}),
    rejected={"acme": 5},
    set_aside={"siem": 2},
    set_aside_lost={"siem": 1},
)


@pytest.mark.parametrize(
    "place", [Place(), Place(started="2026-11-22T12:00:00.000Z", ended=False, told=TOLD)]
)
def test_a_place_is_read_as_it_was_written_but_for_what_the_journal_keeps_itself(place: Place) -> None:
    kept = replace(place, told=replace(place.told, missing=frozenset()))
    assert read_place(place.text()) == kept


@pytest.mark.parametrize("text", [None, "", "not json", "[]", "7", '{"told":7}', '{"other":1}', "{}"])
def test_a_text_that_says_nothing_is_a_fresh_place(text: str | None) -> None:
    assert read_place(text) == Place()


def test_before_the_first_life_nothing_has_crashed() -> None:
    assert (Place().started, Place().ended) == (None, True)


def test_entries_are_put_in_and_taken_out_without_changing_what_was() -> None:
    more = TOLD.entered("collectors", "other", DOWN)
    assert set(more.collectors) == {"siem", "other"}
    assert more.entered("collectors", "siem", None).collectors == {"other": DOWN}
    assert set(TOLD.collectors) == {"siem"}


def test_alarms_go_on_and_off_one_by_one() -> None:
    two = Told().with_alarm("acme", "LPF316").with_alarm("acme", "LPF318")
    assert two.alarms == {"acme": ("LPF316", "LPF318")}
    one = two.without_alarm("acme", "LPF316")
    assert one.alarms == {"acme": ("LPF318",)}
    assert one.without_alarm("acme", "LPF318").alarms == {}


def test_gaps_are_told_one_after_the_other() -> None:
    assert Told().lost([3]).lost([5, 3]).missing == {3, 5}
