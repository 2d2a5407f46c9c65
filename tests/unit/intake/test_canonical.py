from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder import event
from lpforwarder.event import Event
from lpforwarder.intake.canonical import (
    NAMESPACE,
    complete,
    has_id,
    is_canonical_time,
    name_based_id,
    to_event,
)

SIGN_IN = {
    "id": "f511d4ed-0fcc-4676-bb73-5fa17555512e",
    "timestamp": "2022-12-14T17:33:43.369Z",
    "eventId": "1001",
    "eventType": "authentication",
    "sourceIp": "39.1.231.14",
    "targetUser": "user2@example.com",
    "result": "success",
    "method": "saml",
    "mfa": "unknown",
    "mfaType": "unknown",
    "message": "user2@example.com successfully logged in.",
}


def made(record: dict[str, Any]) -> Event:
    return to_event(record, source="archive", fallback_id="made-up")


def test_a_canonical_record_arrives_unchanged_with_source_and_severity_behind() -> None:
    assert list(made(SIGN_IN).fields.items()) == [*SIGN_IN.items(), ("source", "archive"), ("severity", 3)]


def test_the_record_itself_is_left_alone() -> None:
    record = {"timestamp": "2022-12-14t17:33:43z", "id": None}
    made(record)
    assert record == {"timestamp": "2022-12-14t17:33:43z", "id": None}


@pytest.mark.parametrize("mfa", [True, False, "unknown", None, 0, 1, 2.5, "", [], {"kind": ["totp", None]}])
def test_values_keep_their_json_type(mfa: Any) -> None:
    line = made({**SIGN_IN, "mfa": mfa}).line
    value = json.loads(line)["mfa"]
    assert value == mfa
    assert type(value) is type(mfa)


def test_numbers_beyond_64_bits_keep_every_digit() -> None:
    number = 2**70 + 1
    fields = event.parse(b'{"id":"a","serial":%d}' % number)
    assert json.loads(made(fields).line)["serial"] == number


def test_unknown_fields_travel_along_in_their_place() -> None:
    record = {"zone": "b", "id": "a", "äöü": {"x": [1, {"y": True}]}}
    assert list(made(record).fields)[:3] == ["zone", "id", "äöü"]
    assert made(record).fields["äöü"] == {"x": [1, {"y": True}]}


def test_source_and_severity_are_never_overwritten() -> None:
    record = {**SIGN_IN, "source": "elsewhere", "severity": "high"}
    assert (made(record).fields["source"], made(record).fields["severity"]) == ("elsewhere", "high")


@pytest.mark.parametrize(
    ("record", "severity"),
    [
        ({"eventId": "1001", "result": "success"}, 3),
        ({"eventId": "1001", "result": "failure"}, 6),
        ({"eventId": 6001}, 8),
        ({"eventId": {"nested": True}}, 3),
        ({}, 3),
    ],
)
def test_severity_comes_from_the_table(record: dict[str, Any], severity: int) -> None:
    assert made({"id": "a", **record}).fields["severity"] == severity


@pytest.mark.parametrize("record", [{"a": 1}, {"a": 1, "id": None}, {"a": 1, "id": ""}])
def test_an_event_without_id_gets_the_fallback_in_first_place(record: dict[str, Any]) -> None:
    assert next(iter(made(record).fields.items())) == ("id", "made-up")
    assert not has_id(record)


@pytest.mark.parametrize("own", ["a", 7, 0, False, ["x"]])
def test_whatever_else_stands_as_id_is_an_id(own: Any) -> None:
    assert made({"id": own}).fields["id"] == own
    assert type(made({"id": own}).fields["id"]) is type(own)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2022-12-14T17:33:43.369Z", "2022-12-14T17:33:43.369Z"),
        ("2022-12-14T17:33:43Z", "2022-12-14T17:33:43.000Z"),
        ("2022-12-14t18:33:43.3699999+01:00", "2022-12-14T17:33:43.369Z"),
        ("2022-12-14T12:33:43.5-05:00", "2022-12-14T17:33:43.500Z"),
        ("2022-12-31T23:59:60Z", "2022-12-31T23:59:59.000Z"),
        ("2024-02-29T00:00:00.000Z", "2024-02-29T00:00:00.000Z"),
    ],
)
def test_a_readable_time_is_brought_into_our_form_in_its_place(text: str, canonical: str) -> None:
    fields = made({"id": "a", "timestamp": text, "eventId": "1001"}).fields
    assert list(fields.items())[1] == ("timestamp", canonical)
    assert "timestampRaw" not in fields


