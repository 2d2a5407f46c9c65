"""Records into events: who, whom, what is unknown, ids, and values that are not what they should be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.event import Event
from lpforwarder.intake.sources.lastpass import catalogue, records
from lpforwarder.intake.sources.lastpass.grammar import GRAMMARS
from lpforwarder.intake.sources.lastpass.ids import event_id
from lpforwarder.intake.sources.lastpass.records import Raw, plain, raw_texts, refusal

INSTANT = 1772648527
RECORD = {
    "Time": "2026-03-04 13:22:07",
    "Username": "ana@example.org",
    "IP_Address": "203.0.113.24",
    "Action": "Log in",
    "Data": "LastPass via Website",
}
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text(), max_size=3)
SURROGATES = st.text(alphabet=st.characters(), max_size=20)


def fields(action: str = "Log in", data: Any = "", **others: Any) -> dict[str, Any]:
    """The event's fields, read back from its line."""
    record = RECORD | {"Action": action, "Data": data} | others
    event, _ = records.to_event(record, source="acme", instant=INSTANT, id="an-id")
    read: dict[str, Any] = json.loads(event.line)
    return read


def test_a_sign_in_looks_as_the_wish_has_it() -> None:
    assert fields(data="LastPass via Website") == {
        "id": "an-id",
        "timestamp": "2026-03-04T18:22:07.000Z",
        "eventId": "1001",
        "eventType": "authentication",
        "source": "acme",
        "severity": 3,
        "sourceIp": "203.0.113.24",
        "targetUser": "ana@example.org",
        "result": "success",
        "method": "unknown",
        "mfa": "unknown",
        "mfaType": "unknown",
        "client": "Website",
        "action": "accessed",
        "message": "ana@example.org successfully logged in.",
        "vendorAction": "Log in",
        "vendorData": "LastPass via Website",
    }


def test_an_item_change_looks_as_the_wish_has_it() -> None:
    assert fields("Password changed", "example.com (bo) (Shop) from Shared-Team") == {
        "id": "an-id",
        "timestamp": "2026-03-04T18:22:07.000Z",
        "eventId": "4001",
        "eventType": "itemchange",
        "source": "acme",
        "severity": 4,
        "sourceIp": "203.0.113.24",
        "sourceUser": "ana@example.org",
        "result": "success",
        "attribute": "password",
        "itemName": "Shop",
        "itemSite": "example.com",
        "folderName": "Shared-Team",
        "action": "modified",
        "message": 'ana@example.org changed the password attribute on "Shop" in folder "Shared-Team".',
        "vendorAction": "Password changed",
        "vendorData": "example.com (bo) (Shop) from Shared-Team",
    }


def test_saml_is_told_by_the_name_and_a_second_factor_never() -> None:
    signed_in = fields("SAML LOGIN", "idp.example.org")
    assert (signed_in["method"], signed_in["mfa"], signed_in["mfaType"]) == ("saml", "unknown", "unknown")
    assert signed_in["vendorAction"] == "SAML LOGIN"


def test_the_launch_of_an_item_has_a_source_user_and_no_factor() -> None:
    launched = fields("Log in", "VID: 4901555952779484761 from Team")
    assert launched["sourceUser"] == "ana@example.org"
    assert launched["itemId"] == "4901555952779484761"
    assert not {"targetUser", "mfa", "mfaType", "method"} & set(launched)


def test_the_type_of_a_factor_is_known_only_where_it_is_named() -> None:
    assert fields("Disabled Google Authenticator")["mfaType"] == "totp"
    assert fields("Disabled Multifactor Authentication")["mfaType"] == "unknown"


def test_several_targets_become_a_list_and_one_does_not() -> None:
    several = fields("Employee account created", "b@example.org,c@example.org")
    assert several["targetUsers"] == ["b@example.org", "c@example.org"]
    assert "targetUser" not in several
    one = fields("Employee account created", "b@example.org")
    assert one["targetUser"] == "b@example.org"
    assert "targetUsers" not in one


@pytest.mark.parametrize(
    ("username", "data", "label"),
    [
        ("", "Initiated by API: host7", "host7"),
        ("", "Initiated by API", "unknown"),
        ("API", "(initiated by API)", "unknown"),
        ("API: host7", "Initiated by API", "host7"),
        ("API: one", "Initiated by API: two", "two"),
        (None, "Initiated by API: host7", "host7"),
        ("API", "", "unknown"),
    ],
)
def test_callers_of_the_api_are_no_users(username: str | None, data: str, label: str) -> None:
    called = fields("Reporting", data, Username=username)
    assert called["apiUser"] == label
    assert not {"sourceUser", "targetUser"} & set(called)


