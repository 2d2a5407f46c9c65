"""When a worker is tried again."""

import math

import pytest

from lpforwarder.errors import Blocked, Busy, ConfigError, Denied, Fatal, Problem, Transient
from lpforwarder.runtime.retry import LONGEST_RETRY_AFTER, Policy, keep_trying

AWAY = Transient("no answer")


def delays(policy: Policy, error: Exception, jitter: float, count: int) -> list[float]:
    return [policy.delay(error, failures, jitter) for failures in range(1, count + 1)]


def test_the_wait_doubles_from_first_to_most() -> None:
    assert delays(Policy(first=1, most=60), AWAY, 0, 8) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_jitter_takes_away_up_to_half_but_keeps_first() -> None:
    assert delays(Policy(first=1, most=60), AWAY, 1, 8) == [1, 1, 2, 4, 8, 16, 30, 30]


def test_a_bug_backs_off_like_everything_else() -> None:
    assert delays(Policy(first=1, most=60), KeyError("x"), 0, 3) == [1, 2, 4]
    assert delays(Policy(first=1, most=60), Busy("taken"), 0, 3) == [1, 2, 4]


def test_a_million_failures_are_no_overflow() -> None:
    assert Policy().delay(AWAY, 1_000_000, 0) == 60


@pytest.mark.parametrize("asked", [1.0, 7.0, 120.0])
def test_what_the_far_side_asks_for_wins(asked: float) -> None:
    assert delays(Policy(), Transient("busy", retry_after=asked), 1, 9) == [asked] * 9


@pytest.mark.parametrize("asked", [0.0, -5.0, math.nan])
def test_a_far_side_cannot_make_us_spin(asked: float) -> None:
    assert Policy(first=1).delay(Transient("busy", retry_after=asked), 1, 0.5) == 1


def test_a_far_side_cannot_send_us_to_sleep_for_ever() -> None:
    assert Policy().delay(Transient("busy", retry_after=1e12), 1, 0.5) == LONGEST_RETRY_AFTER


@pytest.mark.parametrize(
    "error", [Blocked("x"), Denied("x"), ConfigError([Problem(code="", file="", what="")])]
)
def test_what_a_person_mends_is_tried_slowly_from_the_first_time(error: Exception) -> None:
    assert delays(Policy(first=0.1, most=5), error, 1, 3) == [60, 60, 60]
    assert delays(Policy(most=300), error, 1, 3) == [300, 300, 300]
    assert delays(Policy(blocked=1800), error, 1, 3) == [1800, 1800, 1800]


def test_it_runs_until_the_run_returns() -> None:
    outcomes: list[Exception | None] = [AWAY, KeyError("x"), None]
    asked: list[Exception] = []
    rests: list[float] = []

    def run() -> None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    def delay(error: Exception) -> float:
        asked.append(error)
        return float(len(asked))

    keep_trying(run, delay=delay, rest=rests.append, ended=lambda: False)
    assert [type(error) for error in asked] == [Transient, KeyError]
    assert rests == [1.0, 2.0]


def test_a_failure_while_stopping_ends_it_without_a_rest() -> None:
    rests: list[float] = []

    def run() -> None:
        raise AWAY

    keep_trying(run, delay=lambda _: 1.0, rest=rests.append, ended=lambda: True)
    assert rests == []


@pytest.mark.parametrize("error", [Fatal("fsync failed"), SystemExit(3), KeyboardInterrupt()])
def test_what_no_retry_mends_is_raised_at_once(error: BaseException) -> None:
    def run() -> None:
        raise error

    with pytest.raises(type(error)):
        keep_trying(run, delay=lambda _: 1.0, rest=lambda _: None, ended=lambda: False)
