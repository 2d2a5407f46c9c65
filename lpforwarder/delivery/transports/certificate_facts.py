"""What a certificate says about itself, in words fit for a terminal: names, issuer, dates.

All of it was written by a stranger. The library takes a while to load, so those who may never need it
import this module where they do; told_certificates.py does for most links.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from lpforwarder.config import files
from lpforwarder.delivery.certificates import Certificate, Kind
from lpforwarder.delivery.transports.told_certificates import Authority, chosen, harmless, listed, of_kind


def describe(der: bytes) -> str:
    """`siem.example.net, issuer Corp CA 2, 210 days left`."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError:
        return "a certificate we cannot read"
    left = _days(certificate.not_valid_after_utc - datetime.now(UTC))
    return f"{listed(names_of(certificate))}, issuer {issuer(certificate)}, {left} left"


def of_collector(der: bytes) -> Certificate | None:
    """The certificate shown in a handshake; None when it cannot be read."""
    try:
        found = x509.load_der_x509_certificate(der)
    except ValueError:
        return None
    return _certificate("collector", found, listed(names_of(found)) if names_of(found) else subject(found))


def of_client(cert_file: Path) -> Iterator[Certificate]:
    """Our own certificate: the first of the file, as TLS takes it. Nothing when it cannot be read."""
    for found in _read(cert_file)[:1]:
        yield _certificate("client", found, subject(found))


def of_authorities(ca_file: Path, collector: bytes | None = None) -> list[Certificate]:
    """Those of a file that a link may depend on, as chosen() chooses them; none when it cannot be read."""
    known = [Authority(found.subject, subject(found), _end(found)) for found in _read(ca_file)]
    return chosen(known, _issuer_name(collector))


def _issuer_name(der: bytes | None) -> x509.Name | None:
    try:
        return x509.load_der_x509_certificate(der).issuer if der else None
    except ValueError:
        return None


def _read(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(files.content(path))
    except (OSError, ValueError):
        return []  # said elsewhere: it could not be loaded for TLS either


def _certificate(kind: Kind, found: x509.Certificate, name: str) -> Certificate:
    return of_kind(kind, name, _end(found))


def _end(found: x509.Certificate) -> int:
    """Milliseconds since 1970."""
    return int(found.not_valid_after_utc.timestamp()) * 1000


def names_of(certificate: x509.Certificate) -> list[str]:
    """The DNS names and addresses in subjectAltName; only they count (RFC 9525)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    names = [harmless(name) for name in found.get_values_for_type(x509.DNSName)]
    return names + [str(address) for address in found.get_values_for_type(x509.IPAddress)]


def issuer(certificate: x509.Certificate) -> str:
    """The issuer's common name, or its whole name when it has none."""
    return _named(certificate.issuer)


def subject(certificate: x509.Certificate) -> str:
    """The subject's common name, or its whole name when it has none."""
    return _named(certificate.subject)


def _named(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return harmless(str(common[0].value) if common else name.rfc4514_string()) or "no name"


def period(certificate: x509.Certificate) -> str:
    """`expired on 2026-11-20, 2 days ago`, `is not valid before …`, or from when to when it is valid."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    now = datetime.now(UTC)
    if end < now:
        return f"expired on {end:%Y-%m-%d}, {_days(now - end)} ago"
    if now < begin:
        return f"is not valid before {begin:%Y-%m-%d %H:%M} UTC"
    return f"is valid from {begin:%Y-%m-%d} to {end:%Y-%m-%d}"


def _days(span: timedelta) -> str:
    return "1 day" if span.days == 1 else f"{span.days} days"
