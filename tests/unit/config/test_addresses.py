"""Hosts as people write them."""

from __future__ import annotations

import pytest

from lpforwarder.config.addresses import is_address, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_this_machine_is_known_by_its_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "::2", "localhost.example.net", "", "127.0.0.1.example.net"])
def test_no_other_machine_counts_as_this_one(host: str) -> None:
    assert not is_loopback(host)


def test_names_are_no_addresses() -> None:
    assert [is_address(host) for host in ("192.0.2.1", "2001:db8::1", "siem.example.net")] == [
        True,
        True,
        False,
    ]
