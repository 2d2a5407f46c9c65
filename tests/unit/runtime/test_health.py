"""The record of one worker, and what is logged about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from lpforwarder.errors import Blocked, ConfigError, Problem, Transient
from lpforwarder.runtime.health import Health, spoken
from lpforwarder.runtime.worker import WorkerError
from tests.fakes.clock import FakeClock

REFUSED = Transient("siem: refused the connection", code="LPF202", fix="start it")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def health(clock: FakeClock) -> Health:
    health = Health("siem", clock, good_run=60)
    health.tries()
    return health


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


def fail(health: Health, error: Exception = REFUSED, delay: float = 2.0) -> None:
    health.failed(error)
    health.next_try(error, delay)


def test_a_new_worker_runs(health: Health) -> None:
    state = health.snapshot()
    assert (state.state, state.since, state.error) == ("running", "2022-12-14T17:33:42.000Z", None)


def test_a_failure_is_shown_with_code_text_remedy_and_the_next_try(
    health: Health, clock: FakeClock, logged: list[Any]
) -> None:
    clock.advance(3)
    fail(health)
    state = health.snapshot()
    assert state.state == "waiting"
    assert state.since == "2022-12-14T17:33:45.000Z"
    assert state.next_try == "2022-12-14T17:33:47.000Z"
    assert state.error == WorkerError(code="LPF202", text="siem: refused the connection", fix="start it")
    assert state.failures == 1
    assert logged == [
        {
            "event": "worker.failed",
            "log_level": "warning",
            "worker": "siem",
            "code": "LPF202",
            "reason": "siem: refused the connection",
            "fix": "start it",
            "next_try": "2s",
        }
    ]


def test_whoever_spares_the_far_side_says_when_it_is_asked_again(health: Health, clock: FakeClock) -> None:
    refused = Blocked("acme: refused", code="LPF301")
    refused.rest = 600.0
    fail(health, refused, delay=2.0)
    assert health.snapshot().next_try == "2022-12-14T17:43:42.000Z"


def test_it_is_in_trouble_until_a_step_succeeds(health: Health, clock: FakeClock, logged: list[Any]) -> None:
    fail(health)
    clock.advance(2)
    health.tries()
    trying = health.snapshot()
    assert (trying.state, trying.next_try) == ("waiting", None)
    assert trying.error is not None
    clock.advance(649)
    health.beat()
    state = health.snapshot()
    assert (state.state, state.error, state.since) == ("running", None, "2022-12-14T17:44:33.000Z")
    assert logged[-1] == {
        "event": "worker.recovered",
        "log_level": "info",
        "worker": "siem",
        "after": "10m51s",
        "failures": 1,
    }


def test_trouble_of_changing_kinds_began_when_the_first_kind_did(health: Health, clock: FakeClock) -> None:
    fail(health)
    clock.advance(60)
    fail(health, Blocked("refused", code="LPF301"))
    state = health.snapshot()
    assert (state.state, state.since) == ("blocked", "2022-12-14T17:33:42.000Z")


def test_a_long_outage_is_one_line_every_ten_minutes(
    health: Health, clock: FakeClock, logged: list[Any]
) -> None:
    for _ in range(31):  # twenty minutes
        fail(health, delay=40)
        clock.advance(40)
    assert [line.get("repeated") for line in logged] == [None, 15, 15]


def test_a_text_that_changes_each_time_is_still_the_same_trouble(
    health: Health, clock: FakeClock, logged: list[Any]
) -> None:
    for port in range(50):
        fail(health, Transient(f"reset by port {port}", code="LPF202"), delay=1)
        clock.advance(1)
    assert len(logged) == 1


def test_another_trouble_is_told_at_once(health: Health, logged: list[Any]) -> None:
    fail(health)
    fail(health, Transient("no answer", code="LPF203"))
    assert [line["code"] for line in logged] == ["LPF202", "LPF203"]


def test_trouble_that_comes_back_is_told_again(health: Health, logged: list[Any]) -> None:
    fail(health)
    health.tries()
    health.beat()
    fail(health)
    assert [line["event"] for line in logged] == ["worker.failed", "worker.recovered", "worker.failed"]


def test_what_a_person_must_mend_is_an_error(health: Health, logged: list[Any]) -> None:
    fail(health, Blocked("refused", code="LPF301"))
    assert logged[0]["log_level"] == "error"


def test_a_configuration_found_wrong_later_names_its_file(health: Health) -> None:
    problem = Problem(code="LPF111", file="acme.secret", what="is empty", fix="write it")
    fail(health, ConfigError([problem]))
    assert health.snapshot().error == WorkerError(code="LPF111", text="acme.secret: is empty", fix="write it")


def a_bug(text: str) -> Exception:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def test_a_bug_is_logged_once_with_its_traceback(health: Health, logged: list[Any]) -> None:
    error = a_bug("x")
    fail(health, error)
    fail(health, error)
    assert [(line["event"], line["log_level"]) for line in logged] == [("worker.crashed", "error")]
    assert logged[0]["exc_info"] is error
    assert health.snapshot().state == "crashed"


def test_the_text_of_a_foreign_exception_is_never_shown(health: Health, logged: list[Any]) -> None:
    fail(health, a_bug("password of user1@example.com"))
    del logged[0]["exc_info"]
    assert "example.com" not in repr(health.snapshot())
    assert "example.com" not in repr(logged)
    error = health.snapshot().error
    assert error is not None
    assert error.text.startswith("unexpected ValueError in a_bug, line ")


def test_a_bug_that_was_never_raised_has_no_place(health: Health) -> None:
    fail(health, KeyError("x"))
    error = health.snapshot().error
    assert error is not None
    assert "without a place" in error.text


def test_a_single_good_step_does_not_begin_the_row_anew(health: Health, clock: FakeClock) -> None:
    for number in (1, 2, 3):
        assert health.failed(REFUSED) == number
        health.tries()
        health.beat()
        clock.advance(59)


def test_a_long_good_run_begins_the_row_anew(health: Health, clock: FakeClock) -> None:
    health.failed(REFUSED)
    health.failed(REFUSED)
    health.tries()
    health.beat()
    clock.advance(60)
    assert health.failed(REFUSED) == 1


def test_a_long_good_run_shows_before_the_next_failure(health: Health, clock: FakeClock) -> None:
    health.failed(REFUSED)
    health.tries()
    health.beat()
    assert health.snapshot().failures == 1
    clock.advance(60)
    health.beat()
    assert health.snapshot().failures == 0


def test_a_minute_of_vain_connecting_is_not_a_good_run(health: Health, clock: FakeClock) -> None:
    health.failed(REFUSED)
    health.tries()
    clock.advance(90)
    assert health.failed(REFUSED) == 2


def test_the_end_is_a_state_too(health: Health) -> None:
    fail(health)
    health.ended(finished=True)
    state = health.snapshot()
    assert (state.state, state.finished, state.next_try) == ("stopped", True, None)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "0.5s"), (2, "2s"), (9.96, "10.0s"), (59.6, "1m00s"), (651, "10m51s"), (7800, "2h10m")],
)
def test_durations_read_like_durations(seconds: float, text: str) -> None:
    assert spoken(seconds) == text


def test_failures_in_a_row_have_begun_with_the_first_until_a_good_run_ends_them(
    health: Health, clock: FakeClock
) -> None:
    assert health.snapshot().failing_since is None
    began = clock.monotonic()
    fail(health)
    for _ in range(3):  # up for a moment, and down again
        clock.advance(10)
        health.tries()
        health.beat()
        assert (health.snapshot().state, health.snapshot().failing_since) == ("running", began)
        clock.advance(10)
        fail(health)
    assert health.snapshot().failing_since == began
    health.tries()
    health.beat()
    clock.advance(60)
    health.beat()
    assert health.snapshot().failing_since is None


def test_a_failure_after_a_good_run_begins_a_row_of_its_own(health: Health, clock: FakeClock) -> None:
    fail(health)
    health.tries()
    health.beat()
    clock.advance(61)
    fail(health)
    assert health.snapshot().failing_since == clock.monotonic()


def test_failures_are_counted_by_code_for_good(health: Health, clock: FakeClock) -> None:
    fail(health)
    health.beat()
    clock.advance(1000)
    health.beat()
    fail(health)
    fail(health, Blocked("secret refused", code="LPF301"))
    assert health.snapshot().failed == {"LPF202": 2, "LPF301": 1}
