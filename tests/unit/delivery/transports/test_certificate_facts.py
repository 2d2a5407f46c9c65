"""What a certificate says about itself, in words fit for a terminal."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lpforwarder import rfc3339
from lpforwarder.delivery.transports.certificate_facts import (
    describe,
    issuer,
    names_of,
    of_authorities,
    of_client,
    of_collector,
    period,
)
from lpforwarder.delivery.transports.told_certificates import MOST_AUTHORITIES
from tests.fakes.authority import Authority
from tests.fakes.certificates import CLIENT_NAME, SERVER_NAME, KeyPair
from tests.fakes.pipes import pipe, without_waiting


def certificate(*, common_name: str = "", names: tuple[str, ...] = (), days: float = 2) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    name = x509.Name([*attributes, x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Corp")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
    )
    if names:
        general = [x509.DNSName(each) for each in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    return builder.sign(key, hashes.SHA256())


def test_names_cannot_write_on_the_terminal_of_who_looks_at_them() -> None:
    hostile = certificate(common_name="\x1b[2Jroot\r\n" + "x" * 50, names=("a\x1b]0;\x07.example.net",))
    for text in (
        issuer(hostile),
        *names_of(hostile),
        describe(hostile.public_bytes(serialization.Encoding.DER)),
    ):
        assert text.isprintable(), text


def test_an_issuer_without_a_common_name_is_shown_whole() -> None:
    assert issuer(certificate()) == "O=Corp"


def test_a_certificate_without_names_has_none() -> None:
    assert names_of(certificate()) == []
    assert describe(b"no certificate") == "a certificate we cannot read"


def test_a_valid_certificate_is_described_by_its_days() -> None:
    assert re.fullmatch(r"is valid from \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d", period(certificate()))


# ---- certificates of a link -------------------------------------------------------------------------------


def der(pair: KeyPair) -> bytes:
    (leaf, *_) = x509.load_pem_x509_certificates(pair.cert_file.read_bytes())
    return leaf.public_bytes(serialization.Encoding.DER)


def pem(*made: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in made)


def days(end: str) -> int:
    there, now = rfc3339.parse(end), rfc3339.parse(rfc3339.now())
    assert there is not None
    assert now is not None
    return (there - now) // 86_400_000


def test_the_collectors_certificate_is_known_by_its_names_and_its_end(tmp_path: Path) -> None:
    found = of_collector(der(Authority(tmp_path).server(days=9.5)))
    assert found is not None
    assert (found.kind, days(found.not_after)) == ("collector", 9)
    assert found.subject.startswith(f"{SERVER_NAME}, ")
    assert of_collector(b"no certificate") is None


def test_our_own_certificate_is_the_first_of_its_file(tmp_path: Path) -> None:
    pair = Authority(tmp_path).client(days=9.5)
    (found,) = of_client(pair.cert_file)
    assert (found.kind, found.subject, days(found.not_after)) == ("client", CLIENT_NAME, 9)


def test_a_file_that_is_none_has_no_certificates(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for path in (tmp_path / "empty.pem", tmp_path / "missing.pem"):
        assert list(of_client(path)) == []
        assert list(of_authorities(path)) == []


def test_of_several_authorities_the_one_that_issued_the_collectors_certificate_counts(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    both = tmp_path / "both.pem"
    both.write_bytes(theirs.ca_file.read_bytes() + ours.ca_file.read_bytes())
    shown = der(ours.server())
    ours_alone = list(of_authorities(ours.ca_file))
    assert len(ours_alone) == 1
    assert list(of_authorities(both, shown)) == ours_alone
    assert len(list(of_authorities(both))) == 2
    assert len(list(of_authorities(both, b"no certificate"))) == 2


def test_an_authority_that_is_being_replaced_ends_with_its_successor(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    old, new = certificate(common_name="Corp CA", days=1.5), certificate(common_name="Corp CA", days=90.5)
    bundle.write_bytes(pem(new, old))
    (found,) = of_authorities(bundle)
    assert (found.kind, found.subject, days(found.not_after)) == ("ca", "Corp CA", 90)


def test_of_a_whole_store_only_the_first_to_end_are_told(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(pem(*(certificate(common_name=f"CA {n}", days=100.5 - n) for n in range(12))))
    found = list(of_authorities(bundle))
    assert len(found) == MOST_AUTHORITIES
    assert days(found[0].not_after) == 89


def test_a_pipe_holds_no_certificate_and_nobody_waits_for_one(tmp_path: Path) -> None:
    waits = pipe(tmp_path / "pipe")
    assert without_waiting(lambda: [*of_client(waits), *of_authorities(waits)], waits) == []
