"""What a collector has written down, read back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

_TEST_MESSAGE = "8101"
_CEF_KIND = re.compile(rb"CEF:0\|[^|]*\|[^|]*\|[^|]*\|([^|]*)\|")
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


def is_own(message: bytes) -> bool:
    """True for what the forwarder says about itself, in JSON or CEF: 8xxx, but for test messages."""
    found = _CEF_KIND.search(message) if b"CEF:" in message else None
    kind = found[1].decode() if found else str(_event(message).get("eventId", ""))
    return kind.startswith("8") and kind != _TEST_MESSAGE


def own_events(messages: Iterable[bytes]) -> list[dict[str, Any]]:
    """The forwarder's own events of those in JSON, in order, repeats included."""
    return [_event(message) for message in messages if b"CEF:0|" not in message and is_own(message)]


def _event(message: bytes) -> dict[str, Any]:
    event: dict[str, Any] = orjson.loads(message[message.index(b"{") :])
    return event


def event_id(message: bytes) -> str:
    """The id of the event in a message, JSON or CEF, with or without its syslog header."""
    if b"CEF:" in message and (found := _CEF_ID.search(message)):
        return found[1].decode()
    return str(_event(message)["id"])


def event_ids(messages: Iterable[bytes]) -> list[str]:
    """The ids in order, repeats included; those of the forwarder's own events are left out."""
    return [event_id(message) for message in messages if not is_own(message)]
