"""Mistakes that log forwarders make on the wire: one test for each, by name."""

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
from lpforwarder.delivery.framing import Newline, OctetCounting
from lpforwarder.event import Event
from tests.fakes import strict_cef, strict_framing, strict_rfc5424
from tests.fakes.hostile_events import entry_of

FORMATS: dict[str, Formatter] = {"json": JsonFormat(JsonOptions()), "cef": CefFormat(CefOptions())}
ENVELOPE = Rfc5424(Rfc5424Options(hostname="fwd1.example.net"))


def message(format_name: str, fields: dict[str, Any], max_message: int = 8096) -> bytes:
    encoder = Encoder(wanted(None, (), (), 0), FORMATS[format_name], ENVELOPE, max_message)
    encoded = encoder.encode(entry_of(Event.of(fields)))
    assert isinstance(encoded, bytes)
    return encoded


def cef(fields: dict[str, Any]) -> strict_cef.Cef:
    return strict_cef.read(strict_rfc5424.read(message("cef", fields)).msg)


def test_the_frame_counts_octets_and_ends_with_the_message() -> None:
    encoded = message("cef", {"itemName": "é😀"})
    frame = OctetCounting().frame([encoded])
    assert frame == str(len(encoded)).encode() + b" " + encoded
    assert len(encoded) > len(encoded.decode())
    assert strict_framing.read_octet_counted(frame + frame) == [encoded, encoded]


@pytest.mark.parametrize("format_name", FORMATS)
def test_nothing_in_an_event_becomes_structured_data(format_name: str) -> None:
    fields = dict.fromkeys(("eventType", "message", "id", "timestamp"), '[a@1 b="c\\"]"]')
    read = strict_rfc5424.read(message(format_name, fields))
    assert read.elements == (("meta", (("sequenceId", "1"),)),)
    assert read.msgid == '[a@1_b="c\\"]"]'


def test_cef_escapes_backslash_before_equals_and_never_a_pipe() -> None:
    assert message("cef", {"itemName": "a\\=b|c\r\nd\te"}).endswith(rb"fname=a\\\=b|c\r\nd e")


def test_a_value_that_ends_in_a_backslash_does_not_swallow_what_follows() -> None:
    read = cef({"eventId": "x\\", "itemName": "Shared\\", "action": "a\\", "attribute": "\\", "severity": 3})
    assert read.class_id == "x\\"
    assert read.severity == 3
    assert (read.extension["fname"], read.extension["act"], read.labelled("attribute")) == (
        "Shared\\",
        "a\\",
        "\\",
    )


@pytest.mark.parametrize("format_name", FORMATS)
def test_text_of_a_user_cannot_reach_the_headers(format_name: str) -> None:
    forged = "x\n<0>1 - - - - - -|CEF:0|a|b|c|d|e|10| ]"
    fields = dict.fromkeys(("eventId", "eventType", "message", "itemName", "targetUser"), forged)
    encoded = message(format_name, {**fields, "severity": 3})
    read = strict_rfc5424.read(encoded)
    assert (read.facility, read.severity, read.hostname) == (10, 6, "fwd1.example.net")
    assert read.msgid == "x_<0>1_-_-_-_-_-_-|CEF:0|a|b|c|d"
    assert b"\n" not in encoded
    name = strict_rfc5424.read(Rfc5424(Rfc5424Options(hostname=forged)).wrap(Event.of({}), b"x")).hostname
    assert name == forged.replace("\n", "_").replace(" ", "_")


def test_absent_and_false_are_not_the_same() -> None:
    fields = {"mfa": False, "action": None, "message": "", "reason": float("nan"), "result": True}
    read = cef(fields)
    assert read.extension == {"outcome": "true", "cs4Label": "mfa", "cs4": "false"}
    encoded = message("cef", fields)
    assert not any(word in encoded for word in (b"None", b"null", b"nan", b"NaN", b"True", b"= "))
    assert json.loads(strict_rfc5424.read(message("json", fields)).msg) == {**fields, "reason": None}


@pytest.mark.parametrize("format_name", FORMATS)
def test_half_a_surrogate_pair_kills_nobody(format_name: str) -> None:
    fields = dict.fromkeys(("itemName", "eventId", "eventType", "id", "timestamp", "sourceIp"), "a\ud800b")
    read = strict_rfc5424.read(message(format_name, fields))
    assert (
        "a\ufffdb" in str(json.loads(read.msg)) if format_name == "json" else "a\ufffdb" in read.msg.decode()
    )
    assert read.msgid == "a_b"


