from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lpforwarder.intake.sources.lastpass.options import LastPassOptions

LEAST: dict[str, Any] = {"name": "acme", "type": "lastpass", "account": "1234567"}


def made(folder: Path = Path("/etc/lpf"), **keys: Any) -> LastPassOptions:
    return LastPassOptions.model_validate(LEAST | keys, context={"folder": folder})


def test_the_secret_is_beside_the_configuration_unless_another_place_is_named() -> None:
    assert made().secret_file == Path("/etc/lpf/acme.secret")
    assert made(secret_file="other").secret_file == Path("/etc/lpf/other")
    assert made(secret_env="ACME").secret_file is None
    assert made(secret_credential="acme").secret_place == "the credential acme"


def test_two_places_of_the_secret_are_one_too_many() -> None:
    with pytest.raises(ValidationError, match="exactly one"):
        made(secret_file="a", secret_env="B")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("account", "12a"),
        ("account", 1234567),
        ("account", ""),
        ("time_zone", "Mars/Phobos"),
        ("time_zone", "localtime"),
        ("url", "http://vault.example.net/enterpriseapi.php"),
        ("url", "ftp://127.0.0.1/"),
        ("url", "https://"),
        ("url", "https://user@vault.example.net/"),
        ("url", "https://vault.example.net/?cmd=x"),
        ("url", "https://[::1"),
        ("poll_interval", "500ms"),
        ("overlap", "a while"),
        ("timeout", "0s"),
        ("first_start", "yesterday"),
        ("first_start", ""),
        ("own_events", "hide"),
        ("proxy", "proxy.example.net:3128"),
        ("proxy", "socks5://a"),
        ("secret_env", "A B"),
        ("secret_credential", "../x"),
        ("colour", "blue"),
    ],
)
def test_what_cannot_be_meant_is_refused(key: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=key):
        made(**{key: value})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8700/x", "http://[::1]:8700/x", "http://localhost/x", "https://a.example/x"]
)
def test_plain_http_is_for_this_machine_only(url: str) -> None:
    assert made(url=url).url == url


def test_the_first_poll_begins_now_or_a_while_ago_or_at_a_time() -> None:
    assert made(first_start="now").first_instant(1000.9) == 1000
    assert made(first_start="10m").first_instant(1000.0) == 400
    assert made(first_start="24h").first_instant(1000.0) == 0
    assert made(first_start="2026-01-01T00:00:00+01:00").first_instant(0.0) == 1767222000


def test_a_short_pace_and_a_long_overlap_get_a_note() -> None:
    assert [finding.key for finding in made(poll_interval="29s", overlap="7h").advice()] == [
        "poll_interval",
        "overlap",
    ]
    assert list(made().advice()) == []


def test_a_secret_that_cannot_be_used_is_found_without_a_network(tmp_path: Path) -> None:
    assert [finding.code for finding in made(tmp_path).check_files()] == ["LPF119"]
    (tmp_path / "acme.secret").write_text("0f3c")
    (tmp_path / "acme.secret").chmod(0o644)
    assert [finding.code for finding in made(tmp_path).check_files()] == ["LPF110"]
    (tmp_path / "acme.secret").chmod(0o600)
    assert list(made(tmp_path).check_files()) == []
    assert made(tmp_path).secret().reveal() == "0f3c"


def test_a_variable_that_is_missing_here_is_only_a_note() -> None:
    assert [finding.note for finding in made(secret_env="LPF_NO_SUCH_VARIABLE").check_files()] == [True]


def test_a_credential_is_looked_for_where_systemd_puts_it_and_its_absence_elsewhere_is_a_note(
    tmp_path: Path,
) -> None:
    (finding,) = made(secret_credential="acme").check_files()
    assert (finding.note, finding.code) == (True, "LPF119")
    assert "LoadCredential=acme:FILE" in finding.fix
