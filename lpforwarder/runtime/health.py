"""How one worker is doing: its state as others see it, and the log lines that tell of a change."""

from __future__ import annotations

import threading
import traceback
from functools import lru_cache

import structlog

from lpforwarder import rfc3339
from lpforwarder.errors import Blocked, ConfigError, Failure
from lpforwarder.runtime.clock import Clock
from lpforwarder.runtime.measures import Measures
from lpforwarder.runtime.worker import StateName, WorkerError, WorkerState, state_after

log = structlog.get_logger()

REPEAT_SECONDS = 600.0
"""The same trouble is logged when it begins and then this often, with a count: one line, not a flood."""

_BUG = "LPF001"

NOTHING: Measures = {}


class Health:
    """The record of one worker: its own thread writes, anybody may read."""

    def __init__(self, name: str, clock: Clock, *, good_run: float) -> None:
        self._name = name
        self._clock = clock
        self._good_run = good_run
        self._lock = threading.Lock()
        self._state: StateName = "running"
        self._since = clock.milliseconds()
        self._trouble_began: float | None = None
        self._error: WorkerError | None = None
        self._next_try: int | None = None
        self._failures = 0
        self._failing_since: float | None = None
        self._beat = clock.monotonic()
        self._good_since: float | None = None
        self._finished = False
        self._told: dict[tuple[str, str], _Told] = {}
        self._failed: dict[str, int] = {}

    def snapshot(self, measures: Measures = NOTHING) -> WorkerState:
        """The state at this moment, with what the worker measures."""
        with self._lock:
            return WorkerState(
                state=self._state,
                since=_rendered(self._since),
                error=self._error,
                next_try=None if self._next_try is None else rfc3339.render(self._next_try),
                failures=self._failures,
                failing_since=self._failing_since,
                beat=self._beat,
                finished=self._finished,
                failed=dict(self._failed),
                measures=measures,
            )

    @property
    def last_beat(self) -> float:
        """Monotonic time of the last sign of progress."""
        return self._beat

    @property
    def waits(self) -> bool:
        """True while the worker is between two tries on purpose, or has ended."""
        return self._next_try is not None or self._state == "stopped"

    def tries(self) -> None:
        """A run begins."""
        with self._lock:
            self._next_try = None
            self._good_since = None
            self._beat = self._clock.monotonic()

    def beat(self) -> None:
        """A step succeeded."""
        now = self._beat = self._clock.monotonic()
        if self._good_since is None:
            self._recovered(now)
        elif self._failures and now - self._good_since >= self._good_run:
            self._failures, self._failing_since = 0, None

    def lives(self) -> None:
        """A step was made, and led nowhere."""
        self._beat = self._clock.monotonic()

    def failed(self, error: Exception) -> int:
        """Notes a failure; its number in the row, counted from 1. next_try() says when it goes on."""
        with self._lock:
            now = self._beat = self._clock.monotonic()
            if self._good_since is not None and now - self._good_since >= self._good_run:
                self._failures, self._failing_since = 0, None
            self._failures += 1
            if self._failing_since is None:
                self._failing_since = now
            self._state = state_after(error)
            self._error = _describe(error)
            self._failed[self._error.code] = self._failed.get(self._error.code, 0) + 1
            if self._trouble_began is None:
                self._trouble_began = now
                self._since = self._clock.milliseconds()
            return self._failures

    def next_try(self, error: Exception, delay: float) -> None:
        """Says when the next try is due, and logs the failure unless that was done a moment ago."""
        if isinstance(error, Blocked):
            delay = max(delay, error.rest)
        with self._lock:
            self._next_try = self._clock.milliseconds() + int(delay * 1000)
            described = _describe(error)
            # By code, not by text: a text may hold a port that is new each time. All bugs share one code.
            kind = (described.code, described.text if described.code == _BUG else "")
            told = self._told.setdefault(kind, _Told())
            told.repeated += 1
            now = self._clock.monotonic()
            if told.at is not None and now - told.at < REPEAT_SECONDS:
                return
            first = told.at is None
            repeated, told.at, told.repeated = told.repeated, now, 0
        self._tell(error, described, delay, None if first else repeated)

    def ended(self, *, finished: bool) -> None:
        """The thread is at its end; `finished` when its work was done rather than stopped."""
        with self._lock:
            self._state = "stopped"
            self._since = self._clock.milliseconds()
            self._next_try = None
            self._finished = finished

    def _recovered(self, now: float) -> None:
        with self._lock:
            self._good_since = now
            if self._trouble_began is None:
                return
            after = now - self._trouble_began
            self._trouble_began = None
            self._state = "running"
            self._since = self._clock.milliseconds()
            self._error = None
            self._told.clear()
        log.info("worker.recovered", worker=self._name, after=spoken(after), failures=self._failures)

    def _tell(self, error: Exception, described: WorkerError, delay: float, repeated: int | None) -> None:
        keys: dict[str, object] = {"worker": self._name, "code": described.code, "reason": described.text}
        if described.fix:
            keys["fix"] = described.fix
        keys["next_try"] = spoken(delay)
        if repeated is not None:
            keys["repeated"] = repeated
        state = state_after(error)
        if state == "crashed":
            log.error("worker.crashed", **keys, exc_info=error if repeated is None else None)
        elif state == "blocked":
            log.error("worker.failed", **keys)
        else:
            log.warning("worker.failed", **keys)


@lru_cache(maxsize=1024)
def _rendered(milliseconds: int) -> str:
    """RFC 3339; states are asked for every second, and mostly begin when they began a second ago."""
    return rfc3339.render(milliseconds)


class _Told:
    """When one kind of trouble was logged last, and how often it came since."""

    __slots__ = ("at", "repeated")

    def __init__(self) -> None:
        self.at: float | None = None
        self.repeated = 0


def _describe(error: Exception) -> WorkerError:
    if isinstance(error, Failure):
        return WorkerError(code=error.code, text=error.what, fix=error.fix)
    if isinstance(error, ConfigError) and error.problems:
        problem = error.problems[0]
        return WorkerError(code=problem.code, text=f"{problem.file}: {problem.what}", fix=problem.fix)
    return WorkerError(code=_BUG, text=f"unexpected {type(error).__name__} {_place(error)}; see the log")


def _place(error: Exception) -> str:
    # Never str(error): the text of a foreign exception may quote an event.
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    return f"in {frames[-1].name}, line {frames[-1].lineno}" if frames else "without a place"


def spoken(seconds: float) -> str:
    """A duration for people: `0.5s`, `2s`, `10m51s`, `2h10m`."""
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"
