"""Query parameters: read as documented, or named with what is wrong."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.endpoint import query
from lpforwarder.endpoint.problems import Problem


def test_nothing_asked_is_everything_from_the_oldest() -> None:
    assert query.read([]) == query.Query()
    assert query.read([]).takes_all


def test_all_parameters_are_understood() -> None:
    asked = query.read(
        [
            ("after", "abc"),
            ("limit", "10"),
            ("since", "2026-01-01T01:00:00+01:00"),
            ("until", "2026-01-02T00:00:00Z"),
            ("type", "authentication,4001"),
            ("type", "policychange"),
            ("source", "acme"),
            ("wait", "30"),
        ]
    )
    assert asked == query.Query(
        after="abc",
        limit=10,
        since="2026-01-01T00:00:00.000Z",
        until="2026-01-02T00:00:00.000Z",
        types=frozenset({"authentication", "4001", "policychange"}),
        sources=frozenset({"acme"}),
        wait=30.0,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "10001"),
        ("limit", "-1"),
        ("limit", "1e3"),
        ("limit", "٣"),
        ("limit", ""),
        ("limit", "9" * 5000),
        ("wait", "61"),
        ("wait", "1.5"),
        ("since", "yesterday"),
        ("until", "2026-01-01 00:00:00"),
        ("type", ""),
        ("type", "a,,b"),
        ("source", ",".join(map(str, range(51)))),
        ("sort", "asc"),
    ],
)
def test_what_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(Problem) as caught:
        query.read([(name, value)])
    assert (caught.value.status, caught.value.more["parameter"]) == (400, name)


@pytest.mark.parametrize("name", ["after", "limit", "since", "until", "wait"])
def test_what_can_have_one_value_only_is_not_given_twice(name: str) -> None:
    with pytest.raises(Problem) as caught:
        query.read([(name, "1"), (name, "1")])
    assert caught.value.more["parameter"] == name


@given(st.lists(st.tuples(st.sampled_from(sorted(query.KNOWN)), st.text())))
def test_any_value_is_read_or_refused(parameters: list[tuple[str, str]]) -> None:
    with suppress(Problem):
        asked = query.read(parameters)
        assert 1 <= asked.limit <= query.MOST_EVENTS
        assert 0 <= asked.wait <= query.LONGEST_WAIT
