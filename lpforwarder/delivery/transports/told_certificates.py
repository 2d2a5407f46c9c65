"""Names and ends of certificates as the ssl module tells them, which is loaded anyway.

That does for most links. The library that knows everything takes 0.1 s and 10 MB to load, and whoever starts
in front of a full journal would wait for it: it is for what is not told here; see certificate_facts.py.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from msgspec import Struct

from lpforwarder import rfc3339
from lpforwarder.config import files
from lpforwarder.delivery.certificates import Certificate, Kind
from lpforwarder.delivery.hygiene import one_line

MOST_NAMES = 3
MOST_AUTHORITIES = 5  # of one file; more would be a system's whole store, where some have always expired
LONGEST_NAME = 200
_FILES_KEPT = 16
"""Of which it is remembered who is in them."""
_SHORT = {
    "countryName": "C",
    "domainComponent": "DC",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
    "streetAddress": "STREET",
    "userId": "UID",
}
_PLAIN = re.compile(r"[\w.@/-](?:[\w .#@/-]*[\w.@/-])?", re.ASCII)
"""What RFC 4514 §2.4 need not escape, and more."""

Told = Mapping[str, Any]
"""A certificate as SSLSocket.getpeercert() gives it; empty for one that was not verified."""


class NotTold(Exception):
    """The ssl module says too little about this certificate."""


def of_session(session: ssl.SSLObject) -> Told:
    """What is told of the far side's certificate; nothing when it was not verified or cannot be spelt."""
    try:
        return session.getpeercert() or {}
    except ValueError:  # names that are no text
        return {}


class Authority(Struct, frozen=True):
    """One of a file: its whole name, to be compared, what it is called, and its end in ms since 1970."""

    name: Hashable
    called: str
    end: int


def collector(told: Told) -> Certificate:
    """The certificate shown in a handshake. NotTold."""
    if "subjectAltName" not in told and not told.get("subject"):
        raise NotTold
    return of_kind("collector", listed(found) if (found := _names(told)) else _called(told), _end(told))


def authorities(ca_file: Path, collectors: Told | None) -> list[Certificate]:
    """Those of a file that a link may depend on, as chosen() chooses them. NotTold, also of no file."""
    try:
        known = _in_file(ca_file, files.stamps([ca_file]))
    except OSError:
        raise NotTold from None
    return chosen(known, collectors["issuer"] if collectors else None)


@lru_cache(maxsize=_FILES_KEPT)
def _in_file(ca_file: Path, _: files.Stamps) -> Sequence[Authority]:
    """All in the file as it was then: many links depend on one file, each asks at every handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    files.require_files(ca_file)
    context.load_verify_locations(cafile=ca_file)
    found = context.get_ca_certs()
    if len(found) != context.cert_store_stats()["x509"]:  # some do not say that they are authorities
        raise NotTold
    return [Authority(one["subject"], _called(one), _end(one)) for one in found]


def chosen(known: Iterable[Authority], issuer: Hashable) -> list[Certificate]:
    """The one that issued the collector's certificate when that is known and among them, else all.

    At most MOST_AUTHORITIES, those that end first before the others. Of several with one name the last to end
    counts: that is how authorities are replaced.
    """
    last: dict[Hashable, Authority] = {}
    for found in known:
        former = last.get(found.name)
        if former is None or former.end < found.end:
            last[found.name] = found
    of_interest = [last[issuer]] if issuer in last else sorted(last.values(), key=lambda each: each.end)
    return [of_kind("ca", each.called, each.end) for each in of_interest[:MOST_AUTHORITIES]]


def of_kind(kind: Kind, called: str, end: int) -> Certificate:
    """`end` in milliseconds since 1970."""
    return Certificate(kind=kind, subject=called, not_after=rfc3339.render(end))


def listed(names: Sequence[str]) -> str:
    """`a.example.net, b.example.net, c.example.net and 4 more`; `no name`."""
    shown = ", ".join(names[:MOST_NAMES]) or "no name"
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"


def harmless(text: str) -> str:
    """What a stranger wrote into a certificate, fit for a terminal."""
    return one_line(text, LONGEST_NAME)


def _names(told: Told) -> list[str]:
    """The DNS names and addresses in subjectAltName; only they count (RFC 9525)."""
    alternatives = told.get("subjectAltName", ())
    try:
        addresses = [str(ip_address(value)) for kind, value in alternatives if kind == "IP Address"]
    except ValueError:
        raise NotTold from None
    return [harmless(value) for kind, value in alternatives if kind == "DNS"] + addresses


def _called(told: Told) -> str:
    """The subject's common name, or its whole name (RFC 4514) when it has none and that is easily written."""
    parts = told["subject"]
    common = [value for part in parts for kind, value in part if kind == "commonName"]
    if common:
        return harmless(common[0]) or "no name"
    written = [f"{_SHORT[kind]}={value}" for ((kind, value),) in map(_single, parts)]
    return harmless(",".join(reversed(written))) or "no name"


def _single(part: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """A part of a name that has one kind and a plain value. NotTold."""
    if len(part) != 1 or part[0][0] not in _SHORT or not _PLAIN.fullmatch(part[0][1]):
        raise NotTold
    return part


def _end(told: Told) -> int:
    try:
        return int(ssl.cert_time_to_seconds(told["notAfter"])) * 1000
    except (KeyError, ValueError):
        raise NotTold from None
