"""The table of event ids: what others rely on."""

from __future__ import annotations

import re

import pytest

from lpforwarder import event_ids
from lpforwarder.event_ids import EVENT_IDS, EVENT_TYPES


def test_the_ids_given_by_the_wish_mean_what_they_meant() -> None:
    assert EVENT_IDS["1001"].event_type == "authentication"
    assert EVENT_IDS["4001"].event_type == "itemchange"


def test_no_id_type_or_name_is_given_twice() -> None:
    kinds = list(EVENT_IDS.values())
    assert len(kinds) == len(EVENT_TYPES) == len({kind.name for kind in kinds})
    assert all(EVENT_IDS[event_id].event_id == event_id for event_id in EVENT_IDS)


def test_the_table_is_sorted_and_every_id_stands_in_a_known_hundred() -> None:
    assert list(EVENT_IDS) == sorted(EVENT_IDS)
    assert all(re.fullmatch(r"[1-689][0-9]{3}", event_id) for event_id in EVENT_IDS)


def test_types_fit_a_msgid_and_names_a_cef_header() -> None:
    for kind in EVENT_IDS.values():
        assert re.fullmatch(r"[a-z]{1,32}", kind.event_type)
        assert re.fullmatch(r"[A-Za-z ]{1,60}", kind.name)
        assert 0 <= kind.severity <= 10


@pytest.mark.parametrize(
    ("event_id", "result", "severity"),
    [
        ("1001", "success", 3),
        ("1001", "", 3),
        ("1001", "failure", 6),
        ("1001", "denied", 6),
        ("4001", "success", 4),
        ("2031", "success", 7),
        ("6001", "failure", 8),
        ("4711", "success", 3),
        ("4711", "blocked", 6),
    ],
)
def test_a_failure_is_worth_attention_at_least(event_id: str, result: str, severity: int) -> None:
    assert event_ids.severity(event_id, result) == severity
