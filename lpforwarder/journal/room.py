"""How much room is left, for how long, and what is said about it before anything has to wait.

Room is what still fits if nothing could be removed from now on but what every collector has confirmed. How
long the vault keeps what is not polled meanwhile is not known here, and not guessed.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from lpforwarder.runtime.health import spoken

Level = Literal["enough", "low", "very low"]
LEVELS: tuple[Level, ...] = ("enough", "low", "very low")

SHARES = (0.80, 0.95)
"""Of max_size that cannot be removed: low, very low."""
VERY_LOW = 3_600.0
SECONDS = (86_400.0, VERY_LOW)
"""Left at the present pace."""
DISK_SHARES = (0.10, 0.03)
"""Of the whole disk that are free, or less than the next in octets, whichever is smaller."""
DISK_OCTETS = (2**28, 2**26)
_BACK = 0.9
"""A level is left when its border is under-run by a tenth, or it would come and go with every page."""
PACE_OVER = 3600.0
"""Seconds over which the pace is measured."""
_LEAST_PACE = 60.0
_SAMPLE_EVERY = 10.0
WAITS_AFTER = 60.0
"""Seconds. A collector that is that far behind waits; one that confirms a moment later does not."""


class Usage(Struct, frozen=True, kw_only=True):
    """What a look at journal and disk says. Octets, but for the places."""

    used: int
    """Inside the file."""
    max_size: int
    beside: int = 0
    """Of max_size that is not for events."""
    removed: int
    """Places: the last that is gone, the last that everybody has confirmed, the last there is."""
    needed: int
    last: int
    keeps_history: bool
    """`when_full: pause-polling`: delivered events stay as long as anybody waits."""
    free: int
    disk: int
    behind: tuple[tuple[str, int], ...] = ()
    """Collectors that have not confirmed the last place, and how many places they lack."""


class Room(Struct, frozen=True, kw_only=True):
    """The answer."""

    level: Level = "enough"
    seconds: float | None = None
    """Until nothing more is taken, at the present pace; None when there is none, or nobody can say yet."""
    text: str = ""
    """Why the level is not `enough`."""
    fix: str = ""


class RoomWatch:
    """Remembers enough to tell a pace and who has waited for long. Asked every few seconds, by one thread."""

    def __init__(self) -> None:
        self.room = Room()
        self._appended = 0
        self._samples: deque[tuple[float, int, int]] = deque()
        """(time, octets appended by then, last place then)"""

    def appended(self, octets: int) -> None:
        """Counts what was added; from any thread, under the caller's lock."""
        self._appended += octets

    def look(self, usage: Usage, now: float) -> Room:
        """Judges; `now` is a clock that never jumps."""
        self._sample(now, usage.last)
        waits = self._is_waited_for(usage, now)
        held = _held(usage, waits)
        left = max(min(usage.max_size - usage.beside - held, usage.free), 0)
        pace = self._pace(now)
        seconds = left / pace if pace else None
        level = self._level(usage, _share(usage, held), seconds, waits)
        text, fix = _said(usage, held, seconds, waits) if level != "enough" else ("", "")
        self.room = Room(level=level, seconds=seconds, text=text, fix=fix)
        return self.room

    def _sample(self, now: float, last: int) -> None:
        if not self._samples or now - self._samples[-1][0] >= _SAMPLE_EVERY:
            self._samples.append((now, self._appended, last))
        while len(self._samples) > 2 and now - self._samples[1][0] >= PACE_OVER:
            self._samples.popleft()

    def _pace(self, now: float) -> float:
        """Octets a second; 0 when there are none, or too little time has passed to tell."""
        began, before, _ = self._samples[0]
        return (self._appended - before) / (now - began) if now - began >= _LEAST_PACE else 0.0

    def _is_waited_for(self, usage: Usage, now: float) -> bool:
        """True when somebody still lacks what was there a while ago."""
        old = [last for time, _, last in self._samples if now - time >= WAITS_AFTER]
        return bool(old) and usage.needed < old[-1]

    def _level(self, usage: Usage, share: float, seconds: float | None, waits: bool) -> Level:
        found = 0
        for level in (1, 2):
            ease = 1 / _BACK if LEVELS.index(self.room.level) >= level else 1.0
            soon = seconds is not None and seconds < SECONDS[level - 1] * ease
            full = share > SHARES[level - 1] / ease
            border = min(DISK_SHARES[level - 1] * usage.disk, DISK_OCTETS[level - 1])
            if (waits and (soon or full)) or usage.free < border * ease:
                found = level
        return LEVELS[found]


def usage_of_disk(folder: Path) -> tuple[int, int]:
    """(free, whole) octets of the file system."""
    system = os.statvfs(folder)
    return system.f_bavail * system.f_frsize, system.f_blocks * system.f_frsize


def missing(behind: Sequence[tuple[str, int]]) -> str:
    """`archive (48,112 waiting), siem (3 waiting)`."""
    return ", ".join(f"{name} ({count:,} waiting)" for name, count in behind)


def fix_for(behind: Sequence[tuple[str, int]]) -> str:
    """What to do about a journal that has reached its size."""
    return "raise journal.max_size" + (f", or bring back: {missing(behind)}" if behind else "")


def size_text(octets: int) -> str:
    """`10 GiB`: the largest unit that leaves no fraction."""
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if octets and octets % 1024**power == 0:
            return f"{octets // 1024**power} {unit}"
    return f"{octets:,} octets"


def _held(usage: Usage, waits: bool) -> int:
    """Octets that cannot be removed: all of them, or about those that somebody has not confirmed."""
    if waits and usage.keeps_history:
        return usage.used
    places = max(usage.last - usage.removed, 1)
    return round(usage.used * max(usage.last - max(usage.needed, usage.removed), 0) / places)


def _share(usage: Usage, held: int) -> float:
    """How much of the room for events cannot be removed."""
    return held / max(usage.max_size - usage.beside, 1)


def _said(usage: Usage, held: int, seconds: float | None, waits: bool) -> tuple[str, str]:
    room = f"room for {spoken(seconds)} at this pace" if seconds is not None else "little room is left"
    if usage.free < usage.max_size - usage.beside - held:
        left = f"{usage.free // 2**20:,} MB"
        what = f"the disk of the journal has {left} left ({room}); when it is full, polling pauses"
        return what, "make room on that disk, or lower journal.max_size"
    share = f"{min(int(100 * _share(usage, held)), 100)} % of {size_text(usage.max_size)} are in use"
    return f"{share} ({room}); then polling pauses and delivery goes on", fix_for(
        usage.behind if waits else ()
    )
