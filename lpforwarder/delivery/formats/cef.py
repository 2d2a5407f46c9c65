"""CEF:0, the Common Event Format: `CEF:0|vendor|product|version|event id|name|severity|key=value …`.

The header holds no text of a user: several receivers split it at any pipe, escaped or not. Values stand
in the extension, where `\\\\`, `=` and line breaks are escaped and nothing else is.

Most events need no cleaning and no escaping, and one look at the event's line tells: it is ASCII, and
everything unusual in it stands behind a backslash. Those events take their values as they are; all others
have each value cleaned. Both ways give the same octets; a property test compares them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from lpforwarder import event_ids, rfc3339
from lpforwarder.config.options import Options
from lpforwarder.delivery import hygiene
from lpforwarder.delivery.hygiene import UNLIMITED
from lpforwarder.event import OWN, Event

# Canonical name, what stands before the value, characters that the CEF dictionary allows before escaping.
# Keys beginning with lpforwarder are ours, so the dictionary sets no length.
_TEXTS = (
    ("eventType", "cat=", 1023),
    ("sourceUser", "suser=", 1023),
    ("targetUser", "duser=", 1023),
    ("itemName", "fname=", 1023),
    ("action", "act=", 63),
    ("message", "msg=", 1023),
    ("reason", "reason=", 1023),
    ("source", "deviceExternalId=", 255),
    ("method", "cs1Label=authMethod cs1=", 4000),
    ("folderName", "cs2Label=folderName cs2=", 4000),
    ("attribute", "cs3Label=attribute cs3=", 4000),
    ("mfa", "cs4Label=mfa cs4=", 4000),
    ("mfaType", "cs5Label=mfaType cs5=", 4000),
    ("vendorAction", "lpforwarderVendorAction=", UNLIMITED),
    ("vendorData", "lpforwarderVendorData=", UNLIMITED),
    ("timestampAmbiguous", "lpforwarderTimestampAmbiguous=", UNLIMITED),
    ("truncated", "lpforwarderTruncated=", UNLIMITED),
)
_HANDLED = frozenset(
    {"id", "timestamp", "eventId", "result", "severity", "sourceIp", "sourceIpRaw", "targetUsers", "eventUid"}
    | {name for name, _, _ in _TEXTS}
)
"""What every event may have; the other fields of own events get keys of ours."""
_VENDOR_LIMIT, _VERSION_LIMIT, _OUTCOME_LIMIT = 63, 31, 63
_OUTCOMES = {"success": ("outcome=success",)} | dict.fromkeys(event_ids.FAILED, ("outcome=failure",))
_EXTERNAL_ID_LIMIT = 40
_CLASS_ID_LIMIT = 1023

# As numbers: Python finds those in bytes eight times faster than a text of one character.
_EQUALS, _BACKSLASH = b"=\\"

_NO_EVENT_ID = "unknown"
_UNKNOWN_NAME = "Audit event"
"""Device Event Class ID and Name of events that say nothing; the Name never holds an event's data."""

_KINDS_KEPT = 1024
"""Headers remembered, one for each event id and severity; at most 3 MiB with hostile ids."""
_ADDRESSES_KEPT = 8192
"""Source addresses remembered, under 2 MiB."""
_LONGEST_ADDRESS = 45
"""Characters of the longest IPv6 address; longer texts are no address and are not remembered."""


class CefOptions(Options):
    """`cef: {…}` of a collector."""

    vendor: Annotated[str, Field(min_length=1, max_length=_VENDOR_LIMIT)] = "LastPass"
    product: Annotated[str, Field(min_length=1, max_length=_VENDOR_LIMIT)] = "Enterprise"
    version: Annotated[str, Field(min_length=1, max_length=_VERSION_LIMIT)] = "1.0"
    equals: Literal["escape", "substitute"] = "escape"
    """`substitute` writes `:` for `=` in values, for receivers that unescape before they look for keys: an
    item named `x duser=admin` forges a key there although the message is right."""


