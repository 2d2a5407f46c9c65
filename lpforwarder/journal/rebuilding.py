"""A new journal in the place of a damaged one, which is set aside and never deleted.

The new file is built and synced under another name, and put in place by renames that the next start finishes
if this one is cut off.
"""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from lpforwarder.errors import Transient
from lpforwarder.journal import safe_copy, tables, wal
from lpforwarder.journal.examining import Finding
from lpforwarder.journal.faults import is_full
from lpforwarder.journal.opening import sync_folder
from lpforwarder.journal.rawfile import RawFile
from lpforwarder.journal.reserve import FULL
from lpforwarder.journal.safe_copy import SafeCopy
from lpforwarder.journal.scan import Gap
from lpforwarder.journal.taking_over import Progress, Taken, take_over, unheard

_PENDING = re.compile(r"\.new-([0-9]{8}T[0-9]{6}Z)\Z")


class Rebuilt(Struct, frozen=True, kw_only=True):
    """What became of a damaged journal."""

    reason: str
    aside: str
    """Where the damaged file lies now; empty when there was none."""
    events: int
    """Taken over."""
    lost: int
    """Events that the journal held and nobody can read any more."""
    gaps: tuple[Gap, ...]
    """New ones."""
    asked_again: bool
    """True when sources are asked once more for what they had given since the last safe copy."""
    knows_collectors: bool
    """False when nobody can say which collectors there were: each must get everything."""


def rebuild(
    path: Path, finding: Finding, safe: SafeCopy | None, now: str, progress: Progress = unheard
) -> Rebuilt:
    """Puts a new journal in the place of a damaged one; nobody may use either meanwhile.

    Transient (LPF501) when the disk has no room for both; then nothing has changed. OSError as it comes.
    """
    building = path.with_name(path.name + ".building")
    with suppress(FileNotFoundError):
        building.unlink()
    try:
        taken = _build(building, path, finding, safe, now, progress)
    except (sqlite3.Error, OSError) as error:
        building.unlink(missing_ok=True)
        if _is_no_room(error, path):
            raise _no_room(path) from error
        raise
    os.rename(building, path.with_name(f"{path.name}.new-{_stamp(path, now)}"))
    sync_folder(path.parent)
    if safe is not None:  # from here on the new file is the journal, and no log belongs to it
        safe_copy.write(path, replace(safe, damage="", closed=True, last=taken.settled.last))
    return Rebuilt(
        reason=finding.damage,
        aside=finish(path),
        events=taken.events,
        lost=sum(gap.count for gap in taken.gaps if gap.is_loss),
        gaps=taken.gaps,
        asked_again=taken.settled.asked_from is not None,
        knows_collectors=taken.settled.knows_collectors,
    )


def finish(path: Path) -> str:
    """Ends an exchange of files that may have been cut off; where the damaged file lies, or nothing.

    Each step is one rename, and none is done twice. The log goes first: it must not lie beside another file.
    """
    for new in sorted(path.parent.glob(f"{path.name}.new-*")):
        match = _PENDING.search(new.name)
        if match is None:
            continue
        aside = path.with_name(f"{path.name}.damaged-{match[1]}")
        with suppress(FileNotFoundError):
            Path(f"{path}-shm").unlink()
        for suffix in ("-wal", ""):
            old, kept = Path(f"{path}{suffix}"), Path(f"{aside}{suffix}")
            if old.exists() and not kept.exists():
                os.rename(old, kept)
        sync_folder(path.parent)
        os.rename(new, path)
        sync_folder(path.parent)
        return str(aside) if aside.exists() else ""
    return ""


def set_aside(path: Path) -> list[Path]:
    """The damaged files that still lie beside the journal, oldest first."""
    return sorted(one for one in path.parent.glob(f"{path.name}.damaged-*") if not one.name.endswith("-wal"))


def _build(
    building: Path, path: Path, finding: Finding, safe: SafeCopy | None, now: str, progress: Progress
) -> Taken:
    os.close(os.open(building, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    raw = _opened(path)
    try:
        with closing(tables.fresh(str(building))) as connection:
            taken = take_over(connection, raw, safe, now, lost_end=finding.lost_end, progress=progress)
    finally:
        if raw is not None:
            raw.close()
    _sync(building)
    return taken


def _opened(path: Path) -> RawFile | None:
    """The damaged file under all of its log, also what SQLite would not take of it; None without a file."""
    log = wal.read(Path(f"{path}-wal"))
    frames = log.taken + log.behind
    if not path.exists() or not (path.stat().st_size or frames):
        return None
    return RawFile(path, wal.Log(taken=frames))


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _stamp(path: Path, now: str) -> str:
    """`20261122T190630Z`; a second later when that name is taken."""
    digits = re.sub(r"[-:]", "", now[:19])
    number = int(digits[-6:])
    while path.with_name(f"{path.name}.damaged-{digits[:-6]}{number:06}Z").exists():
        number += 1
    return f"{digits[:-6]}{number:06}Z"


def _is_no_room(error: sqlite3.Error | OSError, path: Path) -> bool:
    if isinstance(error, sqlite3.Error):
        return is_full(error, path)
    return error.errno in FULL


def _no_room(path: Path) -> Transient:
    size = path.stat().st_size if path.exists() else 0
    return Transient(
        f"the journal is damaged, and {path.parent} has no room for a new one beside it",
        code="LPF501",
        fix=f"make room for about {size // 2**20 + 32} MB more, then start again",
    )
