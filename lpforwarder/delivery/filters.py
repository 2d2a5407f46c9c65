"""Which events a collector wants: one rule, asked for entries and for tallies of entries alike."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from lpforwarder.event import OWN, Entry, addressed_to

_ADDRESSED = addressed_to("")
"""How the source names of events begin that go to one collector alone."""


class Choice(Protocol):
    """What a collector's options say of what it wants."""

    @property
    def name(self) -> str: ...
    @property
    def sources(self) -> Collection[str] | None: ...
    @property
    def include(self) -> Collection[str]: ...
    @property
    def exclude(self) -> Collection[str]: ...
    @property
    def min_severity(self) -> int: ...


def wanted_by(one: Choice) -> Callable[[Entry], bool]:
    """Tells of an entry whether the collector with these options gets it."""
    return wanted(one.sources, one.include, one.exclude, one.min_severity, collector=one.name)


def chosen_by(one: Choice) -> Callable[[str, str, str, int], bool]:
    """The same rule, as wanted_kind() gives it."""
    return wanted_kind(one.sources, one.include, one.exclude, one.min_severity, collector=one.name)


def wanted(
    sources: Collection[str] | None,
    include: Collection[str],
    exclude: Collection[str],
    min_severity: int,
    *,
    collector: str = "",
) -> Callable[[Entry], bool]:
    """Tells of an entry whether the collector gets it."""
    rule = wanted_kind(sources, include, exclude, min_severity, collector=collector)
    if not _is_choosy(sources, include, exclude, min_severity):
        mine = addressed_to(collector)

        def is_not_for_another(entry: Entry) -> bool:
            source = entry.source
            return not source.startswith(_ADDRESSED) or source == mine

        return is_not_for_another

    def is_wanted(entry: Entry) -> bool:
        event = entry.event
        return rule(entry.source, event.text("eventType"), event.text("eventId"), event.severity)

    return is_wanted


def wanted_kind(
    sources: Collection[str] | None,
    include: Collection[str],
    exclude: Collection[str],
    min_severity: int,
    *,
    collector: str = "",
) -> Callable[[str, str, str, int], bool]:
    """The same rule asked with (source, eventType, eventId, severity), so that a tally can be counted.

    `sources` are names, None means all; `include` and `exclude` hold event types or event ids; an
    empty `include` means every kind; `exclude` wins. `min_severity` is CEF severity, itself wanted.
    What is addressed to `collector` is wanted whatever it is, and what is addressed to another is not.
    What the forwarder says about itself comes from no source of the configuration, so `sources` does not
    keep it out; the other conditions do.
    """
    mine = addressed_to(collector)
    names, included, excluded = frozenset(sources or ()), frozenset(include), frozenset(exclude)

    def is_wanted(source: str, event_type: str, event_id: str, severity: int) -> bool:
        if source.startswith(_ADDRESSED):
            return source == mine
        if severity < min_severity or (sources is not None and source not in names and source != OWN):
            return False
        if event_type in excluded or event_id in excluded:
            return False
        return not included or event_type in included or event_id in included

    return is_wanted


def _is_choosy(
    sources: Collection[str] | None, include: Collection[str], exclude: Collection[str], min_severity: int
) -> bool:
    return sources is not None or bool(include) or bool(exclude) or min_severity > 0
