"""The journal in one SQLite file: the only state of the forwarder, safe against power cuts.

One row per appended page, not per event: that is a third of the work and does not slow down as it grows.
Event, cursor and counter change in one transaction; one connection writes, all others only read.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from lpforwarder import rfc3339
from lpforwarder.errors import Blocked, Transient
from lpforwarder.event import Event, Poison, Reject, Seq, is_own
from lpforwarder.event_page import EventPage
from lpforwarder.journal import faults, retention, schema, set_asides
from lpforwarder.journal.clock_watch import ClockWatch, boot_seconds
from lpforwarder.journal.copier import Copier
from lpforwarder.journal.facts import ends, gaps_in
from lpforwarder.journal.gaps import KnownGaps
from lpforwarder.journal.headway import Headway
from lpforwarder.journal.held import HeldPlaces
from lpforwarder.journal.mending import catch_up, mend
from lpforwarder.journal.opening import opened_writer, sync_folder, take_lock
from lpforwarder.journal.page import store
from lpforwarder.journal.remembered import Cursors, RoomLeft
from lpforwarder.journal.room import RoomWatch
from lpforwarder.journal.rows import (
    Move,
    count_source,
    delete_rejects,
    insert_collector,
    insert_page,
    insert_rejects,
    skip_removed,
    write_gap,
)
from lpforwarder.journal.scan import Gap
from lpforwarder.journal.set_asides import Outcome
from lpforwarder.journal.start import Start, set_right
from lpforwarder.journal.taking_over import Progress, unheard
from lpforwarder.journal.upkeep import Upkeep
from lpforwarder.journal.waiting import Wanted
from lpforwarder.journal.writer import SMALL
from lpforwarder.runtime.bell import Bells, Ring


def open_journal(
    path: Path,
    *,
    keep: float,
    max_size: int,
    when_full: str,
    reserve_size: int | None = None,
    now: Callable[[], str] = rfc3339.now,
    even: Callable[[], float] = boot_seconds,
    on_damage: Callable[[Gap], None] | None = None,
    on_progress: Progress = unheard,
) -> SqliteJournal:
    """The journal, open for writing by this process alone; made when there is none.

    A damaged file is set aside, and a new one goes on with all that is whole; `rebuilt` tells of it, and
    `on_progress` hears from time to time how many events were taken over since the last time.

    `keep` in seconds, `max_size` and `reserve_size` in octets (None: its share, or less on a small disk),
    `when_full` as in retention.py. `even` is a clock that nobody can set. `on_damage` hears of each damage
    once. Busy (LPF502) when another process has it, Denied (LPF503) when the folder cannot be written,
    Denied (LPF505) when the file is newer than we are or not a journal.
    """
    return SqliteJournal(
        path,
        retention.Rules(keep=keep, max_size=max_size, when_full=when_full),
        reserve_size=reserve_size,
        now=now,
        even=even,
        on_damage=on_damage,
        on_progress=on_progress,
    )


class SqliteJournal(Upkeep):
    """Satisfies what intake and delivery need of a journal; all methods may be called from any thread."""

    def __init__(
        self,
        path: Path,
        rules: retention.Rules,
        *,
        reserve_size: int | None,
        now: Callable[[], str],
        on_damage: Callable[[Gap], None] | None,
        even: Callable[[], float] = boot_seconds,
        on_progress: Progress = unheard,
    ) -> None:
        path = path.absolute()
        super().__init__(path, on_gap=self.note_gap)
        self._rules, self._quota = rules, self._divided(rules.max_size)
        self._fixed_reserve = reserve_size
        self._now = now
        self._even = even
        self._on_damage = on_damage
        self._holding = None
        self._appending = threading.Lock()
        self._closing = threading.Lock()
        self._bells = Bells()
        self._last = self._newest = 0
        self._refused = SMALL
        self._is_read_only = self._is_forgetful = self._closed = False
        self._held = HeldPlaces(even)
        self._room = RoomWatch()
        self._cursors, self._room_left, self._headway = Cursors(), RoomLeft(self._taken), Headway()
        self._copier = Copier(path, self.view, now, even)
        with ExitStack() as undo:
            self._lock = take_lock(path, now())
            undo.callback(self._lock.close)
            start = set_right(path, now(), on_progress)
            self._writer = opened_writer(
                path,
                reserve_size,
                synchronous=self.synchronous,
                quota=self._quota,
                on_damage=self.mark_damage,
            )
            undo.callback(self._writer.close, self.hold_one, super().close)
            self._begin(start)
            undo.pop_all()

    def close(self) -> None:
        """Empties the log into the file and lets the next process in; may be called twice."""
        with self._closing:
            was_closed, self._closed = self._closed, True
        if was_closed:
            return
        try:
            is_empty = self._empty_log()
            self._writer.close(self.hold_one, super().close)
            if not is_empty and not self._writer.failed and not os.path.exists(f"{self._path}-wal"):
                self._copier.close()
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
        counted. Own events have a share of their own: that the rest is taken is what they have to say.
        """
        if not (events or rejects or duplicates) and cursor == self.cursor(source):
            return 0
        page, own = EventPage.of(events), is_own(source)
        octets = SMALL + sum(map(len, page.lines)) + sum(len(reject.raw) for reject in rejects)
        with self._appending:
            if not own:  # it says nothing about what is paused
                self._refused = octets
            self._make_room(octets, own=own)
            if not self._copier.covers(self._last + len(events)):
                self.copy_places(at_once=True)
            self._cursors.forget(source)
            try:
                self._last = self._append(source, page, rejects, cursor, duplicates, octets)
            except Transient as refused:
                self._is_read_only = refused.code == faults.READ_ONLY
                raise
            self._cursors.moved(source, cursor)
            if not own:
                self._refused = SMALL
            self._room.appended(octets)
            if events:
                self._newest = self._last
        if events:
            self._bells.ring()
        return len(events)

    # ---- delivery ---------------------------------------------------------------------------------------

    def newest(self) -> Seq:
        """The last place that can be read; from memory."""
        return Seq(self._newest)

    def ringing(self, ring: Ring) -> AbstractContextManager[None]:
        """Within this block it is rung whenever newest() has grown."""
        return self._bells.ringing(ring)

    def register(self, collector: str, start: Literal["oldest", "newest"]) -> None:
        """Gives a new collector its first place; one that is known keeps its own.

        What retention removed while it was not configured becomes a gap of this collector. After damage
        that nobody remembers the collectors of, each begins at the oldest place.
        """
        with self._writer.transaction() as connection:
            insert_collector(connection, collector, "oldest" if self._is_forgetful else start)
            gap = skip_removed(connection, collector, self._now())
        if gap is not None:
            self._tell(gap)

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

        `sent` is the furthest place that was handed to the transport; `confirmed` and `replayed` are added to
        the collector's totals. What cannot be written now is held in memory and written later, so that
        delivery goes on: see `warnings`.
        """

        move = Move(
            to=to, resume=resume, clean=clean, sent=sent, confirmed=confirmed, replayed=replayed
        ).after(self._held.of(collector))
        if self._held.of(collector) is None or self._held.may_try:
            self.write_place(collector, move)
        else:
            self._held.keep(collector, move)
        self._look_for_room()

    def set_aside(self, collector: str, poisons: Sequence[Poison]) -> Outcome:
        """Keeps what the collector cannot take, durably; what is known already changes nothing.

        Works on a full disk as long as the reserve lasts.
        """
        octets = SMALL + sum(len(poison.message) + len(poison.entry.event.line) for poison in poisons)
        now, most = self._now(), self._quota.set_asides
        return self._urgently(
            lambda connection: set_asides.insert(connection, collector, poisons, now, most), octets
        )

    def waiting(self, checkpoint: int, wanted: Wanted) -> tuple[int, str | None]:
        """As JournalReader says; from memory where nothing is left, as it is most of the time."""
        return super().waiting(checkpoint, wanted) if checkpoint < self._newest else (0, None)

    # ---- what people decide about events that were set aside ---------------------------------------------

    def send_again(self, ids: Sequence[int]) -> list[int]:
        """Appends these set-aside events once more, for their collectors alone; the ids of those it did.

        Event and mark change in one transaction. Transient (LPF501) like append.
        """
        with self._appending:
            self._make_room(SMALL)
            with self._writer.transaction() as connection:
                done = set_asides.append_again(connection, ids, self._now())
                last = ends(connection)[1]
            if done:
                self._last = self._newest = last
        if done:
            self._bells.ring()
        return done

    def drop_set_asides(self, ids: Sequence[int]) -> list[int]:
        """Forgets the contents of these set-aside events for good; the ids of those it did."""
        with self._writer.transaction() as connection:
            return set_asides.drop(connection, ids)

    def drop_rejects(self, numbers: Sequence[int]) -> int:
        """Forgets records that a source could not read; how many there were."""
        with self._writer.transaction() as connection:
            return delete_rejects(connection, numbers)

    # ---- its parts --------------------------------------------------------------------------------------

    def _begin(self, start: Start) -> None:
        """Makes the tables, sets right what is damaged, and makes the names of the files last."""
        safe, self.rebuilt, now = start.safe, start.rebuilt, self._now()
        self._is_forgetful = self.rebuilt is not None and not self.rebuilt.knows_collectors
        self._writer.run(schema.migrate)
        with self._writer.transaction() as connection:
            told = mend(connection, now, safe)
            if safe is not None and start.finding.lost_end and self.rebuilt is None:
                told += catch_up(connection, safe, now)
            self._known_gaps = KnownGaps(gaps_in(connection))
            self._last = ends(connection)[1]
        sync_folder(self._path.parent)
        self._newest = self._known_gaps.first_at_end(self._last) - 1
        self._writer.reserve.make()
        self.clock_watch = ClockWatch(self._now, safe.time if safe is not None else "", self._even)
        self._read_to = safe.checked if safe is not None and self.rebuilt is None else 0
        self._damage = ""
        self.copy_places(at_once=True)
        for gap in (*(self.rebuilt.gaps if self.rebuilt is not None else ()), *told):
            self._tell(gap)

    def _append(
        self,
        source: str,
        page: EventPage,
        rejects: Sequence[Reject],
        cursor: str,
        duplicates: int,
        octets: int,
    ) -> int:
        """One transaction; the last place in the journal then. The lines stay in memory for delivery."""
        received = self._now()
        with self._writer.transaction(octets) as connection:
            last = ends(connection)[1]
            first, last = last + 1, last + len(page)
            if page:
                insert_page(connection, stored := store(first, source, page, received))
            if rejects:
                insert_rejects(connection, source, rejects, received)
            counts = {"events": len(page), "duplicates": duplicates, "rejects": len(rejects)}
            count_source(connection, source, cursor, **counts, time=received, newest=page.newest)
        if page:
            # Not the lines as they came: made one by one they lie scattered, and pin 15 times their size.
            self.keep(stored)
        return last

    def _empty_log(self) -> bool:
        """Makes the log empty before it goes, and the copy that says so; False when that cannot be.

        In this order: a copy that says `closed`, and a log that is missing, belong together.
        """
        if self._writer.failed:
            return False
        self.write_held()
        self.copy_places(at_once=True)
        if not self._writer.checkpoint("TRUNCATE"):
            return False
        self._copier.close()
        return True

    def note_gap(self, gap: Gap) -> None:
        """Notes a gap once, told by whoever reads across it."""
        told = []
        with self._appending:
            for part in self._known_gaps.unknown(gap):
                whole, touched = self._known_gaps.add(replace(part, found=self._now()))
                # Where it cannot be written, it is found and noted again after the next start.
                with suppress(Transient, Blocked), self._writer.transaction() as connection:
                    write_gap(connection, whole, instead_of=touched)
                told.append(whole)
            self._newest = min(self._newest, self._known_gaps.first_at_end(self._last) - 1)
        for whole in told:
            self._tell(whole)

    def _tell(self, gap: Gap) -> None:
        if self._on_damage is not None:
            self._on_damage(gap)
