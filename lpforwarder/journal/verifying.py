"""A look at everything in a journal, read only: is it what was written? Works beside a running service.

Piece by piece, each in a short read transaction, so that the writer's log is not held up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from lpforwarder.errors import Busy, Failure
from lpforwarder.journal import safe_copy, structure
from lpforwarder.journal.btree import Broken
from lpforwarder.journal.examining import examine
from lpforwarder.journal.facts import ends, gaps_in
from lpforwarder.journal.faults import DAMAGED
from lpforwarder.journal.gaps import KnownGaps
from lpforwarder.journal.lock import SharedLock
from lpforwarder.journal.page import Part, StoredPage
from lpforwarder.journal.rawfile import living
from lpforwarder.journal.reader import JournalReader, open_reader
from lpforwarder.journal.scan import CONTENTS, UNREADABLE, Gap

_PIECE = 8 * 2**20
"""Octets of events between two read transactions."""
_ENDLESS = 1e9
"""Seconds for a look at the structure: as long as it takes."""
_HIDDEN = "some rows can only be found by looking along the file"

Progress = Callable[[int, int], None]
"""Told how many places have been read, and how many there are."""


class Verified(Struct, frozen=True, kw_only=True):
    """What was found."""

    structure: str = ""
    """What is wrong with the file's structure; empty when nothing is."""
    last: int = 0
    pages: int = 0
    events: int = 0
    """Those that are whole."""
    parts: int = 0
    """Runs of whole events out of pages that are damaged otherwise."""
    gaps: Sequence[Gap] = ()
    """Places that cannot be read, and that were not known as gaps before."""
    known: Sequence[Gap] = ()
    """Places that were noted as gaps before."""
    copied: str = ""
    """When the safe copy beside the journal was made; empty when there is none that can be used."""

    @property
    def lost(self) -> int:
        """Events that cannot be read, and that nobody knew of."""
        return sum(gap.count for gap in self.gaps)

    @property
    def is_good(self) -> bool:
        """True when nothing in the file is damaged. What was noted at a repair is not in it any more."""
        in_file = any(gap.reason in (CONTENTS, UNREADABLE) for gap in self.known)
        return not (self.structure or self.parts or self.gaps or in_file)


def verify(path: Path, progress: Progress | None = None) -> Verified:
    """Reads the whole journal at `path`. FileNotFoundError when there is none; Denied when it is not ours."""
    copy = safe_copy.read(path)
    copied = copy.time if copy is not None else ""
    damage = resting_damage(path)
    try:
        with open_reader(path) as reader:
            found = _read(reader, path, progress)
    except FileNotFoundError:
        if not damage:
            raise
        return Verified(structure=damage, copied=copied)
    except Failure as failure:
        if failure.code != DAMAGED or not damage:
            raise
        return Verified(structure=damage, copied=copied)
    return replace(found, structure=damage or found.structure, copied=copied)


def resting_damage(path: Path) -> str:
    """Why the next start would set the file aside; nothing when it would not, or somebody writes it now."""
    copy = safe_copy.read(path)
    try:
        lock = SharedLock(path.with_name(path.name + ".lock"))
    except Busy:
        return ""
    except OSError:
        return examine(path, copy).damage
    try:
        return examine(path, copy).damage
    finally:
        lock.close()


def _read(reader: JournalReader, path: Path, progress: Progress | None) -> Verified:
    found = Verified(structure=_structure(reader, path))
    place: int | None = 0
    while place is not None:
        found, place = _piece(reader, found, place)
        if progress is not None:
            progress(found.last if place is None else place, found.last)
    hidden = _HIDDEN if reader.has_hidden else ""
    return replace(found, structure=found.structure or hidden)


def _structure(reader: JournalReader, path: Path) -> str:
    with reader.view() as connection:
        ends(connection)
        try:
            with living(path) as raw:
                structure.check(raw, _ENDLESS)
        except Broken as error:
            return str(error)
    return ""


def _piece(reader: JournalReader, found: Verified, after: int) -> tuple[Verified, int | None]:
    """The next few MB added to what was found, and the place to go on from; None at the end."""
    octets = count = events = parts = 0
    gaps: list[Gap] = []
    place: int | None = None
    with reader.view() as connection:
        removed, last = ends(connection)
        known = [gap for gap in gaps_in(connection) if not gap.collector]
        with closing(reader.walk(connection, max(after, removed), last)) as rows:
            for row in rows:
                if isinstance(row, StoredPage):
                    octets, count, events = octets + len(row.lines), count + 1, events + row.count
                    parts += isinstance(row, Part)
                else:
                    gaps += KnownGaps(known).unknown(row)
                if octets >= _PIECE:
                    place = row.end - 1
                    break
    more = replace(
        found,
        last=last,
        pages=found.pages + count,
        events=found.events + events,
        parts=found.parts + parts,
        gaps=(*found.gaps, *gaps),
        known=known,
    )
    return more, place
