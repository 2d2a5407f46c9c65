"""Tokens: shown once, kept as hashes, valid from the moment they are made to the moment they are revoked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lpforwarder.endpoint.tokens import Token, TokenFile, make
from lpforwarder.errors import Blocked, Denied

NOW = "2026-01-01T00:00:00.000Z"
LATER = "2026-02-01T00:00:00.000Z"


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path / "tokens.json")


def made(file: TokenFile, name: str = "siem", expires: str | None = None) -> str:
    text, token = make(name, now=NOW, expires=expires, sources=None, rate=None)
    file.add(token)
    return text


def test_a_token_opens_and_another_one_does_not(file: TokenFile) -> None:
    text = made(file)
    found = file.holder(text, NOW)
    assert found is not None
    assert found.name == "siem"
    for wrong in ("", text[:-1], text + "x", text.upper(), "x" * 10_000, "\udcff"):
        assert file.holder(wrong, NOW) is None


def test_the_file_holds_no_token_and_nobody_else_may_read_it(file: TokenFile, tmp_path: Path) -> None:
    text = made(file)
    content = (tmp_path / "tokens.json").read_text()
    assert text not in content
    assert text.removeprefix("lpf_") not in content
    assert (tmp_path / "tokens.json").stat().st_mode & 0o777 == 0o600


def test_everything_about_a_token_comes_back_from_the_file(file: TokenFile, tmp_path: Path) -> None:
    _, token = make("siem", now=NOW, expires=LATER, sources=["acme"], rate=2.0)
    file.add(token)
    assert TokenFile(tmp_path / "tokens.json").all() == (token,)


def test_a_token_ends_with_its_time(file: TokenFile) -> None:
    text = made(file, expires=LATER)
    assert file.holder(text, "2026-01-31T23:59:59.999Z") is not None
    assert file.holder(text, LATER) is None


def test_what_another_process_does_counts_at_once(file: TokenFile, tmp_path: Path) -> None:
    service = TokenFile(tmp_path / "tokens.json")
    assert service.all() == ()
    text = made(file)
    assert service.holder(text, NOW) is not None
    assert file.remove("siem")
    assert service.holder(text, NOW) is None


def test_a_name_is_given_once(file: TokenFile) -> None:
    made(file)
    with pytest.raises(Blocked, match="siem already"):
        made(file)
    assert not file.remove("nobody")


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", '{"tokens": [{}]}', '{"tokens": [{"name": 1}]}', '{"tokens": 5}'],
)
def test_a_file_that_is_none_of_ours_lets_nobody_in(file: TokenFile, tmp_path: Path, content: str) -> None:
    (tmp_path / "tokens.json").write_text(content)
    with pytest.raises(Blocked, match="no token file"):
        file.holder("lpf_x", NOW)


def test_a_broken_expiry_is_no_endless_life(file: TokenFile, tmp_path: Path) -> None:
    text = made(file, expires=LATER)
    path = tmp_path / "tokens.json"
    path.write_text(json.dumps(json.loads(path.read_text())).replace(LATER, "never"))
    with pytest.raises(Blocked):
        file.holder(text, NOW)


def test_a_folder_that_is_not_there_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "none" / "tokens.json")
    assert not file.remove("a")
    assert not (tmp_path / "none").exists()
    made(file)
    assert (tmp_path / "none").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "none").write_text("a file")
    with pytest.raises(Denied, match="token file"):
        made(TokenFile(tmp_path / "none" / "tokens.json"))


def test_every_token_is_another_one() -> None:
    assert len({make("a", now=NOW, expires=None, sources=None, rate=None)[0] for _ in range(100)}) == 100


def test_a_token_is_valid_up_to_its_expiry() -> None:
    token = Token(name="a", digest="", created=NOW, expires=LATER)
    assert token.is_valid_at(NOW)
    assert not token.is_valid_at(LATER)
