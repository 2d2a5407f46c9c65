"""A number and its noun agree."""

from __future__ import annotations

import pytest

from lpforwarder.counting import counted, counted_as


@pytest.mark.parametrize(
    ("number", "told"), [(0, "0 events"), (1, "1 event"), (2, "2 events"), (48_112, "48,112 events")]
)
def test_only_one_is_one(number: int, told: str) -> None:
    assert counted(number, "event") == told


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    assert [counted(number, "try", "tries") for number in (1, 3)] == ["1 try", "3 tries"]


def test_the_verb_agrees_too() -> None:
    told = [counted_as(number, "event", one="waits", many="wait") for number in (0, 1, 2)]
    assert told == ["0 events wait", "1 event waits", "2 events wait"]
