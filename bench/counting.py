"""Counts messages in a stream of octets, as cheaply as Python can; reads frames one by one, to prove it."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ID = re.compile(rb'(?:"id":"|externalId=)([0-9a-f-]{36})')
_HEADER = re.compile(rb"<\d{1,3}>1 ")


class MarkerCount:
    """Counts a marker in a stream that comes in pieces; one for each connection.

    Read into `room` and tell taken() how much came. A marker that lies across two pieces counts once: what
    might be the beginning of one is kept in front of the room. No marker may end as it begins. Costs about
    0.2 µs a message.
    """

    def __init__(self, marker: bytes, size: int) -> None:
        self._marker = marker
        self._kept = len(marker) - 1
        self._buffer = bytearray(self._kept + size)
        self.room = memoryview(self._buffer)[self._kept :]
        """Where the next piece belongs."""

    def taken(self, octets: int) -> int:
        """How many markers ended within the next `octets` octets of the room."""
        end = self._kept + octets
        found = self._buffer.count(self._marker, 0, end)
        self._buffer[: self._kept] = self._buffer[octets:end]
        return found


def frames(stream: bytes) -> Iterator[bytes]:
    """The messages of a stream with octet counting (RFC 6587 §3.4.1); ValueError at the first that is wrong.

    Wrong is also a message without an RFC 5424 header: a length that counted characters lands elsewhere.
    """
    place = 0
    while place < len(stream):
        behind = stream.find(b" ", place, place + 10)
        length = stream[place:behind] if behind > 0 else b""
        if not length.isdigit():
            raise ValueError(f"no length at octet {place}: {stream[place : place + 20]!r}")
        begin, place = behind + 1, behind + 1 + int(length)
        if place > len(stream) or not _HEADER.match(stream, begin):
            raise ValueError(f"no message of {int(length)} octets at {begin}: {stream[begin : begin + 20]!r}")
        yield stream[begin:place]


def event_id(message: bytes) -> str:
    """The id of the event in a message, JSON or CEF; "" when there is none."""
    found = _ID.search(message)
    return found[1].decode() if found else ""
