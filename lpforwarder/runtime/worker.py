"""What a worker is, and what can be said about one from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from msgspec import Struct, field

from lpforwarder.errors import Blocked, Busy, ConfigError, Denied, Transient
from lpforwarder.runtime.measures import Measures
from lpforwarder.runtime.stop import Stop


class Worker(Protocol):
    """One straight loop in one thread. It raises; the supervisor decides whether to run it again.

    One that measures something offers `measures()` as well; see measures.py.
    """

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Works until `stop` says so, or until nothing is left to do; may be run again after it raised.

        Calls beat() after each successful step: it is the sign of life the watchdog looks for, and the
        first one after a failure means that the trouble is over. Idle rounds that worked count as steps.
        """

    def abort(self) -> None:
        """Unblocks the run in flight from another thread, when the time to end politely is over."""


@runtime_checkable
class Pulsing(Protocol):
    """A worker, or a part of one, that shows in the middle of a long step that it lives."""

    @property
    def pulse(self) -> object:
        """Another value after each sign of life; asked from another thread, about once a second."""


@runtime_checkable
class Stalling(Protocol):
    """A worker whose steps may succeed and lead nowhere: nobody takes what it hands over."""

    @property
    def is_stalled(self) -> bool:
        """While it is true, a beat is a sign of life and no success: no trouble is over by it."""


StateName: TypeAlias = Literal["running", "waiting", "blocked", "crashed", "stopped"]


class WorkerError(Struct, frozen=True, kw_only=True):
    """What is wrong now, in the words of the error catalogue."""

    code: str
    text: str
    fix: str = ""


class WorkerState(Struct, frozen=True, kw_only=True):
    """One worker at one moment.

    `waiting` is mended by time, `blocked` by a person, `crashed` is a bug of ours; all three are tried
    again. The state stays what it is while a new try is under way, and becomes `running` with the first
    successful step.
    """

    state: StateName
    since: str
    """RFC 3339. Since when it works, stands still, or is in trouble of whatever kind."""
    error: WorkerError | None = None
    next_try: str | None = None
    """RFC 3339; None when no try is planned, or one is under way."""
    failures: int = 0
    """In a row: a run that was good for long enough begins again at 0, a single good step does not."""
    failing_since: float | None = None
    """Monotonic time of the first failure in that row; None when there is none."""
    beat: float = 0.0
    """Monotonic time of the last sign of progress: start, successful step, failure."""
    finished: bool = False
    """True for a stopped worker whose run ended by itself: nothing was left to do."""
    failed: Mapping[str, int] = field(default_factory=dict)
    """How often it failed since it was started, by code."""
    measures: Measures = field(default_factory=dict)
    """What it measures of itself."""


def needs_a_person(error: BaseException) -> bool:
    """True for errors that no amount of waiting mends, and that are not our bugs either."""
    return isinstance(error, Blocked | Denied | ConfigError)


def state_after(error: BaseException) -> StateName:
    """The state an error puts its worker in: by who can mend it."""
    if needs_a_person(error):
        return "blocked"
    return "waiting" if isinstance(error, Transient | Busy) else "crashed"
