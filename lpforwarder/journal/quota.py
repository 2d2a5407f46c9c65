"""How `max_size` is divided and what of it is taken: all that the journal owns, not the events alone."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct

from lpforwarder.journal.reserve import SIZE as RESERVE
from lpforwarder.journal.safe_copy import place_of

COPY_LOG_EVERY = 4 * 2**20
"""Octets in the log before it is copied into the file."""
KEEP_OF_LOG = 16 * 2**20
"""Octets the log keeps when it starts over; it never has to be longer unless a reader sits still."""
OWN = 2**20
"""For what the forwarder says about itself when nothing else is taken; some hundred events a day at most."""
LEAST = 2**17
"""Of each share. Even an append of one event puts 16 KiB into the log."""
SET_ASIDE = 64 * 2**20
"""For events that a collector could not take, all together; and as much for rejects."""
_SIXTEENTH, _EIGHTH, _QUARTER = 16, 8, 4


class Quota(Struct, frozen=True, kw_only=True):
    """The shares of `max_size`, in octets; what they leave is for events. From 256 MiB on all are whole."""

    max_size: int
    copy_log_every: int
    """Octets in the log before it is copied into the file."""
    log: int
    """What the log may take on the disk as long as no reader sits still."""
    reserve: int
    own: int
    """For own events alone."""
    set_asides: int
    rejects: int


def divided(max_size: int) -> Quota:
    """The shares of a journal of that size."""
    small = max(max_size // _SIXTEENTH, LEAST)
    return Quota(
        max_size=max_size,
        copy_log_every=min(COPY_LOG_EVERY, small),
        log=min(KEEP_OF_LOG, small),
        reserve=min(RESERVE, max(max_size // _EIGHTH, LEAST)),
        own=min(OWN, small),
        set_asides=min(SET_ASIDE, max_size // _QUARTER),
        rejects=min(SET_ASIDE, max_size // _EIGHTH),
    )


def beside_events(journal: Path, quota: Quota) -> int:
    """Octets on the disk, or promised, that are no pages of the file in use: log, index, reserve, safe copy.

    The log counts with its share alone: what it is beyond that, removing events cannot make shorter; see
    overgrown(). The safe copy counts twice, for it is replaced as a whole. A file that was set aside as
    damaged belongs to whoever looks into it.
    """
    return quota.log + size_of(f"{journal}-shm") + quota.reserve + 2 * size_of(place_of(journal))


def overgrown(journal: Path, quota: Quota, more: int = 0) -> int:
    """Octets that the log is beyond its share, or would be with so many `more`; 0 when it is within."""
    return max(size_of(f"{journal}-wal") + more - quota.log, 0)


def cost_of(octets: int, quota: Quota) -> int:
    """What an append of so many octets takes: in the file, and in the log what is beyond its share."""
    return octets + max(octets - quota.log, 0)


def size_of(path: str | Path) -> int:
    """Octets of that file; 0 when there is none."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
