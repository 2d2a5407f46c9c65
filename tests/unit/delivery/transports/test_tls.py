"""The TLS context as configured, and pinned fingerprints."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from lpforwarder.delivery.transports.options import TlsSettings
from lpforwarder.delivery.transports.tls import check_fingerprint, context, fingerprint
from lpforwarder.errors import Blocked
from tests.fakes.certificates import Certificates
from tests.fakes.pipes import pipe, without_waiting

DER = b"the certificate as it travels"


def settings(**values: Any) -> TlsSettings:
    written = {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}
    return TlsSettings.model_validate(written, context={"folder": Path("/")})


def test_chain_and_name_are_checked_unless_somebody_asks_twice_for_the_contrary() -> None:
    made = context(settings())
    assert (made.verify_mode, made.check_hostname) == (ssl.CERT_REQUIRED, True)
    insecure = context(settings(verify=False, allow_insecure=True))
    assert (insecure.verify_mode, insecure.check_hostname) == (ssl.CERT_NONE, False)


def test_the_machines_own_authorities_are_trusted_and_with_a_ca_file_no_other(
    certificates: Certificates,
) -> None:
    made = context(settings(ca_file=certificates.ca_file))
    assert [found["serialNumber"] for found in made.get_ca_certs()] == [serial(certificates.ca_file)]
    assert context(settings()).cert_store_stats() == context(settings(ca_file="system")).cert_store_stats()


def serial(pem_file: Path) -> str:
    one = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    one.load_verify_locations(pem_file)
    return str(one.get_ca_certs()[0]["serialNumber"])


def test_the_oldest_version_is_1_2_or_what_is_asked() -> None:
    assert context(settings()).minimum_version == ssl.TLSVersion.TLSv1_2
    assert context(settings(min_version="1.3")).minimum_version == ssl.TLSVersion.TLSv1_3


def test_strict_ca_sets_and_clears_the_flag_and_auto_leaves_it_to_python() -> None:
    strict = ssl.VERIFY_X509_STRICT
    usual = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).verify_flags
    assert context(settings(strict_ca=True)).verify_flags & strict
    assert not context(settings(strict_ca=False)).verify_flags & strict
    assert context(settings(strict_ca="auto")).verify_flags == usual


def test_a_collector_cannot_make_us_renegotiate() -> None:
    assert context(settings()).options & ssl.OP_NO_RENEGOTIATION


def test_a_pinned_certificate_needs_no_authority_but_one_that_is_named_counts_too(
    certificates: Certificates,
) -> None:
    pinned = [fingerprint(DER)]
    assert context(settings(fingerprints=pinned)).verify_mode == ssl.CERT_NONE
    both = context(settings(fingerprints=pinned, ca_file=certificates.ca_file))
    assert (both.verify_mode, both.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("key", ["ca_file", "cert_file"])
def test_a_file_that_cannot_be_used_waits_for_a_person(key: str, tmp_path: Path) -> None:
    (tmp_path / "text.pem").write_text("no certificate")
    for name in ("text.pem", "absent.pem"):
        with pytest.raises(Blocked) as raised:
            context(settings(**{key: tmp_path / name}))
        assert raised.value.code == "LPF119"
        assert raised.value.what.startswith(f"{tmp_path / name} ")
        assert raised.value.fix
        assert "PEM lib" not in raised.value.what


@pytest.mark.parametrize("key", ["ca_file", "cert_file", "key_file"])
def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(
    key: str, tmp_path: Path, certificates: Certificates
) -> None:
    waits = pipe(tmp_path / "pipe")
    pair = {"cert_file": certificates.client.cert_file, "key_file": certificates.client.key_file}
    options = settings(**{**pair, "ca_file": certificates.ca_file, key: waits})
    with pytest.raises(Blocked, match=f"{waits} is not a file") as raised:
        without_waiting(lambda: context(options), waits)
    assert raised.value.code == "LPF119"


def test_an_encrypted_key_is_refused_instead_of_asking_a_terminal(tmp_path: Path) -> None:
    leaf = trustme.CA().issue_cert("forwarder.example.net")
    key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None)
    secret = serialization.BestAvailableEncryption(b"secret")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)
    (tmp_path / "client.pem").write_bytes(leaf.cert_chain_pems[0].bytes())
    (tmp_path / "client.key").write_bytes(pem)
    with pytest.raises(Blocked, match="nobody to ask"):
        context(settings(cert_file=tmp_path / "client.pem", key_file=tmp_path / "client.key"))


@pytest.mark.parametrize("digest", ["sha-256", "sha-1"])
def test_a_fingerprint_is_spelt_as_the_options_spell_it(digest: str) -> None:
    hexadecimal = hashlib.new(digest.replace("-", ""), DER).hexdigest()
    (pinned,) = settings(fingerprints=[f"{digest}:{hexadecimal}"]).fingerprints
    assert fingerprint(DER, digest) == pinned
    check_fingerprint(DER, (pinned,), "192.0.2.1:6514")


def test_one_of_several_fingerprints_is_enough() -> None:
    check_fingerprint(DER, (fingerprint(b"old"), fingerprint(DER)), "192.0.2.1:6514")


def test_a_certificate_that_is_not_pinned_is_refused_and_its_fingerprint_shown() -> None:
    with pytest.raises(Blocked, match=fingerprint(DER)) as raised:
        check_fingerprint(DER, (fingerprint(b"another"),), "192.0.2.1:6514")
    assert raised.value.code == "LPF215"


def test_a_peer_without_a_certificate_matches_no_fingerprint() -> None:
    with pytest.raises(Blocked):
        check_fingerprint(b"", (fingerprint(DER),), "192.0.2.1:6514")
