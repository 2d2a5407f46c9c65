"""What is said about a certificate that was refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lpforwarder.delivery.transports.certificate_words import about
from lpforwarder.delivery.transports.options import TlsSettings
from lpforwarder.errors import Blocked
from tests.fakes.authority import old_corporate
from tests.fakes.certificates import Certificates, KeyPair


def der(pair: KeyPair) -> bytes:
    (leaf, *_) = x509.load_pem_x509_certificates(pair.cert_file.read_bytes())
    return leaf.public_bytes(serialization.Encoding.DER)


def settings(**values: Any) -> TlsSettings:
    return TlsSettings.model_validate(values, context={"folder": Path("/")})


def refused(code: str, what: str = "as we say", fix: str = "as we advise") -> Blocked:
    return Blocked(what, code=code, fix=fix)


def test_a_wrong_name_is_told_with_what_to_write_instead(certificates: Certificates) -> None:
    shown = der(certificates.wrong_name)
    told = about(refused("LPF204"), shown, settings(), "10.20.0.15")
    assert (type(told), told.code) == (Blocked, "LPF204")
    assert told.what == 'the certificate is not for "10.20.0.15"'
    assert told.found == "the certificate names other.example.net"
    assert told.fix == "host: other.example.net"
    assert told.instead == "keep the address and add   tls: {server_name: other.example.net}"
    assert about(refused("LPF204"), shown, settings(), "siem").instead.startswith("keep the host and add")


def test_a_wrong_server_name_is_told_by_that_name(certificates: Certificates) -> None:
    told = about(refused("LPF204"), der(certificates.wrong_name), settings(server_name="siem"), "10.20.0.15")
    assert told.what == 'the certificate is not for "siem"'
    assert (told.fix, told.instead) == ("tls: {server_name: other.example.net}", "")


def test_an_unknown_issuer_is_named_beside_what_is_trusted(tmp_path: Path) -> None:
    _, pair = old_corporate(tmp_path)
    told = about(refused("LPF206"), der(pair), settings(), "siem")
    assert told.what == 'the certificate was issued by "Corp CA 2", which this machine does not trust'
    assert told.found == "trusted: system store"
    assert "who opens which password" in told.fix
    told = about(refused("LPF206"), der(pair), settings(ca_file="corp.pem"), "siem")
    assert told.found == "trusted: corp.pem"


def test_a_broken_rule_is_told_with_the_authority_that_breaks_it(tmp_path: Path) -> None:
    _, pair = old_corporate(tmp_path)
    error = refused("LPF207", "the authority of siem: it breaks a rule of RFC 5280 (not marked critical)")
    told = about(error, der(pair), settings(), "siem")
    assert told.what == "Corp CA 2 is known, but it breaks a rule of RFC 5280 (not marked critical)"
    assert told.fix == error.fix


def test_what_is_no_certificate_is_said_so() -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the library's words
        about(refused("LPF204"), b"", settings(), "siem")
