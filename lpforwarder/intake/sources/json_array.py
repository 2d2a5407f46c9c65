"""Cuts a JSON array into its elements without ever holding the array. Pure.

Only quotes, brackets and commas are looked at; whether an element is good JSON shows when it is parsed. So a
bad element spoils itself alone, as long as its quotes and brackets are balanced.
"""

from __future__ import annotations

import re

from lpforwarder.intake.sources.records import BLANKS, KEPT, Cut, Fault, Limits, Place, Record, too_long

# Possessive repeats: each octet is looked at once, whatever the input. A backslash takes the next octet with
# it, outside strings too: there it is bad JSON, but all readers of this file must agree where it ends.
_IN_STRING = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
_SKIPPED = rb'(?:\\.|"' + _IN_STRING + rb'")'
_INSIDE_STRING = re.compile(_IN_STRING, re.DOTALL)
_INSIDE_ELEMENT = re.compile(rb'[^"\\{}\[\]]*+(?:' + _SKIPPED + rb'[^"\\{}\[\]]*+)*+', re.DOTALL)
_BETWEEN_ELEMENTS = re.compile(rb'[^"\\{}\[\],]*+(?:' + _SKIPPED + rb'[^"\\{}\[\],]*+)*+', re.DOTALL)
_BRACE = re.compile(rb"[ \t\r\n]*+\{")
_COMMA = re.compile(rb"[ \t\r\n]*+,")

_NOT_READ = "the rest of the file is not read"


def cut(window: bytes, place: Place, final: bool, limits: Limits) -> Cut:
    """The whole elements of `window`, which begins at `place`, behind `[` or a comma.

    An element is whole when the comma or bracket behind it has come. `final` says that nothing will ever
    follow the window; an array that is still open then is a fault.
    """
    return _Cutter(window, place, limits).cut(final)


def cut_behind(window: bytes, place: Place) -> Cut:
    """What stands behind the array's end: blanks are fine, the first other octet is a fault."""
    text = window.lstrip(BLANKS)
    behind = Place(offset=place.offset + len(window), number=place.number, stage="closed")
    if not text:
        return Cut(place=behind, unit="element")
    at = place.offset + len(window) - len(text)
    fault = Fault(
        number=0, reason=f"something stands behind the end of the array; {_NOT_READ}", raw=text[:KEPT]
    )
    ended = Place(offset=at, number=place.number, stage="ended")
    return Cut(faults=[fault], place=ended, unit="element")


