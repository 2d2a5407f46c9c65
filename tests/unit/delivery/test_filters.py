"""Which events a collector wants."""

from __future__ import annotations

from typing import Any

import pytest

from lpforwarder.delivery.filters import wanted, wanted_kind
from lpforwarder.event import Entry, Event, Seq

LOGIN = {"eventType": "authentication", "eventId": "1001", "severity": 3}
CHANGE = {"eventType": "itemchange", "eventId": "4001", "severity": 4}
EXPORT = {"eventType": "dataexport", "eventId": "6001", "severity": 8}


def entry(fields: dict[str, Any], source: str = "acme") -> Entry:
    return Entry(Seq(1), source, Event.of(fields))


@pytest.mark.parametrize("fields", [LOGIN, CHANGE, EXPORT, {}])
def test_without_conditions_everything_is_wanted(fields: dict[str, Any]) -> None:
    assert wanted(None, (), (), 0)(entry(fields))


def test_only_the_named_sources_are_wanted() -> None:
    rule = wanted(["acme"], (), (), 0)
    assert rule(entry(LOGIN, "acme"))
    assert not rule(entry(LOGIN, "archive"))


def test_no_source_named_means_no_event() -> None:
    assert not wanted([], (), (), 0)(entry(LOGIN))


@pytest.mark.parametrize("name", ["itemchange", "4001"])
def test_include_takes_event_types_and_event_ids(name: str) -> None:
    rule = wanted(None, [name], (), 0)
    assert rule(entry(CHANGE))
    assert not rule(entry(LOGIN))


@pytest.mark.parametrize("name", ["itemchange", "4001"])
def test_exclude_wins_over_include(name: str) -> None:
    rule = wanted(None, ["itemchange", "1001"], [name], 0)
    assert not rule(entry(CHANGE))
    assert rule(entry(LOGIN))


def test_the_least_severity_itself_is_wanted() -> None:
    rule = wanted(None, (), (), 4)
    assert not rule(entry(LOGIN))
    assert rule(entry(CHANGE))
    assert rule(entry(EXPORT))


def test_an_event_id_written_as_a_number_counts_as_its_text() -> None:
    assert wanted(None, ["4001"], (), 0)(entry({"eventId": 4001}))


def test_severity_of_an_event_without_one_comes_from_the_table() -> None:
    rule = wanted(None, (), (), 6)
    assert rule(entry({"eventId": "1001", "result": "failure"}))
    assert not rule(entry({"eventId": "1001", "result": "success"}))


@pytest.mark.parametrize("fields", [LOGIN, CHANGE, EXPORT])
@pytest.mark.parametrize("source", ["acme", "archive"])
@pytest.mark.parametrize(
    "conditions",
    [
        (None, (), (), 0),
        (["acme"], (), (), 0),
        (None, ["itemchange", "6001"], (), 0),
        (None, (), ["4001"], 4),
        (["archive"], ["authentication"], ["6001"], 3),
    ],
)
def test_a_tally_is_judged_like_an_entry(fields: dict[str, Any], source: str, conditions: Any) -> None:
    tally = (source, fields["eventType"], fields["eventId"], fields["severity"])
    assert wanted(*conditions)(entry(fields, source)) == wanted_kind(*conditions)(*tally)