@pytest.mark.parametrize(
    "time",
    [
        "yesterday",
        "2022-12-14 17:33:43",
        "2022-12-14T17:33:43.369",
        "2023-02-29T00:00:00.000Z",
        "2022-12-14T24:00:00.000Z",
        "2022-12-14T17:33:43.369Z\n",
        "２０22-12-14T17:33:43.369Z",
        "",
        1671039223369,
        True,
        {"at": "noon"},
    ],
)
def test_an_unreadable_time_moves_to_a_name_of_its_own(time: Any) -> None:
    fields = made({"id": "a", "timestamp": time, "eventId": "1001"}).fields
    assert "timestamp" not in fields
    assert list(fields.items())[1] == ("timestampRaw", time)


@pytest.mark.parametrize("record", [{"id": "a"}, {"id": "a", "timestamp": None}])
def test_a_missing_time_stays_missing(record: dict[str, Any]) -> None:
    assert made(record).fields.get("timestamp") is None
    assert "timestampRaw" not in made(record).fields


def test_an_unreadable_time_does_not_hide_one_that_came_before() -> None:
    fields = made({"id": "a", "timestampRaw": "first", "timestamp": "second"}).fields
    assert (fields["timestampRaw"], fields["timestampRawRaw"]) == ("first", "second")


def test_name_based_ids_are_version_5_uuids_of_source_place_and_content() -> None:
    expected = uuid.uuid5(NAMESPACE, 'archive\x0017\0{"eventId":"4001"}')
    assert name_based_id("archive", "17", b'{"eventId":"4001"}') == str(expected)


def test_another_source_place_or_content_gives_another_id() -> None:
    ids = {
        name_based_id(*name)
        for name in [("a", "1", b"x"), ("b", "1", b"x"), ("a", "2", b"x"), ("a", "1", b"y")]
    }
    assert len(ids) == 4


def test_the_namespace_never_changes() -> None:
    assert name_based_id("archive", "0", b"{}") == "21e1a8a0-1f0a-5dcc-8443-d5434a229667"


def test_days_are_remembered_only_up_to_a_limit() -> None:
    for number in range(5_000):
        assert is_canonical_time(f"{1000 + number}-01-01T00:00:00.000Z")
    assert not is_canonical_time("2023-02-30T00:00:00.000Z")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["id", "timestamp", "severity", "x", "timestampRaw"]) | st.text(), JSON)
)
def test_no_record_raises_and_every_event_has_id_source_and_severity(record: dict[str, Any]) -> None:
    fields = json.loads(made(record).line)
    assert {"id", "source", "severity"} <= set(fields)
    assert fields["id"] not in (None, "")


# ---- what needs little -------------------------------------------------------------------------------------

WHOLE: dict[str, Any] = {
    "id": "7",
    "timestamp": "2025-06-01T00:00:00.000Z",
    "eventId": "1001",
    "eventType": "authentication",
    "source": "acme",
    "severity": 3,
}


@pytest.mark.parametrize("lacking", [(), ("source",), ("severity",), ("source", "severity"), ("timestamp",)])
def test_source_and_severity_are_put_behind_the_line_without_writing_it_anew(
    lacking: tuple[str, ...],
) -> None:
    record = {name: value for name, value in WHOLE.items() if name not in lacking}
    assert complete(record, Event.of(record).line, "other") == to_event(
        record, source="other", fallback_id="x"
    )


@pytest.mark.parametrize("change", [{"id": None}, {"id": ""}, {"timestamp": "2025-06-01T00:00:00Z"}])
def test_a_record_that_needs_more_is_not_completed(change: dict[str, Any]) -> None:
    record = {**WHOLE, **change}
    assert complete(record, Event.of(record).line, "other") is None
