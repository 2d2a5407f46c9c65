"""Octets of a syslog stream → messages, told apart the way real collectors do it (RFC 6587 §3.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

LONGEST: Final = 2**20
"""Octets in one frame; more is taken for a broken stream (real collectors stop at 8 KiB to 200 KiB)."""
_DIGITS: Final = len(str(LONGEST))
_LESS_THAN, _ONE, _NINE = b"<19"
_INCOMPLETE: Final = -1


class FrameReader:
    """Feed it what arrived on one connection; it gives the messages that are complete by then.

    Every frame is judged by its first octet: a digit begins an octet-counted frame, `<` one that ends with
    a newline. Anything else is reported to `on_problem`, and what follows up to the next newline is left
    out: after that both framings have a chance to find their feet again.
    """

    def __init__(self, on_problem: Callable[[str], object]) -> None:
        self._on_problem = on_problem
        self._rest = b""
        self._is_lost = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The messages completed by this chunk, in order, without their framing."""
        data = self._rest + chunk if self._rest else chunk
        messages: list[bytes] = []
        place, end = 0, len(data)
        while place < end:
            after = self._frame(data, place, messages)
            if after == _INCOMPLETE:
                break
            place = after
        self._rest = data[place:]
        return messages

    def end(self) -> None:
        """The stream is over: reports what is left of a frame. It is no message: its end is unknown."""
        if self._rest:
            self._on_problem(f"the stream ended inside a frame, {len(self._rest)} octets of it had arrived")
        self._rest = b""

    def _frame(self, data: bytes, place: int, messages: list[bytes]) -> int:
        """Appends the message that begins here; where the next one begins, or _INCOMPLETE."""
        if self._is_lost:
            return self._find_newline(data, place)
        first = data[place]
        if _ONE <= first <= _NINE:
            return self._counted(data, place, messages)
        if first == _LESS_THAN:
            return self._line(data, place, messages)
        return self._broken(data, place, "a frame begins with neither a length nor '<'")

    def _counted(self, data: bytes, place: int, messages: list[bytes]) -> int:
        space = data.find(b" ", place, place + _DIGITS + 1)
        digits = data[place : space if space > 0 else place + _DIGITS + 1]
        if not digits.isdigit() or len(digits) > _DIGITS or int(digits) > LONGEST:
            return self._broken(data, place, "a frame begins with a digit, but not with a usable length")
        start = space + 1
        after = start + int(digits)
        if space < 0 or after > len(data):
            return _INCOMPLETE
        messages.append(data[start:after])
        return after

    def _line(self, data: bytes, place: int, messages: list[bytes]) -> int:
        newline = data.find(b"\n", place)
        if newline < 0 and len(data) - place <= LONGEST:
            return _INCOMPLETE
        if newline < 0:
            return self._broken(data, place, f"no newline within {LONGEST} octets")
        messages.append(data[place:newline])
        return newline + 1

    def _broken(self, data: bytes, place: int, why: str) -> int:
        self._on_problem(f"{why}: {data[place : place + 40]!r}")
        self._is_lost = True
        return self._find_newline(data, place)

    def _find_newline(self, data: bytes, place: int) -> int:
        newline = data.find(b"\n", place)
        self._is_lost = newline < 0
        return len(data) if newline < 0 else newline + 1
