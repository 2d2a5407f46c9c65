"""CEF:0, field by field; the strict reader in tests/fakes judges the result."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import ValidationError

from lpforwarder import event_ids
from lpforwarder.delivery.formats.cef import CefFormat, CefOptions
from lpforwarder.event import Event, split_lines
from tests.fakes import strict_cef


def cef(fields: dict[str, Any], equals: Literal["escape", "substitute"] = "escape") -> bytes:
    return CefFormat(CefOptions(equals=equals)).format(Event.of(fields))


def extension(fields: dict[str, Any]) -> dict[str, str]:
    return strict_cef.read(cef(fields)).extension


MAPPING = {
    "eventType": "cat",
    "sourceUser": "suser",
    "targetUser": "duser",
    "result": "outcome",
    "itemName": "fname",
    "action": "act",
    "message": "msg",
    "reason": "reason",
    "source": "deviceExternalId",
    "id": "externalId",
    "vendorAction": "lpforwarderVendorAction",
    "vendorData": "lpforwarderVendorData",
    "sourceIpRaw": "lpforwarderSourceIpRaw",
}


@pytest.mark.parametrize(("name", "key"), MAPPING.items())
def test_each_canonical_field_has_its_key(name: str, key: str) -> None:
    assert extension({name: "a value"}) == {key: "a value"}


@pytest.mark.parametrize(
    ("name", "field", "label"),
    [
        ("method", "cs1", "authMethod"),
        ("folderName", "cs2", "folderName"),
        ("attribute", "cs3", "attribute"),
        ("mfa", "cs4", "mfa"),
        ("mfaType", "cs5", "mfaType"),
    ],
)
def test_fields_without_a_key_of_their_own_are_labelled(name: str, field: str, label: str) -> None:
    assert extension({name: "a value"}) == {f"{field}Label": label, field: "a value"}


def test_the_time_is_sent_as_milliseconds_and_as_rfc_3339_text() -> None:
    assert extension({"timestamp": "2026-03-04T05:06:07.089Z"}) == {
        "rt": "1772600767089",
        "cs6Label": "eventTimeRfc3339",
        "cs6": "2026-03-04T05:06:07.089Z",
    }


def test_a_time_with_an_offset_is_the_same_instant_in_utc() -> None:
    found = extension({"timestamp": "2026-03-04t06:06:07.0899+01:00"})
    assert (found["rt"], found["cs6"]) == ("1772600767089", "2026-03-04T05:06:07.089Z")


@pytest.mark.parametrize(
    "time", ["yesterday", "", None, 1772600767, "2026-03-04 05:06:07", "2026-03-04T05:06:07"]
)
def test_no_time_is_invented(time: Any) -> None:
    assert extension({"timestamp": time}) == {}


def test_rt_is_left_out_before_1970_and_the_text_stays() -> None:
    assert extension({"timestamp": "1969-12-31T23:59:59.999Z"}) == {
        "cs6Label": "eventTimeRfc3339",
        "cs6": "1969-12-31T23:59:59.999Z",
    }
    assert extension({"timestamp": "1970-01-01T00:00:00.000Z"})["rt"] == "0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("203.0.113.77", {"src": "203.0.113.77"}),
        (" 203.0.113.77 ", {"src": "203.0.113.77"}),
        ("::ffff:203.0.113.77", {"src": "203.0.113.77"}),
        ("2001:DB8:0::1", {"c6a2Label": "Source IPv6 Address", "c6a2": "2001:db8::1"}),
        ("unknown", {"lpforwarderSourceIpRaw": "unknown"}),
        ("203.0.113.77:443", {"lpforwarderSourceIpRaw": "203.0.113.77:443"}),
        ("203.0.113.77, 10.0.0.1", {"lpforwarderSourceIpRaw": "203.0.113.77, 10.0.0.1"}),
        ("fe80::1%eth0", {"lpforwarderSourceIpRaw": "fe80::1%eth0"}),
        ("::ffff:203.0.113.77%1", {"lpforwarderSourceIpRaw": "::ffff:203.0.113.77%1"}),
        ("203.000.113.077", {"lpforwarderSourceIpRaw": "203.000.113.077"}),
        ("２０３.0.113.77", {"lpforwarderSourceIpRaw": "２０３.0.113.77"}),
        (3405803853, {"lpforwarderSourceIpRaw": "3405803853"}),
        ("1" * 100, {"lpforwarderSourceIpRaw": "1" * 100}),
        ("", {}),
    ],
)
def test_only_an_address_becomes_src_or_c6a2(text: Any, expected: dict[str, str]) -> None:
    assert extension({"sourceIp": text}) == expected


def test_the_raw_source_address_is_sent_once() -> None:
    assert extension({"sourceIp": "unknown", "sourceIpRaw": "via proxy"}) == {
        "lpforwarderSourceIpRaw": "via proxy"
    }


@pytest.mark.parametrize("word", ["failure", "failed", "denied", "blocked", " denied "])
def test_all_words_for_failure_become_failure(word: str) -> None:
    assert extension({"result": word}) == {"outcome": "failure"}


@pytest.mark.parametrize("word", ["success", "unknown", "pending = yes"])
def test_other_results_stay_as_they_are(word: str) -> None:
    assert extension({"result": word}) == {"outcome": word}


def test_an_id_that_does_not_fit_goes_whole_into_its_own_key() -> None:
    assert extension({"id": "x" * 40}) == {"externalId": "x" * 40}
    assert extension({"id": "x" * 41}) == {"lpforwarderEventUid": "x" * 41}
    assert extension({"id": "\x1b" * 20}) == {"lpforwarderEventUid": "#033" * 20}


def test_several_target_users_are_separated_by_commas() -> None:
    users = ["ana@example.org", "bo=1@example.org"]
    assert extension({"targetUsers": users}) == {"lpforwarderTargetUsers": "ana@example.org,bo=1@example.org"}
    assert extension({"targetUsers": "ana"}) == {"lpforwarderTargetUsers": "ana"}
    assert extension({"targetUsers": ["ana", 2**70]}) == {"lpforwarderTargetUsers": f'["ana",{2**70}]'}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-7, "-7"),
        (2.5, "2.5"),
        (2**70, str(2**70)),
        (["a", 1, None], '["a",1,null]'),
        ({"k=1": 'a"b\\c'}, '{"k=1":"a\\"b\\\\c"}'),
    ],
)
def test_values_that_are_no_text_are_written_as_json_writes_them(value: Any, text: str) -> None:
    assert extension({"mfa": value})["cs4"] == text
    stored = split_lines(Event.of({"mfa": value}).line)[0]
    assert strict_cef.read(CefFormat(CefOptions()).format(stored)).extension["cs4"] == text


@pytest.mark.parametrize("value", [None, "", "   ", "\t", float("nan"), float("inf")])
def test_a_field_without_a_value_has_no_key(value: Any) -> None:
    names = [*MAPPING, "method", "folderName", "mfa", "targetUsers", "timestampAmbiguous", "timestamp"]
    assert extension(dict.fromkeys(names, value)) == {}


def test_unknown_fields_never_become_keys() -> None:
    assert extension({"spt": "1", "duser": "admin", "eventid": "x", "cs1": "y", "custom": "z"}) == {}


def test_a_shortened_event_says_so() -> None:
    assert extension({"truncated": True}) == {"lpforwarderTruncated": "true"}


def test_the_header_of_a_known_event_comes_from_the_table() -> None:
    text = strict_cef.read(cef({"eventId": "4001", "severity": 4}))
    assert (text.vendor, text.product, text.version) == ("LastPass", "Enterprise", "1.0")
    assert (text.class_id, text.name, text.severity) == ("4001", "Vault item changed", 4)


def test_an_unknown_event_keeps_its_id_under_a_fixed_name() -> None:
    text = strict_cef.read(cef({"eventId": "a|b\\c\nd=e", "severity": 0}))
    assert (text.class_id, text.name, text.severity) == ("a|b\\c d=e", "Audit event", 0)
    assert b"CEF:0|LastPass|Enterprise|1.0|a\\|b\\\\c d=e|Audit event|0|" in cef(
        {"eventId": "a|b\\c\nd=e", "severity": 0}
    )


@pytest.mark.parametrize("fields", [{}, {"eventId": None}, {"eventId": ""}, {"eventId": "\t"}])
def test_an_event_without_an_id_has_a_constant_class(fields: dict[str, Any]) -> None:
    assert cef(fields) == b"CEF:0|LastPass|Enterprise|1.0|unknown|Audit event|3|"


def test_a_huge_event_id_is_cut_to_what_the_header_allows() -> None:
    assert strict_cef.read(cef({"eventId": "|" * 100_000})).class_id == "|" * 1023


def test_every_name_of_the_table_is_a_plain_header_field() -> None:
    for kind in event_ids.EVENT_IDS.values():
        text = strict_cef.read(cef({"eventId": kind.event_id}))
        assert (text.name, text.severity) == (kind.name, kind.severity)


def test_vendor_product_and_version_are_options() -> None:
    options = CefOptions(vendor="Acme|Co", product="Va\\ult", version="2\n3")
    octets = CefFormat(options).format(Event.of({}))
    assert octets.startswith(b"CEF:0|Acme\\|Co|Va\\\\ult|2 3|unknown|")


@pytest.mark.parametrize(
    "options", [{"vendor": ""}, {"vendor": "x" * 64}, {"version": "x" * 32}, {"equals": "x"}]
)
def test_options_that_cannot_be_a_header_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CefOptions(**options)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (r"blocked a \ b", rb"msg=blocked a \\ b"),
        ("blocked a = b", rb"msg=blocked a \= b"),
        ("detected a | in message", b"msg=detected a | in message"),
        ("Detected a threat.\n No action needed", rb"msg=Detected a threat.\n No action needed"),
        ("Detected a threat.\r\n No action needed", rb"msg=Detected a threat.\r\n No action needed"),
        (r"C:\new=1", rb"msg=C:\\new\=1"),
        ("ends in \\", rb"msg=ends in \\"),
        ("é 😀", "msg=é 😀".encode()),
    ],
)
def test_values_are_escaped_as_the_cef_standard_shows(value: str, written: bytes) -> None:
    assert cef({"message": value}).endswith(b"|3|" + written)


def test_a_pipe_in_the_header_is_escaped_as_the_cef_standard_shows() -> None:
    octets = CefFormat(CefOptions(product=r"detected a | in a \ message")).format(Event.of({}))
    assert octets.startswith(rb"CEF:0|LastPass|detected a \| in a \\ message|1.0|")


def test_an_equals_sign_can_be_substituted_for_receivers_that_unescape_too_early() -> None:
    fields = {"itemName": "x duser=admin", "targetUser": "bo@example.org", "id": "a=b", "result": "c=d"}
    octets = cef(fields, equals="substitute")
    assert b"fname=x duser:admin" in octets
    assert b"\\=" not in octets
    assert octets.count(b"duser=") == 1
    assert cef(fields).count(rb"duser\=admin") == 1


@pytest.mark.parametrize(
    ("name", "key", "most"),
    [
        ("action", "act", 63),
        ("result", "outcome", 63),
        ("source", "deviceExternalId", 255),
        ("message", "msg", 1023),
        ("sourceUser", "suser", 1023),
        ("folderName", "cs2", 4000),
    ],
)
def test_values_are_cut_to_the_dictionary_length_before_escaping(name: str, key: str, most: int) -> None:
    assert extension({name: "x" * (most + 1)})[key] == "x" * most
    assert extension({name: "=" * (most + 1)})[key] == "=" * most
    assert extension({name: "x" * (most - 1) + " y"})[key] == "x" * (most - 1)


def test_our_own_keys_have_no_dictionary_length() -> None:
    assert extension({"vendorData": "x" * 10_000}) == {"lpforwarderVendorData": "x" * 10_000}


def test_fields_that_only_own_events_have_travel_under_keys_of_ours() -> None:
    fields = {"eventId": "8100", "eventsWaiting": 12, "afterCrash": False, "fix": "a=b\n", "count": 3}
    assert extension({**fields, "source": "lpforwarder"}) == {
        "deviceExternalId": "lpforwarder",
        "lpforwarderEventsWaiting": "12",
        "lpforwarderAfterCrash": "false",
        "lpforwarderFix": "a=b\n",
        "lpforwarderCount": "3",
    }
    assert extension({**fields, "source": "acme"}) == {"deviceExternalId": "acme"}
