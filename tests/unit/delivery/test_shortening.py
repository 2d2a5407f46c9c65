"""Which values give, in which order, when an event must become shorter."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lpforwarder.delivery.shortening import shorten
from lpforwarder.event import Event, split_lines

WHO = {
    "id": "f511d4ed-0fcc-4676-bb73-5fa17555512e",
    "timestamp": "2022-12-14T17:33:43.369Z",
    "eventId": "4001",
    "eventType": "itemchange",
    "sourceIp": "39.1.231.14",
    "sourceUser": "user2@example.org",
    "severity": 4,
}


def at_most(octets: int) -> Callable[[Event], bool]:
    return lambda event: len(event.line) <= octets


def short(fields: dict[str, Any], octets: int) -> dict[str, Any]:
    event = shorten(Event.of(fields), at_most(octets))
    assert len(event.line) <= octets
    assert json.loads(event.line) == event.fields
    return dict(event.fields)


def test_the_longest_free_text_gives_first() -> None:
    fields = {**WHO, "message": "m" * 500, "itemName": "i" * 100, "vendorData": "v" * 600}
    event = shorten(Event.of(fields), at_most(1100))
    assert len(event.line) == 1100
    text = event.text("message")
    assert event.fields == {**fields, "message": text, "truncated": True}
    assert set(text) == {"m"}


def test_free_texts_are_held_under_one_length() -> None:
    found = short({**WHO, "message": "m" * 500, "itemName": "i" * 400, "folderName": "f" * 70}, 600)
    assert len(found["message"]) == len(found["itemName"]) > 70
    assert found["folderName"] == "f" * 70


def test_other_values_give_before_a_free_text_becomes_unreadable() -> None:
    found = short({**WHO, "message": "m" * 500, "vendorData": "v" * 5000, "extra": "e" * 4000}, 600)
    assert found["message"] == "m" * 64
    assert len(found["vendorData"]) == len(found["extra"]) > 64


def test_extra_fields_go_before_free_text_does_largest_first() -> None:
    extras = {"small": 1, "large" * 20: 2, "larger" * 20: 3}
    found = short({**WHO, "message": "m" * 500, **extras}, 420)
    assert "small" in found
    assert not {"large" * 20, "larger" * 20} <= found.keys()
    assert found["message"] == "m" * 64


def test_details_go_whole_because_half_a_word_means_something_else() -> None:
    for octets in range(250, 400):
        found = short({**WHO, "result": "failure", "message": "m" * 500, "mfaType": "totp"}, octets)
        assert found.get("result", "failure") == "failure"
        assert found.get("mfaType", "totp") == "totp"


def test_who_when_and_what_stay_to_the_last() -> None:
    found = short({**WHO, "message": "m" * 5000, "extra": ["e"] * 500, "reason": "r" * 500}, 260)
    assert found == {**WHO, "truncated": True}


def test_users_and_addresses_are_never_cut_into_other_ones() -> None:
    for octets in range(20, 260):
        found = short(WHO, octets)
        assert all(found[name] == WHO[name] for name in found if name != "truncated")


def test_id_and_time_are_the_last_to_go() -> None:
    found = short(WHO, 110)
    assert found == {"id": WHO["id"], "timestamp": WHO["timestamp"], "truncated": True} | {
        name: WHO[name] for name in ("severity", "eventId") if name in found
    }


def test_a_list_of_users_keeps_its_first_ones_whole() -> None:
    users = [f"user{number}@example.org" for number in range(100)]
    found = short({**WHO, "targetUsers": users}, 600)
    assert found["targetUsers"] == users[: len(found["targetUsers"])]
    assert len(found["targetUsers"]) > 5


@pytest.mark.parametrize("value", [{"deep": "x" * 2000}, 10**299, ["x" * 2000]])
def test_a_value_that_cannot_be_shortened_as_such_goes(value: Any) -> None:
    assert short({**WHO, "extra": value}, 400) == {**WHO, "truncated": True}


def test_numbers_of_any_size_stay_exact() -> None:
    stored = split_lines(Event.of({"n": 2**70 + 1, "message": "m" * 500}).line)[0]
    assert b'"n":1180591620717411303425,' in shorten(stored, at_most(200)).line


def test_at_the_very_end_the_mark_remains() -> None:
    assert short(WHO, 18) == {"truncated": True}
    assert shorten(Event.of({}), lambda _: False).fields == {"truncated": True}


def test_a_mark_that_came_with_the_event_is_replaced() -> None:
    assert short({"truncated": "x" * 100, "message": "m" * 100}, 60)["truncated"] is True
