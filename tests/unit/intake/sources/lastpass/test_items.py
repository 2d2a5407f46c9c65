"""Vault items in Data: sites, numbers, notes, their folders, and brackets that do not close."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.intake.sources.lastpass import items

SITE = {"itemName": "example.com", "itemSite": "example.com"}
VID = {"itemName": "VID: 4901555952779484761", "itemId": "4901555952779484761"}
PLAIN = st.text(alphabet="abc XYZ.,'\"|=\\é-", min_size=1).filter(lambda name: name.strip() != "")


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        ("example.com", SITE),
        (
            "192.0.2.1:1234/example",
            {"itemName": "192.0.2.1:1234/example", "itemSite": "192.0.2.1:1234/example"},
        ),
        ("example.com from Folder 1", SITE | {"folderName": "Folder 1"}),
        ("example.com (Shop)", {"itemName": "Shop", "itemSite": "example.com"}),
        ("example.com (bo) (Shop)", {"itemName": "Shop", "itemSite": "example.com"}),
        (
            "example.com (bo) (Shop (EU)) from A from B",
            {"itemName": "Shop (EU)", "itemSite": "example.com", "folderName": "A from B"},
        ),
        ("example.com (Letter from home)", {"itemName": "Letter from home", "itemSite": "example.com"}),
        ("VID: 4901555952779484761", VID),
        ("VID: 4901555952779484761 from Team (EU)", VID | {"folderName": "Team (EU)"}),
        (" from Folder 1", {"folderName": "Folder 1"}),
        (" from INVALID SHARED FOLDER", {}),
        ("example.com from INVALID SHARED FOLDER", SITE),
        ("", {}),
        ("   ", {}),
        ("two words", {}),
        ("example.com to Folder", {}),
        ("example.com (a) (b) (c)", {}),
        ("example.com (smile :))", {}),
        ("example.com (open", {}),
        ("example.com ()", {}),
        ("example.com (a) from b)", {}),
        ("example.com (a)x", {}),
        ("example.com from ", {}),
        ("VID: 12x", {}),
        ("VID: 12, then more", {}),
    ],
)
def test_one_item_is_read_whole_or_not_at_all(data: str, parts: dict[str, Any]) -> None:
    assert items.read_one(data) == parts


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        ("example.com to Folder 1", SITE | {"folderName": "Folder 1"}),
        (" to Folder 1", {"folderName": "Folder 1"}),
        ("VID: 4901555952779484761 to Team", VID | {"folderName": "Team"}),
        ("VID: 4901555952779484761", VID),
        ("Secure Note (Wi-Fi) to Team", {"itemName": "Wi-Fi", "folderName": "Team"}),
        ("example.com from Folder 1", {}),
    ],
)
def test_a_move_names_where_the_item_went(data: str, parts: dict[str, Any]) -> None:
    assert items.read_moved_to(data) == parts


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        ("a.example,b.example,c.example", {"itemNames": ["a.example", "b.example", "c.example"]}),
        ("a.example, b.example/x", {"itemNames": ["a.example", "b.example/x"]}),
        ("a.example,b.example from T", {"itemNames": ["a.example", "b.example"], "folderName": "T"}),
        ("VID: 1,VID: 2", {"itemNames": ["VID: 1", "VID: 2"]}),
        ("example.com", SITE),
        ("VID: 4901555952779484761", VID),
        ("example.com from T", SITE | {"folderName": "T"}),
        ("example.com/a,b", {}),
        ("example.com/a,b from T", {}),
        ("example.com,", {}),
        ("a.example,b.example (Shop)", {}),
        (",", {}),
    ],
)
def test_several_items_are_a_list_unless_the_comma_may_be_part_of_a_path(
    data: str, parts: dict[str, Any]
) -> None:
    assert items.read_several(data) == parts


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        ("Secure Note", {}),
        ("Secure Note (Address)", {"itemName": "Address"}),
        ("Secure Note (Wifi renamed)", {"itemName": "Wifi renamed"}),
        ("Secure Note (Address) from temp-1", {"itemName": "Address", "folderName": "temp-1"}),
        ("Secure Note (VID: 4901555952779484761)", VID),
        ("Secure Note (VID: 4901555952779484761) from T", VID | {"folderName": "T"}),
        ("Secure Note from temp-1", {"folderName": "temp-1"}),
        ("Secure Note (a) from b)", {}),
        ("Secure Note (a) (b)", {}),
        ("Secure Note (a", {}),
        ("Secure Notes", {}),
        ("example.com", {}),
    ],
)
def test_notes_are_told_by_name_or_number(data: str, parts: dict[str, Any]) -> None:
    assert items.read_note(data) == parts


@given(digits=st.integers(min_value=0, max_value=10**19 - 1))
def test_item_numbers_keep_every_digit(digits: int) -> None:
    assert items.read_one(f"VID: {digits}")["itemId"] == str(digits)
    assert items.read_note(f"Secure Note (VID: {digits})")["itemId"] == str(digits)


@given(name=PLAIN, folder=PLAIN)
def test_names_without_brackets_come_out_unchanged(name: str, folder: str) -> None:
    assert items.read_note(f"Secure Note ({name}) from {folder}") == {"itemName": name, "folderName": folder}
    assert items.read_one(f"example.com (bo) ({name}) from {folder}") == {
        "itemName": name,
        "itemSite": "example.com",
        "folderName": folder,
    }


PIECES = [
    " ",
    "(",
    ")",
    " (",
    ") ",
    " from ",
    " to ",
    "VID: 17",
    "v",
    "V",
    "shop.example.org",
    "Shop",
    "a",
    ",",
]
ODD = ["é", "\n", "INVALID SHARED FOLDER", "/x", "\u00a0"]
WRITTEN = st.lists(st.sampled_from(PIECES + ODD), max_size=9).map("".join)


@given(WRITTEN | st.text(max_size=12), st.sampled_from([" from ", " to "]))
def test_what_is_read_at_a_glance_is_what_is_read_carefully(data: str, word: str) -> None:
    glance = items._usual(data, word)
    assert glance in ({}, items._carefully(data, word))


def test_the_items_own_user_name_becomes_no_field() -> None:
    assert "bo@secret.example" not in items.read_one("example.com (bo@secret.example) (Shop)").values()
