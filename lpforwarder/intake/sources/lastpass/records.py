"""One record of the vendor as one canonical event: pure, total, and the same on every re-read.

A record is a JSON object with the members Time, Username, IP_Address, Action and Data. The vendor gives no
id, outcome, factor, client, target or severity; what follows from the five is filled in, everything else is
`unknown` or absent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

from lpforwarder.event import JSON, Event, as_text
from lpforwarder.intake.sources.lastpass import catalogue, grammar, hours, sentence, told, zone
from lpforwarder.intake.sources.lastpass.told import Person, Told

NAMESPACE = UUID("b1a7c3d2-5f0e-5c48-9d36-7e2f4a8c6b10")
"""Namespace of the event ids; changing it would make every event new."""

_NAMESPACE = NAMESPACE.bytes
_MEMBERS = ("Time", "Username", "IP_Address", "Action", "Data")
_KNOWN_MEMBERS = frozenset(_MEMBERS)
_five = itemgetter(*_MEMBERS)


class _Lengths(dict[int, str]):
    """`17:` for 17; to look it up takes a third of the time of making it."""

    def __missing__(self, length: int) -> str:
        return f"{length}:"


_LENGTHS = _Lengths({length: f"{length}:" for length in range(256)})
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""RFC 4122 §4.1.1: the two highest bits of this digit are 1 and 0."""


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
        values = time, username, address, action, data = _five(record)
    except KeyError:
        return Raw._make([as_text(record.get(member)) for member in _MEMBERS])
    if type(time) is type(username) is type(address) is type(action) is type(data) is str:
        return tuple.__new__(Raw, values)  # a third of what Raw() costs
    return Raw._make(map(as_text, values))


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


def event_id(account: str, key: Raw, occurrence: int) -> str:
    """The name-based UUID (version 5) of a record: account, its five texts, and its number among equals.

    `key` are the raw texts but for what may change in them (see surplus.key_of); `occurrence` counts the
    records with the same key, from 0. Every part goes in with its length, so that no two lists of parts give
    one name.
    """
    time, user, address, action, data = key
    number = str(occurrence)
    n = _LENGTHS
    name = (
        f"{n[len(account)]}{account}{n[len(time)]}{time}{n[len(user)]}{user}{n[len(address)]}{address}"
        f"{n[len(action)]}{action}{n[len(data)]}{data}{n[len(number)]}{number}"
    )
    # uuid.uuid5 refuses lone surrogates, which JSON can carry, and takes three times as long.
    digest = hashlib.sha1(_NAMESPACE + name.encode("utf-8", "surrogatepass"), usedforsecurity=False)
    text = digest.hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def is_own_report(record: Mapping[str, JSON], label: str) -> bool:
    """Whether this is the "Reporting" event that a call with the `apiuser` label left."""
    raw = raw_texts(record)
    action = catalogue.find(raw.action)
    if action.key != "reporting":
        return False
    return label in (
        grammar.read(action.grammar, raw.data).get("apiUser"),
        told.person(raw.username, False).fields.get("apiUser"),
    )


def to_event(
    record: Mapping[str, JSON],
    *,
    source: str,
    instant: int,
    id: str,
    raw: Raw | None = None,
    ambiguous: bool = False,
    keep_vendor_data: bool = True,
) -> tuple[Event, bool]:
    """The event of a record that `refusal` accepts, and whether the catalogue knows its action.

    `instant` is in seconds since 1970 UTC; `ambiguous` marks it as one of two that are possible. `raw` are
    the record's texts, if they are at hand. Without `keep_vendor_data` the raw Data and members beyond the
    five are left out.
    """
    _, username, address, name, data = raw or raw_texts(record)
    said = told.told(name, data, isinstance(record.get("Data"), str))
    action, person = said.action, told.person(username, said.is_of_target)
    fields: dict[str, JSON] = {
        "id": id,
        "timestamp": hours.timestamp(instant),
        "eventId": action.event_id,
        "eventType": action.event_type,
        "source": source,
        "severity": action.severity,
        **told.address(address),
        **person.fields,
        **said.fields,
    }
    who = person.who
    if "apiUser" in said.fields:
        fields["apiUser"] = caller = _caller(said, person)
        who = person.who if person.has_name else sentence.who("", caller)
    fields["message"] = said.sentence.by(who)
    if name:
        fields["vendorAction"] = name
    if keep_vendor_data and data:
        fields["vendorData"] = data
    beyond = keep_vendor_data and _beyond(record)
    if beyond:
        fields["vendorFields"] = beyond
    if ambiguous:
        fields["timestampAmbiguous"] = True
    if not action.is_known:
        fields["unknownAction"] = True
    return Event.of(fields) if beyond else Event.of_plain(fields), action.is_known


def _caller(said: Told, person: Person) -> str:
    """The label of an API caller, which may stand in Data, as the user name, or nowhere."""
    label: str = said.fields["apiUser"]
    return person.fields.get("apiUser", label) if label == "unknown" else label


def _beyond(record: Mapping[str, JSON]) -> dict[str, JSON]:
    """The members that are not documented."""
    if record.keys() <= _KNOWN_MEMBERS:
        return {}
    return {name: value for name, value in record.items() if name not in _KNOWN_MEMBERS}
