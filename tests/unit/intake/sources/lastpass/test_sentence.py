"""The message: a sentence for every action, with and without what Data holds."""

from __future__ import annotations

import pytest

from lpforwarder.intake.sources.lastpass import catalogue, records

ANA = "ana@example.org"


def message(action: str, data: str, username: str = ANA) -> str:
    """The message of a record with these texts."""
    record = {"Username": username, "Action": action, "Data": data}
    event, _ = records.to_event(record, source="acme", instant=0, id="i")
    return event.text("message")


@pytest.mark.parametrize(
    ("action", "data", "said"),
    [
        ("Log in", "", "ana@example.org successfully logged in."),
        ("Failed login attempt", "", "ana@example.org failed to log in."),
        ("Log in", "example.com", 'ana@example.org used "example.com".'),
        ("Username changed", "VID: 12", 'ana@example.org changed the username attribute on "VID: 12".'),
        ("Site changed", "example.com from T", 'ana@example.org changed "example.com" in folder "T".'),
        ("Site changed", "", "ana@example.org changed an item."),
        ("Deleted sites", "a.example,b.example", 'ana@example.org deleted "a.example" and "b.example".'),
        ("Make admin", "bo", "ana@example.org granted the administrator role to bo."),
        ("Make admin", "", "ana@example.org granted the administrator role to a user."),
        ("Employee invited", "b,c,d", "ana@example.org invited b, c and d."),
        ("Employee invited", "b,c,d,e,f", "ana@example.org invited b, c, d and 2 more."),
        ("Renamed shared folder", "'a' 'b'", 'ana@example.org renamed folder "a" to "b".'),
        ("Renamed shared folder", "", "ana@example.org renamed a shared folder."),
        ("Rename group", "'a' to 'b'", 'ana@example.org renamed group "a" to "b".'),
        ("Add policy", "P New value: 1", 'ana@example.org added policy "P", value "1".'),
        ("Delete policy", "P", 'ana@example.org deleted policy "P".'),
        ("Move to shared folder", " to T", 'ana@example.org moved an item into folder "T".'),
        (
            "Update folder permissions",
            "'T' 'bo' 'Read only:yes Admin:no Hide PW:no'",
            "ana@example.org changed the permissions of bo in folder "
            '"T" to read only yes, administrator no, passwords hidden no.',
        ),
        ("Disabled Google Authenticator", "", "ana@example.org disabled multifactor authentication (totp)."),
        ("Frobnicated", "x", 'The action "Frobnicated" of ana@example.org is not in the catalogue.'),
        ("", "x", "The nameless action of ana@example.org is not in the catalogue."),
    ],
)
def test_the_message_says_who_did_what(action: str, data: str, said: str) -> None:
    assert message(action, data) == said


@pytest.mark.parametrize(
    ("username", "data", "said"),
    [
        ("", "Initiated by API: host7", 'API caller "host7" read the audit report.'),
        ("API", "", "An API caller read the audit report."),
        ("", "", "An unknown user read the audit report."),
    ],
)
def test_callers_without_a_name_are_called_so(username: str, data: str, said: str) -> None:
    assert message("Reporting", data, username) == said


def test_an_unknown_user_is_written_small_within_a_sentence() -> None:
    assert message("Account lockout", "", "") == "The account of an unknown user was locked."


def test_every_action_has_a_sentence_that_starts_large_and_leaves_no_gap() -> None:
    for action in catalogue.ACTIONS:
        said = message(action.spellings[0], "", "")
        assert said[0].isupper()
        assert said.endswith(".")
        assert not any(mark in said for mark in ("{", "}", "  ", " ."))


def test_values_with_braces_or_great_length_do_no_harm() -> None:
    assert message("Created shared folder", "{who} {0}") == 'ana@example.org created folder "{who} {0}".'
    long = message("Created shared folder", "x" * 100_000)
    assert len(long) < 300
    assert "…" in long
