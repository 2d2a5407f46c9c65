"""The RFC 5424 header, field by field."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import ValidationError

from lpforwarder.delivery.envelopes.rfc5424 import FACILITIES, Rfc5424, Rfc5424Options
from lpforwarder.event import Event
from tests.fakes import strict_rfc5424

TIME = "2026-03-04T05:06:07.089Z"


def wrap(fields: dict[str, Any], payload: bytes = b"{}", **options: Any) -> bytes:
    return Rfc5424(Rfc5424Options(**options)).wrap(Event.of(fields), payload)


def read(fields: dict[str, Any], **options: Any) -> strict_rfc5424.Message:
    return strict_rfc5424.read(wrap(fields, **options))


def test_the_whole_message_is_header_nil_structured_data_and_payload() -> None:
    fields = {"timestamp": TIME, "eventType": "itemchange", "severity": 3}
    assert (
        wrap(fields, b"CEF:0|x", hostname="fwd1.example.net", procid="4711")
        == b"<86>1 2026-03-04T05:06:07.089Z fwd1.example.net lpforwarder 4711 itemchange - CEF:0|x"
    )


def test_the_first_example_of_rfc_5424_is_written_as_it_stands_there() -> None:
    text = b"'su root' failed for lonvick on /dev/pts/8"
    fields = {"timestamp": "2003-10-11T22:14:15.003Z", "eventType": "ID47", "severity": 9}
    options = {
        "facility": "auth",
        "hostname": "mymachine.example.com",
        "app_name": "su",
        "utf8_bom": "always",
    }
    assert (
        wrap(fields, text, **options)
        == b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf" + text
    )


def test_a_number_stands_where_the_structured_data_is() -> None:
    fields = {"timestamp": TIME, "eventType": "itemchange", "severity": 3}
    message = Rfc5424(Rfc5424Options(hostname="fwd1.example.net")).wrap(Event.of(fields), b"CEF:0|x", 61203)
    assert message == (
        b"<86>1 2026-03-04T05:06:07.089Z fwd1.example.net lpforwarder - itemchange "
        b'[meta sequenceId="61203"] CEF:0|x'
    )


def test_the_byte_order_mark_stands_behind_the_number() -> None:
    message = Rfc5424(Rfc5424Options(utf8_bom="always")).wrap(Event.of({}), b"x", 1)
    assert message.endswith(b' - [meta sequenceId="1"] \xef\xbb\xbfx')


def test_an_empty_event_has_a_header_too() -> None:
    assert wrap({}) == b"<86>1 - - lpforwarder - - - {}"


@pytest.mark.parametrize(
    ("severity", "pri"),
    [(0, 86), (3, 86), (4, 85), (5, 85), (6, 84), (7, 84), (8, 84), (9, 82), (10, 82)],
)
def test_pri_is_facility_and_syslog_severity(severity: int, pri: int) -> None:
    assert wrap({"severity": severity}).startswith(b"<%d>1 " % pri)


@pytest.mark.parametrize(
    ("facility", "number"), [("kern", 0), ("authpriv", 10), ("cron2", 15), ("local7", 23), (0, 0), (23, 23)]
)
def test_the_facility_is_a_keyword_or_a_number(facility: str | int, number: int) -> None:
    assert read({}, facility=facility).facility == number
    assert len(FACILITIES) == 24


@pytest.mark.parametrize("facility", ["authprv", "10", "", 24, -1, True, 1.0, None])
def test_an_unknown_facility_is_refused_with_the_known_ones(facility: Any) -> None:
    with pytest.raises(ValidationError, match=r"0 to 23 or one of kern, .*local7"):
        Rfc5424Options(facility=facility)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (TIME, TIME),
        ("2026-03-04T05:06:07Z", "2026-03-04T05:06:07.000Z"),
        ("2026-03-04t06:06:07.089999+01:00", TIME),
        ("2026-03-04T05:06:60.500Z", "2026-03-04T05:06:59.500Z"),
        ("2026-03-04T05:06:07.089-00:00", TIME),
        ("2026-02-29T05:06:07.089Z", "-"),
        ("2026-03-04T05:06:07.089Z\n", "-"),
        ("2026-03-04 05:06:07.089Z", "-"),
        ("yesterday", "-"),
        (1772600767, "-"),
        (None, "-"),
    ],
)
def test_the_timestamp_is_the_events_own_time_or_nil(text: Any, written: str) -> None:
    assert read({"timestamp": text}).timestamp == written


@pytest.mark.parametrize(
    ("event_type", "msgid"),
    [
        ("itemchange", "itemchange"),
        ("two words", "two_words"),
        ("a\r\n<0>1 forged", "a__<0>1_forged"),
        ("é" * 40, "_" * 32),
        ("x" * 33, "x" * 32),
        ("", "-"),
        (None, "-"),
        (7, "7"),
    ],
)
def test_msgid_is_the_event_type_cleaned(event_type: Any, msgid: str) -> None:
    assert read({"eventType": event_type}).msgid == msgid


@pytest.mark.parametrize(
    ("hostname", "written"),
    [
        (None, "-"),
        ("", "-"),
        ("fwd1.example.net", "fwd1.example.net"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("two words", "two_words"),
        ("é" * 300, "_" * 255),
        ("x" * 300, "x" * 255),
    ],
)
def test_hostname_is_one_clean_name(hostname: str | None, written: str) -> None:
    assert read({}, hostname=hostname).hostname == written


def test_app_name_and_procid_are_cleaned_and_cut() -> None:
    message = read({}, app_name="a b" * 20, procid="\n" * 200)
    assert message.app_name == ("a_b" * 20)[:48]
    assert message.procid == "_" * 128


@pytest.mark.parametrize(
    ("utf8_bom", "payload", "has_bom"),
    [
        ("never", "é".encode(), False),
        ("auto", "é".encode(), True),
        ("auto", b"ascii", False),
        ("always", b"ascii", True),
    ],
)
def test_a_bom_stands_once_before_msg_and_only_where_it_was_asked_for(
    utf8_bom: Literal["never", "auto", "always"], payload: bytes, has_bom: bool
) -> None:
    octets = Rfc5424(Rfc5424Options(utf8_bom=utf8_bom)).wrap(Event.of({}), payload)
    message = strict_rfc5424.read(octets)
    assert (message.has_bom, message.msg) == (has_bom, payload)
    assert octets.count(strict_rfc5424.BOM) == has_bom