def test_an_api_caller_can_do_what_administrators_do() -> None:
    created = fields("Employee account created", "b@example.org", Username="API: hr")
    assert (created["apiUser"], created["targetUser"]) == ("hr", "b@example.org")
    assert "sourceUser" not in created


def test_no_user_means_no_user_field() -> None:
    assert not {"sourceUser", "targetUser", "apiUser"} & set(fields("Log in", "", Username=""))


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::7", "::ffff:203.0.113.9", " 203.0.113.9 "])
def test_addresses_travel_as_they_are(address: str) -> None:
    event = fields(IP_Address=address)
    assert event["sourceIp"] == address.strip()
    assert "sourceIpRaw" not in event


@pytest.mark.parametrize(
    "address", ["300.1.2.3", "01.2.3.4", "fe80::1%a|b c", "203.0.113.9, 10.0.0.1", "host", "1" * 5000]
)
def test_what_is_no_address_is_kept_under_another_name(address: str) -> None:
    event = fields(IP_Address=address)
    assert event["sourceIpRaw"] == address
    assert "sourceIp" not in event


def test_an_empty_address_is_absent() -> None:
    assert not {"sourceIp", "sourceIpRaw"} & set(fields(IP_Address=""))


def test_an_unknown_action_passes_with_its_raw_text_and_a_flag() -> None:
    record = RECORD | {"Action": " Frobnicated Vault ", "Data": "x | y=z"}
    event, known = records.to_event(record, source="acme", instant=INSTANT, id="i")
    assert not known
    assert event.fields["eventId"] == "9001"
    assert event.fields["eventType"] == "unknown"
    assert event.fields["unknownAction"] is True
    assert event.fields["vendorAction"] == " Frobnicated Vault "
    assert event.fields["vendorData"] == "x | y=z"
    assert event.fields["sourceUser"] == "ana@example.org"
    assert event.fields["result"] == "unknown"


def test_a_known_action_is_not_flagged() -> None:
    event, known = records.to_event(RECORD, source="acme", instant=INSTANT, id="i")
    assert known
    assert not {"unknownAction", "timestampAmbiguous"} & set(event.fields)


def test_doubt_about_the_time_is_marked() -> None:
    event, _ = records.to_event(RECORD, source="acme", instant=INSTANT, id="i", ambiguous=True)
    assert event.fields["timestampAmbiguous"] is True


def test_raw_data_can_be_switched_off_without_losing_its_parts() -> None:
    record = RECORD | {"Action": "Site added", "Data": "example.com (bo@secret.example) (Shop)", "More": 1}
    event, _ = records.to_event(record, source="a", instant=INSTANT, id="i", keep_vendor_data=False)
    assert not {"vendorData", "vendorFields"} & set(event.fields)
    assert event.fields["itemName"] == "Shop"
    assert b"secret" not in event.line


def test_members_beyond_the_five_travel_along() -> None:
    assert fields(Location={"country": "ES"})["vendorFields"] == {"Location": {"country": "ES"}}
    assert "vendorFields" not in fields()


def test_data_that_is_no_text_is_kept_and_not_read() -> None:
    event = fields("Employee invited", ["b@example.org"])
    assert event["vendorData"] == '["b@example.org"]'
    assert not {"targetUser", "targetUsers"} & set(event)
    assert fields("Make admin", 17)["vendorData"] == "17"


@pytest.mark.parametrize("data", ["' '", "'a' 'b' 'c d'", "Secure Note (x", " to ", "a\nb", "VID: x"])
@pytest.mark.parametrize("action", ["Renamed shared folder", "Open secure note", "Move to shared folder"])
def test_data_that_does_not_fit_is_carried_raw(action: str, data: str) -> None:
    event = fields(action, data)
    assert event["vendorData"] == data
    assert not {"itemName", "itemNames", "folderName", "folderNameBefore"} & set(event)


