"""What the janitor does to a journal: keeps it within its limits, looks it over, and says what it sees."""

from __future__ import annotations

import sqlite3
from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TypeVar

from lpforwarder.errors import Blocked, Failure, Transient
from lpforwarder.event import Cursor, Seq
from lpforwarder.journal import faults, set_asides, structure
from lpforwarder.journal.btree import Broken
from lpforwarder.journal.copier import Copier
from lpforwarder.journal.facts import Facts, ends
from lpforwarder.journal.held import HeldPlaces
from lpforwarder.journal.limits import Limits
from lpforwarder.journal.notice import JUMPED, LOW, REBUILT, Notice
from lpforwarder.journal.page import StoredPage
from lpforwarder.journal.rawfile import living
from lpforwarder.journal.rebuilding import Rebuilt
from lpforwarder.journal.remembered import Cursors
from lpforwarder.journal.rows import Move, move_collector
from lpforwarder.journal.scan import Gap
from lpforwarder.journal.writer import SMALL
from lpforwarder.runtime.health import spoken

T = TypeVar("T")

_READ_ALONG = 4 * 2**20
"""Octets that one step reads and checks."""
_PASS_EVERY = 24 * 3600.0
"""Seconds from the end of one pass along the file to the next."""
_HIDDEN = "rows of it can only be found by looking along the file"


