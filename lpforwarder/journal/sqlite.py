"""The journal in one SQLite file: the only state of the forwarder, safe against power cuts.

One row per appended page, not per event: that is a third of the work and does not slow down as it grows.
Event, cursor and counter change in one transaction; one connection writes, all others only read.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

from lpforwarder import rfc3339
from lpforwarder.errors import Blocked, Transient
from lpforwarder.event import Event, Reject, Seq
from lpforwarder.journal import faults, reserve, retention, schema
from lpforwarder.journal.facts import ends, gaps_in, used_octets
from lpforwarder.journal.lock import Lock
from lpforwarder.journal.opening import (
    denied,
    mend,
    open_writer,
    prepare_folder,
    sync_folder,
)
from lpforwarder.journal.page import store
from lpforwarder.journal.reader import JournalReader
from lpforwarder.journal.reserve import Reserve
from lpforwarder.journal.rows import (
    count_source,
    insert_collector,
    insert_page,
    insert_rejects,
    move_collector,
    write_gap,
)
from lpforwarder.journal.scan import Gap, joined
from lpforwarder.journal.writer import SMALL, Writer

_SHRINK_BY = 512
"""File pages that move in one step, a few milliseconds."""
_SHRINK_FULL_BY = 16
"""The same on a full disk, where moving needs room in the log first."""
_SLACK = 64 * 2**20
"""Octets of free room inside the file that are no reason to make it smaller."""


def open_journal(
    path: Path,
    *,
    keep: float,
    max_size: int,
    when_full: str,
    reserve_size: int | None = None,
    now: Callable[[], str] = rfc3339.now,
    on_damage: Callable[[Gap], None] | None = None,
) -> SqliteJournal:
    """The journal, open for writing by this process alone; made when there is none.

    `keep` in seconds, `max_size` and `reserve_size` in octets (None: 16 MB, or less on a small disk),
    `when_full` as in retention.py. `on_damage` hears of each damage once. Busy (LPF502) when another
    process has it, Denied (LPF503) when the folder cannot be written, Denied (LPF505) when the file is
    newer than we are or not a journal.
    """
    return SqliteJournal(
        path,
        retention.Rules(keep=keep, max_size=max_size, when_full=when_full),
        reserve_size=reserve_size,
        now=now,
        on_damage=on_damage,
    )


class SqliteJournal(JournalReader):
    """Satisfies what intake and delivery need of a journal; all methods may be called from any thread."""

    synchronous: ClassVar[str] = "FULL"
    """NORMAL lost acknowledged events in half of all simulated power cuts."""
    checkpoint_every: ClassVar[int] = 4 * 2**20
    """Octets in the log before it is copied into the file."""

    def __init__(
        self,
        path: Path,
        rules: retention.Rules,
        *,
        reserve_size: int | None,
        now: Callable[[], str],
        on_damage: Callable[[Gap], None] | None,
    ) -> None:
        path = path.absolute()
        super().__init__(path, on_gap=self._note_gap)
        self._rules = rules
        self._now = now
        self._on_damage = on_damage
        self._holding: frozenset[str] | None = None
        self._appending = threading.Lock()
        self._grown = threading.Condition()
        self._known_gaps: list[Gap] = []
        self._last = self._newest = 0
        self._closed = False
        self._may_shrink = True
        with ExitStack() as undo:
            self._lock = self._take_lock(path)
            undo.callback(self._lock.close)
            self._writer = self._open(path, reserve_size)
            undo.callback(self._writer.close, self.hold_one, super().close)
            self._begin()
            undo.pop_all()

    def close(self) -> None:
        """Empties the log into the file and lets the next process in; may be called twice."""
        with self._grown:
            self._closed = True
            self._grown.notify_all()
        try:
            self._writer.close(self.hold_one, super().close)
        finally:
            self._lock.close()

    # ---- intake -----------------------------------------------------------------------------------------

    def append(
        self,
        source: str,
        events: Sequence[Event],
        rejects: Sequence[Reject],
        cursor: str,
        duplicates: int = 0,
    ) -> int:
        """Keeps events, rejects and cursor in one transaction; how many events were new.

        When it returns, a power cut no longer loses them. Transient (LPF501) when the disk is full or the
        journal has reached its size: then nothing is kept, and the cursor stays. `duplicates` are only
        counted.
        """
        if not (events or rejects or duplicates) and cursor == self.cursor(source):
            return 0
        if not self._writer.reserve.make():
            raise faults.disk_full(self._path)
        with self._appending:
            self._last = self._append(source, events, rejects, cursor, duplicates)
            with self._grown:
                if events:
                    self._newest = self._last
                self._grown.notify_all()
        return len(events)

    # ---- delivery ---------------------------------------------------------------------------------------

    def newest(self) -> Seq:
        """The last place that can be read; from memory."""
        return Seq(self._newest)

    def wait(self, after: Seq, within: float) -> None:
        """Returns when there is something behind `after`, or after `within` seconds, or at close()."""
        with self._grown:
            self._grown.wait_for(lambda: self._newest > after or self._closed, timeout=within)

    def register(self, collector: str, start: Literal["oldest", "newest"]) -> None:
        """Gives a new collector its first place; one that is known keeps its own."""
        with self._writer.transaction() as connection:
            insert_collector(connection, collector, start)

    def hold_for(self, collectors: Collection[str]) -> None:
        """From now on only these hold back retention; others keep their place, but not their events.

        Until it is called, every collector that was ever registered does.
        """
        self._holding = frozenset(collectors)

    def advance(
        self,
        collector: str,
        to: Seq,
        resume: Seq,
        *,
        clean: bool = False,
        sent: int = 0,
        confirmed: int = 0,
        replayed: int = 0,
    ) -> None:
        """Moves the checkpoint, never backwards, and notes where to go back to after an abnormal end.

        `sent`, `confirmed` and `replayed` are added to the collector's totals. Works on a full disk.
        """

        def move() -> None:
            with self._writer.transaction() as connection:
                move_collector(
                    connection,
                    collector,
                    to,
                    resume,
                    clean=clean,
                    sent=sent,
                    confirmed=confirmed,
                    replayed=replayed,
                    time=self._now(),
                )

        had_reserve = self._writer.reserve.held
        try:
            move()
        except Transient:
            # The first write that finds the disk full gives up the reserve: now there is room.
            if not had_reserve or self._writer.reserve.held:
                raise
            move()

    def apply(self, *, keep: float, max_size: int, when_full: str) -> None:
        """Follows a changed configuration from the next append and the next removal on."""
        self._rules = retention.Rules(keep=keep, max_size=max_size, when_full=when_full)

    # ---- upkeep, called by the janitor --------------------------------------------------------------------

    def remove_some(self) -> int:
        """Removes a few of the pages that may go; how many. See retention.py."""
        with self._writer.transaction() as connection:
            return retention.remove_some(connection, self._rules, self._now(), self._holding)

    def trim_rejects(self) -> None:
        """Removes rejects that are too old or too many."""
        with self._writer.transaction() as connection:
            retention.trim_rejects(connection, self._rules, self._now())

    def tidy_log(self) -> None:
        """Keeps the log short, also when readers held it up before."""
        self._writer.tidy_log()

    def make_reserve(self) -> bool:
        """Takes the reserve back when the disk has room again; True when it is held."""
        return self._writer.reserve.make()

    def shrink_some(self) -> bool:
        """Gives free room inside the file back to the disk, a little; False when there is no need."""
        if not self._may_shrink or not self._is_slack():
            return False
        try:
            self.shrink(_SHRINK_BY if self._writer.reserve.held else _SHRINK_FULL_BY)
        except Transient:
            return False  # not even that much room; whoever appends says so
        except Blocked:
            self._may_shrink = False  # damaged: leave everything where it is
            return False
        return True

    def shrink(self, pages: int) -> None:
        """Moves up to that many pages of the file from its end into free room, and cuts it off there."""
        self._writer.shrink(pages)

    # ---- its parts --------------------------------------------------------------------------------------

    def _take_lock(self, path: Path) -> Lock:
        prepare_folder(path.parent)
        try:
            return Lock(path.with_name(path.name + ".lock"), now=self._now())
        except OSError as error:
            raise denied(path.parent, error) from error

    def _open(self, path: Path, reserve_size: int | None) -> Writer:
        size = reserve.fitting(reserve.SIZE, path.parent) if reserve_size is None else reserve_size
        room = Reserve(path.with_name(path.name + ".reserve"), size)
        try:
            return open_writer(
                path,
                lambda: Writer(
                    path, reserve=room, synchronous=self.synchronous, checkpoint_every=self.checkpoint_every
                ),
                room,
            )
        except OSError as error:
            raise denied(path.parent, error) from error

    def _begin(self) -> None:
        """Makes the tables, sets right what is damaged, and makes the names of the files last."""
        self._writer.run(schema.migrate)
        with self._writer.transaction() as connection:
            mended = mend(connection, self._now())
            self._known_gaps = gaps_in(connection)
            last = self._last = ends(connection)[1]
        sync_folder(self._path.parent)
        self._newest = min((gap.first - 1 for gap in self._known_gaps if gap.end > last), default=last)
        self._writer.reserve.make()
        for gap in mended:
            self._tell(gap)

    def _append(
        self, source: str, events: Sequence[Event], rejects: Sequence[Reject], cursor: str, duplicates: int
    ) -> int:
        """One transaction; the last place in the journal then."""
        received = self._now()
        octets = SMALL + sum(len(event.line) for event in events)
        with self._writer.transaction(octets) as connection:
            self._refuse_over_size(connection, octets)
            last = ends(connection)[1]
            page = store(last + 1, source, events, received)
            if events:
                insert_page(connection, page)
                last = page.end - 1
            if rejects:
                insert_rejects(connection, source, rejects, received)
            count_source(
                connection,
                source,
                cursor,
                events=len(events),
                duplicates=duplicates,
                rejects=len(rejects),
                time=received,
                newest=page.newest,
            )
        return last

    def _refuse_over_size(self, connection: sqlite3.Connection, octets: int) -> None:
        if used_octets(connection) + octets <= self._rules.max_size:
            return
        last = ends(connection)[1]
        behind = connection.execute(
            "SELECT name, checkpoint FROM collector WHERE checkpoint < ? ORDER BY name", (last,)
        ).fetchall()
        missing = ", ".join(f"{name} ({last - checkpoint:,} waiting)" for name, checkpoint in behind)
        fix = "raise journal.max_size" + (f", or bring back: {missing}" if missing else "")
        raise faults.full(f"journal has reached {size_text(self._rules.max_size)}", fix)

    def _note_gap(self, gap: Gap) -> None:
        """Notes a gap once, told by whoever reads across it."""
        with self._appending:
            if any(known.first <= gap.first and gap.end <= known.end for known in self._known_gaps):
                return
            whole, touched = joined(replace(gap, found=self._now()), self._known_gaps)
            self._known_gaps = [*(known for known in self._known_gaps if known not in touched), whole]
            # Where it cannot be written, it is found and noted again after the next start.
            with suppress(Transient, Blocked), self._writer.transaction() as connection:
                write_gap(connection, whole, instead_of=touched)
            with self._grown:
                if whole.end > self._last:
                    self._newest = whole.first - 1
        self._tell(whole)

    def _tell(self, gap: Gap) -> None:
        if self._on_damage is not None:
            self._on_damage(gap)

    def _is_slack(self) -> bool:
        """True when the file holds much free room, or any while the disk is full."""
        used = self.facts().used
        free = os.stat(self._path).st_size - used
        return free > max(_SLACK, used // 4) or (free > 0 and not self._writer.reserve.held)


def size_text(octets: int) -> str:
    """`10 GiB`: the largest unit that leaves no fraction."""
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if octets and octets % 1024**power == 0:
            return f"{octets // 1024**power} {unit}"
    return f"{octets:,} octets"
