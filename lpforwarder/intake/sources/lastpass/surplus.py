"""Which records of a window are new, and which number each has among its equals. Pure.

The vendor gives no id, and equal records can be real: two failed logins within a second. So what counts is
how many there are. Of equal records as many as were handed over before are known; the surplus is new.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from operator import attrgetter
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from lpforwarder.intake.sources.lastpass import hours
from lpforwarder.intake.sources.lastpass import zone as zones
from lpforwarder.intake.sources.lastpass.catalogue import fold
from lpforwarder.intake.sources.lastpass.cursor import Known
from lpforwarder.intake.sources.lastpass.hours import Hours
from lpforwarder.intake.sources.lastpass.records import Raw, Record, is_short
from lpforwarder.intake.sources.lastpass.windows import Window


class Found(msgspec.Struct, frozen=True, gc=False):
    """One record of the window in time. A Struct, as there are ten thousand of them."""

    instant: int
    """Seconds since 1970 UTC."""
    rank: int
    """Minus the position in the answer."""
    record: Record
    raw: Raw
    first: int
    """The first instant that its time can mean: both passes of a repeated hour have the same."""
    is_ambiguous: bool = False
    occurrence: int = 0
    """Which of the records with equal keys it is, from 0; known of those that are handed over."""

    @property
    def key(self) -> Raw:
        """What makes records equal, and what ids are made of."""
        return key_of(self.raw, self.first)


_FOR_EVER = float("inf")
_instant, _rank = attrgetter("instant"), attrgetter("rank")

folded = lru_cache(maxsize=1024)(fold)
"""As the catalogue compares names; there are some two hundred of them."""


def key_of(raw: Raw, first: int) -> Raw:
    """What makes records equal: the texts, with the action's name in any case, and when they happened.

    `first` is the first instant that their time can mean, so both passes of a repeated hour are one. As text
    it stands for the time: the wall clock would not do, for the vendor shows old events anew when an account
    moves to another zone. The case of action names has changed as well; neither must send an event twice.
    """
    return Raw(str(first), raw.username, raw.address, folded(raw.action), raw.data)


def digest(key: Raw) -> str:
    """All of a key but the time, short."""
    parts = (key.username, key.address, key.action, key.data)
    name = "".join([f"{len(part)}:{part}" for part in parts])
    octets = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=9).digest()
    return base64.b64encode(octets).decode("ascii")


def _digest_of(raw: Raw) -> str:
    return digest(key_of(raw, 0))


_remembered = lru_cache(maxsize=2048)(_digest_of)
"""In a tenth of the time, what is read again with every poll."""


def fingerprint(record: object) -> str:
    """A digest of a record that is none, to know it again."""
    return hashlib.blake2b(repr(record).encode("ascii", "backslashreplace"), digest_size=9).hexdigest()


def surplus(
    found: Sequence[Found],
    window: Window,
    zone: ZoneInfo,
    known: Known,
    ghosts: Known,
    *,
    is_plain: bool = False,
) -> list[Found]:
    """The new records of the window, oldest first; those of one second in the order of the answer.

    `is_plain` says that no time needs a closer look, as Dated has it.
    """
    clock = hours.of(zone)
    begin, end = window.begin, _FOR_EVER if window.end is None else window.end
    alone, several = _grouped(found, is_plain)
    doubtful = set() if is_plain else _doubtful_hours(alone, clock)
    handed = known.keys() | ghosts.keys()
    if is_plain and handed:  # each stands for itself, and only its own instant could be meant
        alone = [one for one in alone if one.instant not in handed or not _is_known(one, (known, ghosts))]
    elif doubtful or handed:
        several += [[one] for one in alone if one.instant in handed or one.raw.time[:13] in doubtful]
        alone = [one for one in alone if one.instant not in handed and one.raw.time[:13] not in doubtful]
    # Nearly all: this one was not handed over, and no other could be meant.
    new = [one for one in alone if begin <= one.instant < end]
    for items in several:
        new += _new(items, window, zone, clock, (known, ghosts))
    _put_in_order(new)
    return new


def _put_in_order(found: list[Found]) -> None:
    """The oldest come first, and of one second the last of the answer."""
    found.sort(key=_rank)  # twice by one number takes half of once by two
    found.sort(key=_instant)


def _doubtful_hours(found: Iterable[Found], clock: Hours) -> set[str]:
    """The beginnings of those times that may mean two instants."""
    return {hour for hour in {one.raw.time[:13] for one in found} if not clock.is_plain(hour)}


def _grouped(found: Sequence[Found], is_plain: bool) -> tuple[Sequence[Found], list[list[Found]]]:
    """The records that are like no other of the answer, and groups of those that are; 0.4 µs each."""
    keys = _keys(found, is_plain)
    if len(set(keys)) == len(keys):
        return found, []
    counts = Counter(keys)
    repeated = {key for key, number in counts.items() if number > 1}
    groups: dict[Hashable, list[Found]] = {}
    for key, one in zip(keys, found, strict=True):
        if key in repeated:
            groups.setdefault(key, []).append(one)
    return [one for key, one in zip(keys, found, strict=True) if key not in repeated], list(groups.values())


def _keys(found: Sequence[Found], is_plain: bool) -> Sequence[Hashable]:
    """What is equal for records with equal keys, and for no others.

    The texts themselves do, in a fifth of the time, where each time and each action is written in one way.
    """
    raws = [one.raw for one in found]
    actions = {raw.action for raw in raws}
    if is_plain and len(set(map(folded, actions))) == len(actions):
        return raws
    return [
        (one.first, raw.username, raw.address, folded(raw.action), raw.data)
        for one, raw in zip(found, raws, strict=True)
    ]


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
        _put_in_order(inside)
        inside = _beyond(inside, counts)
    return [replace(item, occurrence=first + n) for n, item in enumerate(inside[-surplus:])]


def _is_known(one: Found, before: tuple[Known, Known]) -> bool:
    """Whether a record like this was handed over of this very instant."""
    key = (_remembered if is_short(one.raw) else _digest_of)(one.raw)
    for known in before:  # written out: this is asked for all that is read again
        counts = known.get(one.instant)
        if counts is not None and counts.get(key):
            return True
    return False


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
