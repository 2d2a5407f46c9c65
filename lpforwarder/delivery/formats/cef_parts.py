"""A usual event as CEF, put together from its line: what comes again is written once, the rest as it is.

Its *kind* is everything in an event that takes few values: event id, result, method and so on. Of a
kind all pairs are written once and remembered, as the pieces between one free value and the next. They are
cleaned, cut and escaped by the same Pieces that format() uses, and so is each free value that is not usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from lpforwarder.delivery.formats.cef_pieces import (
    ADDRESS,
    ADDRESS6,
    EXTERNAL_ID,
    EXTERNAL_ID_LIMIT,
    RAW_ADDRESS,
    TEXTS,
    TIME,
    Pieces,
)
from lpforwarder.delivery.hygiene import UNLIMITED
from lpforwarder.event import OWN, as_text
from lpforwarder.lines.parts import Address, Kind, Known, Labelled, Made, Milliseconds, Part, Timestamp

FIELDS = (
    *("id", "timestamp", "eventId", "eventType", "sourceIp", "sourceUser", "targetUser", "result", "method"),
    *("mfa", "mfaType", "itemName", "folderName", "attribute", "action", "reason", "message", "source"),
    *(
        "severity",
        "vendorAction",
        "vendorData",
        "timestampAmbiguous",
        "truncated",
        "sourceIpRaw",
        "targetUsers",
    ),
)
"""In the order in which events have them: so they are found fastest. No other says anything in CEF."""

_KIND = (
    *("eventId", "severity", "result", "eventType", "action", "source", "method", "attribute", "mfa"),
    *("mfaType", "vendorAction", "timestampAmbiguous", "truncated", "targetUsers"),
)
_AS_IN_JSON = b"\\nr"
"""A backslash, LF and CR: the escapes that CEF has, too, and writes as JSON does."""
_KINDS_KEPT = 2048
"""At most 20 MiB with hostile values; usual ones take 2 KB each, and there are some hundred."""
_KEYS = {name: (key, most) for name, key, most in TEXTS} | {"sourceIpRaw": (RAW_ADDRESS, UNLIMITED)}


def parts_of(pieces: Pieces) -> Sequence[Part]:
    """All that stands between the header of a message and its end."""
    kind = Kind(
        names=_KIND,
        make=lambda values: _of_kind(pieces, values, tuple(map(type, values))),
        most=_KINDS_KEPT,
    )

    def free(name: str, *, never_beside: str = "") -> Labelled:
        key, most = _KEYS[name]
        return Labelled(
            label=f" {key}".encode(),
            name=name,
            most=most,
            instead=pieces.equals.encode(),
            keeps=_AS_IN_JSON,
            careful=lambda text: _joined(pieces.pair(key, text, most)).encode(),
            never_beside=never_beside,
        )

    address = Address(
        label=f" {ADDRESS}".encode(),
        label6=f" {ADDRESS6}".encode(),
        name="sourceIp",
        most=UNLIMITED,
        careful=lambda text: _joined(pieces.source_ip(text, "")).encode(),
    )
    event_id = Labelled(
        label=f" {EXTERNAL_ID}".encode(),
        name="id",
        most=EXTERNAL_ID_LIMIT,
        careful=lambda text: _joined(pieces.external_id(text)).encode(),
    )
    return (
        # An address that is none goes where the raw one does, so with both somebody has to choose.
        *(Made(kind, 0), Milliseconds("timestamp"), address, free("sourceIpRaw", never_beside="sourceIp")),
        event_id,
        *(Made(kind, 1), free("sourceUser"), free("targetUser"), free("itemName")),
        *(Made(kind, 2), free("message"), free("reason")),
        *(Made(kind, 3), free("folderName")),
        *(Made(kind, 4), free("vendorData")),
        *(Made(kind, 5), Timestamp("timestamp")),
    )


@lru_cache(maxsize=_KINDS_KEPT)  # 0.1 ms each, and for every collector they are the same
def _of_kind(pieces: Pieces, values: tuple[Known, ...], _types: tuple[type, ...]) -> Sequence[bytes] | None:
    """The text between the free values; None for several users, and for own events with their own fields.

    The types tell True from 1.
    """
    known = dict(zip(_KIND, values, strict=True))
    severity = known["severity"]
    if known["source"] == OWN or known["targetUsers"] is not None:
        return None
    if type(severity) is not int or severity > 10:
        return None

    def pairs(*names: str) -> str:
        return "".join(
            _joined(pieces.pair(_KEYS[name][0], as_text(known[name]), _KEYS[name][1])) for name in names
        )

    texts = (
        pieces.header(as_text(known["eventId"]), severity) + "rt=",
        _joined(pieces.outcome(as_text(known["result"]))) + pairs("eventType"),
        pairs("action"),
        pairs("source", "method"),
        pairs("attribute", "mfa", "mfaType", "vendorAction"),
        pairs("timestampAmbiguous", "truncated") + f" {TIME}",
    )
    return [text.encode() for text in texts]


def _joined(pairs: Sequence[str]) -> str:
    return "".join([f" {pair}" for pair in pairs])
