from __future__ import annotations

import json

import pytest

from bench.section import Goal, Section, as_json, from_json, number, table


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (123_456.0, "123,000"),
        (1234.0, "1,230"),
        (123.4, "123"),
        (12.34, "12.3"),
        (1.234, "1.23"),
        (0.0, "0.00"),
    ],
)
def test_numbers_show_the_figures_that_matter(value: float, text: str) -> None:
    assert number(value) == text


def test_a_table_is_markdown() -> None:
    assert table(["", "µs"], [["a", "1"]]) == "|  | µs |\n| --- | --: |\n| a | 1 |"


@pytest.mark.parametrize(
    ("value", "is_floor", "met"), [(0.3, False, True), (0.4, False, False), (0.4, True, True)]
)
def test_a_goal_knows_on_which_side_the_value_is_to_be(value: float, is_floor: bool, met: bool) -> None:
    assert Goal(what="x", value=value, limit=0.35, is_floor=is_floor).is_met is met


def test_a_section_survives_being_stored() -> None:
    goal = Goal(what="x", value=1.0, limit=2.0, unit=" ms", is_floor=True)
    section = Section(name="a", title="A", scale="3 events", text="| x |", goals=(goal,))
    assert from_json(json.loads(json.dumps(as_json(section)))) == section
