"""A strict reader of RELP, written from its grammar.

FRAME = TXNR SP COMMAND SP DATALEN [SP DATA] LF
"""

from __future__ import annotations

import re
from typing import NamedTuple

_HEADER = re.compile(rb"([0-9]{1,9}) ([a-z]{1,32}) ([0-9]{1,9})")
ACCEPTANCE = (
    b"200 OK\nrelp_version=0\nrelp_software=librelp,1.11.0,http://librelp.example.net\ncommands=syslog"
)


class NotRelp(Exception):
    """The octets are no sequence of frames, or not one that a collector takes."""


class Command(NamedTuple):
    """One frame of a client."""

    number: int
    name: str
    data: bytes


def read_commands(stream: bytes, first: int = 1) -> list[Command]:
    """The frames of a client, whole and numbered without a gap from `first` on, as librelp wants them."""
    commands: list[Command] = []
    at = 0
    while at < len(stream):
        command, at = read_one(stream, at)
        if command.number != first + len(commands):
            raise NotRelp(f"TXNR {command.number} where {first + len(commands)} was due")
        commands.append(command)
    return commands


def read_one(stream: bytes, at: int) -> tuple[Command, int]:
    """The frame that begins at this place, and where the next one does; NotRelp if it is not whole."""
    header = _HEADER.match(stream, at)
    if header is None:
        raise NotRelp(f"no frame begins with {stream[at : at + 20]!r}")
    length = int(header[3])
    start = header.end() + bool(length)
    if length and stream[header.end() : start] != b" ":
        raise NotRelp("no space before the data")
    if stream[start + length : start + length + 1] != b"\n":
        raise NotRelp("no LF behind the data")
    data = stream[start : start + length]
    return Command(int(header[1]), header[2].decode(), data), start + length + 1
