"""Lines that are canonical events already, written as we write them: found and counted at once, 0.5 µs each.

What is odd in any way is left to flat_records, and what that leaves to the careful path.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import cast

from msgspec import Struct

from lpforwarder.event_page import EventPage
from lpforwarder.event_page import Kind as EventKind
from lpforwarder.lines import Key, Reader
from lpforwarder.lines.parts import Kind, Known

_FIELDS = (
    *("id", "timestamp", "eventId", "eventType", "sourceIp", "sourceUser", "targetUser", "result", "method"),
    *("mfa", "mfaType", "itemName", "folderName", "attribute", "action", "reason", "message", "source"),
    *("severity", "vendorAction", "vendorData", "timestampAmbiguous"),
)
_NEEDED = ("id", "source", "eventType", "eventId")
_KINDS_KEPT = 1000


class Plain(Struct, frozen=True):
    """The positions of such lines, in order, and the page that they are; None for no line."""

    places: Sequence[int]
    page: EventPage | None


class PlainLines:
    """Finds them. For one thread."""

    def __init__(self) -> None:
        self._reader = Reader(_FIELDS) if Reader is not None else None
        kind = Kind(names=("eventType", "eventId", "severity"), make=_event_kind, most=_KINDS_KEPT)
        self._key = Key(self._reader, kind) if self._reader is not None else None

    def among(self, lines: Sequence[bytes]) -> Plain:
        """Those of these lines of which every reader makes the same event, and we no other line."""
        if self._reader is None or self._key is None:
            return Plain((), None)
        scan = self._reader.scan(list(lines))
        kinds = scan.judged(self._key)
        places = [place for place in scan.flawless(_NEEDED, "timestamp") if kinds[place] is not None]
        if not places:
            return Plain((), None)
        if len(places) < len(lines):
            lines, kinds = [lines[place] for place in places], [kinds[place] for place in places]
        counted = cast("Counter[EventKind]", Counter(kinds))
        return Plain(places, EventPage(lines, counted, *scan.span("timestamp", places)))


def _event_kind(values: tuple[Known, ...]) -> EventKind | None:
    event_type, event_id, severity = values
    if type(event_type) is str and type(event_id) is str and type(severity) is int and 0 <= severity <= 10:
        return event_type, event_id, severity
    return None
