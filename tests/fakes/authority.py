"""Authorities of a test's own: certificates that are renewed in place, and the sins of old corporate CAs."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.certificates import CLIENT_NAME, LOOPBACK, SERVER_NAME, KeyPair


class Authority:
    """Writes certificates to files in `folder`; writing one again is what a renewal does."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.ca_file = folder / f"{name}.pem"
        self._ca = trustme.CA()
        self._ca.cert_pem.write_to_path(self.ca_file)

    def server(self, stem: str = "server", *, days: float = 365, name: str = SERVER_NAME) -> KeyPair:
        """For that name and loopback; ends in so many days."""
        return self._issue(stem, days, name, *LOOPBACK)

    def client(self, stem: str = "client", *, days: float = 365) -> KeyPair:
        """For CLIENT_NAME."""
        return self._issue(stem, days, CLIENT_NAME)

    def _issue(self, stem: str, days: float, *names: str) -> KeyPair:
        end = datetime.now(UTC) + timedelta(days=days)
        begin = min(end, datetime.now(UTC)) - timedelta(days=1)
        leaf = self._ca.issue_cert(*names, common_name=names[0], not_before=begin, not_after=end)
        chain = b"".join(part.bytes() for part in leaf.cert_chain_pems)
        pair = KeyPair(cert_file=self.folder / f"{stem}.pem", key_file=self.folder / f"{stem}.key")
        replace(pair.cert_file, chain)
        replace(pair.key_file, leaf.private_key_pem.bytes())
        return pair


def replace(path: Path, octets: bytes) -> None:
    """Writes a file the careful way: a new one takes the old one's name."""
    made = path.with_suffix(".new")
    made.touch(mode=0o600)
    made.write_bytes(octets)
    os.replace(made, path)


def ca_pem(name: str, *, days: float) -> bytes:
    """The certificate of an authority of that name that ends in so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = _builder(subject, subject, key.public_key(), days=days).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    return _pem(made.sign(key, hashes.SHA256()))


def old_corporate(folder: Path) -> tuple[Path, KeyPair]:
    """A CA whose basic constraints are not marked critical, as many made before RFC 5280, and a server's
    certificate that it has issued without naming its key: the CA's file and the pair."""
    folder.mkdir(parents=True, exist_ok=True)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Corp CA 2")])
    ca = _builder(ca_name, ca_name, ca_key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=False
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SERVER_NAME)])
    leaf = _builder(name, ca_name, key.public_key()).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)]), critical=False
    )
    ca_file = folder / "corp-ca-2.pem"
    ca_file.write_bytes(_pem(ca.sign(ca_key, hashes.SHA256())))
    pair = KeyPair(cert_file=folder / "old.pem", key_file=folder / "old.key")
    pair.cert_file.write_bytes(_pem(leaf.sign(ca_key, hashes.SHA256())))
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    pair.key_file.touch(mode=0o600)
    pair.key_file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return ca_file, pair


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, days: float = 365
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
