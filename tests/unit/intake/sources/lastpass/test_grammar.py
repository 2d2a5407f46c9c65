"""The forms of Data: what each gives, what is ambiguous, and that hostile text gives nothing false."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.intake.sources.lastpass.grammar import GRAMMARS, read

HOSTILE = st.text() | st.text(alphabet="'\"()-,: /ab@.\n\\|=]\x00\u2028", max_size=40)
WORDS = st.text(alphabet="abcXYZ0129.@-_+'\"(),|=\\]é", min_size=1)
NAMES = st.text(min_size=1).filter(lambda name: name.strip() != "")


@pytest.mark.parametrize(
    ("grammar", "data", "parts"),
    [
        ("client", "LastPass via Website", {"client": "Website"}),
        ("client", "LastPass via Chrome v4.134.0", {"client": "Chrome v4.134.0"}),
        ("client", "lastpass.com", {}),
        ("client", "", {}),
        ("application", "authserver.example", {"samlApplication": "authserver.example"}),
        ("administrator", "root", {"adminUser": "root"}),
        ("administrator", "two words", {}),
        ("users", "user4", {"targetUser": "user4"}),
        ("users", "a@example.org,b@example.org", {"targetUsers": ["a@example.org", "b@example.org"]}),
        ("users", "a@example.org, b", {"targetUsers": ["a@example.org", "b"]}),
        ("users", "a@example.org,,b", {}),
        ("users", "a@example.org,", {}),
        ("users", "the user a@example.org", {}),
        ("users", "", {}),
        ("addresses", "a@example.org", {"targetUser": "a@example.org"}),
        ("addresses", "bare", {}),
        ("addresses", "a@example.org,bare", {}),
        ("account", "a@example.org-Shared-temp-1", {"targetUser": "a@example.org", "folderName": "temp-1"}),
        ("account", "a@example.org-Shared-My Team", {"targetUser": "a@example.org", "folderName": "My Team"}),
        ("account", "a-Shared-b-Shared-c", {}),
        ("account", "-Shared-b", {}),
        ("account", "a b-Shared-c", {}),
        ("account", "a-Shared-", {}),
        ("account", "a@example.org", {}),
        ("api", "Initiated by API", {"apiUser": "unknown"}),
        ("api", "(initiated by API)", {"apiUser": "unknown"}),
        ("api", "Initiated by API: host7/lp", {"apiUser": "host7/lp"}),
        ("api", "Initiated by API: ", {"apiUser": "unknown"}),
        ("api", "Initiated by someone", {}),
        ("policy", "Length of passwords", {"policyName": "Length of passwords"}),
        (
            "policy",
            'Length of passwords New value: !@# abc.example = 1"',
            {"policyName": "Length of passwords", "policyValue": '!@# abc.example = 1"'},
        ),
        ("policy", "Length New value: ", {"policyName": "Length"}),
        ("policy", "Length New value:", {"policyName": "Length"}),
        ("policy", "A New value: B New value: C", {}),
        ("policy", " New value: 1", {}),
        ("policy", "", {}),
        ("group", "'temp-group'", {"groupName": "temp-group"}),
        ("group", "'it's'", {"groupName": "it's"}),
        ("group", "'a' 'b'", {"groupName": "a' 'b"}),
        ("group", "unquoted", {}),
        ("group", "''", {}),
        ("group", "'", {}),
        ("group_rename", "'a' to 'b c'", {"groupName": "b c", "groupNameBefore": "a"}),
        ("group_rename", "'a' to 'b' to 'c'", {}),
        ("group_rename", "'a' to ''", {}),
        ("group_user", "'G 3' 'c@example.org'", {"targetUser": "c@example.org", "groupName": "G 3"}),
        ("group_user", "'G 3' 'c d'", {}),
        ("user_group", "c@example.org - G - 3", {"targetUser": "c@example.org", "groupName": "G - 3"}),
        ("user_group", "c d - G", {}),
        ("user_group", "c@example.org", {}),
        ("folder", "temp-1", {"folderName": "temp-1"}),
        ("folder", "it's (a) 'folder'", {"folderName": "it's (a) 'folder'"}),
        ("folder", " ", {}),
        ("folder_rename", "'test 1' 'test2'", {"folderName": "test2", "folderNameBefore": "test 1"}),
        ("folder_rename", "'a' 'b' 'c'", {}),
        ("folder_rename", "'a' ''", {}),
        ("folder_user", "'T 1' 'u@example.org'", {"targetUser": "u@example.org", "folderName": "T 1"}),
        (
            "folder_user",
            "'T' 'o'brien@example.org'",
            {"targetUser": "o'brien@example.org", "folderName": "T"},
        ),
        ("folder_user", "T u@example.org", {}),
        (
            "limit",
            "shared folder u@example.org",
            {"targetUser": "u@example.org", "folderName": "shared folder"},
        ),
        ("limit", "folder", {}),
        ("limit", "folder ", {}),
        ("limit", " u@example.org", {}),
        ("none", "anything", {}),
    ],
)
def test_each_form_gives_exactly_what_it_says(grammar: str, data: str, parts: dict[str, Any]) -> None:
    assert read(grammar, data) == parts


@pytest.mark.parametrize(
    ("flags", "read_only", "admin", "hide"),
    [("no|no|no", False, False, False), ("yes|no|yes", True, False, True), ("No|YES|no", False, True, False)],
)
def test_permissions_become_booleans(flags: str, read_only: bool, admin: bool, hide: bool) -> None:
    said = "Read only:{} Admin:{} Hide PW:{}".format(*flags.split("|"))
    for data in (f"'T 1' 'u@example.org' '{said}'", f"'T 1' 'u@example.org' '{said}"):
        assert read("permissions", data) == {
            "targetUser": "u@example.org",
            "folderName": "T 1",
            "readOnly": read_only,
            "admin": admin,
            "hidePasswords": hide,
        }


@pytest.mark.parametrize(
    "data",
    [
        "'T' 'u@example.org'",
        "'T' 'u@example.org' 'Read only:maybe Admin:no Hide PW:no'",
        "'T' 'u v' 'Read only:no Admin:no Hide PW:no'",
        "'Read only:no Admin:no Hide PW:no'",
    ],
)
def test_permissions_that_do_not_fit_say_nothing(data: str) -> None:
    assert read("permissions", data) == {}


def test_a_folder_name_with_quotes_never_shifts_the_blame_to_another_user() -> None:
    assert read("folder_user", "'a' 'b' 'u@example.org'") == {
        "targetUser": "u@example.org",
        "folderName": "a' 'b",
    }
    assert read("folder_user", "'x' 'victim@example.org' 'u@example.org'")["targetUser"] == "u@example.org"
    assert read("folder_user", "'a' 'b' 'c' 'd e'") == {}
    said = "'Read only:no Admin:yes Hide PW:no'"
    data = f"'x' 'victim@example.org' {said} 'u@example.org' 'Read only:yes Admin:no Hide PW:yes'"
    parts = read("permissions", data)
    assert (parts["targetUser"], parts["admin"]) == ("u@example.org", False)


@given(folder=NAMES, user=WORDS)
def test_what_the_quotes_enclose_comes_out_unchanged(folder: str, user: str) -> None:
    assert read("folder_user", f"'{folder}' '{user}'") == {"targetUser": user, "folderName": folder}
    assert read("limit", f"{folder} {user}") == {"targetUser": user, "folderName": folder}
    assert read("user_group", f"{user} - {folder}") == {"targetUser": user, "groupName": folder}
    assert read("group", f"'{folder}'") == {"groupName": folder}


@given(old=NAMES, new=NAMES)
def test_a_renaming_comes_out_right_or_not_at_all(old: str, new: str) -> None:
    assert read("folder_rename", f"'{old}' '{new}'") in ({}, {"folderName": new, "folderNameBefore": old})
    assert read("group_rename", f"'{old}' to '{new}'") in ({}, {"groupName": new, "groupNameBefore": old})


@pytest.mark.parametrize("name", sorted(GRAMMARS))
@given(data=HOSTILE)
def test_no_text_makes_a_grammar_raise_or_invent_a_field(name: str, data: str) -> None:
    parts = read(name, data)
    assert set(parts) <= set(GRAMMARS[name].fields)
    for value in parts.values():
        assert value not in ("", [])
        for text in value if isinstance(value, list) else [value]:
            assert isinstance(text, bool) or text == "unknown" or text in data or text.startswith("VID: ")


@pytest.mark.parametrize("name", sorted(GRAMMARS))
def test_the_examples_together_show_every_field(name: str) -> None:
    shown = {field for example in GRAMMARS[name].examples for field in read(name, example)}
    # Grammars of items share their fields; each example shows one way to name an item.
    assert shown <= set(GRAMMARS[name].fields)
    assert shown or not GRAMMARS[name].fields


@pytest.mark.parametrize("name", sorted(GRAMMARS))
@pytest.mark.parametrize(
    "bad", ["' '", "(", " (", " (a)", ".", "-Shared-", ",", "VID: 1,", " New value: ", "a "]
)
def test_very_long_texts_are_read_in_a_blink(name: str, bad: str) -> None:
    read(name, bad * 20_000 + "x y")
    read(name, "x" + bad * 20_000)
