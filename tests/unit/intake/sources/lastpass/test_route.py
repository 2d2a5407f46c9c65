"""The way to the vault: straight, or through a proxy."""

from __future__ import annotations

import pytest

from lpforwarder.intake.sources.lastpass.route import first_host, proxy_for

VAULT = "https://vault.example.net/enterpriseapi.php"


@pytest.mark.parametrize(
    ("url", "proxy", "expected"),
    [
        (VAULT, "none", "vault.example.net"),
        (VAULT, "http://proxy.example.net:3128", "proxy.example.net"),
        ("https://[2001:db8::7]/enterpriseapi.php", "none", "2001:db8::7"),
    ],
)
def test_connections_go_to_the_proxy_or_to_the_vault(url: str, proxy: str, expected: str) -> None:
    assert first_host(url, proxy) == expected


def test_this_machine_is_never_reached_through_the_proxy_of_the_environment() -> None:
    assert proxy_for("http://127.0.0.1:8080/enterpriseapi.php", "env") is None
