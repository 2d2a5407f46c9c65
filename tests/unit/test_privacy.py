"""What is dropped or hashed, and that nothing of it survives elsewhere in the event."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.errors import Denied
from lpforwarder.event import Event, Reject, parse, split_lines
from lpforwarder.privacy import KEPT, REMOVED, Privacy
from tests.fakes import hostile_events

KEY = b"0123456789abcdef0123456789abcdef"
USUAL: dict[str, Any] = {
    "id": "f511d4ed-0fcc-4676-bb73-5fa17555512e",
    "timestamp": "2022-12-14T17:33:43.369Z",
    "eventId": "4001",
    "eventType": "itemchange",
    "sourceIp": "39.1.231.14",
    "sourceUser": "ana@example.org",
    "targetUser": "ben@example.org",
    "itemName": "Payroll",
    "mfa": True,
    "message": 'ana@example.org changed "Payroll" of ben@example.org.',
    "source": "acme",
    "severity": 4,
}


def rules(drop: tuple[str, ...] = (), hash: tuple[str, ...] = ()) -> Privacy:
    return Privacy(drop=drop, hash=hash, key=lambda: KEY)


def clean(
    fields: dict[str, Any], *, drop: tuple[str, ...] = (), hash: tuple[str, ...] = ()
) -> dict[str, Any]:
    made = rules(drop, hash).event(Event.of(fields))
    assert made.fields == json.loads(made.line)
    return dict(made.fields)


def mac(text: str) -> str:
    return "hmac-sha256:" + hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()[:32]


# ---- dropping and hashing --------------------------------------------------------------------------------


def test_a_dropped_field_is_gone_and_its_value_is_out_of_other_texts() -> None:
    made = clean(USUAL, drop=("itemName",))
    assert made == {name: value for name, value in USUAL.items() if name != "itemName"} | {
        "message": 'ana@example.org changed "[removed]" of ben@example.org.'
    }


def test_a_hashed_field_has_the_keyed_hash_everywhere() -> None:
    made = clean(USUAL, hash=("sourceUser",))
    assert made["sourceUser"] == mac("ana@example.org")
    assert made["message"] == f'{mac("ana@example.org")} changed "Payroll" of ben@example.org.'
    assert list(made) == list(USUAL)


def test_the_hash_is_the_one_that_other_tools_compute() -> None:
    # printf %s ana@example.org | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
    assert mac("ana@example.org") == "hmac-sha256:47081cdba4931851f7107d72483ab993"
    assert rules(hash=("sourceUser",)).hashed("ana@example.org") == mac("ana@example.org")


NFC, NFD = "Zo\u00eb@example.org", "Zoe\u0308@example.org"
"""One name, spelt as two programs do it."""


def test_a_name_has_one_hash_however_its_accents_are_spelt() -> None:
    assert rules(hash=("sourceUser",)).hashed(NFD) == rules(hash=("sourceUser",)).hashed(NFC) == mac(NFC)


@pytest.mark.parametrize(("value", "text"), [(NFC, NFD), (NFD, NFC)])
@pytest.mark.parametrize("way", ["drop", "hash"])
def test_a_name_is_found_in_other_texts_however_its_accents_are_spelt(
    value: str, text: str, way: str
) -> None:
    names = ("sourceUser",)
    fields = USUAL | {"sourceUser": value, "message": f"login of {text}, {text.upper()} and {text[:-12]}"}
    made = clean(fields, drop=names) if way == "drop" else clean(fields, hash=names)
    new = REMOVED if way == "drop" else mac(NFC)
    assert made["message"] == f"login of {new}, {new} and {new}"


def test_one_person_has_one_hash_whatever_the_field() -> None:
    made = clean({**USUAL, "targetUser": "ana@example.org"}, hash=("sourceUser", "targetUser"))
    assert made["sourceUser"] == made["targetUser"] == mac("ana@example.org")


def test_another_key_gives_another_hash() -> None:
    other = Privacy(drop=(), hash=("sourceUser",), key=lambda: b"another key of the same length..")
    assert other.hashed("ana@example.org") != mac("ana@example.org")


def test_lists_are_hashed_element_by_element() -> None:
    made = clean({"id": "1", "targetUsers": ["ana", "ben", "", None, ["eve"]]}, hash=("targetUsers",))
    assert made["targetUsers"] == [mac("ana"), mac("ben"), "", None, [mac("eve")]]


@pytest.mark.parametrize("value", [None, ""])
def test_nothing_stays_nothing(value: Any) -> None:
    assert clean({"id": "1", "itemName": value}, hash=("itemName",))["itemName"] == value


@pytest.mark.parametrize(("value", "text"), [(4711, "4711"), (True, "true"), ({"a": [1]}, '{"a":[1]}')])
def test_other_values_are_hashed_as_they_are_written(value: Any, text: str) -> None:
    assert clean({"id": "1", "extra": value}, hash=("extra",))["extra"] == mac(text)


def test_fields_are_meant_wherever_they_stand() -> None:
    nested = {"id": "1", "vendorFields": {"details": [{"user": "ana", "door": 7}], "user": "ben"}}
    assert clean(nested, drop=("user",)) == {"id": "1", "vendorFields": {"details": [{"door": 7}]}}
    assert clean(nested, hash=("user",))["vendorFields"]["user"] == mac("ben")


@pytest.mark.parametrize(
    ("named", "companion", "value"),
    [
        ("targetUser", "targetUsers", ["ben@example.org", "eve@example.org"]),
        ("sourceIp", "sourceIpRaw", "::ffff:39.1.231.14"),
        ("itemName", "itemNames", ["Payroll", "Shop"]),
        ("folderName", "folderNameBefore", "Old"),
        ("groupName", "groupNameBefore", "Old"),
    ],
)
def test_what_holds_more_of_the_same_goes_too_unless_it_is_named_itself(
    named: str, companion: str, value: Any
) -> None:
    fields = {**USUAL, named: "something", companion: value}
    assert companion not in clean(fields, drop=(named,))
    both = clean(fields, drop=(named,), hash=(companion,))
    assert named not in both
    assert "hmac-sha256:" in str(both[companion])


def test_an_event_without_the_fields_is_the_very_same() -> None:
    event = Event.of(USUAL)
    assert rules(drop=("folderName",), hash=("apiUser",)).event(event) is event


def test_identity_stays_whatever_is_asked_for() -> None:
    fields = {**USUAL, "id": "login of ana@example.org", "eventType": "Payroll"}
    made = clean(fields, drop=("itemName", *KEPT), hash=("sourceUser", *KEPT))
    assert {name: made[name] for name in KEPT} == {name: fields[name] for name in KEPT}


def test_large_integers_survive_exactly() -> None:
    stored = split_lines(Event.of({"id": "1", "big": 2**70, "itemName": "x", "e": 1e-7}).line)[0]
    made = rules(drop=("itemName",)).event(stored)
    assert parse(made.line) == {"id": "1", "big": 2**70, "e": 1e-7}


def test_dropping_is_stricter_than_hashing() -> None:
    fields = {
        "id": "1",
        "sourceUser": "ana@example.org",
        "itemName": "ana@example.org",
        "message": "ana@example.org",
    }
    made = clean(fields, drop=("itemName",), hash=("sourceUser",))
    assert made["message"] == REMOVED
    assert made["sourceUser"] == mac("ana@example.org")


# ---- what is taken out of other texts --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text", "left"),
    [
        ("ana@example.org", "By ANA@Example.ORG!", "By [removed]!"),
        ("ana@example.org", "ana@example.orgx", "[removed]x"),
        ("ana@example.org", "ana did it", "[removed] did it"),
        ("ana@example.org", "seen: ana.", "seen: [removed]."),
        ("ana@example.org", "Ana did it, and anabel, and ana.b, and x-ana", None),
        ("ana@example.org", "ana@example.net", None),
        ("Payroll", '{"name":"payroll 2"}', '{"name":"[removed] 2"}'),
        ('A "B" & C', '{"name":"A \\"B\\" & C"}', '{"name":"[removed]"}'),
        ('A "B" & C', "<b>A &quot;B&quot; &amp; C</b>", "<b>[removed]</b>"),
        ("ana@example.org", "?u=ana%40example.org&x", "?u=[removed]&x"),
        ("Grüße", '{"name":"Gr\\u00fc\\u00dfe"}', '{"name":"[removed]"}'),
        ("Straße", "STRASSE", "[removed]"),
        ("  Payroll  ", "Payroll", "[removed]"),
        ("39.1.231.14", "from 39.1.231.14: ok", "from [removed]: ok"),
        ("39.1.231.14", "from 139.1.231.145", None),
        ("AB", "ab in CAB and AB", "[removed] in CAB and [removed]"),
        ("a.*", "a.* and abc", "[removed] and abc"),
        (4711, "number 4711 of 47110", "number [removed] of 47110"),
        ("x" * 300, "x" * 199 + "…", "[removed]…"),
        ("\u2028\n", "a \u2028\n", None),
        ("", "nothing", None),
        (True, "true", None),
    ],
)
def test_a_value_is_found_in_other_texts(value: Any, text: str, left: str | None) -> None:
    made = clean({"id": "1", "itemName": value, "vendorData": text}, drop=("itemName",))
    assert made["vendorData"] == (text if left is None else left)


def test_it_is_found_inside_nested_texts_and_their_names() -> None:
    fields = {"id": "1", "itemName": "Payroll", "vendorFields": [{"Payroll": 1, "x": ["my Payroll"]}]}
    made = clean(fields, drop=("itemName",))
    assert made["vendorFields"] == [{"[removed]": 1, "x": ["my [removed]"]}]


def test_names_that_look_alike_then_do_not_hide_each_other() -> None:
    fields = {"id": "1", "itemName": "ab cd", "extra": {"ab cd": 1, "AB CD": 2}}
    assert clean(fields, drop=("itemName",))["extra"] == {"[removed]": 1, "[removed]_": 2}


def test_an_item_called_like_a_field_takes_no_field_away() -> None:
    made = clean({**USUAL, "itemName": "message"}, drop=("itemName",))
    assert "message" in made


def test_a_field_of_its_own_that_names_a_person_is_renamed() -> None:
    made = clean(
        {"id": "1", "sourceUser": "ana@example.org", "seen ana@example.org": 1}, drop=("sourceUser",)
    )
    assert made == {"id": "1", "seen [removed]": 1}


def test_numbers_that_are_the_value_go_too() -> None:
    made = clean({"id": "1", "badge": 4711, "extra": [4711, 47110, 4711.5, True]}, drop=("badge",))
    assert made["extra"] == [REMOVED, 47110, 4711.5, True]


def test_nothing_is_found_inside_what_took_the_place_of_something() -> None:
    fields = {"id": "1", "sourceUser": "ana@example.org", "itemName": "sha256", "groupName": "removed"}
    text = {**fields, "message": "ana@example.org used sha256 in removed"}
    made = clean(text, drop=("itemName", "groupName"), hash=("sourceUser",))
    assert made["message"] == f"{mac('ana@example.org')} used [removed] in [removed]"


def test_the_longer_value_is_taken_out_first() -> None:
    fields = {"id": "1", "sourceUser": "ana@example.org", "targetUser": "ana@example.org.uk"}
    made = clean({**fields, "message": "ana@example.org.uk"}, hash=("sourceUser", "targetUser"))
    assert made["message"] == mac("ana@example.org.uk")


# ---- rejects and the key ---------------------------------------------------------------------------------


def test_of_a_reject_only_length_and_digest_are_kept() -> None:
    reject = Reject(where="events.json line 3", reason="not JSON", raw=b"ana@example.org")
    made = rules(drop=("itemName",)).reject(reject)
    digest = hashlib.sha256(b"ana@example.org").hexdigest()
    assert made.raw == f"[not kept: 15 octets, sha256:{digest}]".encode()
    assert (made.where, made.reason, made.octets) == ("events.json line 3", "not JSON", 15)


def test_with_a_key_nobody_can_test_a_guess_of_a_rejected_record() -> None:
    made = rules(hash=("itemName",)).reject(Reject(where="w", reason="r", raw=b"ana@example.org", octets=99))
    assert made.raw == f"[not kept: 99 octets, {mac('ana@example.org')}]".encode()
    assert made.octets == 99


def test_a_reject_without_a_record_is_the_very_same() -> None:
    reject = Reject(where="events.json", reason="was replaced", raw=b"")
    assert rules(drop=("itemName",)).reject(reject) is reject


def test_the_key_is_asked_for_once_and_only_when_it_is_needed() -> None:
    asked = []

    def key() -> bytes:
        asked.append(1)
        return KEY

    some = Privacy(drop=("itemName",), hash=("sourceUser",), key=key)
    some.event(Event.of({"id": "1", "itemName": "x"}))
    assert asked == []
    for name in ("ana", "ben"):
        some.event(Event.of({"id": "1", "sourceUser": name}))
    assert asked == [1]


def test_a_key_that_cannot_be_read_lets_nothing_through() -> None:
    def key() -> bytes:
        raise Denied("hash.key can be read by everyone here", code="LPF110")

    some = Privacy(drop=(), hash=("sourceUser",), key=key)
    with pytest.raises(Denied):
        some.event(Event.of(USUAL))


# ---- whatever an event holds -----------------------------------------------------------------------------

NAMES = st.lists(st.sampled_from(hostile_events.FIELDS), max_size=4).map(tuple)


@given(event=hostile_events.events, drop=NAMES, hash=NAMES)
def test_it_is_total_and_keeps_the_identity(
    event: Event, drop: tuple[str, ...], hash: tuple[str, ...]
) -> None:
    made = rules(drop, hash).event(event)
    assert {name: made.fields.get(name) for name in KEPT} == {
        name: parse(event.line).get(name) for name in KEPT
    }
    assert made.line.isascii()
    assert b"\n" not in made.line
    gone = set(drop) - KEPT.keys()
    assert not any(name in gone for name in made.fields)


@given(
    value=st.text(min_size=4, max_size=40).filter(lambda text: len(text.strip()) >= 4),
    around=st.tuples(hostile_events.hostile_text, hostile_events.hostile_text),
)
def test_no_value_of_four_characters_and_more_survives_in_any_case(
    value: str, around: tuple[str, str]
) -> None:
    before, behind = (text.rstrip("0123456789") + " " for text in around)
    fields = Event.of({"id": "1", "itemName": value, "message": before + value + " " + behind}).fields
    for text in (fields["message"], fields["message"].upper(), fields["message"].lower()):
        made = clean({"id": "1", "itemName": fields["itemName"], "message": text}, drop=("itemName",))
        assert REMOVED in made["message"]
