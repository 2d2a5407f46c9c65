"""What a reload has to touch: pure comparison of the old and the new settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from msgspec import Struct

T = TypeVar("T")


class Plan(Struct, frozen=True, kw_only=True):
    """Names to stop, then names to start; the names to keep are not touched at all.

    A name whose settings changed is in `stop` and in `start`.
    """

    stop: tuple[str, ...]
    start: tuple[str, ...]
    keep: tuple[str, ...]


def plan(old: Mapping[str, T], new: Mapping[str, T]) -> Plan:
    """The least that turns `old` into `new`, by name and equality of the settings.

    `stop` is in the order of `old`, `start` and `keep` in the order of `new`; order alone changes nothing.
    """
    keep = tuple(name for name in new if name in old and old[name] == new[name])
    kept = frozenset(keep)
    return Plan(
        stop=tuple(name for name in old if name not in kept),
        start=tuple(name for name in new if name not in kept),
        keep=keep,
    )
