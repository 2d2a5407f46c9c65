from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.config.document import parse
from lpforwarder.config.writing import fields, written
from lpforwarder.delivery.options import CollectorOptions, Fence


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))
def test_a_text_written_again_is_read_as_the_same_text(text: str) -> None:
    found = parse(f"a: [{written(text)}]", "x")
    assert found.data == {"a": [text]} or [problem.code for problem in found.problems] == ["LPF112"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.2", '"1.2"'),
        ("true", '"true"'),
        ("no", "no"),
        (True, "true"),
        (None, "none"),
        (("a", "b"), "[a, b]"),
    ],
)
def test_values_are_written_as_people_would(value: object, text: str) -> None:
    assert written(value) == text


def test_sections_are_written_in_flow_style_with_units() -> None:
    assert written(Fence()) == "{events: 5000, time: 30s}"


def test_the_name_of_a_collector_comes_first() -> None:
    assert fields(CollectorOptions)[0][0] == "name"
