"""Several hosts of one collector: the next one when one is down, back to the first without a repeat."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence

import pytest

from lpforwarder.delivery.transports.hosts import DISTRUST
from lpforwarder.delivery.transports.scouting import EVERY
from lpforwarder.delivery.transports.tcp import TcpTransport
from lpforwarder.errors import Transient
from tests.fakes.collectors import Collector, Manners
from tests.fakes.links import FarEnd, read_to_end, tcp_options
from tests.fakes.patience import PATIENCE, LaterClock, Stopwatch, beside, fails, open_descriptors, until

FIRST, SECOND = "127.0.0.2", "127.0.0.1"
GOOD = Manners()


class Pair:
    """A transport with two hosts of which only the second one is up; `arrived` is in order of arrival."""

    def __init__(self, stack: contextlib.ExitStack, manners: Manners = GOOD, **options: object) -> None:
        self.arrived: list[tuple[str, bytes]] = []
        self.clock = LaterClock()
        self.second = stack.enter_context(self._collector(SECOND, 0, manners))
        self.port = self.second.address[1]
        both = tcp_options(self.second.address, host=[FIRST, SECOND], connect_timeout="500ms", **options)
        self.transport = TcpTransport(both, clock=self.clock)
        stack.callback(self.transport.close)
        stack.callback(self.transport.abort)

    def _collector(self, host: str, port: int, manners: Manners) -> Collector:
        def take(messages: Sequence[bytes]) -> None:
            self.arrived += [(host, message) for message in messages]

        return Collector(take, host=host, port=port, manners=manners)

    @contextlib.contextmanager
    def healed(self, manners: Manners = GOOD) -> Iterator[None]:
        """The first host is up while the body runs, and it is time to look for it."""
        with self._collector(FIRST, self.port, manners):
            self.clock.later += EVERY
            yield

    @property
    def host(self) -> str:
        return self.transport.peer.partition(":")[0]

    def is_back(self) -> bool:
        self.transport.confirmed(0.01)
        return self.host == FIRST

    def has_found(self) -> bool:
        self.transport.confirmed(0.0)
        return self.transport._better is not None


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def pair(stack: contextlib.ExitStack) -> Pair:
    return Pair(stack)


def numbered(first: int, count: int) -> list[bytes]:
    return [b"<1>%06d" % number for number in range(first, first + count)]


# ---- back to the first host -------------------------------------------------------------------------------


def test_an_idle_link_goes_back_to_the_first_host_when_it_heals(pair: Pair) -> None:
    pair.transport.open()
    assert pair.host == SECOND
    with pair.healed():
        until(pair.is_back)
    assert not pair.second.problems  # a polite end, no reset


@pytest.mark.parametrize("confirm", ["close", "kernel"])
def test_a_link_under_load_goes_back_without_a_loss_or_a_repeat_and_in_order(
    confirm: str, stack: contextlib.ExitStack
) -> None:
    pair = Pair(stack, confirm=confirm)
    pair.transport.open()
    sent = 0
    with pair.healed():
        while pair.host == SECOND or sent % 500:
            pair.transport.send(numbered(sent, 50))
            sent += 50
            if sent % 500 == 0:
                pair.transport.fence(0.0)
            pair.transport.confirmed(0.0)
            assert sent < 1_000_000
        pair.transport.send(numbered(sent, 50))
        pair.transport.fence(PATIENCE)
        until(lambda: pair.transport.confirmed(0.01) == sent + 50)
        until(lambda: len(pair.arrived) == sent + 50)
    hosts = [host for host, _ in pair.arrived]
    assert hosts == sorted(hosts)  # nothing for the second host after the change
    assert [message for _, message in pair.arrived] == numbered(0, sent + 50)
    assert not pair.second.problems


def test_what_follows_the_change_does_not_overtake_what_the_old_host_still_has_to_read(
    stack: contextlib.ExitStack,
) -> None:
    pair = Pair(stack, Manners(octet_rate=200_000), confirm="kernel")
    pair.transport.open()
    pair.transport.send([b"x" * 1000] * 50)  # a quarter second to read, acknowledged by the kernel at once
    with pair.healed():
        until(pair.is_back)
        pair.transport.send([b"<1>a"])
        until(lambda: (FIRST, b"<1>a") in pair.arrived)
    assert len(pair.arrived) == 51
    assert pair.arrived[-1] == (FIRST, b"<1>a")


def test_what_is_on_the_way_is_confirmed_before_the_change(far_end: FarEnd) -> None:
    clock = LaterClock()
    transport = TcpTransport(tcp_options(far_end.address, host=[FIRST, SECOND]), clock=clock)
    transport.open()
    transport.send([b"<1>a"])
    transport.fence(0.0)
    old, following = far_end.accept(), far_end.accept()
    with Collector(list, host=FIRST, port=far_end.address[1]):
        clock.later += EVERY
        until(lambda: transport.confirmed(0.0) > 0 or transport._better is not None)
        assert transport.confirmed(0.1) == 0
        assert transport.peer.startswith(SECOND)
        assert read_to_end(old) == b"4 <1>a"
        old.close()
        with beside(lambda: end_politely(following)):
            until(lambda: transport.confirmed(0.01) == 1 and transport.peer.startswith(FIRST))
        transport.abort()
        transport.close()


def end_politely(far: socket.socket) -> None:
    assert read_to_end(far) == b""
    far.close()


def test_a_first_host_that_hangs_up_at_once_does_not_lure_us_away(pair: Pair) -> None:
    pair.transport.open()
    with pair.healed(Manners(hangs_up=True)):
        for _ in range(3):
            pair.transport.confirmed(0.5)
            pair.clock.later += EVERY
        assert pair.host == SECOND
        pair.transport.send([b"<1>a"])
        pair.transport.fence(PATIENCE)
        assert pair.transport.confirmed(0.0) == 1


def test_a_find_that_has_died_meanwhile_is_not_taken(pair: Pair) -> None:
    pair.transport.open()
    with pair.healed():
        pair.transport.send([b"<1>a"])  # until this is confirmed the find has to wait
        until(pair.has_found)
    pair.transport.fence(PATIENCE)
    until(lambda: not pair.has_found())
    assert (pair.host, pair.transport.confirmed(0.0)) == (SECOND, 1)
    with pair.healed():
        until(pair.is_back)


def test_a_dead_first_host_costs_a_link_that_works_nothing(pair: Pair) -> None:
    pair.transport.open()
    with Stopwatch() as watch:
        for number in range(20):
            pair.clock.later += EVERY
            pair.transport.send([b"<1>%d" % number])
            pair.transport.fence(PATIENCE)
    assert pair.transport.confirmed(0.0) == 20
    assert watch.wall < PATIENCE


def test_a_person_is_told_that_the_second_host_is_used_and_why(pair: Pair) -> None:
    assert list(pair.transport.alarms) == []
    pair.transport.open()
    (alarm,) = pair.transport.alarms
    assert alarm.code == "LPF222"
    assert f"{FIRST}:{pair.port} refused the connection" in alarm.what
    with pair.healed():
        until(pair.is_back)
    assert list(pair.transport.alarms) == []


# ---- on to the second host --------------------------------------------------------------------------------


def test_a_host_that_takes_connections_and_nothing_else_makes_way_for_the_next(pair: Pair) -> None:
    with pair.healed(Manners(hangs_up=True)):
        for _ in range(10):
            with contextlib.suppress(Transient):
                pair.transport.open()
                pair.transport.send([b"<1>a"])
                pair.transport.fence(PATIENCE)
                break
            pair.transport.close()
        assert pair.host == SECOND
        assert pair.transport.confirmed(0.0) == 1


@pytest.mark.parametrize("confirm", ["close", "kernel"])
def test_a_host_that_never_reads_makes_way_for_the_next(confirm: str, stack: contextlib.ExitStack) -> None:
    pair = Pair(stack, confirm=confirm, stall_timeout="200ms")
    with pair.healed(Manners(reads=False)):
        pair.transport.open()
        assert pair.host == FIRST
        with fails("LPF211"):
            pair.transport.send([b"x" * 100_000] * 150)
        pair.transport.close()
        pair.transport.open()
        assert pair.host == SECOND


def test_a_host_that_worked_is_tried_first_again(pair: Pair) -> None:
    with pair.healed():
        pair.transport.open()
        pair.transport.send([b"<1>a"])
        pair.transport.fence(PATIENCE)
        assert (pair.host, pair.transport.confirmed(0.0)) == (FIRST, 1)
    with pytest.raises(Transient):
        until(lambda: pair.transport.confirmed(0.01) > 1)
    pair.transport.close()
    with pair.healed():
        pair.transport.open()
        assert pair.host == FIRST


def test_a_host_that_has_confirmed_something_is_trusted_as_if_nothing_had_happened(pair: Pair) -> None:
    hosts = pair.transport._hosts
    hosts.distrust(FIRST)
    pair.clock.later += DISTRUST
    with pair.healed():
        pair.transport.open()
        pair.transport.send([b"<1>a"])
        pair.transport.fence(PATIENCE)
        assert pair.host == FIRST
    with pytest.raises(Transient):
        until(lambda: pair.transport.confirmed(0.01) > 1)
    assert hosts._distrust == {}


def test_a_host_that_was_distrusted_is_looked_for_again_after_a_while(pair: Pair) -> None:
    pair.transport._hosts.distrust(FIRST)
    with pair.healed():
        pair.transport.open()
        pair.transport.confirmed(0.1)
        assert pair.host == SECOND
        pair.clock.later += DISTRUST
        until(pair.is_back)
    assert DISTRUST + EVERY <= 60.0


# ---- what it costs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_found", [False, True])
def test_closing_during_a_search_or_with_a_find_in_hand_leaves_nothing_open(has_found: bool) -> None:
    before = open_descriptors()
    with contextlib.ExitStack() as stack:
        pair = Pair(stack)
        pair.transport.open()
        with pair.healed():
            pair.transport.send([b"<1>a"])
            pair.transport.confirmed(0.0)
            if has_found:
                until(pair.has_found)
            pair.transport.close()
    del pair
    until(lambda: open_descriptors() <= before)
    until(lambda: not [thread for thread in threading.enumerate() if thread.name == "scout"])
