"""What a CEF text is put together from: the header, pairs of key and value, and the rules of escaping.

The header holds no text of a user: several receivers split it at any pipe, escaped or not. Values stand
in the extension, where `\\\\`, `=` and line breaks are escaped and nothing else is.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache

from lpforwarder import event_ids
from lpforwarder.delivery import hygiene
from lpforwarder.delivery.hygiene import UNLIMITED

# Canonical name, what stands before the value, characters that the CEF dictionary allows before escaping.
# Keys beginning with lpforwarder are ours, so the dictionary sets no length.
TEXTS = (
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
TIME = "cs6Label=eventTimeRfc3339 cs6="
ADDRESS = "src="
ADDRESS6 = "c6a2Label=Source IPv6 Address c6a2="
RAW_ADDRESS = "lpforwarderSourceIpRaw="
EXTERNAL_ID, EXTERNAL_ID_LIMIT = "externalId=", 40
VENDOR_LIMIT, VERSION_LIMIT, CLASS_ID_LIMIT = 63, 31, 1023
_OUTCOME_LIMIT = 63
_OUTCOMES = {"success": ("outcome=success",)} | dict.fromkeys(event_ids.FAILED, ("outcome=failure",))
_OCTET, _GROUP = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])", "[1-9a-f][0-9a-f]{0,3}"
_GROUPS = f"{_GROUP}(?::{_GROUP})"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}\Z")
_IPV6 = re.compile(rf"{_GROUPS}{{7}}\Z|(?=(?:[^:]*:){{2,6}}[^:]*\Z){_GROUPS}*::{_GROUPS}*\Z")
"""What is in the only form it has: without a group of zeros but for the gap, which stands for two or more."""
_LONGEST_ADDRESS = 45
"""Characters of the longest IPv6 address."""

_DEVICES_KEPT = 64
_NO_EVENT_ID = "unknown"
_UNKNOWN_NAME = "Audit event"
"""Device Event Class ID and Name of events that say nothing; the Name never holds an event's data."""


class Pieces:
    """Cleaned, cut and escaped; `equals` stands for `=` in values. Pairs are a sequence, perhaps empty."""

    def __init__(self, vendor: str, product: str, version: str, *, equals: str) -> None:
        device = (
            hygiene.one_line(vendor, VENDOR_LIMIT),
            hygiene.one_line(product, VENDOR_LIMIT),
            hygiene.one_line(version, VERSION_LIMIT),
        )
        self._device = "|".join(["CEF:0", *map(_escape_header, device)])
        self.equals = equals

    def header(self, event_id: str, severity: int) -> str:
        """Everything before the extension."""
        class_id = hygiene.one_line(event_id[:CLASS_ID_LIMIT], CLASS_ID_LIMIT) or _NO_EVENT_ID
        kind = event_ids.EVENT_IDS.get(class_id)
        name = kind.name if kind is not None else _UNKNOWN_NAME
        return f"{self._device}|{_escape_header(class_id)}|{_escape_header(name)}|{severity}|"

    def pair(self, key: str, text: str, most: int) -> Sequence[str]:
        """The key with its value; nothing when no value is left."""
        clean = hygiene.value(text, most)
        return (key + self._escape(clean),) if clean else ()

    def external_id(self, event_id: str) -> Sequence[str]:
        """A cut id is not unique, so one that does not fit goes whole into a key of our own."""
        text = hygiene.value(event_id)
        key = EXTERNAL_ID if len(text) <= EXTERNAL_ID_LIMIT else "lpforwarderEventUid="
        return (key + self._escape(text),) if text else ()

    def outcome(self, result: str) -> Sequence[str]:
        """The pair for the result."""
        return _OUTCOMES.get(result.strip(" ")) or self.pair("outcome=", result, _OUTCOME_LIMIT)

    def source_ip(self, text: str, raw: str) -> Sequence[str]:
        """The pair for the address; what is none goes into a key of our own, as `raw` does."""
        text = text.strip(" ")
        pair = _address(text) if len(text) <= _LONGEST_ADDRESS else ()
        raw = raw or ("" if pair else text)
        return (*pair, *self.pair(RAW_ADDRESS, raw, UNLIMITED)) if raw else pair

    def _escape(self, text: str) -> str:
        # The backslash first, or it would be put before the others' own ones.
        text = text.replace("\\", "\\\\").replace("=", self.equals)
        return text.replace("\n", "\\n").replace("\r", "\\r")


@lru_cache(maxsize=_DEVICES_KEPT)
def pieces_for(vendor: str, product: str, version: str, equals: str) -> Pieces:
    """Those of this device; for equal collectors the same ones, so that they share what is made with them."""
    return Pieces(vendor, product, version, equals=equals)


def _escape_header(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _address(text: str) -> Sequence[str]:
    """`src` is typed IPv4, so IPv6 goes to `c6a2` with its label; nothing for what is no address."""
    # The library takes 3 µs for an IPv4 address and 12 for an IPv6 one, an expression 1.
    if _IPV4.match(text):
        return (f"{ADDRESS}{text}",)
    if _IPV6.match(text):
        return (f"{ADDRESS6}{text}",)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ()
    if isinstance(address, ipaddress.IPv4Address):
        return (f"{ADDRESS}{address}",)
    if address.scope_id is not None:
        return ()
    # Python versions print mapped addresses differently; as the IPv4 address it is the same everywhere.
    if address.ipv4_mapped is not None:
        return (f"{ADDRESS}{address.ipv4_mapped}",)
    return (f"{ADDRESS6}{address}",)
