"""What has been reported already: kept in the journal, so that a new life tells what has changed since."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Self

from msgspec import Struct, field, to_builtins
from msgspec.structs import replace


class Down(Struct, frozen=True, kw_only=True):
    """Something that was reported as not working."""

    state: str
    """`blocked`, `failing`, `silent` or `stalled`."""
    since: str
    """RFC 3339."""
    place: int = 0
    """A collector's checkpoint then."""


class Told(Struct, frozen=True, kw_only=True):
    """What collectors believe of us, if they got everything."""

    sources: Mapping[str, Down] = field(default_factory=dict)
    """Those that do not work, by name."""
    collectors: Mapping[str, Down] = field(default_factory=dict)
    alarms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What they are about → the codes of the alarms that are on."""
    certificates: Mapping[str, int] = field(default_factory=dict)
    """Certificate → the least number of days that was warned of."""
    missing: frozenset[int] = frozenset()
    """Gaps in the journal, by their number; the journal itself keeps which were told in other lives."""
    rejected: Mapping[str, int] = field(default_factory=dict)
    """Source → how many of its records were set aside."""
    set_aside: Mapping[str, int] = field(default_factory=dict)
    """Collector → how many events were set aside for it."""
    set_aside_lost: Mapping[str, int] = field(default_factory=dict)
    """Collector → how many of those had to make room for others."""

    def entered(self, mapping: str, name: str, value: object) -> Self:
        """With this value under this name in one of the mappings; None takes it out."""
        entries: dict[str, Any] = dict(getattr(self, mapping))
        entries.pop(name, None)
        if value is not None:
            entries[name] = value
        changed: dict[str, Any] = {mapping: entries}
        return replace(self, **changed)

    def with_alarm(self, about: str, code: str) -> Self:
        """With this alarm on."""
        return self.entered("alarms", about, (*self.alarms.get(about, ()), code))

    def without_alarm(self, about: str, code: str) -> Self:
        """With this alarm off."""
        left = tuple(known for known in self.alarms.get(about, ()) if known != code)
        return self.entered("alarms", about, left or None)

    def lost(self, missing: Iterable[int]) -> Self:
        """With these gaps in the journal as well."""
        return replace(self, missing=self.missing.union(missing))


class Place(Struct, frozen=True, kw_only=True):
    """The forwarder's own place, as a source has its cursor."""

    started: str | None = None
    """When the life that wrote it began; RFC 3339; None before the first."""
    ended: bool = True
    """True when its last own event was a stop."""
    told: Told = field(default_factory=Told)

    def text(self) -> str:
        """For the journal."""
        data = to_builtins(self)
        del data["told"]["missing"]
        return json.dumps(data, separators=(",", ":"))


def read_place(text: str | None) -> Place:
    """The place that the text says; a fresh one when it says none."""
    try:
        data = json.loads(text or "{}")
        return Place(**{**data, "told": _told(data.get("told", {}))})
    except (ValueError, TypeError, AttributeError):
        return Place()


def _told(data: Mapping[str, Any]) -> Told:
    return Told(
        sources={name: Down(**down) for name, down in data.get("sources", {}).items()},
        collectors={name: Down(**down) for name, down in data.get("collectors", {}).items()},
        alarms={name: tuple(codes) for name, codes in data.get("alarms", {}).items()},
        certificates=dict(data.get("certificates", {})),
        rejected=dict(data.get("rejected", {})),
        set_aside=dict(data.get("set_aside", {})),
        set_aside_lost=dict(data.get("set_aside_lost", {})),
    )
