"""Keeps the safe copy beside the journal up to date: seldom enough to cost nothing, often enough to help."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from msgspec.structs import replace

from lpforwarder.errors import Failure
from lpforwarder.journal import safe_copy
from lpforwarder.journal.page import row_checksum
from lpforwarder.journal.rows import Move
from lpforwarder.journal.safe_copy import AHEAD, SafeCopy

EVERY = 10.0
"""Seconds between two copies, when anything has changed."""


class Copier:
    """Writes the copy; from several threads. What cannot be written is tried again the next time."""

    def __init__(
        self,
        path: Path,
        view: Callable[[], AbstractContextManager[Connection]],
        now: Callable[[], str],
        clock: Callable[[], float],
    ) -> None:
        self.copy: SafeCopy | None = None
        """As last written by this process."""
        self._path = path
        self._view = view
        self._now = now
        self._clock = clock
        self._made = float("-inf")
        self._guard = threading.Lock()

    @property
    def is_due(self) -> bool:
        """True when it is time for a new one."""
        return self._clock() - self._made >= EVERY

    def covers(self, last: int) -> bool:
        """False when this number may only be given after a new copy."""
        return self.copy is not None and last <= self.copy.last + AHEAD

    def make(self, held: Mapping[str, Move], *, damage: str, checked: int) -> None:
        """A new copy; `held` are the places that stand in memory alone. Nothing happens when it cannot be."""
        with self._guard:
            self._made = self._clock()
            with suppress(Failure, OSError):
                copy = replace(self._taken(held), damage=damage, checked=checked)
                if self.copy is None or replace(copy, time=self.copy.time) != self.copy:
                    self._write(copy)

    def close(self) -> None:
        """Says that the journal was closed in order, and that no log belongs to it."""
        with self._guard, suppress(OSError):
            if self.copy is not None:
                self._write(replace(self.copy, closed=True))

    def _write(self, copy: SafeCopy) -> None:
        safe_copy.write(self._path, copy)
        self.copy = copy

    def _taken(self, held: Mapping[str, Move]) -> SafeCopy:
        """What the journal says now, or, where it cannot be read any more, said last."""
        try:
            with self._view() as connection:
                copy = safe_copy.take(connection, self._now())
        except Failure:
            if self.copy is None:
                raise
            copy = replace(self.copy, time=self._now())
        if not copy.identity and self.copy is not None:  # damaged meanwhile: the next start finds it here
            copy = replace(copy, identity=self.copy.identity)
        rows = {name: _moved(row, held[name]) for name, row in copy.collectors.items() if name in held}
        return replace(copy, collectors={**copy.collectors, **rows})


def _moved(row: safe_copy.Row, move: Move) -> dict[str, Any]:
    checkpoint = max(row["checkpoint"], move.to)
    place = {"checkpoint": checkpoint, "resume": min(move.resume, checkpoint), "clean": int(move.clean)}
    checksum = row_checksum(row["name"], *place.values())
    totals = {key: row[key] + getattr(move, key) for key in ("confirmed", "replayed")}
    return {**row, **place, **totals, "sent": max(row["sent"], move.sent), "checksum": checksum}
