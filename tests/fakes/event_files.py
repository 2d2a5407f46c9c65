"""Files of canonical events with known ids: many at once, some hostile, or appended at a steady rate."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Self

import orjson

_HOSTILE = (
    'quotes " and \\ and \\" at the end \\',
    "pipes | and \\| and = and \\= and x duser=admin",
    'brackets ] and [a@1 b="c"] and ]]>',
    "line\nbreak\r\nand\rmore\n",
    "\nCEF:0|a|b|c|d|e|1| <0>1 - - - - - -",
    "controls \x00\x01\x1b[31m\x7f\x85 \u2028\u2029 and a tab\t.",
    "Öl 😀 Привет \u202e\u200b\ufeff é",
    "10 <86>1 2026-01-01T00:00:00Z a b c d - ",
    "   spaces around   ",
    "C:\\new\\table",
)
_TYPES = ("authentication", "itemchange", "usercreate", "policychange", "dataexport")
_IDS = {"authentication": "1001", "itemchange": "4001"}
_BATCH_SECONDS = 0.01


def event_number(number: int) -> dict[str, Any]:
    """An ordinary event; one of five types, its time moves on by 137 ms with each number."""
    kind = _TYPES[number % len(_TYPES)]
    milliseconds = number * 137
    seconds = milliseconds // 1000
    made: dict[str, Any] = {
        "id": event_id_of(number),
        "timestamp": f"2026-03-{4 + seconds // 86400:02}T{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:"
        f"{seconds % 60:02}.{milliseconds % 1000:03}Z",
        "eventId": _IDS.get(kind, "2001"),
        "eventType": kind,
        "sourceIp": f"192.0.2.{number % 250}",
        "sourceUser": f"user{number % 1000}@example.com",
        "result": "success" if number % 7 else "failure",
        "mfa": bool(number % 2),
        "itemName": f"Company account {number % 100}",
        "message": f"user{number % 1000}@example.com did number {number}, which was worth a note.",
    }
    return made


def hostile_number(number: int) -> dict[str, Any]:
    """An event as an attacker would write it, with an id and a time that can be told again."""
    made = event_number(number)
    text = _HOSTILE[number % len(_HOSTILE)]
    other = _HOSTILE[number // len(_HOSTILE) % len(_HOSTILE)]
    made |= {"message": text, "itemName": other, "folderName": text + other}
    made |= {"vendorData": {"nested": [text, {other: None}], "number": number}, "extra " + text[:20]: other}
    if number % 3 == 0:
        made["eventType"] = other
    if number % 4 == 0:
        made["timestamp"] = made["timestamp"].replace("Z", "+01:00")
    return made


def event_id_of(number: int) -> str:
    """The id of event `number`; sorts like the number."""
    return f"e-{number:08}"


def write_events(path: Path, count: int, *, hostile_every: int = 0) -> list[str]:
    """JSON Lines with `count` events, every `hostile_every`th of them hostile; their ids in order."""
    with path.open("wb") as file:
        for number in range(count):
            is_hostile = hostile_every and number % hostile_every == 0
            made = hostile_number(number) if is_hostile else event_number(number)
            file.write(orjson.dumps(made) + b"\n")
    return [event_id_of(number) for number in range(count)]


class EventStream:
    """Appends events to a file at a steady rate from a thread of its own, from start() to stop().

    `written` counts the events whose line is complete; their ids are event_id_of(0) and so on.
    """

    def __init__(self, path: Path, *, rate: int) -> None:
        self.written = 0
        self.rate = rate
        self._path = path
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._append, daemon=True)
        path.touch()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def ids(self) -> list[str]:
        """The ids so far, in order."""
        return [event_id_of(number) for number in range(self.written)]

    def stop(self) -> None:
        """Appends no more; may be called twice."""
        self._stopping.set()
        self._thread.join()

    def _append(self) -> None:
        began = time.monotonic()
        with self._path.open("ab", buffering=0) as file:
            while not self._stopping.wait(_BATCH_SECONDS):
                due = int((time.monotonic() - began) * self.rate)
                numbers = range(self.written, due)
                file.write(b"".join(orjson.dumps(event_number(number)) + b"\n" for number in numbers))
                self.written = max(due, self.written)
