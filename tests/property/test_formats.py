"""Formats against hostile events: written, read back by strict readers, compared."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lpforwarder.delivery.contract import Formatter
from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.envelopes.rfc5424 import Rfc5424, Rfc5424Options
from lpforwarder.delivery.filters import wanted
from lpforwarder.delivery.formats.cef import CefFormat, CefOptions
from lpforwarder.delivery.formats.json import JsonFormat, JsonOptions
from lpforwarder.event import Event
from tests.fakes import hostile_events, strict_cef, strict_rfc5424

CEF = CefFormat(CefOptions())
SUBSTITUTING = CefFormat(CefOptions(equals="substitute"))
JSON = JsonFormat(JsonOptions())

# Canonical name → CEF key and the length that the dictionary sets.
KEYS = {
    "eventType": ("cat", 1023),
    "sourceUser": ("suser", 1023),
    "targetUser": ("duser", 1023),
    "itemName": ("fname", 1023),
    "action": ("act", 63),
    "message": ("msg", 1023),
    "reason": ("reason", 1023),
    "source": ("deviceExternalId", 255),
    "method": ("cs1", 4000),
    "folderName": ("cs2", 4000),
    "attribute": ("cs3", 4000),
    "mfaType": ("cs5", 4000),
    "vendorAction": ("lpforwarderVendorAction", 10**9),
    "vendorData": ("lpforwarderVendorData", 10**9),
}


def as_received(text: str) -> str:
    """What a CEF reader shall see of a text, character by character as the rules for text say."""
    seen = ""
    for character in text:
        code = ord(character)
        if character in "\n\r":
            seen += character
        elif code in (0x85, 0x2028, 0x2029):
            seen += "\n"
        elif character == "\t":
            seen += " "
        elif code < 32 or 127 <= code < 160:
            seen += "#" + oct(code)[2:].zfill(3)
        elif 0xD800 <= code <= 0xDFFF:
            seen += "\N{REPLACEMENT CHARACTER}"
        else:
            seen += character
    return seen.strip(" ")


@given(fields=hostile_events.fields)
@settings(deadline=None, max_examples=50)
def test_json_says_exactly_what_the_event_says(fields: dict[str, Any]) -> None:
    event = Event.of(fields)
    assert json.loads(JSON.format(event)) == event.fields


@given(fields=hostile_events.canonical_fields)
@settings(deadline=None, max_examples=50)
def test_every_text_arrives_at_a_strict_cef_reader(fields: dict[str, Any]) -> None:
    extension = strict_cef.read(CEF.format(Event.of(fields))).extension
    for name, (key, most) in KEYS.items():
        expected = as_received(fields.get(name, ""))
        if len(expected) <= most:
            assert extension.get(key, "") == expected
        else:
            assert 0 < len(extension[key]) <= most
            assert expected.startswith(extension[key])


@given(event=hostile_events.events)
@settings(deadline=None, max_examples=50)
def test_no_event_makes_a_cef_text_that_a_strict_reader_refuses(event: Event) -> None:
    text = strict_cef.read(CEF.format(event))
    assert (text.vendor, text.product, text.version) == ("LastPass", "Enterprise", "1.0")
    assert text.severity == event.severity


@given(fields=hostile_events.fields, names=st.lists(st.text(st.characters(codec="ascii"), max_size=8)))
@example(
    fields={"id": "x" * 41}, names=["eventUid", "EventUid", "vendorData", "VendorData", "", "a b", "a=", "1"]
)
@example(fields={"eventId": "8001"}, names=["label", "siteLabel", "site"])
@settings(deadline=None, max_examples=50)
def test_no_event_that_claims_to_be_our_own_makes_a_cef_text_that_a_strict_reader_refuses(
    fields: dict[str, Any], names: list[str]
) -> None:
    event = Event.of({**dict.fromkeys(names, "x y=z|\\\n"), **fields, "source": "lpforwarder"})
    assert strict_cef.read(CEF.format(event)).extension["deviceExternalId"] == "lpforwarder"


def loosely_read(octets: bytes) -> dict[str, str]:
    """As a known receiver does: unescape everything first, then look for keys, the last one wins."""
    text = octets.decode().replace("\\=", "=").replace("\\n", "\n").replace("\\\\", "\\")
    whole = text.split("|", 7)[7]
    keys = list(re.finditer(r"(\w+)=", whole))
    ends = [*(key.start() for key in keys[1:]), len(whole)][: len(keys)]
    return {key[1]: whole[key.end() : end].rstrip(" ") for key, end in zip(keys, ends, strict=True)}


def test_a_loose_reader_is_fooled_by_right_escaping() -> None:
    event = Event.of({"eventId": "4001", "targetUser": "bo@example.org", "itemName": "x duser=admin"})
    assert loosely_read(CEF.format(event))["duser"] == "admin"
    assert loosely_read(SUBSTITUTING.format(event))["duser"] == "bo@example.org"


@given(fields=hostile_events.canonical_fields)
@settings(deadline=None, max_examples=50)
def test_with_substituted_equals_signs_no_reader_finds_another_key(fields: dict[str, Any]) -> None:
    octets = SUBSTITUTING.format(Event.of({**fields, "eventId": "4001"}))
    assert loosely_read(octets).keys() == strict_cef.read(octets).extension.keys()


@pytest.mark.parametrize("formatter", [JSON, CEF], ids=["json", "cef"])
@given(
    event=hostile_events.events,
    longest=st.text(max_size=20),
    times=st.integers(1, 2000),
    limit=st.integers(480, 4000),
)
@settings(deadline=None, max_examples=50)
def test_every_event_fits_whatever_it_holds(
    formatter: Formatter, event: Event, longest: str, times: int, limit: int
) -> None:
    envelope = Rfc5424(Rfc5424Options(hostname="fwd1.example.net", procid="4711"))
    encoder = Encoder(wanted(None, (), (), 0), formatter, envelope, limit)
    fields = {name: value * times if type(value) is str else value for name, value in event.fields.items()}
    message = encoder.encode(hostile_events.entry_of(Event.of({**fields, longest: longest * times})))
    assert isinstance(message, bytes)
    assert len(message) <= limit
    payload = strict_rfc5424.read(message).msg
    if formatter is CEF:
        strict_cef.read(payload)
    else:
        assert ("truncated" in json.loads(payload)) >= bool(encoder.shortened)
