"""Collectors' places that could not be written: kept in memory, so that delivery goes on meanwhile.

A start would find the old places and send again what was confirmed since: twice, not never.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from msgspec.structs import replace

from lpforwarder.errors import Failure
from lpforwarder.journal.facts import Facts
from lpforwarder.journal.rows import Move

TRY_EVERY = 1.0
"""Seconds between two attempts to write; a collector at work moves its place four times a second."""


class HeldPlaces:
    """For several threads: those of the collectors, and those that look."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.failure: Failure | None = None
        """Why places are held; None when none is."""
        self._clock = clock
        self._moves: dict[str, Move] = {}
        self._tried = float("-inf")
        self._guard = threading.Lock()

    def of(self, collector: str) -> Move | None:
        """The place of this collector when it is held."""
        return self._moves.get(collector)

    def all(self) -> dict[str, Move]:
        """Every held place."""
        with self._guard:
            return dict(self._moves)

    @property
    def may_try(self) -> bool:
        """False within a moment after an attempt that failed."""
        return self._clock() - self._tried >= TRY_EVERY

    def keep(self, collector: str, move: Move, failure: Failure | None = None) -> None:
        """Holds a place: instead of what was held of this collector before."""
        with self._guard:
            self._moves[collector] = move
            if failure is not None:
                self.failure, self._tried = failure, self._clock()

    def written(self, collector: str) -> None:
        """This place stands in the journal now."""
        with self._guard:
            self._moves.pop(collector, None)
            if not self._moves:
                self.failure, self._tried = None, float("-inf")

    def over(self, facts: Facts) -> Facts:
        """The facts as they are with the held places."""
        moves = self.all()
        known = {
            name: replace(
                row,
                checkpoint=max(row.checkpoint, moves[name].to),
                resume=moves[name].resume,
                sent=max(row.sent, moves[name].sent),
                confirmed=row.confirmed + moves[name].confirmed,
                replayed=row.replayed + moves[name].replayed,
            )
            for name, row in facts.collectors.items()
            if name in moves
        }
        return replace(facts, collectors={**facts.collectors, **known}) if known else facts
