"""The keys of `privacy`: what they refuse, what they advise, and what the key file must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpforwarder.config.privacy import key_in
from lpforwarder.errors import Denied
from lpforwarder.privacy import KEPT
from lpforwarder.settings import Report, judge

TEXT = """
sources: [{{name: acme, type: sample}}]
collectors: [{{name: siem, transport: tcp, host: 127.0.0.1{collector}}}]
{top}
"""


def report(folder: Path, *, top: str = "", collector: str = "") -> Report:
    top = f"privacy: {top}" if top else ""
    collector = f", privacy: {collector}" if collector else ""
    return judge(TEXT.format(top=top, collector=collector), folder / "lpforwarder.yaml")


def told(made: Report) -> list[tuple[str, str, bool]]:
    return [(problem.code, problem.key, problem.note) for problem in made.problems]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "hash.key"
    path.touch(mode=0o600)
    path.write_text("0123456789abcdef0123456789abcdef\n")
    return path


def test_without_the_section_nothing_is_taken_away(tmp_path: Path) -> None:
    settings = report(tmp_path).settings
    assert settings is not None
    assert not settings.privacy.is_on
    assert not settings.collectors[0].privacy.is_on


@pytest.mark.usefixtures("key")
def test_it_stands_at_the_top_and_in_a_collector(tmp_path: Path) -> None:
    keys = "{drop: [itemName], hash: [sourceUser, targetUser], hash_key_file: hash.key}"
    made = report(tmp_path, top=keys, collector=keys)
    assert made.problems == ()
    assert made.settings is not None
    for privacy in (made.settings.privacy, made.settings.collectors[0].privacy):
        assert (privacy.drop, privacy.hash) == (("itemName",), ("sourceUser", "targetUser"))
        assert privacy.hash_key_file == tmp_path / "hash.key"


@pytest.mark.parametrize("field", KEPT)
@pytest.mark.parametrize("key", ["drop", "hash"])
def test_what_an_event_is_known_by_cannot_be_taken_away(tmp_path: Path, key: str, field: str) -> None:
    made = report(tmp_path, top=f"{{{key}: [message, {field}]}}")
    problem = next(problem for problem in made.problems if problem.code == "LPF108")
    assert problem.what == f"`{key}`: `{field}` cannot be taken away: {KEPT[field]}"
    assert made.settings is None


def test_a_hash_needs_a_key(tmp_path: Path) -> None:
    made = report(tmp_path, collector="{hash: [sourceUser]}")
    assert told(made) == [("LPF114", "collectors[0].privacy.hash", False)]
    assert "head -c 32 /dev/urandom | base64 > hash.key" in made.problems[0].fix
    assert made.exit_code == 78


@pytest.mark.usefixtures("key")
def test_a_field_is_either_dropped_or_hashed(tmp_path: Path) -> None:
    made = report(tmp_path, top="{drop: [itemName], hash: [itemName], hash_key_file: hash.key}")
    assert told(made) == [("LPF108", "privacy.hash", False)]


@pytest.mark.parametrize(
    ("content", "mode", "code", "exit_code"),
    [
        ("0123456789abcdef", 0o644, "LPF110", 77),
        ("0123456789abcdef", 0o640, "LPF110", 77),
        ("", 0o600, "LPF111", 77),
        ("\x00\x01\x02", 0o600, "LPF111", 77),
        (None, 0, "LPF119", 78),
    ],
)
def test_the_key_file_is_looked_at_like_a_secret(
    tmp_path: Path, content: str | None, mode: int, code: str, exit_code: int
) -> None:
    if content is not None:
        (tmp_path / "hash.key").write_text(content)
        (tmp_path / "hash.key").chmod(mode)
    made = report(tmp_path, top="{hash: [sourceUser], hash_key_file: hash.key}")
    assert told(made) == [(code, "privacy.hash_key_file", False)]
    assert made.exit_code == exit_code


def test_a_credential_is_read_whatever_mode_systemd_gave_it(tmp_path: Path, key: Path) -> None:
    key.chmod(0o440)
    with pytest.raises(Denied):
        key_in(key, {})
    assert (
        key_in(key, {"CREDENTIALS_DIRECTORY": str(tmp_path)}).reveal() == "0123456789abcdef0123456789abcdef"
    )
    with pytest.raises(Denied):
        key_in(key, {"CREDENTIALS_DIRECTORY": str(tmp_path / "other")})


def test_a_short_key_is_worth_a_note(tmp_path: Path, key: Path) -> None:
    key.write_text("secret")
    made = report(tmp_path, top="{hash: [sourceUser], hash_key_file: hash.key}")
    assert told(made) == [("LPF120", "privacy.hash_key_file", True)]
    assert "secret" not in str(made.problems)


@pytest.mark.parametrize(
    ("field", "fix"),
    [("itemname", "did you mean itemName?"), ("badge", "right if a source gives such a field")],
)
def test_a_field_nobody_knows_is_worth_a_note(tmp_path: Path, field: str, fix: str) -> None:
    made = report(tmp_path, top=f"{{drop: [{field}]}}")
    assert told(made) == [("LPF118", "privacy.drop", True)]
    assert made.problems[0].fix == fix
    assert made.settings is not None


@pytest.mark.parametrize("value", ["itemName", "[1]", "[[a]]", "[{a: 1}]", "[true]", "['']"])
def test_anything_but_names_is_refused(tmp_path: Path, value: str) -> None:
    made = report(tmp_path, top=f"{{drop: {value}}}")
    assert made.settings is None
    assert {problem.code for problem in made.problems} <= {"LPF104", "LPF108", "LPF113"}


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    assert told(report(tmp_path, top="{dorp: [itemName]}")) == [("LPF101", "privacy.dorp", False)]
