from __future__ import annotations

import ipaddress
import json
import re
import uuid
from collections import Counter

import pytest

from lpforwarder.event import Event
from lpforwarder.event_ids import EVENT_IDS
from lpforwarder.intake.sources.sample_events import sample_event

COUNT = 20_000
DOCUMENTATION = [
    ipaddress.ip_network(block)
    for block in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return [sample_event(1, index, index * 1000, "demo") for index in range(COUNT)]


def share(events: list[Event], *hundreds: str) -> float:
    return sum(event.text("eventId").startswith(hundreds) for event in events) / COUNT


def test_the_groups_have_the_shares_of_a_real_account(events: list[Event]) -> None:
    policy = share(events, "203")
    assert share(events, "1") == pytest.approx(0.62, abs=0.015)
    assert share(events, "4", "5", "6") == pytest.approx(0.22, abs=0.015)
    assert share(events, "2", "3") - policy == pytest.approx(0.11, abs=0.015)
    assert policy == pytest.approx(0.05, abs=0.01)


def test_every_category_occurs(events: list[Event]) -> None:
    assert {event.text("eventId")[0] for event in events} == set("123456")
    assert len({event.text("eventId") for event in events}) > 45


def test_events_are_named_and_rated_by_the_table(events: list[Event]) -> None:
    for event in events:
        kind = EVENT_IDS[event.text("eventId")]
        assert event.text("eventType") == kind.event_type
        assert event.fields["severity"] == max(kind.severity, 6 if event.text("result") == "failure" else 0)


def test_sign_ins_succeed_and_fail_in_every_way(events: list[Event]) -> None:
    sign_ins = [event.fields for event in events if event.text("eventId") == "1001"]
    assert {event["result"] for event in sign_ins} == {"success", "failure"}
    assert {event["method"] for event in sign_ins} == {"local", "saml", "oidc"}
    kinds = Counter((event["mfa"], event["mfaType"]) for event in sign_ins)
    assert {mfa for mfa, _ in kinds} == {True, False, "unknown"}
    assert {(False, "none"), ("unknown", "unknown"), (True, "totp")} <= set(kinds)
    assert not {(False, "totp"), (True, "none")} & set(kinds)


def test_item_changes_name_item_folder_attribute_and_action_but_no_content(events: list[Event]) -> None:
    change = next(event.fields for event in events if event.text("eventId") == "4001")
    assert {"sourceUser", "itemName", "folderName", "attribute", "action", "message"} <= set(change)
    assert "thing" not in change


def test_addresses_and_names_belong_to_nobody(events: list[Event]) -> None:
    for event in events:
        address = ipaddress.ip_address(event.text("sourceIp"))
        assert any(address in block for block in DOCUMENTATION)
        for user in (event.text("sourceUser"), event.text("targetUser")):
            assert re.fullmatch(r"|[a-z.]+@example\.(com|org|net)", user)


def test_some_addresses_are_ipv6_and_some_texts_are_difficult(events: list[Event]) -> None:
    six = sum(":" in event.text("sourceIp") for event in events)
    texts = [event.text("message") + event.text("itemName") + event.text("folderName") for event in events]
    hard = sum(bool(re.search(r"[\\=|\t\n]|[^ -~]|\"real\"", text)) for text in texts)
    assert six / COUNT == pytest.approx(0.08, abs=0.01)
    assert hard / COUNT == pytest.approx(0.06, abs=0.01)
    everything = "".join(texts)
    for character in '"\\=|\t\n\rüК経ח🚀':
        assert character in everything


def test_an_event_is_about_as_large_as_real_ones(events: list[Event]) -> None:
    assert sum(len(event.line) for event in events) / COUNT == pytest.approx(350, abs=50)


def test_ids_are_uuids_and_never_repeat(events: list[Event]) -> None:
    ids = [event.text("id") for event in events]
    assert len(set(ids)) == COUNT
    assert {str(uuid.UUID(text)) for text in ids} == set(ids)
    assert {uuid.UUID(text).variant for text in ids} == {uuid.RFC_4122}


def test_an_event_depends_on_seed_and_index_alone(events: list[Event]) -> None:
    assert sample_event(1, 777, 777_000, "demo") == events[777]
    other = sample_event(1, 777, 5, "other").fields
    assert other["id"] == events[777].fields["id"]
    assert other["timestamp"] == "1970-01-01T00:00:00.005Z"


def test_events_never_change_from_one_version_to_the_next() -> None:
    assert json.loads(sample_event(1, 0, 1_769_817_600_123, "demo").line) == {
        "id": "716f9449-ebfc-5812-ab1f-4392134e56bb",
        "timestamp": "2026-01-31T00:00:00.123Z",
        "eventId": "1001",
        "eventType": "authentication",
        "sourceIp": "198.51.100.98",
        "targetUser": "hana.okafor@example.org",
        "result": "success",
        "method": "local",
        "mfa": True,
        "mfaType": "sms",
        "message": "hana.okafor@example.org successfully logged in from Firefox on Linux.",
        "source": "demo",
        "severity": 3,
    }