class _Cutter:
    """Walks through one window; lives for one cut."""

    def __init__(self, window: bytes, place: Place, limits: Limits) -> None:
        self._window = window
        self._start = place.offset
        self._limits = limits
        self._skipping = place.depth > 0
        self._depth = place.depth or 1
        self._in_string = place.in_string
        self._number = place.number
        self._records: list[Record] = []
        self._faults: list[Fault] = []

    def cut(self, final: bool) -> Cut:
        begin = 0
        while len(self._records) + len(self._faults) < self._limits.records:
            if not self._skipping:
                begin = self._take_flat(begin)
            end = self._scan(begin)
            mark = self._mark(end)
            if not mark:
                return self._short(begin, end, final)
            if mark == b"}":
                return self._broken(begin, end)
            self._take(begin, end, last=mark == b"]")
            begin = end + 1
            if mark == b"]":
                return self._closed(begin)
        return self._made(Place(offset=self._start + begin, number=self._number, stage="array"), full=True)

    def _take_flat(self, begin: int) -> int:
        """Takes objects without inner brackets while they come, the same that `_scan` finds; returns the end.

        Nearly all events are flat, and searching octets is several times as fast as matching patterns.
        """
        window, records, number = self._window, self._records, self._number
        room = self._limits.records - len(self._faults) - 1
        while len(records) < room and (brace := _BRACE.match(window, begin)):
            first = brace.end()
            close = window.find(b"}", first)
            if close < 0 or not _is_flat(window[first:close]):
                break
            comma = _COMMA.match(window, close + 1)
            if comma is None:
                break
            number += 1
            records.append((self._start + begin, number, window[first - 1 : close + 1]))
            begin = comma.end()
        self._number = number
        return begin

    def _scan(self, at: int) -> int:
        """The end of the element that goes on at `at`: a `,`, `]` or `}` of the array itself.

        Stops at the end of the window, or before a lone backslash there, if the element goes on behind it.
        """
        window = self._window
        while True:
            if self._in_string:
                at = _end(_INSIDE_STRING, window, at)
                if window[at : at + 1] != b'"':
                    return at
                self._in_string = False
                at += 1
            at = _end(_BETWEEN_ELEMENTS if self._depth == 1 else _INSIDE_ELEMENT, window, at)
            mark = window[at : at + 1]
            if mark == b'"':
                self._in_string = True
            elif mark in (b"{", b"["):
                self._depth += 1
            elif self._depth == 1 or mark in (b"", b"\\"):
                return at
            else:
                self._depth -= 1
            at += 1

    def _mark(self, end: int) -> bytes:
        mark = self._window[end : end + 1]
        return b"" if self._in_string or mark == b"\\" else mark

    def _take(self, begin: int, end: int, *, last: bool) -> None:
        text = self._window[begin:end].strip(BLANKS)
        if last and not text and not self._skipping and self._number == 0:
            return  # an empty array
        self._number += 1
        if self._skipping:
            self._skipping = False
        elif text:
            self._records.append((self._start + begin, self._number, text))
        else:
            reason = "nothing stands behind the last comma" if last else "nothing stands before the comma"
            self._faults.append(Fault(number=self._number, reason=reason, raw=b""))

    def _closed(self, begin: int) -> Cut:
        place = Place(offset=self._start + begin, number=self._number, stage="closed")
        behind = cut_behind(self._window[begin:], place)
        self._faults.extend(behind.faults)
        return self._made(behind.place)

    def _broken(self, begin: int, end: int) -> Cut:
        """A brace that closes what was never opened: from here on nobody can tell elements apart."""
        reason = f"a closing brace without an opening one; {_NOT_READ}"
        raw = self._window[begin : begin + KEPT]
        self._faults.append(Fault(number=self._number + 1, reason=reason, raw=raw))
        return self._made(Place(offset=self._start + end, number=self._number, stage="ended"))

    def _short(self, begin: int, end: int, final: bool) -> Cut:
        """The element goes on behind the window: wait for it, skip it, or give the array up."""
        text = self._window[begin:]
        if final:
            raw = text.strip(BLANKS)[:KEPT]
            self._faults.append(Fault(number=self._number + 1, reason="the array is not closed", raw=raw))
            at = self._start + len(self._window)
            return self._made(Place(offset=at, number=self._number, stage="ended"))
        if not self._skipping and len(text) <= self._limits.longest:
            return self._made(Place(offset=self._start + begin, number=self._number, stage="array"))
        if not self._skipping:
            self._faults.append(too_long(self._number + 1, text, self._limits))
        place = Place(
            offset=self._start + end,
            number=self._number,
            stage="array",
            depth=self._depth,
            in_string=self._in_string,
        )
        return self._made(place)

    def _made(self, place: Place, *, full: bool = False) -> Cut:
        return Cut(elements=self._records, faults=self._faults, place=place, unit="element", full=full)


def _is_flat(inside: bytes) -> bool:
    """Whether the octets between two braces hold no bracket, and the second brace is not part of a string."""
    if b"{" in inside or b"[" in inside or b"]" in inside:
        return False
    if b"\\" in inside:
        if inside.endswith(b"\\"):
            return False
        inside = inside.replace(b"\\\\", b"").replace(b'\\"', b"")
    return inside.count(b'"') % 2 == 0


def _end(pattern: re.Pattern[bytes], window: bytes, at: int) -> int:
    match = pattern.match(window, at)
    return at if match is None else match.end()
