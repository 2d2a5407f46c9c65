"""A clock that moves only when a test says so; its waiters really wait, and really wake."""

from __future__ import annotations

import threading

START_MILLISECONDS = 1_671_039_222_000  # 2022-12-14T17:33:42.000Z


class FakeClock:
    """Satisfies `lpforwarder.runtime.clock.Clock` for several threads at once."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._changed = threading.Condition()
        self._waiting: list[threading.Condition] = []

    def monotonic(self) -> float:
        return self._now

    def milliseconds(self) -> int:
        return START_MILLISECONDS + round((self._now - 1000.0) * 1000)

    def wait(self, condition: threading.Condition, until: float) -> None:
        with self._changed:
            if self._now >= until:
                return
            self._waiting.append(condition)
            self._changed.notify_all()
        condition.wait()
        with self._changed:
            if condition in self._waiting:  # woken by its owner, not by advance()
                self._waiting.remove(condition)

    def advance(self, seconds: float) -> None:
        """Lets time pass and wakes everybody who waits, so that each looks at the clock again."""
        with self._changed:
            self._now += seconds
            waiting, self._waiting = self._waiting, []
        for condition in waiting:
            with condition:
                condition.notify_all()

    def until_waiting(self, threads: int = 1, within: float = 10) -> None:
        """Returns once that many threads wait on this clock; AssertionError after `within` real seconds."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._waiting) >= threads, within), "nobody waits"