class CefFormat:
    """Events as CEF; total: no value can end its key, start another one or reach the header."""

    Options = CefOptions

    def __init__(self, options: CefOptions) -> None:
        device = (
            hygiene.one_line(options.vendor, _VENDOR_LIMIT),
            hygiene.one_line(options.product, _VENDOR_LIMIT),
            hygiene.one_line(options.version, _VERSION_LIMIT),
        )
        self._device = "|".join(["CEF:0", *map(_escape_header, device)])
        self._equals = "\\=" if options.equals == "escape" else ":"
        self._header = lru_cache(maxsize=_KINDS_KEPT)(self._make_header)

    def format(self, event: Event) -> bytes:
        """The CEF text in UTF-8, without a BOM and without line breaks."""
        return self._encode(event, is_plain(event.line))

    def _encode(self, event: Event, plain: bool) -> bytes:
        """`plain` may be said of an event whose line is_plain(), and changes nothing but the time taken."""
        fields = event.fields
        when, milliseconds = _instant(event.text("timestamp"))
        pairs = [f"rt={milliseconds}"] if milliseconds >= 0 else []
        pairs += self._source_ip(event)
        pairs += self._id(event.text("id"), plain and type(fields.get("id")) is str)
        pairs += self._outcome(event.text("result"))
        for name, key, most in _TEXTS:
            value = fields.get(name)
            if value is None:
                continue
            if plain and type(value) is str and len(value) <= most:
                text = value.strip(" ")
                if text:
                    pairs.append(key + text)
            else:
                pairs += self._pair(key, event.text(name), most)
        if "targetUsers" in fields:
            pairs += self._pair("lpforwarderTargetUsers=", _target_users(event), UNLIMITED)
        if fields.get("source") == OWN:
            pairs += self._own(event)
        if when:
            pairs.append(f"cs6Label=eventTimeRfc3339 cs6={when}")
        header = self._header(event.text("eventId")[:_CLASS_ID_LIMIT], event.severity)
        return (header + " ".join(pairs)).encode()

    def _source_ip(self, event: Event) -> Sequence[str]:
        """The pair for the address; what is none goes into a key of our own, as sourceIpRaw does."""
        text = event.text("sourceIp").strip(" ")
        pair = _address(text) if len(text) <= _LONGEST_ADDRESS else ()
        raw = event.text("sourceIpRaw") or ("" if pair else text)
        return (*pair, *self._pair("lpforwarderSourceIpRaw=", raw, UNLIMITED)) if raw else pair

    def _id(self, event_id: str, plain: bool) -> Sequence[str]:
        """A cut id is not unique, so one that does not fit goes whole into a key of our own."""
        text = event_id.strip(" ") if plain else hygiene.value(event_id)
        key = "externalId=" if len(text) <= _EXTERNAL_ID_LIMIT else "lpforwarderEventUid="
        if plain and text:
            return (key + text,)
        return self._pair(key, text, UNLIMITED)

    def _own(self, event: Event) -> Sequence[str]:
        """The fields that only own events have: `eventsWaiting` as `lpforwarderEventsWaiting`.

        None of our names is one that CEF cannot carry; such a name in a forged event is left out. `count`
        is not CEF's `cnt`, by which receivers multiply events.
        """
        pairs: list[str] = []
        for name in event.fields:
            if name not in _HANDLED and name.isascii() and name.isalnum() and name[0].islower():
                key = f"lpforwarder{name[0].upper()}{name[1:]}="
                pairs += self._pair(key, event.text(name), UNLIMITED)
        return pairs

    def _outcome(self, result: str) -> Sequence[str]:
        return _OUTCOMES.get(result.strip(" ")) or self._pair("outcome=", result, _OUTCOME_LIMIT)

    def _pair(self, key: str, text: str, most: int) -> Sequence[str]:
        """The key with its value cleaned, cut and escaped; nothing when no value is left."""
        clean = hygiene.value(text, most)
        return (key + self._escape(clean),) if clean else ()

    def _escape(self, text: str) -> str:
        # The backslash first, or it would be put before the others' own ones.
        text = text.replace("\\", "\\\\").replace("=", self._equals)
        return text.replace("\n", "\\n").replace("\r", "\\r")

    def _make_header(self, event_id: str, severity: int) -> str:
        class_id = hygiene.one_line(event_id, _CLASS_ID_LIMIT) or _NO_EVENT_ID
        kind = event_ids.EVENT_IDS.get(class_id)
        name = kind.name if kind is not None else _UNKNOWN_NAME
        return f"{self._device}|{_escape_header(class_id)}|{_escape_header(name)}|{severity}|"


def is_plain(line: bytes) -> bool:
    """Whether no text in a canonical line needs cleaning or escaping in CEF.

    In such a line every control and every character outside ASCII stands behind a backslash. When all
    backslashes stand before a quote, there is nothing but printable ASCII, and no backslash, in any text.
    """
    if _EQUALS in line:
        return False
    return _BACKSLASH not in line or line.count(b"\\") == line.count(b'\\"')


def _escape_header(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _instant(text: str) -> tuple[str, int]:
    """The time in RFC 3339 and in milliseconds since 1970; "" and -1 when it is none.

    Both are sent: `rt` is milliseconds, as a text there costs some receivers the whole event.
    """
    milliseconds = rfc3339.of_canonical(text)
    if milliseconds is not None:
        return text, milliseconds
    when = rfc3339.canonical(text.strip(" "))
    return ("", -1) if when is None else (when, rfc3339.of_canonical(when) or 0)


@lru_cache(maxsize=_ADDRESSES_KEPT)
def _address(text: str) -> tuple[str, ...]:
    """`src` is typed IPv4, so IPv6 goes to `c6a2` with its label; nothing for what is no address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ()
    if isinstance(address, ipaddress.IPv4Address):
        return (f"src={address}",)
    if address.scope_id is not None:
        return ()
    # Python versions print mapped addresses differently; as the IPv4 address it is the same everywhere.
    if address.ipv4_mapped is not None:
        return (f"src={address.ipv4_mapped}",)
    return (f"c6a2Label=Source IPv6 Address c6a2={address}",)


def _target_users(event: Event) -> str:
    """The names separated by commas, or JSON when it is no list of names."""
    users = event.fields["targetUsers"]
    if isinstance(users, list) and all(isinstance(user, str) for user in users):
        return ",".join(users)
    return event.text("targetUsers")
