from __future__ import annotations

import pytest

from lpforwarder.config import secrecy


@pytest.mark.parametrize(
    "key", ["secret", "Secret", "api_token", "clientPassword", "provhash", "tokens", "api_key", "private-key"]
)
def test_keys_that_hold_secrets_are_known(key: str) -> None:
    assert secrecy.names_secret(key)


@pytest.mark.parametrize(
    "key", ["secret_file", "secret_env", "secret_credential", "key_file", "name", "format"]
)
def test_keys_that_only_refer_to_secrets_are_not_taken_for_them(key: str) -> None:
    assert not secrecy.names_secret(key)
    assert not secrecy.resembles_secret(key)


@pytest.mark.parametrize("key", ["secert", "pasword", "api_tokne", "scret"])
def test_mistyped_secrets_are_recognised_for_masking(key: str) -> None:
    assert secrecy.resembles_secret(key)
    assert not secrecy.names_secret(key)


def test_urls_hold_a_secret_only_with_a_password_in_them() -> None:
    assert secrecy.holds_secret("http://me:pass@proxy.example.net:3128")
    assert not secrecy.holds_secret("https://vault.example.com:8443/path@x")
