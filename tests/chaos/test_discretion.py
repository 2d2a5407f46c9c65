"""What lies where it must not is found, wherever a scenario has left it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.discretion import expect_discretion, secrets_of
from tests.chaos.play import Play, Scenario

SECRET = "a-secret-that-can-be-found"
EVENT = '{"sourceUser":"user7@example.com"}'


def found(folder: Path) -> tuple[str, ...]:
    scenario = Scenario(id="x", name="", expected="", run=lambda play: None)
    play = Play(scenario, seed=1, scale="short", folder=folder, tell=lambda what: None)
    expect_discretion(play, folder / "daemon", [SECRET])
    return play.outcome().failures


def put(path: Path, text: str, mode: int = 0o600) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("daemon/journal.db", EVENT),
        ("daemon/journal.db-wal", EVENT),
        ("disk/journal.db.damaged-20260101", EVENT),
        ("daemon/lpforwarder.yaml", EVENT),
        ("siem/received", EVENT),
        ("acme.secret", SECRET),
        ("daemon/output.log", ""),
    ],
)
def test_what_is_in_its_place_is_no_complaint(name: str, text: str, tmp_path: Path) -> None:
    put(tmp_path / name, text)
    assert found(tmp_path) == ()


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("daemon/output.log", EVENT, "output.log quotes an event"),
        ("daemon/journal.db.safe", EVENT, "journal.db.safe quotes an event"),
        ("disk/journal.db.safe", EVENT, "journal.db.safe quotes an event"),
        ("daemon/output.log", SECRET, "output.log holds a secret"),
        ("daemon/journal.db", f"x{SECRET}x", "journal.db holds a secret"),
        ("siem/received", SECRET, "received holds a secret"),
    ],
)
def test_what_is_not_is_found(name: str, text: str, complaint: str, tmp_path: Path) -> None:
    put(tmp_path / name, text)
    assert found(tmp_path) == (complaint,)


def test_a_journal_that_others_can_read_is_found(tmp_path: Path) -> None:
    put(tmp_path / "disk" / "journal.db-wal", "x", mode=0o640)
    assert found(tmp_path) == ("journal.db-wal can be read by others",)


def test_the_secrets_of_a_configuration_are_those_in_its_files(tmp_path: Path) -> None:
    put(tmp_path / "acme.secret", SECRET + "\n")
    sources = [{"name": "file"}, {"name": "acme", "secret_file": str(tmp_path / "acme.secret")}]
    assert secrets_of({"sources": sources}) == [SECRET]
