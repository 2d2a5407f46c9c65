"""Repair on request: what a start does to a damaged journal, and that for single damaged rows as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from lpforwarder import rfc3339
from lpforwarder.counting import counted
from lpforwarder.errors import Failure
from lpforwarder.journal import safe_copy
from lpforwarder.journal.opening import take_lock
from lpforwarder.journal.reader import open_reader
from lpforwarder.journal.rebuilding import Rebuilt
from lpforwarder.journal.sqlite import SqliteJournal
from lpforwarder.journal.verifying import Progress, Verified, verify


class Repaired(Struct, frozen=True, kw_only=True):
    """What was wrong, and what was done about it."""

    before: Verified
    rebuilt: Rebuilt | None = None
    """None when there was nothing to repair, and nothing has changed."""


def repair(path: Path, opened: Callable[[], SqliteJournal], progress: Progress | None = None) -> Repaired:
    """Sets a damaged journal aside and puts a new one in its place. `opened` opens it as the service would.

    Busy (LPF502) while somebody writes it; FileNotFoundError when there is none; else as open_journal.
    """
    if not path.exists() and safe_copy.read(path) is None:
        raise FileNotFoundError(f"there is no journal at {path}")
    take_lock(path, rfc3339.now()).close()
    before = verify(path, progress)
    if before.is_good:
        return Repaired(before=before)
    _mark(path, before)
    with opened() as journal:
        return Repaired(before=before, rebuilt=journal.rebuilt)


def _mark(path: Path, found: Verified) -> None:
    """Makes the next start put a new file in the place of this one, whoever it is that starts."""
    copy = safe_copy.read(path)
    if copy is None:
        try:
            with open_reader(path) as reader, reader.view() as connection:
                copy = safe_copy.take(connection, rfc3339.now())
        except (Failure, FileNotFoundError):
            return  # damaged beyond reading: the start sees that by itself
    lost = f"{counted(found.lost, 'event')} cannot be read"
    reason = found.structure or (lost if found.lost else "rows are damaged that lose no event")
    safe_copy.write(path, safe_copy.damaged(copy, reason))
