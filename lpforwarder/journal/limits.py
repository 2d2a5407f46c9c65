"""A journal within its limits: what may come in, what has to leave for it, how much room is left."""

from __future__ import annotations

import errno
import os
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from msgspec.structs import replace

from lpforwarder.errors import Blocked, Transient
from lpforwarder.journal import faults, retention
from lpforwarder.journal.btree import PAGE
from lpforwarder.journal.clock_watch import ClockWatch
from lpforwarder.journal.facts import ends, used_octets, whole_octets
from lpforwarder.journal.headway import Headway
from lpforwarder.journal.quota import (
    COPY_LOG_EVERY,
    Quota,
    beside_events,
    cost_of,
    divided,
    overgrown,
    size_of,
)
from lpforwarder.journal.reader import JournalReader
from lpforwarder.journal.remembered import RoomLeft
from lpforwarder.journal.reserve import fitting, refusal
from lpforwarder.journal.room import Room, RoomWatch, Usage, fix_for, size_text, usage_of_disk
from lpforwarder.journal.scan import Gap
from lpforwarder.journal.writer import SMALL, Writer

_SHRINK_BY = 512
"""File pages that move in one step, a few milliseconds. A small log has room for fewer."""
_SHRINK_FULL_BY = 16
"""The same on a full disk, where moving needs room in the log first."""
_SLACK = 64 * 2**20
"""Octets of free room inside the file that are no reason to make it smaller."""
_TRY_LOG_EVERY = 2.0
"""Seconds between two tries to empty a log that readers hold up: each waits for them a little."""


def _unheard() -> None:
    """Nobody waits."""


