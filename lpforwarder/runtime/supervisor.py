"""Named workers, each in its own thread, run again whenever they fail: nobody else retries."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Mapping

import structlog

from lpforwarder.runtime.clock import SYSTEM, Clock
from lpforwarder.runtime.health import NOTHING, Health
from lpforwarder.runtime.measures import Measuring
from lpforwarder.runtime.retry import Policy, keep_trying
from lpforwarder.runtime.stop import Stop
from lpforwarder.runtime.vigil import PATIENCE, Vigil
from lpforwarder.runtime.worker import Pulsing, Stalling, Worker, WorkerState, state_after

log = structlog.get_logger()

GRACE_SECONDS = 2.0
"""After abort() a worker gets this long to leave; its call was cut, so it needs no more than a moment."""

_MEANWHILE_SECONDS = 1.0


class Supervisor:
    """Starts, watches, wakes and stops workers.

    start(), stop(), forget() and look() belong to one thread, the main one; the rest may be called from any.

    `alarm` is called from a worker's thread when that worker ended with something no retry mends, which
    then stands in `fatal`: it has to wake the main thread, which ends the process.
    """

    def __init__(
        self,
        clock: Clock = SYSTEM,
        *,
        alarm: Callable[[], None] = lambda: None,
        jitter: Callable[[], float] = random.random,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self.fatal: BaseException | None = None
        self.stuck: Mapping[str, float] = {}
        """Those that hang, as of the last look(), with the seconds they may be silent."""
        self._clock = clock
        self._alarm = alarm
        self._jitter = jitter
        self._grace = grace
        self._seats: dict[str, _Seat] = {}
        self._looked_at = clock.monotonic()

    def start(self, name: str, worker: Worker, policy: Policy, patience: float = PATIENCE) -> None:
        """Runs the worker in a daemon thread named `name`; ValueError when one of that name still runs.

        `patience` are the seconds it may be silent at most while all is well; see look().
        """
        if not self.has_left(name):
            raise ValueError(f"worker {name!r} still runs")
        seat = _Seat(name, worker, policy, Vigil(patience), self._clock, self._jitter, self._fall)
        self._seats[name] = seat
        log.info("worker.started", worker=name)
        seat.thread.start()

    def stop(
        self, names: Iterable[str] | None, within: float, meanwhile: Callable[[], None] = lambda: None
    ) -> list[str]:
        """Ends these workers (None: all), all at the same time; the names of those that would not end.

        They have `within` seconds to finish, then they are aborted and get `grace` seconds more.
        `meanwhile` is called about once a second: the watchdog and a second Ctrl-C do not wait for us.
        Unknown and already stopped names are welcome.
        """
        seats = [self._seats[name] for name in self._chosen(names)]
        for seat in seats:
            seat.ask_to_stop(within)
        late = self._wait_for(seats, within, meanwhile)
        for seat in late:
            log.warning("worker.aborted", worker=seat.name)
            seat.abort()
        stuck = self._wait_for(late, self._grace, meanwhile)
        for seat in stuck:
            log.error("worker.stuck", worker=seat.name)
        return [seat.name for seat in stuck]

    def has_left(self, name: str) -> bool:
        """Whether a worker of that name may be started: there is none, or its thread has ended."""
        return name not in self._seats or self._seats[name].left

    def forget(self, names: Iterable[str]) -> None:
        """Takes stopped workers out of states(): they were removed from the configuration."""
        for name in self._chosen(names):
            if self._seats[name].left:
                del self._seats[name]

    def wake(self, name: str | None = None) -> None:
        """Ends the wait before the next try of this worker (None: of all); unknown names are welcome.

        A worker that is just failing tries again at once; one that works is not disturbed.
        """
        for known in self._chosen(None if name is None else [name]):
            self._seats[known].wake()

    def states(self, *, measured: bool = True) -> dict[str, WorkerState]:
        """Every worker that was started and not forgotten, in order of their start.

        Without its measures, which take as long as all the rest, unless they are `measured`.
        """
        return {name: seat.state(measured=measured) for name, seat in list(self._seats.items())}

    def look(self) -> Mapping[str, float]:
        """The workers that hang, with the seconds each may be silent: no sign of life, no rest on purpose.

        For the watchdog; to be called every two seconds or so: a pause in which nobody looked counts little.
        """
        now = self._clock.monotonic()
        passed, self._looked_at = now - self._looked_at, now
        self.stuck = {
            name: seat.vigil.patience for name, seat in self._seats.items() if seat.hangs(now, passed)
        }
        return self.stuck

    def _wait_for(self, seats: list[_Seat], within: float, meanwhile: Callable[[], None]) -> list[_Seat]:
        """Those of `seats` whose thread has not ended within that many seconds."""
        until = self._clock.monotonic() + within
        while left_over := [seat for seat in seats if not seat.left]:
            now = self._clock.monotonic()
            if now >= until:
                return left_over
            left_over[0].wait_until_left(min(until, now + _MEANWHILE_SECONDS))
            meanwhile()
        return []

    def _chosen(self, names: Iterable[str] | None) -> list[str]:
        return list(self._seats) if names is None else [name for name in names if name in self._seats]

    def _fall(self, error: BaseException) -> None:
        if self.fatal is None:
            self.fatal = error
        self._alarm()


class _Seat:
    """One worker, its thread, and what is needed to talk to it."""

    def __init__(
        self,
        name: str,
        worker: Worker,
        policy: Policy,
        vigil: Vigil,
        clock: Clock,
        jitter: Callable[[], float],
        fall: Callable[[BaseException], None],
    ) -> None:
        self.name = name
        self.health = Health(name, clock, good_run=policy.good_run)
        # A daemon thread: one that is stuck must not keep the process from ending.
        self.thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self.left = False
        self.vigil = vigil
        self._worker = worker
        # Asked once: it takes longer than all else in state().
        self._measuring = worker if isinstance(worker, Measuring) else None
        self._pulsing = worker if isinstance(worker, Pulsing) else None
        self._stalling = worker if isinstance(worker, Stalling) else None
        self._policy = policy
        self._clock = clock
        self._jitter = jitter
        self._fall = fall
        self._stop = Stop(clock)
        self._changed = threading.Condition()
        self._woken = False

    def ask_to_stop(self, within: float) -> None:
        self._stop.set(within)
        self.wake()

    def wake(self) -> None:
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def wait_until_left(self, until: float) -> None:
        with self._changed:
            while not self.left and self._clock.monotonic() < until:
                self._clock.wait(self._changed, until)

    def state(self, *, measured: bool) -> WorkerState:
        return self.health.snapshot(self._measuring.measures() if self._measuring and measured else NOTHING)

    def abort(self) -> None:
        try:
            self._worker.abort()
        except Exception:
            log.exception("worker.crashed", worker=self.name, reason="abort failed")

    def hangs(self, now: float, passed: float) -> bool:
        """One look at it, so many seconds after the last."""
        lived_at = max(self.health.last_beat, self._stop.rested_until)
        pulse = self._pulsing.pulse if self._pulsing is not None else None
        rests = self.health.waits or lived_at > now
        return self.vigil.look((lived_at, pulse), passed, rests=rests)

    def _serve(self) -> None:
        finished = False
        try:
            keep_trying(self._run, delay=self._failed, rest=self._rest, ended=lambda: self._stop.stopping)
            finished = not self._stop.stopping
        except BaseException as error:  # Fatal, or what no worker may raise: the main thread decides
            log.error("worker.fallen", worker=self.name, exc_info=error)
            self._fall(error)
        finally:
            self._leave(finished)

    def _run(self) -> None:
        if self._stop.stopping:
            return
        self.health.tries()
        self._worker.run(self._stop, self._beat)

    def _beat(self) -> None:
        if self._stalling is not None and self._stalling.is_stalled:
            self.health.lives()
            return
        self._woken = False  # what was to be tried again works: an old wake must not shorten a later wait
        self.health.beat()

    def _failed(self, error: Exception) -> float:
        if self._stop.stopping:
            # A link cut by abort() is no news; a bug is one at any time.
            if state_after(error) == "crashed":
                log.error("worker.crashed", worker=self.name, exc_info=error)
            return 0.0
        delay = self._policy.delay(error, self.health.failed(error), self._jitter())
        self.health.next_try(error, delay)
        return delay

    def _rest(self, seconds: float) -> None:
        until = self._clock.monotonic() + seconds
        with self._changed:
            while not self._woken and self._clock.monotonic() < until:
                self._clock.wait(self._changed, until)
            self._woken = False

    def _leave(self, finished: bool) -> None:
        self.health.ended(finished=finished)
        log.info("worker.stopped", worker=self.name, finished=finished)
        with self._changed:
            self.left = True
            self._changed.notify_all()
