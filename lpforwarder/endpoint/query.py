"""The question of a pull client: query parameters → Query, or the problem with one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from lpforwarder import rfc3339
from lpforwarder.endpoint.problems import bad_parameter

MOST_EVENTS = 10_000
USUAL_EVENTS = 1_000
LONGEST_WAIT = 60.0
"""Seconds; longer, and proxies between would give up before us."""
MOST_NAMES = 50
KNOWN = frozenset({"after", "limit", "since", "until", "type", "source", "wait"})


class Query(Struct, frozen=True, kw_only=True):
    """Which events are asked for; times in our form, empty sets mean all."""

    after: str | None = None
    limit: int = USUAL_EVENTS
    since: str | None = None
    until: str | None = None
    types: frozenset[str] = frozenset()
    """Event types or event ids."""
    sources: frozenset[str] = frozenset()
    wait: float = 0.0

    @property
    def takes_all(self) -> bool:
        """True when no event of a wanted source is left out."""
        return not (self.since or self.until or self.types)


def read(parameters: Iterable[tuple[str, str]]) -> Query:
    """The question. Raises Problem 400 with the name of what cannot be used.

    `type` and `source` may stand several times, or hold several values with commas.
    """
    values: dict[str, list[str]] = {}
    for name, value in parameters:
        values.setdefault(name, []).append(value)
    for name in values:
        if name not in KNOWN:
            raise bad_parameter(name, f"unknown; the known ones are {', '.join(sorted(KNOWN))}")
    return Query(
        after=_one(values, "after"),
        limit=_number(values, "limit", 1, MOST_EVENTS, USUAL_EVENTS),
        since=_time(values, "since"),
        until=_time(values, "until"),
        types=_names(values, "type"),
        sources=_names(values, "source"),
        wait=float(_number(values, "wait", 0, int(LONGEST_WAIT), 0)),
    )


def _one(values: Mapping[str, list[str]], name: str) -> str | None:
    given = values.get(name, [])
    if len(given) > 1:
        raise bad_parameter(name, "given more than once")
    return given[0] if given else None


def _number(values: Mapping[str, list[str]], name: str, least: int, most: int, usual: int) -> int:
    text = _one(values, name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise bad_parameter(name, f"must be a whole number from {least} to {most}")
    return int(text)


def _time(values: Mapping[str, list[str]], name: str) -> str | None:
    text = _one(values, name)
    if text is None:
        return None
    time = rfc3339.canonical(text)
    if time is None:
        raise bad_parameter(
            name, "must be an RFC 3339 time such as 2026-01-31T00:00:00Z (a + is %2B in a URL)"
        )
    return time


def _names(values: Mapping[str, list[str]], name: str) -> frozenset[str]:
    given = [part for text in values.get(name, []) for part in text.split(",")]
    if len(given) > MOST_NAMES or "" in given:
        raise bad_parameter(name, f"must hold 1 to {MOST_NAMES} values, none of them empty")
    return frozenset(given)
