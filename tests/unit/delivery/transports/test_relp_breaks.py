"""What breaks a RELP link, and what a hostile collector can do to us."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any

import pytest

from lpforwarder.delivery.transports.connection import MOST_ANSWER
from tests.fakes.links import FarEnd, reset
from tests.fakes.patience import (
    PATIENCE,
    LaterClock,
    Stopwatch,
    a_moment_later,
    beside,
    fails,
)
from tests.fakes.relp_links import (
    OK,
    broken_by,
    in_session,
    numbered,
    relp_to,
)

# ---- what breaks a link -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"garbage\n", "LPF232"),
        (b"3 rsp 0 \n", "LPF232"),
        (b"9 rsp 6 200 OK\n", "LPF232"),
        (b"2 rsp 6 200 OK\n", "LPF232"),  # a second time
        (b"0 serverclose 0\n", "LPF212"),
        (b"3 rsp 999999999 x", "LPF232"),
    ],
)
def test_what_was_confirmed_is_told_before_what_broke_the_link(
    octets: bytes, code: str, far_end: FarEnd
) -> None:
    with in_session(far_end) as (transport, end):
        transport.send(numbered(3))
        end.take(3)
        end.shout(b"2 rsp 6 200 OK\n" + octets)
        assert transport.confirmed(PATIENCE) == 1
        for _ in range(2):
            with fails(code):
                transport.confirmed(PATIENCE)
            with fails(code):
                transport.send(numbered(1))


def test_nothing_said_after_a_breach_counts(far_end: FarEnd) -> None:
    with in_session(far_end) as (transport, end):
        transport.send(numbered(2))
        end.take(2)
        end.say(9)
        broken_by(transport)
        end.shout(b"2 rsp 6 200 OK\n")
        for _ in range(3):
            with fails("LPF232"):
                transport.confirmed(0.02)


@pytest.mark.parametrize("end_it", [socket.socket.close, reset])
def test_unanswered_messages_are_not_confirmed_by_any_end(end_it: Any, far_end: FarEnd) -> None:
    with in_session(far_end) as (transport, end):
        transport.send(numbered(3))
        end.take(3)
        end.say(2)
        assert transport.confirmed(PATIENCE) == 1
        end_it(end.far)
        assert broken_by(transport).code in ("LPF212", "LPF214")


def test_an_answer_that_does_not_come_makes_a_dead_link(far_end: FarEnd) -> None:
    clock = LaterClock()
    with in_session(far_end, clock=clock, stall_timeout="1h") as (transport, end):
        transport.send(numbered(2))
        end.take(2)
        clock.later += 3500.0
        assert transport.confirmed(0.0) == 0
        end.say(2)
        assert transport.confirmed(PATIENCE) == 1
        clock.later += 3500.0  # since the last answer, not since it was sent
        assert transport.confirmed(0.0) == 1
        clock.later += 100.0
        with fails("LPF211"):
            transport.confirmed(0.0)


def test_a_quiet_link_that_owes_no_answer_is_not_dead(far_end: FarEnd) -> None:
    clock = LaterClock()
    with in_session(far_end, clock=clock) as (transport, end):
        transport.send(numbered(1))
        end.answer(OK)
        assert transport.confirmed(PATIENCE) == 1
        clock.later += 10_000.0
        assert transport.confirmed(0.0) == 1
        transport.send(numbered(1))
        assert transport.confirmed(0.0) == 1
        end.answer(OK)
        assert transport.confirmed(PATIENCE) == 2


def test_waiting_for_room_in_the_window_ends_when_no_answer_comes(far_end: FarEnd) -> None:
    with in_session(far_end, window=2, stall_timeout="200ms") as (transport, _):
        with Stopwatch() as watch, fails("LPF211"):
            transport.send(numbered(5))
        assert watch.wall < PATIENCE / 2
        assert watch.computing < 1.0


@pytest.mark.parametrize("call", ["send", "fence", "confirmed"])
def test_abort_unblocks_whatever_waits_for_answers(call: str, far_end: FarEnd) -> None:
    with in_session(far_end, window=2) as (transport, _):
        transport.send(numbered(1))
        calls: dict[str, Callable[[], object]] = {
            "send": lambda: transport.send(numbered(5)),
            "fence": lambda: transport.fence(PATIENCE),
            "confirmed": lambda: transport.confirmed(PATIENCE),
        }
        with a_moment_later(transport.abort), Stopwatch() as watch, fails("LPF290"):
            calls[call]()
        assert watch.wall < PATIENCE / 2


def test_abort_unblocks_the_opening(far_end: FarEnd) -> None:
    with relp_to(far_end) as transport, a_moment_later(transport.abort), Stopwatch() as watch:
        with fails("LPF290"):
            transport.open()
        assert watch.wall < PATIENCE / 2


# ---- hostile collectors -----------------------------------------------------------------------------------


def test_a_flood_of_hints_is_hung_up_on(far_end: FarEnd) -> None:
    with in_session(far_end) as (transport, end):
        transport.send(numbered(1))
        end.take(1)

        def flood() -> None:
            with contextlib.suppress(OSError):
                for _ in range(10):
                    end.shout(b"0 hello 0\n" * (MOST_ANSWER // 10))

        with beside(flood):
            assert broken_by(transport).code == "LPF213"
            transport.close()


def test_answers_without_end_to_messages_without_end_are_no_flood(far_end: FarEnd) -> None:
    with in_session(far_end, window=64) as (transport, end):

        def answer_at_length() -> None:
            for _ in range(20):
                end.answer(*[b"200 " + b"x" * 200] * 64)

        with beside(answer_at_length):
            for _ in range(20):
                transport.send(numbered(64))
            transport.fence(PATIENCE)
        assert transport.confirmed(0.0) == 20 * 64 > MOST_ANSWER // 200


def test_an_answer_that_never_ends_is_not_collected(far_end: FarEnd) -> None:
    with in_session(far_end) as (transport, end):
        transport.send(numbered(1))
        end.take(1)
        for octets in (b"2 rsp 16385 ", b"2 " + b"r" * 40):
            with contextlib.suppress(OSError):
                end.shout(octets)
        assert broken_by(transport).code == "LPF232"
