"""Compares what a collector has with what it should have.

The forwarder's own events (8xxx) are kept apart: they are in no truth list. Anything that is neither is
`strange`, and that is a failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

_KEY = re.compile(r"[a-z]-[0-9]{8}")
_KEY_IN_LINE = re.compile(rb'"(?:id|sourceUser)":"([a-z])-([0-9]{8})[@"]')
_START_OF_EVENT = b'{"id":"'


@dataclass(slots=True, kw_only=True)
class Arrived:
    """What a collector has written down, taken apart; keys in order of arrival, copies included."""

    keys: list[str] = field(default_factory=list)
    ids: dict[str, set[str]] = field(default_factory=dict)
    """By key: the ids under which it came. More than one means that the journal holds the event twice."""
    own: list[dict[str, Any]] = field(default_factory=list)
    """What the forwarder said about itself, and extra events."""
    strange: list[str] = field(default_factory=list)

    def own_ids(self, event_id: str) -> set[str]:
        """The ids of the forwarder's own events of this kind; copies have the same."""
        return {str(one["id"]) for one in self.own if one.get("eventId") == event_id}


def read(lines: Iterable[bytes], extra_actions: Iterable[str] = ()) -> Arrived:
    """The events in a collector's lines. `extra_actions` are those of events that are in no truth list.

    A line may begin with the torn end of a collector's last life; what counts is the event at its end.
    """
    arrived, extra = Arrived(), frozenset(extra_actions)
    for line in lines:
        start = line.rfind(_START_OF_EVENT)
        try:
            # Behind the event there may be a line feed: some senders count it into the message.
            event: dict[str, Any] = orjson.loads(line[start : line.rfind(b"}") + 1]) if start >= 0 else {}
        except orjson.JSONDecodeError:
            event = {}
        if event.get("vendorAction") not in extra or "vendorAction" not in event:
            _sort_in(arrived, event, line)
        else:
            arrived.own.append(event)
    return arrived


def _sort_in(arrived: Arrived, event: dict[str, Any], line: bytes) -> None:
    key = key_of(event)
    if key is not None:
        arrived.keys.append(key)
        arrived.ids.setdefault(key, set()).add(str(event["id"]))
    elif str(event.get("eventId", "")).startswith("8"):
        arrived.own.append(event)
    else:
        arrived.strange.append(line[-200:].decode("ascii", "backslashreplace"))


def key_of(event: Mapping[str, Any]) -> str | None:
    """The event's place in a truth list; None when it is in none."""
    for text in (str(event.get("id", "")), str(event.get("sourceUser", "")).partition("@")[0]):
        if _KEY.fullmatch(text):
            return text
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How a collector's keys differ from those it should have."""

    lost: Sequence[str]
    """In the truth, not received."""
    strange: Sequence[str]
    """Received, not in the truth."""
    dup: int
    """Copies beyond the first."""
    disordered: Sequence[str]
    """First arrivals that came after a later one of the same list."""
    doubled: Sequence[str]
    """Keys that came under several ids."""


def judge(arrived: Arrived, truth: Iterable[str], *, unordered: Iterable[str] = ()) -> Judgement:
    """Sets compared. `unordered` are keys that may come at any place: events that were late at the vault."""
    wanted, received = set(truth), set(arrived.keys)
    return Judgement(
        lost=sorted(wanted - received),
        strange=sorted(received - wanted) + arrived.strange,
        dup=len(arrived.keys) - len(received),
        disordered=_disordered(arrived.keys, frozenset(unordered)),
        doubled=sorted(key for key, ids in arrived.ids.items() if len(ids) > 1),
    )


def _disordered(keys: Iterable[str], unordered: frozenset[str]) -> list[str]:
    furthest: dict[str, str] = {}
    found = []
    for key in dict.fromkeys(keys):
        if key in unordered:
            continue
        if key < furthest.get(key[0], ""):
            found.append(key)
        furthest[key[0]] = max(key, furthest.get(key[0], ""))
    return found


class Arrivals:
    """How far each truth list has come in a collector's growing file; reads only what was added since."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._place = 0
        self._rest = b""
        self._next: dict[str, int] = {}

    def reached(self, letter: str) -> int:
        """How many events of that list have arrived, if none is missing between them."""
        self._read_on()
        return self._next.get(letter, 0)

    def _read_on(self) -> None:
        if not self._file.exists():
            return
        with self._file.open("rb") as added:
            added.seek(self._place)
            while chunk := added.read(2**20):
                self._place += len(chunk)
                *lines, self._rest = (self._rest + chunk).split(b"\n")
                for letter, number in _KEY_IN_LINE.findall(b"\n".join(lines)):
                    name = letter.decode()
                    self._next[name] = max(self._next.get(name, 0), int(number) + 1)
