from __future__ import annotations

import re
from random import Random

import pytest

from lpforwarder.simulator.vault.forms import FORMS, HOSTILE, ODD_ADDRESSES, PEOPLE, Draw

PERSON = r"[a-z]+\.[a-z]+@example\.(?:org|com)"
DOMAIN = r"[a-z]+\.example\.(?:org|com|net)"
VID = r"VID: [0-9]{1,19}"
FOLDER = r"Shared-[A-Za-z ]+"

SHAPES = {
    "nothing": "",
    "client": r"LastPass via .+",
    "portal": r"lastpass\.com",
    "user": PERSON,
    "name": r"[a-z]+\.[a-z]+",
    "users": rf"{PERSON}(?:,{PERSON})+",
    "domains": rf"{DOMAIN}(?:,{DOMAIN})+",
    "domain_path": rf"{DOMAIN}/.+",
    "host_path": r"192\.0\.2\.[0-9]+:8443/.+",
    "domain_item": rf"{DOMAIN} \(.+\)",
    "domain_user_item": rf"{DOMAIN} \({PERSON}\) \(.+\)",
    "domain_from": rf"{DOMAIN} from {FOLDER}",
    "domain_to": rf"{DOMAIN} to {FOLDER}",
    "vid": VID,
    "vid_from": rf"{VID} from {FOLDER}",
    "vid_to": rf"{VID} to {FOLDER}",
    "note": "Secure Note",
    "note_name": r"Secure Note \(.+\)",
    "note_vid": rf"Secure Note \({VID}\)",
    "note_vid_from": rf"Secure Note \({VID}\) from {FOLDER}",
    "folder": FOLDER,
    "folder_folder": rf"'{FOLDER}' '{FOLDER}'",
    "folder_user": rf"'{FOLDER}' '{PERSON}'",
    "folder_rights": rf"'{FOLDER}' '{PERSON}' 'Read only:(yes|no) Admin:(yes|no) Hide PW:(yes|no)'",
    "folder_bare_user": rf"{FOLDER} {PERSON}",
    "nothing_from": rf" from {FOLDER}",
    "nothing_to": rf" to {FOLDER}",
    "invalid_from": " from INVALID SHARED FOLDER",
    "group": r"'[^']+'",
    "group_to_group": r"'[^']+' to '[^']+'",
    "group_user": rf"'[^']+' '{PERSON}'",
    "user_dash_group": rf"{PERSON} - .+",
    "policy": r"[A-Za-z ]+",
    "policy_value": r"[A-Za-z ]+ New value: .+",
    "shared_account": rf"{PERSON}-Shared-[A-Za-z ]+",
    "api": "Initiated by API",
    "api_label": r"Initiated by API: .+",
    "api_old": r"\(initiated by API\)",
}


@pytest.mark.parametrize("form", SHAPES)
def test_a_form_has_its_attested_shape(form: str) -> None:
    draw = Draw(Random(form), 0.0)
    for _ in range(30):
        assert re.fullmatch(SHAPES[form], FORMS[form](draw))


def test_vault_item_numbers_go_beyond_53_bits() -> None:
    draw = Draw(Random(1), 0.0)
    assert max(int(FORMS["vid"](draw).removeprefix("VID: ")) for _ in range(200)) > 2**53


def test_without_a_hostile_share_every_name_is_tame() -> None:
    draw = Draw(Random(1), 0.0)
    assert all(draw.folder() not in HOSTILE and draw.username("user") in PEOPLE for _ in range(200))


def test_with_a_full_hostile_share_every_hostile_text_comes() -> None:
    draw = Draw(Random(1), 1.0)
    assert {draw.folder() for _ in range(1_000)} == set(HOSTILE)
    assert {draw.address() for _ in range(200)} == set(ODD_ADDRESSES)


def test_the_api_has_three_forms_of_user_name() -> None:
    draw = Draw(Random(1), 0.0)
    names = {draw.username("api").partition(":")[0] for _ in range(100)}
    assert names == {"", "API"}
    assert any(draw.username("api").startswith("API: ") for _ in range(100))


def test_hosts_and_people_are_documentation_ones() -> None:
    assert all(person.endswith(("@example.org", "@example.com")) for person in PEOPLE)
