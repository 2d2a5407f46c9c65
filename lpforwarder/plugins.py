"""Entry-point lookup by kind and name: the built-in plug-ins and a stranger's come the same way."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

KINDS = ("sources", "formats", "envelopes", "transports")


@cache
def _installed() -> Any:
    """All entry points of the machine, to select() from: EntryPoints, in Python 3.11 something like it.

    To read them opens a file of every installed package: once will do.
    """
    return entry_points()


@cache
def registered(kind: str) -> dict[str, EntryPoint]:
    """The entry points of `lpforwarder.<kind>` by name; nothing is imported yet."""
    return {point.name: point for point in _installed().select(group=f"lpforwarder.{kind}")}


@cache
def load(kind: str, name: str) -> Any:
    """The plug-in class; LookupError with the known names when there is none."""
    points = registered(kind)
    if name not in points:
        raise LookupError(f"no {kind[:-1]} named {name!r}; installed: {', '.join(sorted(points))}")
    return points[name].load()
