"""Entry → message: filter, format, envelope, and what becomes of messages that are too long."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lpforwarder.delivery.contract import Formatter
from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.envelopes.rfc5424 import Rfc5424, Rfc5424Options
from lpforwarder.delivery.filters import wanted
from lpforwarder.delivery.formats.cef import CefFormat, CefOptions
from lpforwarder.delivery.formats.json import JsonFormat, JsonOptions
from lpforwarder.event import Event
from tests.fakes import strict_cef, strict_rfc5424
from tests.fakes.hostile_events import entry_of

JSON, CEF = JsonFormat(JsonOptions()), CefFormat(CefOptions())
ENVELOPE = Rfc5424(Rfc5424Options(hostname="fwd1.example.net", procid="4711"))
USUAL: dict[str, Any] = {
    "id": "f511d4ed-0fcc-4676-bb73-5fa17555512e",
    "timestamp": "2022-12-14T17:33:43.369Z",
    "eventId": "4001",
    "eventType": "itemchange",
    "sourceIp": "39.1.231.14",
    "sourceUser": "user2@example.org",
    "targetUser": "user3@example.org",
    "source": "acme",
    "severity": 4,
}


def encoder(formatter: Formatter = JSON, max_message: int = 8096) -> Encoder:
    return Encoder(wanted(None, (), ("logout",), 0), formatter, ENVELOPE, max_message)


def encode(fields: dict[str, Any], formatter: Formatter = JSON, max_message: int = 8096) -> bytes:
    message = encoder(formatter, max_message).encode(entry_of(Event.of(fields)))
    assert message is not None
    return message


def test_a_message_is_the_payload_of_the_format_in_the_envelope() -> None:
    event = Event.of(USUAL)
    assert encode(USUAL) == ENVELOPE.wrap(event, event.line)


def test_an_unwanted_event_has_no_message() -> None:
    some = encoder()
    assert some.encode(entry_of(Event.of({"eventType": "logout", "message": "x" * 9000}))) is None
    assert some.shortened == 0


@pytest.mark.parametrize("formatter", [JSON, CEF])
def test_a_message_of_exactly_the_limit_is_left_alone(formatter: Formatter) -> None:
    whole = encode(USUAL, formatter)
    some = encoder(formatter, len(whole))
    assert some.encode(entry_of(Event.of(USUAL))) == whole
    assert some.shortened == 0
    assert some.encode(entry_of(Event.of({**USUAL, "itemName": "x"}))) != whole
    assert some.shortened == 1


def test_a_long_text_is_shortened_by_no_more_than_needed() -> None:
    message = encode({**USUAL, "message": "x" * 9000, "itemName": "Payroll"})
    assert len(message) == 8096
    event = json.loads(strict_rfc5424.read(message).msg)
    text = event.pop("message")
    assert event == {**USUAL, "itemName": "Payroll", "truncated": True}
    assert set(text) == {"x"}


def test_the_limit_counts_octets_of_the_whole_message() -> None:
    message = encode({**USUAL, "itemName": "😀" * 3000}, CEF, 2048)
    assert 2044 <= len(message) <= 2048
    item = strict_cef.read(strict_rfc5424.read(message).msg).extension["fname"]
    assert set(item) == {"😀"}


def test_half_a_surrogate_pair_is_never_sent() -> None:
    event = json.loads(strict_rfc5424.read(encode({**USUAL, "message": "x" + "😀" * 2000})).msg)
    assert event["message"] == "x" + "😀" * (len(event["message"]) - 1)


HOSTILE: dict[str, dict[str, Any]] = {
    "a huge message": {"message": "\x1b" * 100_000},
    "a huge id": {"id": "i" * 100_000},
    "huge users": {"sourceUser": "é" * 100_000, "targetUser": "=" * 100_000},
    "a huge kind": {"eventId": "|" * 100_000, "eventType": "\\" * 100_000},
    "a huge key": {"k" * 100_000: 1},
    "many keys": {f"key {number} " + "k" * 100: "v" * 100 for number in range(1000)},
    "many users": {"targetUsers": ["user@example.org"] * 10_000},
    "a deep value": {"extra": [[[["x" * 50_000]]]], "other": {"a": {"b": "y" * 50_000}}},
    "long numbers": {f"n{number}": 10**299 for number in range(100)},
    "all at once": dict.fromkeys(
        (*USUAL, "message", "itemName", "vendorData", "reason"), "\u2028=\\|" * 5000
    ),
}


@pytest.mark.parametrize("max_message", [480, 2048, 8096])
@pytest.mark.parametrize("formatter", [JSON, CEF])
@pytest.mark.parametrize("extra", HOSTILE.values(), ids=HOSTILE)
def test_every_event_fits_in_the_end(extra: dict[str, Any], formatter: Formatter, max_message: int) -> None:
    message = encode({**USUAL, **extra}, formatter, max_message)
    assert len(message) <= max_message
    read = strict_rfc5424.read(message)
    if formatter is JSON:
        event = json.loads(read.msg)
        assert event["truncated"] is True
        assert all(event[name] == USUAL[name] for name in ("id", "timestamp") if name not in extra)
    else:
        assert strict_cef.read(read.msg).class_id


def test_hostile_extra_fields_cost_the_usual_ones_nothing() -> None:
    for name in ("a huge key", "many keys", "a deep value", "long numbers"):
        event = json.loads(strict_rfc5424.read(encode({**USUAL, "message": "m", **HOSTILE[name]})).msg)
        assert {name: event[name] for name in USUAL} == USUAL
        assert event["message"] == "m"


@pytest.mark.parametrize("formatter", [JSON, CEF])
def test_even_hostile_identities_leave_the_time_and_the_kind(formatter: Formatter) -> None:
    fields = {**USUAL, "id": "i" * 100_000, "sourceUser": "u" * 100_000, "message": "m" * 100_000}
    read = strict_rfc5424.read(encode(fields, formatter, 480))
    assert (read.timestamp, read.msgid) == (USUAL["timestamp"], "itemchange")


def test_one_counter_tells_how_many_events_were_shortened() -> None:
    some = encoder(max_message=480)
    for text in ("short", "x" * 1000, "y" * 1000):
        some.encode(entry_of(Event.of({"message": text})))
    assert some.shortened == 2
