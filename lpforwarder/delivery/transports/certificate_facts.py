"""What a certificate says about itself, in words fit for a terminal: names, issuer, dates.

All of it was written by a stranger. The library takes a while to load, so those who may never need it
import this module where they do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from lpforwarder import rfc3339
from lpforwarder.config import files
from lpforwarder.delivery.certificates import Certificate, Kind
from lpforwarder.delivery.hygiene import one_line

MOST_NAMES = 3
MOST_AUTHORITIES = 5  # of one file; more would be a system's whole store, where some have always expired
LONGEST_NAME = 200


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


def of_authorities(ca_file: Path, collector: bytes | None = None) -> Iterator[Certificate]:
    """The authorities of a file that a link may depend on; nothing when it cannot be read.

    The one that issued the collector's certificate when that is known and among them, else all, those that
    end first before the others. Of several with one name the last to end counts: that is how authorities
    are replaced.
    """
    last: dict[x509.Name, x509.Certificate] = {}
    for found in _read(ca_file):
        known = last.get(found.subject)
        if known is None or known.not_valid_after_utc < found.not_valid_after_utc:
            last[found.subject] = found
    issued_by = next((ca for name, ca in last.items() if name == _issuer_name(collector)), None)
    chosen: Iterable[x509.Certificate] = last.values() if issued_by is None else [issued_by]
    for found in sorted(chosen, key=lambda each: each.not_valid_after_utc)[:MOST_AUTHORITIES]:
        yield _certificate("ca", found, subject(found))


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
    end = found.not_valid_after_utc
    milliseconds = int(end.timestamp()) * 1000
    return Certificate(kind=kind, subject=name, not_after=rfc3339.render(milliseconds))


def names_of(certificate: x509.Certificate) -> list[str]:
    """The DNS names and addresses in subjectAltName; only they count (RFC 9525)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    names = [_harmless(name) for name in found.get_values_for_type(x509.DNSName)]
    return names + [str(address) for address in found.get_values_for_type(x509.IPAddress)]


def listed(names: Sequence[str]) -> str:
    """`a.example.net, b.example.net, c.example.net and 4 more`; `no name`."""
    shown = ", ".join(names[:MOST_NAMES]) or "no name"
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"


def issuer(certificate: x509.Certificate) -> str:
    """The issuer's common name, or its whole name when it has none."""
    return _named(certificate.issuer)


def subject(certificate: x509.Certificate) -> str:
    """The subject's common name, or its whole name when it has none."""
    return _named(certificate.subject)


def _named(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return _harmless(str(common[0].value) if common else name.rfc4514_string()) or "no name"


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


def _harmless(text: str) -> str:
    """What a stranger wrote into a certificate, fit for a terminal."""
    return one_line(text, LONGEST_NAME)
