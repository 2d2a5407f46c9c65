"""Which events a collector wants: one rule, asked for entries and for tallies of entries alike."""

from __future__ import annotations

from collections.abc import Callable, Collection

from lpforwarder.event import Entry


def wanted(
    sources: Collection[str] | None, include: Collection[str], exclude: Collection[str], min_severity: int
) -> Callable[[Entry], bool]:
    """Tells of an entry whether the collector gets it."""
    rule = wanted_kind(sources, include, exclude, min_severity)
    if rule is _everything:
        return _every_entry

    def is_wanted(entry: Entry) -> bool:
        event = entry.event
        return rule(entry.source, event.text("eventType"), event.text("eventId"), event.severity)

    return is_wanted


def wanted_kind(
    sources: Collection[str] | None, include: Collection[str], exclude: Collection[str], min_severity: int
) -> Callable[[str, str, str, int], bool]:
    """The same rule asked with (source, eventType, eventId, severity), so that a tally can be counted.

    `sources` are names, None means all; `include` and `exclude` hold event types or event ids; an
    empty `include` means every kind; `exclude` wins. `min_severity` is CEF severity, itself wanted.
    """
    if sources is None and not include and not exclude and min_severity <= 0:
        return _everything
    names, included, excluded = frozenset(sources or ()), frozenset(include), frozenset(exclude)

    def is_wanted(source: str, event_type: str, event_id: str, severity: int) -> bool:
        if severity < min_severity or (sources is not None and source not in names):
            return False
        if event_type in excluded or event_id in excluded:
            return False
        return not included or event_type in included or event_id in included

    return is_wanted


def _everything(source: str, event_type: str, event_id: str, severity: int) -> bool:  # noqa: ARG001
    return True


def _every_entry(entry: Entry) -> bool:  # noqa: ARG001
    return True
