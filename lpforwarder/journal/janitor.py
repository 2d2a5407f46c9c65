"""The worker that looks after the journal: a little at a time, between the appends."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from lpforwarder.journal.clock_watch import STEADY
from lpforwarder.journal.faults import DAMAGED, RESTART
from lpforwarder.journal.notice import JUMPED, LOW
from lpforwarder.journal.room import LEVELS, Level, Room
from lpforwarder.journal.sqlite import SqliteJournal
from lpforwarder.runtime.health import spoken
from lpforwarder.runtime.stop import Stop

EVERY = 10.0
"""Seconds between two looks when there is nothing to do."""
BETWEEN = 0.02
"""Seconds between two steps of a longer job; appends go first."""

log = structlog.get_logger()


class Janitor:
    """Removes what may go (see retention.py), keeps log and file small, and says what people should know."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal
        self._level: Level = "enough"
        self._told_damage = False

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Works until stopped; raises what only the supervisor can judge."""
        while not stop.stopping:
            more = self.step()
            beat()
            stop.wait(BETWEEN if more else EVERY)

    def step(self) -> bool:
        """A few milliseconds of work; True when there is more to do at once.

        Looking and telling come first, for the rest may fail. Then room: on a full disk nothing can be
        removed before the reserve has made way, and nothing is appended before it is back.
        """
        self._tell()
        self._journal.make_reserve()
        self._journal.write_held()
        removed = self._journal.remove_some()
        shrunk = self._journal.shrink_some()
        self._journal.tidy_log()
        if not (removed or shrunk):
            self._journal.trim_rejects()
            self._journal.read_along()
        self._journal.copy_places()
        return bool(removed) or shrunk

    def abort(self) -> None:
        """Nothing hangs here: no step waits for anybody outside."""

    def _tell(self) -> None:
        jump = self._journal.clock_watch.look()
        if jump is not None:
            log.warning("clock.jumped", code=JUMPED, seconds=round(jump), reason=_said(jump))
        if self._journal.damage and not self._told_damage:
            self._told_damage = True
            self._journal.copy_places()
            log.error("journal.needs_restart", code=DAMAGED, reason=self._journal.damage, fix=RESTART)
        self._tell_room(self._journal.look_at_room())

    def _tell_room(self, room: Room) -> None:
        """Once for each step downwards, and once when there is room again."""
        before, self._level = self._level, room.level
        left = spoken(room.seconds) if room.seconds is not None else "unknown"
        if LEVELS.index(room.level) <= LEVELS.index(before):
            if before != "enough" and room.level == "enough":
                log.info("journal.room_regained", left=left)
        elif room.level == "very low":
            log.error("journal.room_low", code=LOW, left=left, reason=room.text, fix=room.fix)
        else:
            log.warning("journal.room_low", code=LOW, left=left, reason=room.text, fix=room.fix)


def _said(jump: float) -> str:
    way = "went ahead" if jump > 0 else "went back"
    return f"the clock {way} by {spoken(abs(jump))}; for {spoken(STEADY)} nothing is removed for its age"
