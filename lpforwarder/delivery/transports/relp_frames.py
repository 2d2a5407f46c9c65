"""RELP frames: commands → octets, octets → frames. Pure; the rules are those of relp.md and of librelp.

    FRAME = TXNR SP COMMAND SP DATALEN [SP DATA] LF

DATALEN 0 has no space behind it. Behind octets that break these rules no frame can be found any more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

LONGEST_ANSWER = 16 * 1024
"""Octets of DATA that a collector may answer with: a code, 80 characters of text, a few offers."""
HINT = 0
"""The TXNR of what must not be answered."""
ACCEPTED = 200

_LONGEST_HEADER = len(b"999999999 ") + 32 + len(b" 999999999 ")
_HEADER = re.compile(rb"([0-9]{1,9}) ([A-Za-z]{1,32}) ([0-9]{1,9})([ \n])")
_BEGINNING = re.compile(rb"[0-9]{1,9}(?: (?:[A-Za-z]{1,32}(?: [0-9]{0,9})?)?)?\Z")
_ANSWER = re.compile(r"([0-9]{3})(?: ([^\n]*))?(?:\n|\Z)")


class FrameError(ValueError):
    """What arrived is no frame; says why. Nothing behind it can be understood."""


class Frame(NamedTuple):
    """One frame; `number` is its TXNR."""

    number: int
    command: bytes
    data: bytes


class Answer(NamedTuple):
    """The DATA of a `rsp`: CODE SP text, and offers if it answers `open`; `code` is None if it has none."""

    code: int | None
    text: str
    offers: dict[str, str]


def frame(number: int, command: bytes, data: bytes = b"") -> bytes:
    """One frame."""
    if not data:
        return b"%d %b 0\n" % (number, command)
    return b"%d %b %d %b\n" % (number, command, len(data), data)


def messages(first: int, data: Sequence[bytes]) -> bytes:
    """A `syslog` command for each, in order; the first one gets the TXNR `first`."""
    if not all(data):
        return b"".join([frame(number, b"syslog", each) for number, each in enumerate(data, first)])
    return b"".join(
        [b"%d syslog %d %b\n" % (number, len(each), each) for number, each in enumerate(data, first)]
    )


def answer(data: bytes) -> Answer:
    """What the DATA of a `rsp` says. Total: an offer without `=` has an empty value."""
    text = data.decode("utf-8", "replace")
    head = _ANSWER.match(text)
    if head is None:
        return Answer(None, text, {})
    offers = dict(line.partition("=")[::2] for line in text[head.end() :].split("\n") if line)
    return Answer(int(head[1]), head[2] or "", offers)


class FrameReader:
    """Feed it what arrived on one connection, in any pieces; it gives the frames that are complete by then.

    `longest` is how many octets of DATA it takes; it never holds more than one such frame and one piece.
    """

    def __init__(self, longest: int = LONGEST_ANSWER) -> None:
        self._longest = longest
        self._octets = b""
        self._place = 0

    @property
    def held(self) -> int:
        """Octets that have arrived and were not taken yet."""
        return len(self._octets) - self._place

    def feed(self, piece: bytes) -> None:
        """Takes what arrived next."""
        self._octets = self._octets[self._place :] + piece
        self._place = 0

    def accepted(self, first: int, most: int) -> int:
        """How many answers were taken: all that are complete, if they are `200 OK` from the TXNR `first` on.

        At most `most`. 0 when any of them says something else: then next() gives them one by one. This is
        what a collector says nearly always, and it is compared as a whole.
        """
        count = min(self._octets.count(b"\n", self._place), most)
        expected = b"".join([b"%d rsp 6 200 OK\n" % number for number in range(first, first + count)])
        if not self._octets.startswith(expected, self._place):
            return 0
        self._place += len(expected)
        return count

    def next(self) -> Frame | None:
        """The next frame; None until more arrives. FrameError when no frame can come of it."""
        header = _HEADER.match(self._octets, self._place)
        if header is None:
            self._await_header()
            return None
        length = int(header[3])
        if (length == 0) != (header[4] == b"\n"):
            raise FrameError("a space behind DATALEN 0, or none behind another")
        if length > self._longest:
            raise FrameError(f"{length} octets of data, more than {self._longest}")
        start = header.end() if length else header.end() - 1
        end = start + length
        if end >= len(self._octets):
            return None
        if self._octets[end] != ord("\n"):
            raise FrameError("no line feed behind the data")
        self._place = end + 1
        return Frame(int(header[1]), header[2], self._octets[start:end])

    def _await_header(self) -> None:
        """Raises unless what there is may be the beginning of a header."""
        rest = self._octets[self._place : self._place + _LONGEST_HEADER]
        if rest and not _BEGINNING.match(rest):
            raise FrameError("no frame begins like this")
