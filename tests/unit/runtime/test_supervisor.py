"""Workers in real threads, on a clock that the test moves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from lpforwarder.errors import Blocked, Fatal, Transient
from lpforwarder.runtime.measures import Measures
from lpforwarder.runtime.retry import Policy
from lpforwarder.runtime.stop import Stop
from lpforwarder.runtime.supervisor import Supervisor
from lpforwarder.runtime.vigil import PATIENCE
from tests.fakes.clock import FakeClock
from tests.fakes.worker import OrderedWorker

AWAY = Transient("no answer", code="LPF203")
REFUSED = Blocked("secret refused", code="LPF301")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def supervisor(clock: FakeClock) -> Supervisor:
    return Supervisor(clock, jitter=lambda: 0.0, grace=0)


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


def started(supervisor: Supervisor, name: str = "siem", policy: Policy | None = None) -> OrderedWorker:
    worker = OrderedWorker()
    supervisor.start(name, worker, policy or Policy())
    return worker


def end(supervisor: Supervisor, *workers: OrderedWorker) -> None:
    """Stops everything for good, with as much patience as it takes."""
    for worker in workers:
        worker.let(None)
    assert supervisor.stop(None, within=1e6) == []


def test_each_worker_has_a_thread_of_its_name(supervisor: Supervisor) -> None:
    siem, archive = started(supervisor, "siem"), started(supervisor, "archive")
    siem.beats()
    archive.beats()
    assert list(supervisor.states()) == ["siem", "archive"]
    assert {state.state for state in supervisor.states().values()} == {"running"}
    end(supervisor, siem, archive)
    assert (siem.threads, archive.threads) == (["siem"], ["archive"])


def test_a_failed_worker_runs_again_after_growing_waits(supervisor: Supervisor, clock: FakeClock) -> None:
    worker = started(supervisor)
    for runs, wait in enumerate([1, 2, 4], start=1):
        worker.fails(AWAY)
        clock.until_waiting()
        assert worker.runs == runs
        assert supervisor.states()["siem"].state == "waiting"
        clock.advance(wait - 0.01)
        clock.until_waiting()
        assert worker.runs == runs
        clock.advance(0.01)
    worker.beats()
    assert worker.runs == 4
    assert supervisor.states()["siem"].state == "running"
    end(supervisor, worker)


def test_a_worker_that_flaps_waits_longer_and_longer(supervisor: Supervisor, clock: FakeClock) -> None:
    worker = started(supervisor)
    for wait in [1, 2, 4, 8, 16, 32, 60, 60]:
        worker.beats()
        worker.fails(AWAY)
        clock.until_waiting()
        clock.advance(wait - 0.01)
        clock.until_waiting()
        clock.advance(0.01)
    worker.beats()
    end(supervisor, worker)


class StallingWorker(OrderedWorker):
    """One whose steps may lead nowhere."""

    is_stalled = False


def test_steps_that_lead_nowhere_are_signs_of_life_and_end_no_trouble(
    supervisor: Supervisor, clock: FakeClock
) -> None:
    worker = StallingWorker()
    supervisor.start("siem", worker, Policy(good_run=1.0))
    worker.is_stalled = True
    for wait in [1, 2, 4]:
        for _ in range(200):
            worker.beats()
            clock.advance(1)
            assert not supervisor.look()
        worker.fails(AWAY)
        clock.until_waiting()
        clock.advance(wait - 0.01)
        clock.until_waiting()
        clock.advance(0.01)
    worker.beats()
    state = supervisor.states()["siem"]
    assert (state.state, state.failures, state.error is None) == ("waiting", 3, False)
    worker.is_stalled = False
    worker.beats()
    assert supervisor.states()["siem"].state == "running"
    end(supervisor, worker)


def test_a_bug_in_one_worker_leaves_the_others_alone(
    supervisor: Supervisor, clock: FakeClock, logged: list[Any]
) -> None:
    broken, sound = started(supervisor, "broken"), started(supervisor, "sound")
    broken.fails(ZeroDivisionError())
    clock.until_waiting()
    sound.beats()
    states = supervisor.states()
    assert (states["broken"].state, states["sound"].state) == ("crashed", "running")
    assert [line["worker"] for line in logged if line["event"] == "worker.crashed"] == ["broken"]
    clock.advance(1)
    broken.beats()
    assert supervisor.states()["broken"].state == "running"
    end(supervisor, broken, sound)


def test_refused_credentials_are_tried_slowly_and_at_once_when_woken(
    supervisor: Supervisor, clock: FakeClock
) -> None:
    worker = started(supervisor)
    worker.fails(REFUSED)
    clock.until_waiting()
    clock.advance(59)
    clock.until_waiting()
    assert (supervisor.states()["siem"].state, worker.runs) == ("blocked", 1)
    supervisor.wake("siem")
    worker.beats()
    assert (supervisor.states()["siem"].state, worker.runs) == ("running", 2)
    end(supervisor, worker)


def test_a_wake_during_a_call_that_is_about_to_fail_is_not_lost(
    supervisor: Supervisor, clock: FakeClock
) -> None:
    worker = started(supervisor)
    worker.let(lambda _stop, _beat: supervisor.wake())
    worker.fails(REFUSED)
    worker.beats()
    assert worker.runs == 2
    end(supervisor, worker)


def test_one_wake_is_one_try(supervisor: Supervisor, clock: FakeClock) -> None:
    worker = started(supervisor)
    for runs in (1, 2):
        worker.fails(REFUSED)
        clock.until_waiting()
        assert worker.runs == runs
        supervisor.wake()
        worker.let(lambda _stop, _beat: None)
        worker.settled()
    end(supervisor, worker)
    assert worker.runs == 3


def test_an_old_wake_does_not_shorten_a_later_wait(supervisor: Supervisor, clock: FakeClock) -> None:
    worker = started(supervisor)
    supervisor.wake()
    worker.beats()
    worker.fails(REFUSED)
    clock.until_waiting()
    assert supervisor.states()["siem"].state == "blocked"
    end(supervisor)
    assert worker.runs == 1


def test_a_wake_for_nobody_is_no_error(supervisor: Supervisor) -> None:
    supervisor.wake("nobody")
    supervisor.wake()


def test_a_worker_with_nothing_left_to_do_is_finished(supervisor: Supervisor) -> None:
    worker = started(supervisor)
    worker.let(None)
    end(supervisor)
    state = supervisor.states()["siem"]
    assert (state.state, worker.runs) == ("stopped", 1)


def test_finished_and_stopped_are_told_apart(supervisor: Supervisor) -> None:
    done, idle = started(supervisor, "done"), started(supervisor, "idle")
    done.let(None)
    supervisor._seats["done"].thread.join(10)
    idle.rests(3600)
    end(supervisor)
    assert supervisor.states()["done"].finished
    assert not supervisor.states()["idle"].finished
    assert supervisor.states()["idle"].state == "stopped"


def test_a_stop_reaches_a_worker_that_waits_for_its_next_try(
    supervisor: Supervisor, clock: FakeClock
) -> None:
    worker = started(supervisor)
    worker.fails(REFUSED)
    clock.until_waiting()
    assert supervisor.stop(["siem"], within=1e6) == []
    assert worker.runs == 1


def test_a_worker_learns_how_much_time_it_has_to_end(supervisor: Supervisor) -> None:
    left: list[float] = []

    def drain(stop: Stop, _beat: Callable[[], None]) -> None:
        stop.wait(3600)
        left.append(stop.left())

    worker = started(supervisor)
    worker.let(drain)
    worker.let(None)
    assert supervisor.stop(None, within=7) == []
    assert left == [7]


def test_a_worker_that_hangs_is_aborted(clock: FakeClock, logged: list[Any]) -> None:
    supervisor = Supervisor(clock, grace=1e6)
    worker = started(supervisor)
    worker.hangs()
    assert supervisor.stop(None, within=0) == []
    assert worker.aborted.is_set()
    assert "worker.aborted" in [line["event"] for line in logged]


def test_the_drain_time_is_for_all_together(supervisor: Supervisor, clock: FakeClock) -> None:
    workers = [started(supervisor, name) for name in "abc"]
    for worker in workers:
        worker.hangs()
    began = clock.monotonic()

    def move() -> None:
        clock.until_waiting()
        clock.advance(10)

    mover = threading.Thread(target=move)
    mover.start()
    supervisor.stop(None, within=10)
    mover.join(10)
    assert clock.monotonic() - began == 10
    assert all(worker.aborted.is_set() for worker in workers)
    end(supervisor)


def test_the_main_thread_is_heard_from_while_it_drains(supervisor: Supervisor, clock: FakeClock) -> None:
    worker = started(supervisor)
    worker.hangs()
    beats: list[float] = []

    def move() -> None:
        for _ in range(3):
            clock.until_waiting()
            clock.advance(1)

    mover = threading.Thread(target=move)
    mover.start()
    supervisor.stop(None, within=3, meanwhile=lambda: beats.append(clock.monotonic()))
    mover.join(10)
    assert len(beats) == 3
    end(supervisor)


def test_a_worker_that_ignores_even_abort_is_named(supervisor: Supervisor, logged: list[Any]) -> None:
    worker = OrderedWorker()
    deaf = _Deaf(worker)
    supervisor.start("siem", deaf, Policy())
    worker.hangs()
    assert supervisor.stop(None, within=0) == ["siem"]
    assert "worker.stuck" in [line["event"] for line in logged]
    assert supervisor.states()["siem"].state == "running"
    with pytest.raises(ValueError, match="still runs"):
        supervisor.start("siem", worker, Policy())
    worker.abort()
    assert supervisor.stop(None, within=1e6) == []


class _Deaf:
    """Its abort() is as broken as its run()."""

    def __init__(self, worker: OrderedWorker) -> None:
        self.run = worker.run

    def abort(self) -> None:
        raise OSError("bad file descriptor")


def test_a_stopped_name_can_be_started_again_or_forgotten(supervisor: Supervisor) -> None:
    first = started(supervisor)
    end(supervisor, first)
    second = started(supervisor)
    second.beats()
    supervisor.forget(["siem", "nobody"])
    assert list(supervisor.states()) == ["siem"], "what runs is not forgotten"
    end(supervisor, second)
    supervisor.forget(["siem"])
    assert supervisor.states() == {}


def test_stopping_the_unknown_and_the_stopped_is_no_error(supervisor: Supervisor) -> None:
    worker = started(supervisor)
    end(supervisor, worker)
    assert supervisor.stop(["siem", "nobody"], within=10) == []


@pytest.mark.parametrize("error", [Fatal("fsync failed", code="LPF510"), SystemExit(1)])
def test_what_no_retry_mends_is_handed_to_the_main_thread(clock: FakeClock, error: BaseException) -> None:
    alarms: list[BaseException | None] = []
    alarmed = Supervisor(clock, alarm=lambda: alarms.append(alarmed.fatal))
    worker = started(alarmed)
    worker.fails(error)
    end(alarmed)
    assert alarmed.fatal is error
    assert alarms == [error]
    assert (alarmed.states()["siem"].state, worker.runs) == ("stopped", 1)
    assert not alarmed.states()["siem"].finished


def test_only_the_first_fatal_error_is_kept(supervisor: Supervisor) -> None:
    first, second = started(supervisor, "first"), started(supervisor, "second")
    first.fails(Fatal("first"))
    supervisor._seats["first"].thread.join(10)
    second.fails(Fatal("second"))
    end(supervisor)
    assert str(supervisor.fatal) == "first [LPF001]"


def test_a_bug_during_the_drain_is_logged_and_a_cut_link_is_not(
    supervisor: Supervisor, logged: list[Any]
) -> None:
    def cut(stop: Stop, _beat: Callable[[], None]) -> None:
        stop.wait(3600)
        raise AWAY

    def bug(stop: Stop, _beat: Callable[[], None]) -> None:
        stop.wait(3600)
        raise ZeroDivisionError

    started(supervisor, "cut").let(cut)
    started(supervisor, "bug").let(bug)
    assert supervisor.stop(None, within=1e6) == []
    failed = [line["worker"] for line in logged if line["event"] in ("worker.failed", "worker.crashed")]
    assert failed == ["bug"]


def test_a_worker_without_progress_is_stuck(supervisor: Supervisor, clock: FakeClock) -> None:
    worker = started(supervisor)
    worker.beats()
    watched(supervisor, clock, PATIENCE)
    assert not supervisor.stuck
    watched(supervisor, clock, 2)
    assert supervisor.stuck == {"siem": PATIENCE}
    worker.beats()
    watched(supervisor, clock, 1)
    assert not supervisor.stuck
    end(supervisor, worker)


def watched(supervisor: Supervisor, clock: FakeClock, seconds: float) -> None:
    """Looks once a second for so long, as the main thread does."""
    for _ in range(int(seconds)):
        supervisor.look()
        clock.advance(1)
    supervisor.look()


def test_each_worker_is_waited_for_as_long_as_it_may_take(supervisor: Supervisor, clock: FakeClock) -> None:
    workers = {name: OrderedWorker() for name in ("janitor", "siem", "vault")}
    for patience, (name, worker) in zip((10.0, 300.0, 20.0), workers.items(), strict=True):
        supervisor.start(name, worker, Policy(), patience)
        worker.beats()
    hung = []
    for _ in range(30):
        watched(supervisor, clock, 1)
        hung.append(list(supervisor.stuck))
    assert hung[9:12] == [[], ["janitor"], ["janitor"]]
    assert (hung[-1], supervisor.stuck) == (["janitor", "vault"], {"janitor": 10.0, "vault": 20.0})
    end(supervisor, *workers.values())


def test_a_process_that_was_stopped_for_an_hour_has_no_stuck_worker(
    supervisor: Supervisor, clock: FakeClock
) -> None:
    worker = started(supervisor)
    worker.beats()
    watched(supervisor, clock, PATIENCE / 2)
    clock.advance(3600)
    assert not supervisor.look()
    watched(supervisor, clock, PATIENCE)
    assert supervisor.stuck, "but one that hangs is found all the same"
    end(supervisor, worker)


class PulsingWorker(OrderedWorker):
    """One that shows in the middle of a step that it lives."""

    pulse = 0


def test_a_pulse_in_the_middle_of_a_long_step_is_a_sign_of_life(
    supervisor: Supervisor, clock: FakeClock
) -> None:
    worker = PulsingWorker()
    supervisor.start("vault", worker, Policy(), 10.0)
    worker.beats()
    for worker.pulse in range(20):
        watched(supervisor, clock, 9)
        assert not supervisor.stuck
    watched(supervisor, clock, 11)
    assert list(supervisor.stuck) == ["vault"]
    end(supervisor, worker)


def test_sleeping_on_purpose_is_not_stuck_nor_is_waking_up(supervisor: Supervisor, clock: FakeClock) -> None:
    worker = started(supervisor)
    worker.beats()
    worker.rests(3600)
    clock.until_waiting()
    for _ in range(3599):
        clock.advance(1)
        clock.until_waiting()
        assert not supervisor.look()
    woke: list[Mapping[str, float]] = []
    worker.let(lambda _stop, _beat: woke.append(supervisor.look()))
    clock.advance(1)
    worker.beats()
    assert woke == [{}]
    watched(supervisor, clock, PATIENCE - 1)
    assert not supervisor.stuck
    end(supervisor, worker)


def test_waiting_for_the_next_try_is_not_stuck(supervisor: Supervisor, clock: FakeClock) -> None:
    worker = started(supervisor, policy=Policy(blocked=3600))
    worker.fails(REFUSED)
    clock.until_waiting()
    for _ in range(3000):
        assert not supervisor.look()
        clock.advance(1)
        clock.until_waiting()
    end(supervisor)
    watched(supervisor, clock, 2 * PATIENCE)
    assert not supervisor.stuck


class MeasuringWorker(OrderedWorker):
    """One that measures something."""

    def measures(self) -> Measures:
        return {"poll_seconds": {"buckets": [(None, 3)], "sum": 1.0}}


def test_what_a_worker_measures_stands_in_its_state(supervisor: Supervisor) -> None:
    plain, measuring = started(supervisor, "plain"), MeasuringWorker()
    supervisor.start("measuring", measuring, Policy())
    states = supervisor.states()
    assert states["plain"].measures == {}
    assert states["measuring"].measures == measuring.measures()
    assert supervisor.states(measured=False)["measuring"].measures == {}
    end(supervisor, plain, measuring)
