from __future__ import annotations

from lpforwarder.simulator.vault.catalogue import (
    ACTIONS,
    ADMIN_NAMES,
    SECRET_REGENERATED,
    to_sentence_case,
    to_title_case,
)
from lpforwarder.simulator.vault.forms import FORMS


def test_every_attested_action_and_spelling_is_there_once() -> None:
    names = [name for action in ACTIONS for name in action.spellings]
    assert len(ACTIONS) == 109
    assert len(names) == len(set(names)) == 172


def test_every_form_an_action_names_exists_and_every_shape_is_used() -> None:
    used = {form for action in ACTIONS for form in action.forms}
    assert used <= FORMS.keys()
    assert {"vid_to", "note_vid_from", "invalid_from", "folder_rights", "user_dash_group"} <= used


def test_a_change_of_case_goes_there_and_back() -> None:
    titles = to_title_case()
    assert titles["Failed login attempt"] == "Failed Login Attempt"
    assert to_sentence_case() == {title: sentence for sentence, title in titles.items()}
    assert all(title.casefold() == sentence.casefold() for sentence, title in titles.items())


def test_what_an_admin_does_is_told_apart() -> None:
    assert "make admin" in ADMIN_NAMES
    assert SECRET_REGENERATED.casefold() in ADMIN_NAMES
    assert "log in" not in ADMIN_NAMES
