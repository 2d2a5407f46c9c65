"""CEF:0, the Common Event Format: `CEF:0|vendor|product|version|event id|name|severity|key=value …`.

Here an event is written value by value, each of them cleaned. That is how every event can be written; usual
ones are put together from their lines by the parts of cef_parts.py, with the same octets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from lpforwarder import rfc3339
from lpforwarder.config.options import Options
from lpforwarder.delivery.formats.cef_parts import FIELDS, parts_of
from lpforwarder.delivery.formats.cef_pieces import TEXTS, TIME, VENDOR_LIMIT, VERSION_LIMIT, pieces_for
from lpforwarder.delivery.hygiene import UNLIMITED
from lpforwarder.event import OWN, Event
from lpforwarder.lines.parts import Part

_HANDLED = frozenset(
    {"id", "timestamp", "eventId", "result", "severity", "sourceIp", "sourceIpRaw", "targetUsers", "eventUid"}
    | {name for name, _, _ in TEXTS}
)
"""What every event may have; the other fields of own events get keys of ours."""


class CefOptions(Options):
    """`cef: {…}` of a collector."""

    vendor: Annotated[str, Field(min_length=1, max_length=VENDOR_LIMIT)] = "LastPass"
    product: Annotated[str, Field(min_length=1, max_length=VENDOR_LIMIT)] = "Enterprise"
    version: Annotated[str, Field(min_length=1, max_length=VERSION_LIMIT)] = "1.0"
    equals: Literal["escape", "substitute"] = "escape"
    """`substitute` writes `:` for `=` in values, for receivers that unescape before they look for keys: an
    item named `x duser=admin` forges a key there although the message is right."""


class CefFormat:
    """Events as CEF; total: no value can end its key, start another one or reach the header."""

    Options = CefOptions
    fields = FIELDS
    marked = b"="
    ignores_others = True  # but for own events, which parts() leaves to format()

    def __init__(self, options: CefOptions) -> None:
        equals = "\\=" if options.equals == "escape" else ":"
        self._pieces = pieces_for(options.vendor, options.product, options.version, equals)

    def format(self, event: Event) -> bytes:
        """The CEF text in UTF-8, without a BOM and without line breaks."""
        pieces, fields = self._pieces, event.fields
        when, milliseconds = _instant(event.text("timestamp"))
        pairs = [f"rt={milliseconds}"] if milliseconds >= 0 else []
        pairs += pieces.source_ip(event.text("sourceIp"), event.text("sourceIpRaw"))
        pairs += pieces.external_id(event.text("id"))
        pairs += pieces.outcome(event.text("result"))
        for name, key, most in TEXTS:
            if fields.get(name) is not None:
                pairs += pieces.pair(key, event.text(name), most)
        if "targetUsers" in fields:
            pairs += pieces.pair("lpforwarderTargetUsers=", _target_users(event), UNLIMITED)
        if fields.get("source") == OWN:
            pairs += self._own(event)
        if when:
            pairs.append(TIME + when)
        return (pieces.header(event.text("eventId"), event.severity) + " ".join(pairs)).encode()

    def parts(self) -> Sequence[Part]:
        """What a usual event is put together from."""
        return parts_of(self._pieces)

    def _own(self, event: Event) -> Sequence[str]:
        """The fields that only own events have: `eventsWaiting` as `lpforwarderEventsWaiting`.

        None of our names is one that CEF cannot carry, or makes a key that says what another one is called
        (`…Label`); such a name in a forged event is left out. `count` is not CEF's `cnt`, by which receivers
        multiply events.
        """
        pairs: list[str] = []
        for name in event.fields:
            if name not in _HANDLED and name.isascii() and name.isalnum() and name[0].islower():
                key = f"lpforwarder{name[0].upper()}{name[1:]}"
                if not key.endswith("Label"):
                    pairs += self._pieces.pair(f"{key}=", event.text(name), UNLIMITED)
        return pairs


def _instant(text: str) -> tuple[str, int]:
    """The time in RFC 3339 and in milliseconds since 1970; "" and -1 when it is none.

    Both are sent: `rt` is milliseconds, as a text there costs some receivers the whole event.
    """
    milliseconds = rfc3339.of_canonical(text)
    if milliseconds is not None:
        return text, milliseconds
    when = rfc3339.canonical(text.strip(" "))
    return ("", -1) if when is None else (when, rfc3339.of_canonical(when) or 0)


def _target_users(event: Event) -> str:
    """The names separated by commas, or JSON when it is no list of names."""
    users = event.fields["targetUsers"]
    if isinstance(users, list) and all(isinstance(user, str) for user in users):
        return ",".join(users)
    return event.text("targetUsers")
