"""Names that are looked up beside: resolvers that are slow, hang, or tell another address each time."""

from __future__ import annotations

import socket
import threading

import pytest

from lpforwarder.delivery.transports.connection import Wake
from lpforwarder.delivery.transports.dialing import Address
from lpforwarder.delivery.transports.failures import unresolved
from lpforwarder.delivery.transports.lookups import FRESH, Lookups
from lpforwarder.errors import Transient
from tests.fakes.patience import PATIENCE, Stopwatch, a_moment_later, fails, until

NAME = "siem.example.net"


class Resolver:
    """Answers the next address each time, once it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.failing = False

    def __call__(self, host: str, port: int) -> list[Address]:
        self.asked += 1
        number = self.asked
        assert self.may_answer.wait(PATIENCE)
        if self.failing:
            raise unresolved(host, socket.gaierror(socket.EAI_NONAME, "unknown"))
        return [Address(socket.AF_INET, (f"192.0.2.{number}", port))]


def ask(lookups: Lookups, within: float = PATIENCE, host: str = NAME) -> str:
    (address,) = lookups.addresses(host, 6514, within, Wake())
    return str(address.place[0])


def test_a_name_is_asked_for_anew_each_time() -> None:
    lookups = Lookups(Resolver())
    assert [ask(lookups) for _ in range(3)] == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


def test_a_slow_resolver_is_waited_for_only_so_long() -> None:
    resolver = Resolver()
    resolver.may_answer.clear()
    lookups = Lookups(resolver)
    with Stopwatch() as watch, pytest.raises(Transient, match="no answer in") as raised:
        ask(lookups, 0.1)
    assert raised.value.code == "LPF201"
    assert 0.1 <= watch.wall < PATIENCE / 2
    resolver.may_answer.set()


def test_what_a_slow_resolver_found_after_we_had_gone_counts_at_the_next_try() -> None:
    resolver = Resolver()
    resolver.may_answer.clear()
    lookups = Lookups(resolver)
    for _ in range(3):  # asked again and again, and still one question
        with fails("LPF201"):
            ask(lookups, 0.05)
    assert resolver.asked == 1
    resolver.may_answer.set()
    until(lambda: lookups._asked[NAME]._done.called)
    assert ask(lookups, 0.0) == "192.0.2.1"
    assert ask(lookups) == "192.0.2.2"


def test_one_that_was_too_slow_is_not_waited_for_again() -> None:
    resolver = Resolver()
    resolver.may_answer.clear()
    lookups = Lookups(resolver)
    with fails("LPF201"):
        ask(lookups, 0.1)
    with Stopwatch() as watch:
        for _ in range(100):
            with fails("LPF201"):
                ask(lookups, 0.1)
    assert watch.wall < PATIENCE / 2
    resolver.may_answer.set()


def test_an_old_answer_that_nobody_fetched_is_asked_for_again() -> None:
    resolver = Resolver()
    resolver.may_answer.clear()
    lookups = Lookups(resolver)
    with fails("LPF201"):
        ask(lookups, 0.01)
    resolver.may_answer.set()
    question = lookups._asked[NAME]
    until(lambda: question._done.called)
    question._answered_at -= FRESH
    assert ask(lookups) == "192.0.2.2"


def test_an_unknown_name_is_told_in_the_resolvers_words_and_asked_for_again() -> None:
    resolver = Resolver()
    resolver.failing = True
    lookups = Lookups(resolver)
    with pytest.raises(Transient, match="no name server knows it"):
        ask(lookups)
    resolver.failing = False
    assert ask(lookups) == "192.0.2.2"


def test_an_address_needs_no_thread_and_no_waiting() -> None:
    asked_by: list[threading.Thread] = []

    def look_up(host: str, port: int) -> list[Address]:
        asked_by.append(threading.current_thread())
        return [Address(socket.AF_INET6, (host, port, 0, 0))]

    assert ask(Lookups(look_up), 0.0, "fe80::1%lo") == "fe80::1%lo"
    assert asked_by == [threading.current_thread()]


def test_names_do_not_wait_for_each_other() -> None:
    resolver = Resolver()
    resolver.may_answer.clear()
    lookups = Lookups(resolver)
    with fails("LPF201"):
        ask(lookups, 0.01, "slow.example.net")
    resolver.may_answer.set()
    assert ask(lookups, host="other.example.net") == "192.0.2.2"


def test_abort_ends_the_wait_for_a_resolver_that_hangs() -> None:
    resolver = Resolver()
    resolver.may_answer.clear()
    wake = Wake()
    with a_moment_later(wake.call), Stopwatch() as watch, fails("LPF290"):
        Lookups(resolver).addresses(NAME, 6514, 60.0, wake)
    assert watch.wall < PATIENCE / 2
    resolver.may_answer.set()
