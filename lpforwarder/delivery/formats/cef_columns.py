"""A page of CEF texts, written column by column: what all of its events share is done in C, for all at once.

Value by value an event takes 15 to 20 µs; like this it takes 3 with reading its row. Three thoughts:

- Its *kind* is everything in an event that takes few values: event id, result, method and so on. Of a
  kind all pairs are written once and remembered as *segments*, the text between one free value and the next.
- Users, addresses, items and folders come again as well. Each such value is remembered with its key.
- What is left (id, message, reason, raw data) needs no cleaning and no escaping in nearly all events, and the
  event's line tells: it is ASCII, and everything unusual in it stands behind a backslash.

What is remembered was cleaned, cut and escaped by the same Pieces that format() uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Annotated, TypeAlias

from msgspec import Meta

from lpforwarder.delivery.formats.cef_pieces import EXTERNAL_ID, EXTERNAL_ID_LIMIT, TEXTS, TIME, Pieces
from lpforwarder.delivery.memo import Memo
from lpforwarder.delivery.rows import Remembered, Row, Rows
from lpforwarder.event import OWN

_KINDS_KEPT = 2048
"""At most 10 MiB with hostile values; usual ones take 2 KB each, and there are some hundred."""
_VALUES_KEPT = 4096
"""Of each of five columns; at most 3 MiB each with hostile values, else 1."""

_Short: TypeAlias = Annotated[str, Meta(max_length=63)] | None
_Text: TypeAlias = Annotated[str, Meta(max_length=1023)] | None
_Segments: TypeAlias = tuple[str, str, str, str, str, str]

# As numbers: Python finds those in bytes eight times faster than a text of one character.
_EQUALS, _BACKSLASH = b"=\\"


class CefRow(Row):
    """The fields that CEF sends, as usual events have them; what may only be absent is written alone.

    In the order in which events have them: that is how they are found fastest.
    """

    id: str = ""
    sourceIp: Remembered = None  # noqa: N815
    sourceUser: Remembered = None  # noqa: N815
    targetUser: Remembered = None  # noqa: N815
    targetUsers: None = None  # noqa: N815
    result: _Short = None
    method: Remembered = None
    mfa: bool | Remembered = None
    mfaType: Remembered = None  # noqa: N815
    itemName: Remembered = None  # noqa: N815
    folderName: Remembered = None  # noqa: N815
    attribute: Remembered = None
    action: _Short = None
    reason: _Text = None
    message: _Text = None
    source: Remembered = None
    vendorAction: Remembered = None  # noqa: N815
    vendorData: str | None = None  # noqa: N815
    sourceIpRaw: None = None  # noqa: N815
    timestampAmbiguous: bool | Remembered = None  # noqa: N815
    truncated: None = None


_KIND = (
    *("eventId", "severity", "result", "eventType", "action", "source", "method", "attribute", "mfa"),
    *("mfaType", "vendorAction", "timestampAmbiguous"),
)
_milliseconds = itemgetter(slice(20, 23))
_KEYS = {name: (key, most) for name, key, most in TEXTS}
_NO_SEGMENTS: _Segments = ("", "", "", "", "", "")


class Columns:
    """Writes pages; for one thread."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._segments = Memo(self._of_kind, _KINDS_KEPT)
        self._addresses = Memo(self._address, _VALUES_KEPT)
        self._sources, self._targets, self._items, self._folders = (
            Memo(self._writer(name), _VALUES_KEPT)
            for name in ("sourceUser", "targetUser", "itemName", "folderName")
        )

    def write(self, page: Rows, header: Sequence[Iterable[str]]) -> list[bytes]:
        """Each header with the text of its event behind it; empty where that is not written here."""
        if not page.lines:
            return []
        kinds = zip(*[page.columns[name] for name in _KIND], strict=True)
        found = list(map(self._segments.__getitem__, kinds))
        alone = [place for place, one in enumerate(found) if one is None]
        segments = [one or _NO_SEGMENTS for one in found] if alone else found
        columns = (*header, *self._columns(page, segments))
        texts = list(map(str.encode, map("".join, zip(*columns, strict=False))))
        for place in (*alone, *page.unread):
            texts[place] = b""
        return texts

    def _columns(self, page: Rows, segments: Sequence[_Segments | None]) -> Sequence[Iterable[str]]:
        """The pieces of all texts, side by side."""
        start, outcome, action, device, strings, end = zip(*segments, strict=True)
        values = page.columns
        odd = odd_ones(page.lines, values["message"])
        return (
            *(start, page.seconds, map(_milliseconds, values["timestamp"])),
            *(map(self._addresses.__getitem__, values["sourceIp"]), self._ids(values["id"], odd), outcome),
            map(self._sources.__getitem__, values["sourceUser"]),
            map(self._targets.__getitem__, values["targetUser"]),
            *(map(self._items.__getitem__, values["itemName"]), action),
            *(self._free("message", values["message"], odd), *self._seldom("reason", values["reason"], odd)),
            *(device, map(self._folders.__getitem__, values["folderName"]), strings),
            *(*self._seldom("vendorData", values["vendorData"], odd), end, values["timestamp"]),
        )

    # ---- remembered ---------------------------------------------------------------------------------------

    def _of_kind(self, kind: tuple[str | bool | int | None, ...]) -> _Segments | None:
        """The text between the free values; None for own events, which have fields of their own."""
        values = dict(zip(_KIND, kind, strict=True))
        if values["source"] == OWN:
            return None
        event_id, severity, result, *_ = kind
        outcome = _joined(self._pieces.outcome(str(result or "")))
        return (
            self._pieces.header(str(event_id or ""), int(severity or 0)) + "rt=",
            outcome + self._pairs(values, "eventType"),
            self._pairs(values, "action"),
            self._pairs(values, "source", "method"),
            self._pairs(values, "attribute", "mfa", "mfaType", "vendorAction"),
            self._pairs(values, "timestampAmbiguous") + f" {TIME}",
        )

    def _pairs(self, values: dict[str, str | bool | int | None], *names: str) -> str:
        return "".join(self._pair(name, as_written(values[name])) for name in names)

    def _pair(self, name: str, text: str) -> str:
        key, most = _KEYS[name]
        return _joined(self._pieces.pair(key, text, most))

    def _writer(self, name: str) -> Callable[[str | None], str]:
        return lambda text: self._pair(name, text or "")

    def _address(self, text: str | None) -> str:
        return _joined(self._pieces.source_ip(text or "", ""))

    # ---- free ---------------------------------------------------------------------------------------------

    def _free(self, name: str, values: Sequence[str | None], odd: Sequence[int]) -> list[str]:
        key = f" {_KEYS[name][0]}"
        texts = [key + text if value and (text := value.strip(" ")) else "" for value in values]
        for place in odd:
            texts[place] = self._pair(name, values[place] or "")
        return texts

    def _seldom(self, name: str, values: Sequence[str | None], odd: Sequence[int]) -> Sequence[list[str]]:
        """The same for what few events have: no column at all when there is none in the page."""
        return [self._free(name, values, odd)] if any(values) else ()

    def _ids(self, values: Sequence[str], odd: Sequence[int]) -> list[str]:
        if " " in "".join(values) or not all(values) or max(map(len, values)) > EXTERNAL_ID_LIMIT:
            return [_joined(self._pieces.external_id(value)) for value in values]
        texts = list(map(f" {EXTERNAL_ID}".__add__, values))
        for place in odd:
            if not values[place].replace("-", "0").isalnum():  # nearly all are UUIDs, whatever else is odd
                texts[place] = _joined(self._pieces.external_id(values[place]))
        return texts


def odd_ones(lines: Sequence[bytes], messages: Sequence[str | None]) -> list[int]:
    """The positions of lines with a text in them that may need cleaning or escaping in CEF; maybe more.

    In a canonical line every control and every character outside ASCII stands behind a backslash. When there
    are as many backslashes as quotes in the message, each stands before one of those, so no text holds
    anything but printable ASCII, and no backslash.
    """
    return [
        place
        for place, (line, message) in enumerate(zip(lines, messages, strict=True))
        if _EQUALS in line or (_BACKSLASH in line and line.count(b"\\") != (message or "").count('"'))
    ]


def as_written(value: str | bool | int | None) -> str:
    """As Event.text() has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value or "")


def _joined(pairs: Sequence[str]) -> str:
    return "".join([f" {pair}" for pair in pairs])