@pytest.mark.parametrize("text", ["😀" * 3000, "\\" * 9000, "=" * 9000, "\n" * 9000, '"' * 9000])
@pytest.mark.parametrize("format_name", FORMATS)
def test_encoded_text_is_never_cut(format_name: str, text: str) -> None:
    for limit in range(480, 500):
        encoded = message(format_name, {"message": text, "vendorData": text}, limit)
        assert len(encoded) <= limit
        payload = strict_rfc5424.read(encoded).msg
        read = json.loads(payload) if format_name == "json" else strict_cef.read(payload).extension
        kept = {"json": "vendorData", "cef": "lpforwarderVendorData"}[format_name]
        assert text.startswith(read.get(kept, ""))


@pytest.mark.parametrize(
    ("text", "milliseconds", "written"),
    [
        ("2026-03-04T05:06:07Z", 1772600767000, "2026-03-04T05:06:07.000Z"),
        ("2026-03-04T05:06:07.5Z", 1772600767500, "2026-03-04T05:06:07.500Z"),
        ("2026-03-04T05:06:07.9999999Z", 1772600767999, "2026-03-04T05:06:07.999Z"),
        ("2026-03-04T05:06:60.5Z", 1772600819500, "2026-03-04T05:06:59.500Z"),
        ("2026-03-04t07:36:07.089+02:30", 1772600767089, "2026-03-04T05:06:07.089Z"),
        ("2026-03-04T05:06:07.089+00:00", 1772600767089, "2026-03-04T05:06:07.089Z"),
    ],
)
def test_every_time_is_the_same_instant_everywhere(text: str, milliseconds: int, written: str) -> None:
    encoded = strict_rfc5424.read(message("cef", {"timestamp": text}))
    assert encoded.timestamp == written
    extension = strict_cef.read(encoded.msg).extension
    assert (extension["rt"], extension["cs6"]) == (str(milliseconds), written)


@pytest.mark.parametrize("format_name", FORMATS)
def test_no_time_is_invented_for_an_event_without_one(format_name: str) -> None:
    for fields in ({}, {"timestamp": "soon"}, {"timestamp": 5}, {"timestamp": None}):
        read = strict_rfc5424.read(message(format_name, fields))
        assert read.timestamp == "-"
        assert b"rt=" not in read.msg


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("::ffff:192.0.2.1", ("src", "192.0.2.1")),
        ("::FFFF:c000:201", ("src", "192.0.2.1")),
        ("fe80::1%eth0", ("lpforwarderSourceIpRaw", "fe80::1%eth0")),
        ("１９２.0.2.1", ("lpforwarderSourceIpRaw", "１９２.0.2.1")),
        ("192.0.2.01", ("lpforwarderSourceIpRaw", "192.0.2.01")),
    ],
)
def test_addresses_are_judged_by_a_parser(text: str, pair: tuple[str, str]) -> None:
    assert cef({"sourceIp": text}).extension == dict([pair])


@pytest.mark.parametrize("format_name", FORMATS)
def test_no_byte_order_mark_stands_where_none_was_asked_for(format_name: str) -> None:
    encoded = message(format_name, {"id": "\ufeff1", "eventId": "\ufeff", "itemName": "é"})
    assert encoded.index({"json": b"{", "cef": b"CEF:0"}[format_name]) == encoded.index(b'"] ') + 3
    assert not strict_rfc5424.read(encoded).has_bom


@pytest.mark.parametrize("format_name", FORMATS)
def test_no_enterprise_number_of_the_documentation_is_sent(format_name: str) -> None:
    assert b' - - [meta sequenceId="1"] ' in message(format_name, {})
    assert b"32473" not in message(format_name, {"eventType": "x", "eventId": "4001"})


def test_lines_end_at_line_feeds_alone() -> None:
    texts = ["\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\r"]
    page = [message(name, {"itemName": f"a{text}b", "\u2028": text}) for name in FORMATS for text in texts]
    stream = Newline().frame(page)
    assert stream.split(b"\n") == [*page, b""]
    assert len(stream.decode().splitlines()) == len(page)
