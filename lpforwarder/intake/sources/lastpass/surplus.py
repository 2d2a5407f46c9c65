"""Which records of a window are new, and which number each has among its equals. Pure.

The vendor gives no id, and equal records can be real: two failed logins within a second. So what counts is
how many there are. Of equal records as many as were handed over before are known; the surplus is new.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from lpforwarder.intake.sources.lastpass import hours
from lpforwarder.intake.sources.lastpass import zone as zones
from lpforwarder.intake.sources.lastpass.catalogue import fold
from lpforwarder.intake.sources.lastpass.cursor import Known
from lpforwarder.intake.sources.lastpass.hours import Hours
from lpforwarder.intake.sources.lastpass.records import Raw
from lpforwarder.intake.sources.lastpass.windows import Window


class Found(NamedTuple):
    """One record of the window in time. A tuple, as there are ten thousand of them: it costs a third.

    Sorted, the oldest come first, and of one second the last of the answer.
    """

    instant: int
    """Seconds since 1970 UTC."""
    rank: int
    """Minus the position in the answer."""
    record: Mapping[str, Any]
    raw: Raw
    key: Raw
    """What makes records equal, and what ids are made of: see key_of()."""
    is_ambiguous: bool = False
    occurrence: int = 0
    """Which of the records with equal texts it is, from 0; known of those that are handed over."""


_FOR_EVER = float("inf")
_folded = lru_cache(maxsize=1024)(fold)  # there are some two hundred names


def key_of(raw: Raw, first: int) -> Raw:
    """What makes records equal: the texts, with the action's name in any case, and when they happened.

    `first` is the first instant that their time can mean, so both passes of a repeated hour are one. As text
    it stands for the time: the wall clock would not do, for the vendor shows old events anew when an account
    moves to another zone. The case of action names has changed as well; neither must send an event twice.
    """
    return raw._replace(time=str(first), action=_folded(raw.action))


def keys_of(raws: Sequence[Raw], instants: Sequence[int]) -> list[Raw]:
    """The same for many whose times mean one instant; 0.4 µs each."""
    new = tuple.__new__
    return [
        new(Raw, (str(instant), username, address, _folded(action), data))
        for (_, username, address, action, data), instant in zip(raws, instants, strict=True)
    ]


def digest(key: Raw) -> str:
    """All of a key but the time, short."""
    name = "".join([f"{len(part)}:{part}" for part in key[1:]])
    octets = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=9).digest()
    return base64.b64encode(octets).decode("ascii")


def fingerprint(record: object) -> str:
    """A digest of a record that is none, to know it again."""
    return hashlib.blake2b(repr(record).encode("ascii", "backslashreplace"), digest_size=9).hexdigest()


def surplus(
    found: Sequence[Found], window: Window, zone: ZoneInfo, known: Known, ghosts: Known
) -> list[Found]:
    """The new records of the window, oldest first; those of one second in the order of the answer."""
    clock = hours.of(zone)
    begin, end = window.begin, _FOR_EVER if window.end is None else window.end
    alone, several = _grouped(found)
    new: list[Found] = []
    for item in alone:
        instant = item.instant
        if instant in known or instant in ghosts or not clock.is_plain(item.raw.time):
            several.append([item])
        elif begin <= instant < end:
            # Nearly all: nothing was handed over of this second, and no other could be meant.
            new.append(item)
    for items in several:
        new += _new(items, window, zone, clock, (known, ghosts))
    new.sort()
    return new


def _grouped(found: Sequence[Found]) -> tuple[list[Found], list[list[Found]]]:
    """The records that are like no other of the answer, and groups of those that are."""
    firsts: dict[Raw, Found] = {}
    groups: dict[Raw, list[Found]] = {}
    for item in found:
        first = firsts.setdefault(item.key, item)
        if first is not item:
            groups.setdefault(item.key, [first]).append(item)
    for key in groups:
        del firsts[key]
    return list(firsts.values()), list(groups.values())


def _new(
    items: list[Found], window: Window, zone: ZoneInfo, clock: Hours, before: tuple[Known, Known]
) -> Iterable[Found]:
    """Of records with equal texts those that were not handed over yet."""
    inside = [item for item in items if _is_inside(item.instant, window)]
    if not inside:
        return ()
    key = digest(items[0].key)
    counts = {instant: _count(before, instant, key) for instant in _instants(items, zone, clock)}
    handed = sum(count for instant, count in counts.items() if _is_inside(instant, window))
    surplus = len(inside) - handed
    if surplus <= 0:
        return ()
    # Those before the window count too: they have the first numbers for every reader.
    first = handed + sum(item.instant < window.begin for item in items)
    if len(inside) > 1:
        inside.sort()
        inside = _beyond(inside, counts)
    return [item._replace(occurrence=first + n) for n, item in enumerate(inside[-surplus:])]


def _beyond(items: list[Found], counts: dict[int, int]) -> list[Found]:
    """Without as many of each instant as are known of it."""
    left = Counter(counts)
    kept = []
    for item in items:
        if left[item.instant] > 0:
            left[item.instant] -= 1
        else:
            kept.append(item)
    return kept


def _is_inside(instant: int, window: Window) -> bool:
    return window.begin <= instant and (window.end is None or instant < window.end)


def _instants(items: list[Found], zone: ZoneInfo, clock: Hours) -> set[int]:
    """All instants at which such records may have been handed over: both passes of a repeated hour."""
    placed = {item.instant for item in items}
    if clock.is_plain(items[0].raw.time):
        return placed
    return placed | set(zones.candidates(zone, zones.parse(items[0].raw.time)))


def _count(before: tuple[Known, Known], instant: int, key: str) -> int:
    return max(known[instant].get(key, 0) if instant in known else 0 for known in before)


def remembered(known: Known, new: Iterable[Found], since: int) -> dict[int, dict[str, int]]:
    """What has been handed over from `since` on, the new ones included."""
    kept = {instant: dict(counts) for instant, counts in known.items() if instant >= since}
    for item in new:
        if item.instant >= since:
            counts = kept.setdefault(item.instant, {})
            key = digest(item.key)
            counts[key] = counts.get(key, 0) + 1
    return kept


def shifted(known: Known, seconds: int) -> dict[int, dict[str, int]]:
    """The same, that many seconds later."""
    return {instant + seconds: dict(counts) for instant, counts in known.items()}
