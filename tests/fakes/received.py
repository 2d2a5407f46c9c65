"""What a collector has written down, read back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import orjson

_CEF_ID = re.compile(rb" (?:externalId|lpforwarderEventUid)=([^ ]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One message as a receiver parsed it, octets untouched; `-` for what the header leaves out."""

    pri: bytes
    timestamp: bytes
    hostname: bytes
    app_name: bytes
    procid: bytes
    msgid: bytes
    structured_data: bytes
    message: bytes


def parse_parts(line: bytes) -> Received:
    """The parts of a line that holds them in Received's order with a tab between; the last may hold tabs."""
    parts = [part or b"-" for part in line.split(b"\t", 7)]
    return Received(**dict(zip(Received.__slots__, parts, strict=True)))


def complete_lines(file: Path) -> list[bytes]:
    """All lines but a torn last one; none while there is no file."""
    return file.read_bytes().split(b"\n")[:-1] if file.exists() else []


class LineCount:
    """How many lines a growing file has; each call reads only what was added since the last."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._place = 0
        self._lines = 0

    def now(self) -> int:
        """All complete lines so far."""
        if self._file.exists():
            with self._file.open("rb") as added:
                added.seek(self._place)
                while chunk := added.read(2**20):
                    self._place += len(chunk)
                    self._lines += chunk.count(b"\n")
        return self._lines


def event_id(message: bytes) -> str:
    """The id of the event in a message, JSON or CEF, with or without its syslog header."""
    if b"CEF:" in message and (found := _CEF_ID.search(message)):
        return found[1].decode()
    return str(orjson.loads(message[message.index(b"{") :])["id"])


def event_ids(messages: Iterable[bytes]) -> list[str]:
    """The ids in order, repeats included."""
    return [event_id(message) for message in messages]