class Limits(JournalReader):
    """The part of a journal that keeps it within its limits; SqliteJournal makes all of these."""

    synchronous: ClassVar[str] = "FULL"
    """NORMAL lost acknowledged events in half of all simulated power cuts."""
    checkpoint_every: ClassVar[int] = COPY_LOG_EVERY
    """Octets in the log before it is copied into the file, unless a small quota wants it sooner."""

    clock_watch: ClockWatch
    _rules: retention.Rules
    _quota: Quota
    _fixed_reserve: int | None
    _now: Callable[[], str]
    _even: Callable[[], float]
    _holding: frozenset[str] | None
    _writer: Writer
    _room: RoomWatch
    _room_left: RoomLeft
    _headway: Headway
    _refused: int = SMALL
    """Octets of what was refused last; SMALL when nothing was."""
    _is_full: bool = False
    """Something was refused for want of room, and would be refused again."""
    _is_read_only: bool = False
    _may_shrink: bool = True
    _try_log_at: float = 0.0

    def __init__(self, path: Path, on_gap: Callable[[Gap], None] | None = None) -> None:
        super().__init__(path, on_gap=on_gap)
        self.on_room: Callable[[], None] = _unheard
        """Called by whoever made it, when what was refused for want of room would be taken now."""

    def apply(self, *, keep: float, max_size: int, when_full: str) -> None:
        """Follows a changed configuration from the next append and the next removal on."""
        self._rules = retention.Rules(keep=keep, max_size=max_size, when_full=when_full)
        self._quota = quota = self._divided(max_size)
        self._writer.limit_log(quota.copy_log_every, quota.log)
        if self._fixed_reserve is None:
            self._writer.reserve.fit(fitting(quota.reserve, self._path.parent))

    def check_room(self) -> None:
        """Transient (LPF501, LPF509) when append() would refuse as it did last; asked before a vault is."""
        self._make_room(self._refused)

    def remove_some(self, wanted: int = 0) -> int:
        """Removes a few of the pages that may go; how many. See retention.py.

        `wanted` are the octets that shall have room afterwards.
        """
        with self._writer.transaction() as connection:
            number = retention.remove_some(
                connection,
                self._rules,
                self._now(),
                self._holding,
                by_age=self.clock_watch.is_steady,
                wanted=wanted,
                beside=beside_events(self._path, self._quota) + self._quota.own,
                goes_on=lambda confirmed: self._headway.goes_on(confirmed, self._even()),
            )
            removed = ends(connection)[0]
        if number:
            self.forget(removed)
        return number

    def trim_rejects(self) -> None:
        """Removes rejects that are too old or too many."""
        with self._writer.transaction() as connection:
            retention.trim_rejects(
                connection,
                self._rules,
                self._now(),
                by_age=self.clock_watch.is_steady,
                most=self._quota.rejects,
            )

    def tidy_log(self) -> None:
        """Keeps the log short, also when readers held it up before."""
        if self._writer.log_is_long():
            self._empty_log_if_readers_let()

    def make_reserve(self) -> bool:
        """Takes the reserve back when the disk has room again; True when it is held."""
        return self._writer.reserve.make()

    def shrink_some(self) -> bool:
        """Gives free room inside the file back to the disk, a little; False when there is no need.

        Nor while readers hold the log up: moving pages would only make it longer.
        """
        if not self._may_shrink or not self._is_slack():
            return False
        if self._writer.log_is_long() and not self._empty_log_if_readers_let():
            return False
        try:
            at_once = min(_SHRINK_BY, self._quota.log // PAGE // 2)
            self.shrink(at_once if self._writer.reserve.held else _SHRINK_FULL_BY)
        except Transient:
            return False  # not even that much room; whoever appends says so
        except Blocked:
            self._may_shrink = False  # damaged: leave everything where it is
            return False
        return True

    def shrink(self, pages: int) -> None:
        """Moves up to that many pages of the file from its end into free room, and cuts it off there."""
        self._writer.shrink(pages)

    def look_at_room(self) -> Room:
        """How much room is left; the answer is remembered for `warnings` and `full_in`."""
        self._look_for_room()
        try:
            return self._room.look(self._usage(), self._even())
        except Blocked as failure:
            self.mark_damage(failure.what)
            return self._room.room

    @property
    def full_in(self) -> float | None:
        """Seconds until nothing more is taken, at the present pace; 0 now, None when nobody can say."""
        return 0.0 if self._is_full else self._room.room.seconds

    @abstractmethod
    def mark_damage(self, reason: str) -> None:
        """From now on people are told to restart; the next start puts a new file in place."""

    # ---- its parts --------------------------------------------------------------------------------------

    def _divided(self, max_size: int) -> Quota:
        quota = divided(max_size)
        return replace(quota, copy_log_every=min(quota.copy_log_every, self.checkpoint_every))

    def _make_room(self, octets: int, *, own: bool = False) -> None:
        """Returns when so many octets may be added, and removes what may go for them; else Transient.

        Nothing is removed for a log that readers hold up: that would not make it shorter, and they leave.
        A page that is larger than all the room there is would never come in: an empty journal takes it.
        """
        self._is_read_only = self._is_read_only and refusal(self._path) == errno.EROFS
        if self._is_read_only:
            raise faults.read_only(self._path)
        if not self._writer.reserve.make():
            raise faults.no_room(self._path)
        promised = 0 if own else self._quota.own
        while not self._has_room(octets, promised):
            if self._is_planned_for(octets, promised):
                self._is_full = self._is_full or not own
                raise faults.held_up(self._path) if self._writer.is_held_up else faults.no_room(self._path)
            if not self.remove_some(cost_of(octets, self._quota)):
                with self.view() as connection:
                    removed, last = ends(connection)
                    behind = retention.behind(connection, last, self._holding)
                if removed == last:
                    break
                self._is_full = self._is_full or not own
                what = f"journal has reached {size_text(self._rules.max_size)}"
                raise faults.full(what, fix_for(behind))
        self._is_full = self._is_full and own

    def _look_for_room(self) -> None:
        """When there may be more of it: who was refused need not wait for its next try, or may be gone."""
        if not self._is_full:
            return
        with suppress(Transient, Blocked):
            self.check_room()
            self.on_room()

    def _usage(self) -> Usage:
        free, disk = usage_of_disk(self._path.parent)
        with self.view() as connection:
            removed, last = ends(connection)
            needed = retention.confirmed_by_all(connection, last, self._holding)
            return Usage(
                used=used_octets(connection),
                max_size=self._rules.max_size,
                beside=beside_events(self._path, self._quota) + self._quota.own,
                removed=removed,
                needed=needed,
                last=last,
                keeps_history=self._rules.when_full == retention.PAUSE,
                free=free,
                disk=disk,
                behind=retention.behind(connection, last, self._holding),
            )

    def _has_room(self, octets: int, promised: int) -> bool:
        """True when so many octets more stay within max_size; a log that stands in the way is emptied.

        `promised` are octets that must be left.
        """
        if not self._is_planned_for(octets, promised):
            return False
        if self._log_leaves_room(octets, promised):
            return True
        return self._empty_log_if_readers_let() and self._log_leaves_room(octets, promised)

    def _is_planned_for(self, octets: int, promised: int) -> bool:
        """True when so many octets fit into the room for events, with a log that is within its share."""
        wanted = cost_of(octets, self._quota) + promised
        return self._room_left.fits(wanted, self._rules.max_size, self._writer.written)

    def _log_leaves_room(self, octets: int, promised: int) -> bool:
        """True when all files stay within max_size however long the log is, or would be then.

        What was free inside the file counts here: the file cannot become smaller, and the log has all that
        is written once more.
        """
        if not self._writer.is_held_up:
            self._writer.make_log_ready(octets)
        beyond = overgrown(self._path, self._quota, octets if self._writer.is_held_up else 0)
        if not beyond:
            return True
        with self.view() as connection:
            file = max(whole_octets(connection), used_octets(connection) + octets, size_of(self._path))
        return file + beside_events(self._path, self._quota) + beyond + promised <= self._rules.max_size

    def _empty_log_if_readers_let(self) -> bool:
        """True when the log is empty now. Readers that sit still are waited for every two seconds at most."""
        if self._writer.is_held_up and self._even() < self._try_log_at:
            return False
        is_empty = self._writer.checkpoint("TRUNCATE")
        self._try_log_at = 0.0 if is_empty else self._even() + _TRY_LOG_EVERY
        return is_empty

    def _taken(self) -> int:
        """Octets of max_size that are taken or promised, but for those of own events and of a long log."""
        return self._used() + beside_events(self._path, self._quota)

    def _used(self) -> int:
        with self.view() as connection:
            return used_octets(connection)

    def _is_slack(self) -> bool:
        """True when the file holds much free room, or any while the disk or the quota is full."""
        used = self._used()
        size = os.stat(self._path).st_size
        free = size - used
        if free > max(_SLACK, used // 4):
            return True
        over = size + beside_events(self._path, self._quota) > self._rules.max_size
        return free > 0 and (over or not self._writer.reserve.held)
