"""Numbers of things as people read them. Pure."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 event`, `48,112 events`; `plural` for a noun that takes more than an s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def counted_as(number: int, noun: str, *, one: str, many: str) -> str:
    """`1 event waits`, `2 events wait`: with the verb that goes with it."""
    return f"{counted(number, noun)} {one if number == 1 else many}"
