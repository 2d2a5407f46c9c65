"""One record of the vendor as one canonical event: pure, total, and the same on every re-read.

A record is a JSON object with the members Time, Username, IP_Address, Action and Data. The vendor gives no
id, outcome, factor, client, target or severity; what follows from the five is filled in, everything else is
`unknown` or absent.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

from lpforwarder import rfc3339
from lpforwarder.event import JSON, Event, as_text
from lpforwarder.intake.sources.lastpass import catalogue, grammar, sentence, zone
from lpforwarder.intake.sources.lastpass.catalogue import Action

NAMESPACE = UUID("b1a7c3d2-5f0e-5c48-9d36-7e2f4a8c6b10")
"""Namespace of the event ids; changing it would make every event new."""

SIGN_INS = frozenset({"1001", "1003"})
"""Event ids of which the wish wants method, mfa and mfaType."""

_NAMESPACE = NAMESPACE.bytes
_MEMBERS = ("Time", "Username", "IP_Address", "Action", "Data")
_five = itemgetter(*_MEMBERS)
_ONLY_TEXT = frozenset({str})
_API_CALLER = re.compile(r"API(?::(.*))?", re.IGNORECASE | re.DOTALL)
_LONGEST_ADDRESS = 45  # an IPv4-mapped IPv6 address in full


class Raw(NamedTuple):
    """The five members as text, exactly as they came; what is missing or null is ""."""

    time: str
    username: str
    address: str
    action: str
    data: str


def raw_texts(record: Mapping[str, JSON]) -> Raw:
    """The five texts that make up a record's identity; other JSON values as they are written."""
    try:
        values = _five(record)
    except KeyError:
        values = tuple(record.get(member) for member in _MEMBERS)
    return Raw._make(values if _ONLY_TEXT.issuperset(map(type, values)) else map(as_text, values))


def refusal(record: JSON) -> str:
    """Why this cannot become an event, for a Reject; "" when it can. Never repeats what the record holds."""
    if not isinstance(record, Mapping):
        return "not a JSON object"
    if not isinstance(record.get("Time"), str):
        return "Time is missing or not a text"
    try:
        zone.parse(record["Time"])
    except zone.UnreadableTime as error:
        return str(error)
    return ""


def event_id(account: str, raw: Raw, occurrence: int) -> str:
    """The name-based UUID (version 5) of a record: account, the five raw texts, and its number among equals.

    `occurrence` counts the records with the same five texts, from 0. Every part goes in with its length, so
    that no two lists of parts give one name. The zone has no part in it: a new setting keeps the ids.
    """
    name = "".join([f"{len(part)}:{part}" for part in (account, *raw, str(occurrence))])
    # uuid.uuid5 refuses lone surrogates, which JSON can carry, and takes three times as long.
    digest = hashlib.sha1(_NAMESPACE + name.encode("utf-8", "surrogatepass"), usedforsecurity=False)
    text = digest.hexdigest()
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


def is_own_report(record: Mapping[str, JSON], label: str) -> bool:
    """Whether this is the "Reporting" event that a call with the `apiuser` label left."""
    raw = raw_texts(record)
    action = catalogue.find(raw.action)
    if action.key != "reporting":
        return False
    return label in (
        grammar.read(action.grammar, raw.data).get("apiUser"),
        _person(action, raw.username).get("apiUser"),
    )


def to_event(
    record: Mapping[str, JSON],
    *,
    source: str,
    instant: int,
    id: str,
    ambiguous: bool = False,
    keep_vendor_data: bool = True,
) -> tuple[Event, bool]:
    """The event of a record that `refusal` accepts, and whether the catalogue knows its action.

    `instant` is in seconds since 1970 UTC; `ambiguous` marks it as one of two that are possible. Without
    `keep_vendor_data` the raw Data and members beyond the five are left out.
    """
    raw = raw_texts(record)
    action = catalogue.meaning(raw.action, raw.data)
    fields: dict[str, JSON] = {
        "id": id,
        "timestamp": rfc3339.render(instant * 1000),
        "eventId": action.event_id,
        "eventType": action.event_type,
        "source": source,
        "severity": action.severity,
    }
    fields |= _address(raw.address)
    fields |= _details(action, record, raw)
    fields |= {"message": sentence.of(action, fields, raw.action), "vendorAction": raw.action}
    fields |= _vendor(record, raw) if keep_vendor_data else {}
    if ambiguous:
        fields["timestampAmbiguous"] = True
    if not action.is_known:
        fields["unknownAction"] = True
    return Event.of({name: value for name, value in fields.items() if value != ""}), action.is_known


def _details(action: Action, record: Mapping[str, JSON], raw: Raw) -> dict[str, JSON]:
    data = record.get("Data")
    parts = grammar.read(action.grammar, data) if isinstance(data, str) else {}
    details = _person(action, raw.username) | {"result": action.result}
    if action.event_id in SIGN_INS:
        details |= {"method": "unknown", "mfa": "unknown", "mfaType": "unknown"}
    details |= action.extra
    details |= {name: value for name, value in parts.items() if name not in details or value != "unknown"}
    return details | {"action": action.verb}


def _person(action: Action, username: str) -> dict[str, JSON]:
    """Who did it: a person or an API caller. A sign-in is told of the person who signs in, as in the wish."""
    name = username.strip()
    caller = _API_CALLER.fullmatch(name)
    if caller:
        return {"apiUser": (caller[1] or "").strip() or "unknown"}
    return {"targetUser" if action.event_id.startswith("1") else "sourceUser": name}


def _vendor(record: Mapping[str, JSON], raw: Raw) -> dict[str, JSON]:
    beyond = record.keys() - _MEMBERS
    if not beyond:
        return {"vendorData": raw.data}
    return {"vendorData": raw.data, "vendorFields": {n: v for n, v in record.items() if n in beyond}}


@lru_cache(maxsize=4096)
def _address(text: str) -> Mapping[str, JSON]:
    """The address as it came when it is one; what is none keeps its text under another name."""
    trimmed = text.strip()
    try:
        # A zone id (`%eth0`) may hold any text and says nothing outside the machine it is from.
        if len(trimmed) > _LONGEST_ADDRESS or "%" in trimmed:
            raise ValueError
        ipaddress.ip_address(trimmed)
    except ValueError:
        return {"sourceIpRaw": text}
    return {"sourceIp": trimmed}
