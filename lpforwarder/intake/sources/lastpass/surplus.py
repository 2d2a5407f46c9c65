"""Which records of a window are new, and which number each has among its equals. Pure.

The vendor gives no id, and equal records can be real: two failed logins within a second. So what counts is
how many there are. Of equal records as many as were handed over before are known; the surplus is new.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from lpforwarder.intake.sources.lastpass.catalogue import fold
from lpforwarder.intake.sources.lastpass.cursor import Known
from lpforwarder.intake.sources.lastpass.instants import Placed
from lpforwarder.intake.sources.lastpass.offset import at
from lpforwarder.intake.sources.lastpass.records import Raw
from lpforwarder.intake.sources.lastpass.windows import Window
from lpforwarder.intake.sources.lastpass.zone import Reading, candidates

_NEAR = 2 * 86_400
_SHORT = 20 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One record of the window in time."""

    record: Mapping[str, Any]
    raw: Raw
    reading: Reading
    placed: Placed
    position: int
    """In the answer, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A record to hand over. `occurrence` counts the records with equal texts, from 0."""

    found: Found
    occurrence: int
    digest: str


_folded = lru_cache(maxsize=1024)(fold)  # there are some two hundred names


def digest(raw: Raw) -> str:
    """What makes records of one second equal: all but the time, the action's name in any case.

    The vendor has changed the case of its names before; an event must not be sent twice for that.
    """
    parts = (raw.username, raw.address, _folded(raw.action), raw.data)
    name = "".join([f"{len(part)}:{part}" for part in parts])
    octets = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=9).digest()
    return base64.b64encode(octets).decode("ascii")


def fingerprint(record: object) -> str:
    """A digest of a record that is none, to know it again."""
    return hashlib.blake2b(repr(record).encode("ascii", "backslashreplace"), digest_size=9).hexdigest()


def identity(raw: Raw) -> Raw:
    """The texts that the id is made of: as they came, but for the case of the action's name."""
    return Raw(raw.time, raw.username, raw.address, _folded(raw.action), raw.data)


def surplus(found: Sequence[Found], window: Window, zone: ZoneInfo, known: Known, ghosts: Known) -> list[New]:
    """The new records of the window, oldest first; those of one second in the order of the answer."""
    groups: dict[tuple[datetime, str], list[Found]] = defaultdict(list)
    for item in found:
        groups[item.reading.wall, digest(item.raw)].append(item)
    changing = None if _is_calm(found, zone) else zone
    new: list[New] = []
    for (_, key), items in groups.items():
        new += _new(items, key, window, changing, (known, ghosts))
    new.sort(key=lambda item: (item.found.placed.instant, -item.found.position, item.occurrence))
    return new


def _new(
    items: list[Found], key: str, window: Window, changing: ZoneInfo | None, before: tuple[Known, Known]
) -> Iterable[New]:
    """Of records with equal texts those that were not handed over yet."""
    inside = [item for item in items if _is_inside(item.placed.instant, window)]
    if not inside:
        return ()
    counts = {instant: _count(before, instant, key) for instant in _instants(items, changing)}
    handed = sum(count for instant, count in counts.items() if _is_inside(instant, window))
    surplus = len(inside) - handed
    if surplus <= 0:
        return ()
    # Those before the window count too: they have the first numbers for every reader.
    first = handed + sum(item.placed.instant < window.begin for item in items)
    if len(inside) > 1:
        inside.sort(key=lambda item: (item.placed.instant, -item.position))
        inside = _beyond(inside, counts)
    return [New(found=item, occurrence=first + n, digest=key) for n, item in enumerate(inside[-surplus:])]


def _beyond(items: list[Found], counts: dict[int, int]) -> list[Found]:
    """Without as many of each instant as are known of it."""
    left = Counter(counts)
    kept = []
    for item in items:
        if left[item.placed.instant] > 0:
            left[item.placed.instant] -= 1
        else:
            kept.append(item)
    return kept


def _is_inside(instant: int, window: Window) -> bool:
    return window.begin <= instant and (window.end is None or instant < window.end)


def _instants(items: list[Found], changing: ZoneInfo | None) -> set[int]:
    """All instants at which such records may have been handed over: both passes of a repeated hour."""
    placed = {item.placed.instant for item in items}
    return placed if changing is None else placed | set(candidates(changing, items[0].reading))


def _is_calm(found: Sequence[Found], zone: ZoneInfo) -> bool:
    """Whether the clocks certainly do not change in the time of these records, or near it."""
    if not found:
        return True
    instants = [item.placed.instant for item in found]
    first, last = min(instants) - _NEAR, max(instants) + _NEAR
    # Some zones change and change back within a month.
    return last - first < _SHORT and at(zone, first) == at(zone, last)


def _count(before: tuple[Known, Known], instant: int, key: str) -> int:
    return max(known[instant].get(key, 0) if instant in known else 0 for known in before)


def remembered(known: Known, new: Iterable[New], since: int) -> dict[int, dict[str, int]]:
    """What has been handed over from `since` on, the new ones included."""
    kept = {instant: dict(counts) for instant, counts in known.items() if instant >= since}
    for item in new:
        if item.found.placed.instant >= since:
            counts = kept.setdefault(item.found.placed.instant, {})
            counts[item.digest] = counts.get(item.digest, 0) + 1
    return kept


def shifted(known: Known, seconds: int) -> dict[int, dict[str, int]]:
    """The same, that many seconds later."""
    return {instant + seconds: dict(counts) for instant, counts in known.items()}
