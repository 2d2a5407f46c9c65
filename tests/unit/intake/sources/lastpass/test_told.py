"""What single texts say, and that remembering it changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.intake.sources.lastpass import catalogue, told
from lpforwarder.intake.sources.lastpass.grammar import GRAMMARS

ACTIONS = [*catalogue.ACTIONS, catalogue.ITEM_LAUNCH]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: f"{action.key} {action.event_id}")
def test_nothing_that_data_gives_is_given_by_the_action_already(action: catalogue.Action) -> None:
    said = told.Plan(action, action.spellings[0]).told("", False).fields
    assert not said.keys() & set(GRAMMARS[action.grammar].fields)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: f"{action.key} {action.event_id}")
def test_no_sign_in_names_another_target(action: catalogue.Action) -> None:
    if action.event_id.startswith("1"):
        assert not {"targetUser", "targetUsers"} & set(GRAMMARS[action.grammar].fields)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: f"{action.key} {action.event_id}")
def test_no_grammar_gives_an_empty_value(action: catalogue.Action) -> None:
    for data in ("", " ", "''", "'' ''", " from ", "()", ",", *GRAMMARS[action.grammar].examples):
        assert "" not in told.read_told(action.spellings[0], data, True).fields.values()


@given(
    st.sampled_from([*(action.spellings[0] for action in ACTIONS), "Frobnicated {who} {item}"]),
    st.text(max_size=30) | st.sampled_from([text for g in GRAMMARS.values() for text in g.examples]),
)
def test_what_is_remembered_is_what_would_be_read(name: str, data: str) -> None:
    read = told.read_told(name, data, True)
    assert [told.PAIRS[name, data] for _ in range(3)] == [read] * 3
    assert (name, data) in told.PAIRS


def test_what_comes_once_is_not_remembered() -> None:
    pair = ("Created shared folder", "comes once")
    assert told.PAIRS[pair].fields["folderName"] == "comes once"
    assert pair not in told.PAIRS


def test_data_that_is_no_text_says_nothing() -> None:
    assert "folderName" not in told.read_told("Created shared folder", "5", False).fields


def test_memories_end() -> None:
    for number in range(3 * told._MOST_NAMES):
        told.DOERS[f"user {number}"]
    assert len(told.DOERS) <= told._MOST_NAMES
    for number in range(3 * told._MOST_PAIRS):
        told.PAIRS["Created shared folder", f"folder {number}"]
        told.PAIRS["Created shared folder", f"folder {number}"]
    assert len(told.PAIRS) <= told._MOST_PAIRS
    assert len(told.PAIRS._seen) <= told._MOST_SEEN


def test_placeholders_in_a_name_are_only_text() -> None:
    sentence = told.PAIRS["Frobnicated {who} {item}", ""].sentence
    assert sentence.by("ana") == 'The action "Frobnicated {who} {item}" of ana is not in the catalogue.'


def test_long_texts_are_read_but_not_remembered() -> None:
    long = "x" * 300
    for _ in range(3):
        assert told.PAIRS["Created shared folder", long].fields["folderName"] == long
        assert told.DOERS[long].fields == {"sourceUser": long}
        assert told.ADDRESSES[long].fields == {"sourceIpRaw": long}
    assert ("Created shared folder", long) not in told.PAIRS
    assert long not in told.DOERS
    assert long not in told.ADDRESSES


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("203.0.113.24", {"sourceIp": "203.0.113.24"}),
        (" 2001:DB8::A ", {"sourceIp": "2001:DB8::A"}),
        ("203.0.113.7:443", {"sourceIpRaw": "203.0.113.7:443"}),
        ("fe80::1%eth0", {"sourceIpRaw": "fe80::1%eth0"}),
        ("", {}),
    ],
)
def test_an_address_is_one_or_keeps_its_text(text: str, fields: dict[str, str]) -> None:
    assert told.ADDRESSES[text].fields == fields


@pytest.mark.parametrize(
    ("username", "is_target", "fields", "who"),
    [
        ("ana", False, {"sourceUser": "ana"}, "ana"),
        (" ana ", True, {"targetUser": "ana"}, "ana"),
        ("API: inventory", False, {"apiUser": "inventory"}, 'API caller "inventory"'),
        ("api", True, {"apiUser": "unknown"}, "An API caller"),
        ("", False, {}, "An unknown user"),
    ],
)
def test_a_user_name_is_a_person_or_an_api_caller(
    username: str, is_target: bool, fields: dict[str, str], who: str
) -> None:
    person = (told.TARGETS if is_target else told.DOERS)[username]
    assert (person.fields, person.who) == (fields, who)
    assert person.has_name == ("apiUser" not in fields and username != "")
