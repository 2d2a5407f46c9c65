"""Lines of a page → rows: of each event the few fields that stages ask for, and nothing else decoded.

A row has a slot for each field and is made in C. That takes 0.6 to 1.2 µs an event, a dict of all fields 2.6
with taking it away again, and each field that is asked for costs 0.02 µs instead of 0.08. What a stage has to
know of many events it then asks for column by column.

A row says less than an event: it knows texts, booleans and a severity in its range. A line that holds
anything else in these fields is not read here; its event goes the careful way, alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import itemgetter
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec.structs import astuple

from lpforwarder import rfc3339
from lpforwarder.delivery.memo import Memo

_BLOCK = 64
"""Lines decoded at once: one that cannot be read costs so many a second try, and the call costs 1 µs."""
_SECONDS_KEPT = _MINUTES_KEPT = 4096
"""Starts of seconds and minutes remembered; under 2 MiB. Neighbouring events mostly share a few of them."""
_second, _fraction = itemgetter(slice(0, 19)), itemgetter(slice(19, None))
"""`2022-12-14T17:33:43` and `.369Z`."""
_MINUTE = len("2022-12-14T17:33")
_FRACTIONS = frozenset(f".{milliseconds:03}Z" for milliseconds in range(1000))
_SECONDS = {f":{second:02}": second for second in range(60)}

REMEMBERED = 255
"""Characters of a value that may be remembered; what is longer is looked at event by event."""

Severity: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=10)]
Remembered: TypeAlias = Annotated[str, msgspec.Meta(max_length=REMEMBERED)] | None


Kind: TypeAlias = tuple[str | None, str | None, int]
"""(eventType, eventId, severity)"""


class Row(msgspec.Struct, gc=False, kw_only=True):
    """What filters and envelopes ask for. A format that wants more adds fields to it.

    `timestamp` is a time in exactly our form, behind 1970.
    """

    timestamp: str
    eventId: Remembered = None  # noqa: N815 - the names are those of the events
    eventType: Remembered = None  # noqa: N815
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A page, field by field: `columns["eventType"]` has one value for each line."""

    lines: Sequence[bytes]
    columns: Mapping[str, Sequence[Any]]
    kinds: Sequence[Kind]
    seconds: Sequence[str]
    """Whole seconds since 1970, as digits."""
    unread: Sequence[int]
    """The positions of rows that say nothing: their lines cannot be read here."""

    def only(self, wanted: Sequence[bool]) -> Rows:
        """Those of which it is True, in order; one answer for each."""
        unread = set(self.unread)
        kept = [place for place, is_wanted in enumerate(wanted) if is_wanted]
        return Rows(
            lines=list(compress(self.lines, wanted)),
            columns={name: list(compress(column, wanted)) for name, column in self.columns.items()},
            kinds=list(compress(self.kinds, wanted)),
            seconds=list(compress(self.seconds, wanted)),
            unread=[number for number, place in enumerate(kept) if place in unread],
        )


class RowReader:
    """Reads lines into rows of one kind; for one thread."""

    def __init__(self, kind: type[Row]) -> None:
        self._names = [field.name for field in msgspec.structs.fields(kind)]
        self._blank = kind(severity=0, timestamp="2000-01-01T00:00:00.000Z")
        self._one = msgspec.json.Decoder(kind)
        self._many = msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]
        self._minutes = Memo(_start_of_minute, _MINUTES_KEPT)
        self._seconds = Memo(self._start_of_second, _SECONDS_KEPT)

    def read(self, lines: Sequence[bytes]) -> Rows:
        """A row for each line."""
        rows: list[Row] = []
        unread: list[int] = []
        for begin in range(0, len(lines), _BLOCK):
            block = lines[begin : begin + _BLOCK]
            try:
                rows += self._many.decode(b"[%b]" % b",".join(block))
            except msgspec.MsgspecError:
                rows += self._each(block, begin, unread)
        try:
            return self._rows(lines, rows, unread)
        except KeyError:
            for place, row in enumerate(rows):
                if not self._is_ours(row.timestamp):
                    rows[place] = self._blank
                    unread.append(place)
            return self._rows(lines, rows, unread)

    def _each(self, lines: Sequence[bytes], begin: int, unread: list[int]) -> list[Row]:
        rows: list[Row] = []
        for place, line in enumerate(lines, begin):
            try:
                rows.append(self._one.decode(line))
            except msgspec.MsgspecError:
                rows.append(self._blank)
                unread.append(place)
        return rows

    def _rows(self, lines: Sequence[bytes], rows: Sequence[Row], unread: Sequence[int]) -> Rows:
        """KeyError when one has a time that is not in our form."""
        # All fields at once are as cheap as two of them one by one.
        values = zip(*map(astuple, rows), strict=True) if rows else ((),) * len(self._names)
        columns = dict(zip(self._names, values, strict=True))
        kinds = list(zip(columns["eventType"], columns["eventId"], columns["severity"], strict=True))
        seconds = self._checked(columns["timestamp"])
        return Rows(lines=lines, columns=columns, kinds=kinds, seconds=seconds, unread=unread)

    def _checked(self, times: Sequence[str]) -> list[str]:
        """The seconds; KeyError when one is not in our form. 0.2 µs: each look-up is one of a memo."""
        if not _FRACTIONS.issuperset(map(_fraction, times)):
            raise KeyError
        return list(map(self._seconds.__getitem__, map(_second, times)))

    def _is_ours(self, time: str) -> bool:
        try:
            return bool(self._checked([time]))
        except KeyError:
            return False

    def _start_of_second(self, text: str) -> str:
        return str(self._minutes[text[:_MINUTE]] + _SECONDS[text[_MINUTE:]])


def _start_of_minute(text: str) -> int:
    """Seconds since 1970; KeyError for what is no minute in our form, or in 1970 or before it."""
    milliseconds = rfc3339.of_canonical(text + ":00.000Z")
    if milliseconds is None or milliseconds < _FIRST:
        raise KeyError(text)
    return milliseconds // 1000


_FIRST = 86_400_000
"""Whole seconds from here on have no leading zero, so milliseconds may be put behind them as digits."""