@pytest.mark.parametrize("action", [*catalogue.ACTIONS, catalogue.ITEM_LAUNCH], ids=lambda action: action.key)
def test_every_spelling_with_every_attested_form_becomes_its_event(action: catalogue.Action) -> None:
    grammar = GRAMMARS[action.grammar]
    for spelling in action.spellings:
        for written in (spelling, spelling.upper(), f" {spelling.lower()} "):
            for data in (*grammar.examples, ""):
                if action is catalogue.ITEM_LAUNCH and data == "":
                    continue
                event = fields(written, data)
                assert (event["eventId"], event["action"]) == (action.event_id, action.verb)
                assert (event["result"], event["severity"]) == (action.result, action.severity)
                assert event["vendorAction"] == written
                assert event.get("vendorData", "") == data
                parts = grammar.read(data)
                assert {name: event[name] for name in parts} == parts
                assert {name: event[name] for name in action.extra} == action.extra
                assert event["message"].endswith(".")


@given(record=st.dictionaries(st.sampled_from(list(RECORD)) | st.text(max_size=8), VALUES, max_size=7))
def test_no_record_makes_reading_raise(record: dict[str, Any]) -> None:
    event, _ = records.to_event(record, source="acme", instant=INSTANT, id="i")
    again = Event.of(dict(event.fields))
    assert again.line == event.line
    assert json.loads(event.line)["eventType"]
    assert isinstance(refusal(record), str)


@given(action=st.sampled_from(catalogue.ACTIONS), data=SURROGATES, username=SURROGATES)
def test_hostile_texts_give_one_line_of_ascii(action: catalogue.Action, data: str, username: str) -> None:
    record = RECORD | {"Action": action.spellings[0], "Data": data, "Username": username}
    event, known = records.to_event(record, source="acme", instant=INSTANT, id="i")
    assert known
    assert event.line.isascii()
    assert b"\n" not in event.line
    assert len(event_id("1", raw_texts(record), 0)) == 36


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        "text",
        7,
        {},
        {"Time": None},
        {"Time": 20260304},
        {"Time": ""},
        {"Time": "yesterday"},
        {"Time": "0000-00-00 00:00:00"},
        {"Time": "2026-02-30 00:00:00"},
    ],
)
def test_what_cannot_become_an_event_is_refused_with_a_reason(record: Any) -> None:
    assert refusal(record) != ""


def test_a_refusal_does_not_repeat_the_record() -> None:
    assert "hunter2" not in refusal({"Time": "hunter2"})


def test_only_the_time_is_needed() -> None:
    assert refusal({"Time": "2026-03-04 13:22:07"}) == ""
    event, known = records.to_event({"Time": "2026-03-04 13:22:07"}, source="a", instant=INSTANT, id="i")
    assert not known
    assert event.fields["eventId"] == "9001"


def test_missing_null_and_empty_members_are_one_identity() -> None:
    assert raw_texts({"Time": "t"}) == raw_texts({"Time": "t", "Data": None, "Username": ""})


def test_own_reports_are_known_by_their_label() -> None:
    record = RECORD | {"Action": "REPORTING", "Username": "", "Data": "Initiated by API: me/1"}
    assert records.is_own_report(record, "me/1")
    assert not records.is_own_report(record, "me")
    assert records.is_own_report(record | {"Username": "API: me/1", "Data": "Initiated by API"}, "me/1")
    assert not records.is_own_report(record | {"Action": "Get user data"}, "me/1")
    assert not records.is_own_report(record | {"Username": "me/1", "Data": ""}, "me/1")


def test_a_record_as_documented_is_its_texts() -> None:
    assert plain(RECORD) == raw_texts(RECORD) == Raw(*RECORD.values())
    assert plain(dict(reversed(RECORD.items()))) == plain(RECORD)
    assert raw_texts(plain(RECORD)) is not None


@pytest.mark.parametrize(
    "odd", [{"More": 1}, {"Data": None}, {"Data": ["x"]}, {"Time": 5}, {"Username": True}]
)
def test_what_is_not_as_documented_stays_as_it_came(odd: dict[str, Any]) -> None:
    record = RECORD | odd
    assert plain(record) is record
    less = {name: value for name, value in RECORD.items() if name != "Data"}
    assert plain(less) is less
    assert plain("text") == "text"


@given(st.sampled_from(catalogue.ACTIONS), SURROGATES, SURROGATES, SURROGATES)
def test_a_record_says_the_same_as_texts_and_as_an_object(
    action: catalogue.Action, data: str, username: str, address: str
) -> None:
    record = RECORD | {
        "Action": action.spellings[0],
        "Data": data,
        "Username": username,
        "IP_Address": address,
    }
    as_object = records.to_event(record, source="acme", instant=INSTANT, id="an-id")
    assert records.to_event(plain(record), source="acme", instant=INSTANT, id="an-id") == as_object
