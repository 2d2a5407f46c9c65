"""Hosts as people write them: names and addresses."""

from __future__ import annotations

import ipaddress


def is_address(host: str) -> bool:
    """True for an IPv4 or IPv6 address, False for a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """True when the host is this machine itself by its very name."""
    return ipaddress.ip_address(host).is_loopback if is_address(host) else host == "localhost"
