"""The machine's clock, behind the same few words as the one of the tests."""

import threading
import time

from lpforwarder.runtime.clock import SYSTEM
from tests.fakes.clock import FakeClock


def test_a_wait_ends_when_its_time_has_come() -> None:
    condition = threading.Condition()
    with condition:
        SYSTEM.wait(condition, SYSTEM.monotonic() + 0.001)
        SYSTEM.wait(condition, SYSTEM.monotonic() - 5)


def test_a_wait_for_ever_is_no_overflow() -> None:
    condition = threading.Condition()

    def notify() -> None:
        with condition:
            condition.notify_all()

    with condition:
        thread = threading.Thread(target=notify)
        thread.start()
        SYSTEM.wait(condition, float("inf"))
    thread.join()


def test_the_wall_clock_is_in_milliseconds() -> None:
    assert abs(SYSTEM.milliseconds() / 1000 - time.time()) < 5


def test_the_fake_clock_wakes_its_waiters() -> None:
    clock = FakeClock()
    condition = threading.Condition()
    reached: list[float] = []

    def wait() -> None:
        with condition:
            while clock.monotonic() < 1005:
                clock.wait(condition, 1005)
        reached.append(clock.monotonic())

    thread = threading.Thread(target=wait)
    thread.start()
    clock.until_waiting()
    clock.advance(4)
    clock.until_waiting()
    clock.advance(1)
    thread.join(10)
    assert reached == [1005]
