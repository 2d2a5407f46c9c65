"""What may stand in the log, and in which form."""

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.runtime.concealing import MASK, Concealer, escape

SECRET = "hunter2/top secret"


@pytest.fixture
def concealer() -> Concealer:
    concealer = Concealer()
    concealer.conceal(SECRET)
    return concealer


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        f"POST body {SECRET} refused",
        quote(SECRET, safe=""),
        "hunter2%2Ftop+secret",
        SECRET.encode(),
        [SECRET],
        {"a": {"b": (SECRET, SECRET)}},
        {SECRET: 1},
        Path(SECRET),
        ValueError(SECRET),
    ],
)
def test_a_known_secret_is_masked_wherever_it_stands(concealer: Concealer, value: object) -> None:
    clean = repr(concealer.clean("reason", value))
    assert "hunter2" not in clean
    assert "***" in clean


@pytest.mark.parametrize(
    "key",
    ["secret", "provhash", "Password", "api_token", "x-auth-token", "Authorization", "apikey", "http.cookie"],
)
@pytest.mark.parametrize("value", ["x", b"x", 12345, 1.5, ["x"], {"a": "x"}])
def test_whatever_is_called_a_secret_is_masked(key: str, value: object) -> None:
    clean = Concealer().clean("outer", {key: value})
    assert clean in ({key: MASK}, {key: 1.5})


@pytest.mark.parametrize("key", ["secret_file", "token_count", "secretary", "source"])
def test_a_key_that_only_sounds_like_a_secret_stays(key: str) -> None:
    assert Concealer().clean(key, "acme.secret") == "acme.secret"


def test_a_secret_inside_a_longer_one_does_not_save_the_rest(concealer: Concealer) -> None:
    concealer.conceal("hunter2")
    assert concealer.text(SECRET) == MASK


@pytest.mark.parametrize("nothing", ["", "   ", "abc"])
def test_a_text_too_short_to_be_a_secret_does_not_ruin_the_log(nothing: str) -> None:
    concealer = Concealer()
    concealer.conceal(nothing)
    assert concealer.text("abc abc") == "abc abc"


def test_values_keep_their_type() -> None:
    value = {"n": 1, "yes": True, "none": None, "x": 2.5, "list": [1, "a"]}
    assert Concealer().clean("k", value) == value


def test_numbers_that_json_does_not_know_become_text() -> None:
    assert Concealer().clean("k", [float("nan"), float("inf")]) == ["nan", "inf"]


def test_a_value_without_end_has_one() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert "[nested too deep]" in repr(Concealer().clean("k", endless))


@given(st.text())
def test_what_is_escaped_is_printable_and_on_one_line(text: str) -> None:
    assert escape(text).isprintable()


@pytest.mark.parametrize("character", ["\n", "\r", "\x1b", "\x7f", "\x85", "\u2028", "\u202e", "\ud800"])
def test_what_could_forge_a_line_or_command_a_terminal_is_spelled_out(character: str) -> None:
    assert escape(f"a{character}b").startswith("a\\")


def test_letters_of_all_languages_stay_readable() -> None:
    assert escape("Grüße, 世界") == "Grüße, 世界"
