"""The drop-in with the addresses: complete, or not printed at all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lpforwarder.cli.address_list import Need, Unknown, drop_in, needs, servers_in
from lpforwarder.settings import decode
from tests.fakes.unit_checker import systemd_analyze

UNIT = Path(__file__).parents[3] / "systemd" / "lpforwarder.service"
MOST_EXPOSURE = 1.0

SETTINGS = """
sources:
  - {name: acme, type: lastpass, account: "1", secret_env: ACME, url: "https://v.example.net", proxy: none}
  - {name: archive, type: file, path: events.json}
collectors:
  - {name: siem, host: [siem.example.net, 192.0.2.9]}
  - {name: near, host: "fe80::1%eth0"}
"""


def look_up(name: str) -> list[str]:
    known = {
        "v.example.net": ["192.0.2.1", "192.0.2.2"],
        "siem.example.net": ["192.0.2.3", "2001:db8::3"],
    }
    if name not in known:
        raise OSError("unknown")
    return known[name]


def test_everybody_the_service_talks_to_is_in_the_list() -> None:
    settings = decode(SETTINGS, Path("lpforwarder.yaml"))
    assert drop_in(needs(settings, ["192.0.2.53"], ["10.0.0.0/8"]), look_up).splitlines()[1:] == [
        "[Service]",
        "IPAddressDeny=any",
        "# this machine",
        "IPAddressAllow=127.0.0.0/8 ::1",
        "# name servers of /etc/resolv.conf",
        "IPAddressAllow=192.0.2.53",
        "# source acme: v.example.net",
        "IPAddressAllow=192.0.2.1 192.0.2.2",
        "# collector siem: siem.example.net",
        "IPAddressAllow=192.0.2.9 192.0.2.3 2001:db8::3",
        "# collector near",
        "IPAddressAllow=fe80::1",
        "# --allow",
        "IPAddressAllow=10.0.0.0/8",
    ]


def test_all_names_without_an_address_are_told_at_once() -> None:
    with pytest.raises(Unknown) as caught:
        drop_in([Need("a", ["one.example.net"]), Need("b", ["two.example.net", "192.0.2.1"])], look_up)
    assert caught.value.hosts == ["one.example.net", "two.example.net"]


def test_name_servers_are_read_as_the_resolver_reads_them(tmp_path: Path) -> None:
    resolver = tmp_path / "resolv.conf"
    resolver.write_text(
        "# nameserver 192.0.2.1\nsearch example.net\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\n"
    )
    assert servers_in(resolver) == ["192.0.2.53", "fe80::1%eth0"]
    assert servers_in(tmp_path / "none") == []


def test_the_unit_with_the_list_is_exposed_no_more_than_published(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    settings = decode(SETTINGS, Path("lpforwarder.yaml"))
    unit.write_text(UNIT.read_text() + drop_in(needs(settings, ["192.0.2.53"], []), look_up))
    done = systemd_analyze("security", "--offline=true", "--no-pager", str(unit))
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= MOST_EXPOSURE
