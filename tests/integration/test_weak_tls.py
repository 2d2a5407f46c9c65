"""Collectors that offer only what was broken or forgotten long ago: refused before an event is sent."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from lpforwarder.delivery.transports.tls import context
from tests.fakes.links import tls_options
from tests.fakes.tls_listener import listening
from tests.integration.test_transport_tls import deliver, refusal

BROKEN = ("RC4", "DES", "NULL", "EXP", "MD5", "ADH", "AECDH", "PSK", "SRP")
FORWARD_SECRET = ("TLS_", "ECDHE-", "DHE-")


class Authority:
    """Has issued an RSA certificate, because the old ciphers know no other; `ca_file` names it."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self._leaf = authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.RSA)

    def server(self, ciphers: str) -> ssl.SSLContext:
        """Speaks TLS 1.2 with these ciphers and nothing else."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._leaf.configure_cert(made)
        made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1_2
        made.set_ciphers(f"{ciphers}:@SECLEVEL=0")
        return made


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize(
    "ciphers",
    [
        "AES128-SHA",
        "AES256-SHA256",
        "AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-SHA",
        "NULL-SHA256",
        "ADH-AES128-SHA",
    ],
    ids=["CBC", "CBC SHA-256", "no forward secrecy", "SHA-1", "no encryption", "no certificate"],
)
def test_a_collector_with_weak_ciphers_only_gets_nothing(ciphers: str, authority: Authority) -> None:
    with listening(authority.server(ciphers)) as listener:
        failure = refusal(listener, {"ca_file": authority.ca_file})
    assert "NO_SHARED_CIPHER" in "".join(listener.ends)
    # The alert of TLS 1.2 is the same one that asks for a client certificate, but for when it comes.
    assert failure.code == "LPF216"
    assert "no TLS cipher in common" in failure.what
    assert listener.octets == b""


def test_the_same_collector_with_a_good_cipher_gets_everything(authority: Authority) -> None:
    with listening(authority.server("ECDHE-RSA-AES128-GCM-SHA256")) as listener:
        deliver(listener, {"ca_file": authority.ca_file})
    assert b"<1>a" in listener.octets


def test_what_we_offer_holds_nothing_broken_and_always_forward_secrecy(authority: Authority) -> None:
    options = tls_options(("127.0.0.1", 6514), {"ca_file": authority.ca_file})
    offered = [cipher["name"] for cipher in context(options.tls).get_ciphers()]
    assert offered
    assert [name for name in offered if not name.startswith(FORWARD_SECRET)] == []
    assert [name for name in offered if any(part in BROKEN for part in name.split("-"))] == []
