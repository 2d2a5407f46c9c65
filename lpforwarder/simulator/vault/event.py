"""One event as the vault keeps it: the true instant and the four raw texts."""

from __future__ import annotations

from dataclasses import dataclass

SECOND = 1_000_000
"""Microseconds; every instant in the pretend vault is a whole number of them since 1970, UTC."""
DAY = 86_400 * SECOND


def micros(seconds: float) -> int:
    """A clock's seconds since 1970 as whole microseconds."""
    return round(seconds * SECOND)


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultEvent:
    """What happened, in the vault's own terms; the wall-clock `Time` is made only when it is shown.

    A plain slotted class of five references: a million of them have to fit into memory.
    """

    at: int
    """True instant: microseconds since 1970, UTC."""
    username: str
    ip_address: str
    action: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One event as a perfect reader would know it: the true instant and the five fields as shown now."""

    at: int
    time: str
    username: str
    ip_address: str
    action: str
    data: str