class Upkeep(Limits):
    """The half of a journal that its janitor uses; SqliteJournal makes all of these."""

    rebuilt: Rebuilt | None
    """What became of a journal that was found damaged at the start."""
    _held: HeldPlaces
    _copier: Copier
    _cursors: Cursors
    _damage: str = ""
    _read_to: int = 0
    _next_pass: float = 0.0
    _seen: tuple[int, Facts] | None = None
    """The facts in the file, and the writer's changes when they were looked at."""

    # ---- places -----------------------------------------------------------------------------------------

    def cursor(self, source: str) -> Cursor | None:
        """As JournalReader says; from memory, but for the first time."""
        return self._cursors.of(source, super().cursor)

    def write_place(self, collector: str, move: Move) -> None:
        """Writes a place, or holds it in memory when that cannot be."""

        def change(connection: sqlite3.Connection) -> None:
            move_collector(connection, collector, move, self._now())
            set_asides.settle(connection, collector)

        try:
            self._urgently(change)
        except (Transient, Blocked) as failure:
            self._held.keep(collector, move, failure)
        else:
            self._held.written(collector)

    def checkpoint(self, collector: str) -> Seq:
        """All up to here is confirmed by this collector; 0 for one that is not known."""
        held = self._held.of(collector)
        return Seq(max(super().checkpoint(collector), held.to if held is not None else 0))

    def resume(self, collector: str) -> Seq:
        """Where to go back to after an abnormal end; never ahead of the checkpoint."""
        held = self._held.of(collector)
        return Seq(held.resume) if held is not None else super().resume(collector)

    def clean(self, collector: str) -> bool:
        """True when the last life of this collector ended with everything it had sent confirmed."""
        held = self._held.of(collector)
        return held.clean if held is not None else super().clean(collector)

    def sent(self, collector: str) -> Seq:
        """The furthest place that was sent to this collector; 0 when nobody knows."""
        held = self._held.of(collector)
        return Seq(max(super().sent(collector), held.sent if held is not None else 0))

    def facts(self) -> Facts:
        """Everything that status shows, from one view and the places that are held in memory.

        Somebody asks every second, and in a quiet hour the file answers once: it is 1 ms of queries.
        """
        changes, seen = self._writer.changes, self._seen
        if seen is None or seen[0] != changes:
            seen = self._seen = changes, super().facts()
        return self._held.over(seen[1])

    def write_held(self) -> None:
        """Tries once more to write the places that are held in memory."""
        for collector, move in self._held.all().items():
            self.write_place(collector, move)

    # ---- a look at everything ---------------------------------------------------------------------------

    def copy_places(self, *, at_once: bool = False) -> None:
        """Brings the safe copy beside the journal up to date when it is time for it."""
        known = self._copier.copy
        if at_once or self._copier.is_due or (known is not None and known.damage != self._damage):
            self._copier.make(self._held.all(), damage=self._damage, checked=self._read_to)

    def read_along(self) -> None:
        """Reads and checks the next few MB of the file; what is damaged becomes a gap.

        A pass along the whole file begins with a look at its structure, and the next one a day after its end.
        """
        if self._even() < self._next_pass:
            return
        if self._read_to == 0:
            self._check_structure()
        gaps, self._read_to = self._read_some(self._read_to)
        for gap in gaps:
            self.note_gap(gap)
        if not self._read_to:
            self._next_pass = self._even() + _PASS_EVERY

    def mark_damage(self, reason: str) -> None:
        """From now on people are told to restart; the next start puts a new file in place."""
        self._may_shrink = False
        self._damage = self._damage or reason

    @abstractmethod
    def note_gap(self, gap: Gap) -> None:
        """Writes down what cannot be read; each place once."""

    def gaps_told(self, gaps: Sequence[Gap]) -> None:
        """These gaps of untold_gaps() have been reported; one that grows comes again, as a whole."""
        with self._writer.transaction() as connection:
            connection.executemany("UPDATE gap SET told = 1 WHERE id = ?", [(gap.number,) for gap in gaps])

    @property
    def damage(self) -> str:
        """Why the next start will put a new file in place; empty when all is well."""
        return self._damage

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """What a person should know although events still flow, the gravest first."""
        found = [
            self._damaged(),
            self._not_written(),
            self._little_room(),
            self._was_rebuilt(),
            self._jumped(),
        ]
        notices = [notice for notice in found if notice is not None]
        return tuple(sorted(notices, key=lambda notice: not notice.is_grave))

    # ---- its parts --------------------------------------------------------------------------------------

    def _urgently(self, action: Callable[[sqlite3.Connection], T], octets: int = SMALL) -> T:
        """Does it in a transaction, on a full disk too: the reserve makes way for it."""
        had_reserve = self._writer.reserve.held
        try:
            with self._writer.transaction(octets) as connection:
                return action(connection)
        except Transient:
            # The first write that finds the disk full gives up the reserve: now there is room.
            if not had_reserve or self._writer.reserve.held:
                raise
        with self._writer.transaction(octets) as connection:
            return action(connection)

    def _found_hidden(self) -> None:
        super()._found_hidden()
        self.mark_damage(_HIDDEN)

    def _check_structure(self) -> None:
        """Broken twice in a row is damage; once could be a page that was just being moved."""
        for last_try in (False, True):
            try:
                with self.view() as connection:
                    ends(connection)
                    with living(self._path) as raw:
                        structure.check(raw)
                return
            except Broken as error:
                if last_try:
                    self.mark_damage(str(error))
            except Failure:
                return  # whoever reads or writes there says so

    def _read_some(self, after: int) -> tuple[list[Gap], int]:
        """The gaps in the next few MB, and the place to go on from; 0 at the end."""
        gaps, octets = [], 0
        with self.view() as connection:
            removed, last = ends(connection)
            with closing(self.walk(connection, max(after, removed), last)) as rows:
                for row in rows:
                    if isinstance(row, StoredPage):
                        octets += len(row.lines)
                    else:
                        gaps.append(row)
                    if octets >= _READ_ALONG:
                        return gaps, row.end - 1
        return gaps, 0

    def _damaged(self) -> Notice | None:
        if not self._damage:
            return None
        what = f"the structure of the journal is damaged ({self._damage}); what can be read is delivered"
        return Notice(code=faults.DAMAGED, text=what, fix=faults.RESTART, is_grave=True)

    def _not_written(self) -> Notice | None:
        failure = self._held.failure
        if failure is None:
            return None
        text = f"{failure.what.partition(';')[0]}; delivery goes on, its places are held in memory"
        return Notice(code=failure.code, text=text, fix=failure.fix, is_grave=True)

    def _little_room(self) -> Notice | None:
        room = self._room.room
        if room.level == "enough":
            return None
        return Notice(code=LOW, text=room.text, fix=room.fix, is_grave=room.level == "very low")

    def _was_rebuilt(self) -> Notice | None:
        if self.rebuilt is None:
            return None
        what = f"the journal was damaged and a new one was begun: {self.rebuilt.reason}"
        kept = f"the damaged file is {self.rebuilt.aside}; " if self.rebuilt.aside else ""
        return Notice(code=REBUILT, text=what, fix=f"{kept}lpforwarder journal info shows what is missing")

    def _jumped(self) -> Notice | None:
        left = self.clock_watch.steady_in
        if not left:
            return None
        what = f"the clock of this machine has jumped; for {spoken(left)} nothing is removed for its age"
        return Notice(code=JUMPED, text=what, fix="look at the clock: timedatectl; then nothing")
