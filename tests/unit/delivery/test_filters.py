"""Which events a collector wants."""

from __future__ import annotations

from typing import Any

import pytest

from lpforwarder.delivery.filters import wanted, wanted_kind
from lpforwarder.event import OWN, Entry, Event, Seq, addressed_to

Conditions = tuple[Any, Any, Any, int]
"""Sources, include, exclude, least severity."""

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


# ---- what the forwarder says about itself ------------------------------------------------------------------

STARTED = {"eventType": "start", "eventId": "8001", "severity": 3}
EVERYTHING: Conditions = (None, (), (), 0)
CHOOSY: Conditions = (["archive"], ["itemchange"], ["8001"], 10)


@pytest.mark.parametrize("conditions", [EVERYTHING, CHOOSY])
def test_what_is_addressed_to_a_collector_passes_its_filters(conditions: Conditions) -> None:
    assert wanted(*conditions, collector="siem")(entry(STARTED, addressed_to("siem")))


@pytest.mark.parametrize("conditions", [EVERYTHING, CHOOSY, (None, ["8001"], (), 0)])
@pytest.mark.parametrize("other", ["archive", "siem2", "sie", ""])
def test_what_is_addressed_to_another_is_not_wanted(conditions: Conditions, other: str) -> None:
    assert not wanted(*conditions, collector="siem")(entry(STARTED, addressed_to(other)))


def test_nobody_named_gets_nothing_that_is_addressed() -> None:
    assert not wanted(*EVERYTHING)(entry(STARTED, addressed_to("siem")))


def test_own_events_come_whatever_sources_are_named() -> None:
    assert wanted(["acme"], (), (), 0, collector="siem")(entry(STARTED, OWN))


@pytest.mark.parametrize(
    "conditions",
    [(None, ["itemchange"], (), 0), (None, (), ["8001"], 0), (None, (), ["start"], 0), (None, (), (), 4)],
)
def test_own_events_are_chosen_by_kind_and_severity_like_others(conditions: Conditions) -> None:
    assert not wanted(*conditions, collector="siem")(entry(STARTED, OWN))


@pytest.mark.parametrize("source", [OWN, addressed_to("siem"), addressed_to("other")])
@pytest.mark.parametrize("conditions", [EVERYTHING, CHOOSY, (["acme"], (), (), 3)])
def test_a_tally_of_own_events_is_judged_like_an_entry(source: str, conditions: Conditions) -> None:
    tally = (source, "start", "8001", 3)
    for_entry = wanted(*conditions, collector="siem")(entry(STARTED, source))
    assert for_entry == wanted_kind(*conditions, collector="siem")(*tally)
