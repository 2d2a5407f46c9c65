"""Journals as damage leaves them: copies of a living one, and octets that are not what was written."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from lpforwarder.journal.btree import PAGE, TABLE_INTERIOR
from lpforwarder.journal.rawfile import resting
from lpforwarder.journal.tables import roots

HIT = 64
"""Octets that are overwritten at once."""


def killed(living: Path, copy: Path) -> Path:
    """The files of an open journal as `kill -9` would leave them, at `copy`."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    for suffix in ("", "-wal", ".safe"):
        Path(f"{copy}{suffix}").unlink(missing_ok=True)
        if Path(f"{living}{suffix}").exists():
            shutil.copyfile(f"{living}{suffix}", f"{copy}{suffix}")
    Path(f"{copy}-shm").unlink(missing_ok=True)
    return copy


def spoil(file: Path, place: int, octets: bytes) -> None:
    """Overwrites what stands at `place`."""
    with open(file, "r+b") as opened:
        opened.seek(place)
        opened.write(octets)


def hit(file: Path, chance: random.Random, *, start: int = 0, end: int | None = None) -> int:
    """64 random octets at a random place; which place."""
    size = file.stat().st_size if end is None else end
    place = chance.randrange(start, max(size - HIT, start + 1))
    spoil(file, place, chance.randbytes(HIT))
    return place


def root_of(file: Path, table: str) -> int:
    """Where the first page of a table begins in the file, in octets."""
    with resting(file) as raw:
        return (roots(raw)[table] - 1) * PAGE


def interiors(file: Path) -> list[int]:
    """Where the pages that lead to others begin, in octets."""
    with resting(file) as raw:
        pages = range(3, raw.in_file + 1)
        return [(page - 1) * PAGE for page in pages if raw.page(page)[0] == TABLE_INTERIOR]
