"""Fences: what confirms a message under `confirm: close`. The collector's end is in the test's own hands."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable

import pytest

from lpforwarder.delivery.transports.fences import FENCE_TIMEOUT, SETTLE
from lpforwarder.delivery.transports.tcp import TcpTransport
from lpforwarder.errors import Transient
from tests.fakes.collectors import Collector, Manners
from tests.fakes.links import (
    FarEnd,
    look_until_it_raises,
    read_to_end,
    reset,
    tcp_options,
    transport_to,
    wait_for_end,
)
from tests.fakes.patience import (
    PATIENCE,
    LaterClock,
    StandingClock,
    Stopwatch,
    a_moment_later,
    beside,
    fails,
    until,
)


class OneAtATime:
    """A collector that takes one connection and closes all others at once, as with a limit of sessions."""

    def __init__(self) -> None:
        self.far_end = FarEnd()
        self.received = b""
        self.served = self.refused = 0
        self.is_busy = False
        self._deciding = threading.Lock()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._leaving = False

    def __enter__(self) -> OneAtATime:
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving = True
        with contextlib.suppress(OSError), socket.create_connection(self.far_end.address):
            self._acceptor.join(PATIENCE)
        until(lambda: not self.is_busy)
        self.far_end.__exit__(None, None, None)

    def _accept(self) -> None:
        while not self._leaving:
            select.select([self.far_end._listener], [], [])
            with self._deciding:
                self._take(self.far_end.accept())

    def _take(self, far: socket.socket) -> None:
        if self.is_busy:
            far.close()
            self.refused += 1
        else:
            self.is_busy = True
            self.served += 1
            threading.Thread(target=self._serve, args=(far,), daemon=True).start()

    def _serve(self, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while octets := far.recv(2**16):
                self.received += octets
        # The next connection comes before the end of this one; it is busy until it has turned that away.
        until(self._has_nobody_waiting)
        far.close()

    def _has_nobody_waiting(self) -> bool:
        with self._deciding:
            waits = bool(select.select([self.far_end._listener], [], [], 0)[0])
            self.is_busy = waits
            return not waits


# ---- the fence --------------------------------------------------------------------------------------------


def test_sent_and_read_and_acknowledged_is_not_confirmed(far_end: FarEnd) -> None:
    with transport_to(far_end) as transport:
        transport.open()
        transport.send([b"<1>a", b"<2>b"])
        assert far_end.accept().recv(100) == b"4 <1>a4 <2>b"
        assert transport.confirmed(0.05) == 0


def test_what_the_collector_has_read_to_its_end_and_closed_is_confirmed(far_end: FarEnd) -> None:
    with transport_to(far_end) as transport:
        transport.open()
        transport.send([b"<1>a", b"<2>b"])
        transport.fence(0.0)
        far = far_end.accept()
        assert read_to_end(far) == b"4 <1>a4 <2>b"
        assert transport.confirmed(0.05) == 0
        far.close()
        assert transport.confirmed(PATIENCE) == 2


def test_the_next_connection_is_open_before_the_old_one_is_half_closed(far_end: FarEnd) -> None:
    with transport_to(far_end) as transport:
        transport.open()
        transport.send([b"<1>a"])
        far = far_end.accept()
        with beside(lambda: transport.fence(0.0)):
            assert read_to_end(far) == b"4 <1>a"
            assert far_end.accept_now() is not None  # it is there already, or not at all


def test_the_old_connection_stays_open_when_there_is_no_next_one(far_end: FarEnd) -> None:
    with transport_to(far_end) as transport:
        transport.open()
        transport.send([b"<1>a"])
        far = far_end.accept()
        far_end.refuse()
        transport.fence(0.0)
        transport.send([b"<2>b"])
        until(lambda: len(far.recv(100, socket.MSG_PEEK)) == 12)


def test_a_message_counts_only_when_the_collector_has_lived_on_for_the_settle_time(far_end: FarEnd) -> None:
    clock = StandingClock()
    with transport_to(far_end, clock) as transport:
        transport.open()
        transport.send([b"<1>a"])
        transport.fence(0.0)
        far = far_end.accept()
        read_to_end(far)
        far.close()
        wait_for_end(transport)
        assert transport.confirmed(0.0) == 0
        clock.now += SETTLE * 0.9
        assert transport.confirmed(0.0) == 0
        clock.now += SETTLE * 0.2
        assert transport.confirmed(0.0) == 1


@pytest.mark.parametrize("end", [reset, socket.socket.close])
def test_a_collector_that_dies_within_the_settle_time_has_confirmed_nothing(
    end: Callable[[socket.socket], None], far_end: FarEnd
) -> None:
    clock = StandingClock()
    with transport_to(far_end, clock) as transport:
        transport.open()
        transport.send([b"<1>a"])
        transport.fence(0.0)
        old, following = far_end.accept(), far_end.accept()
        read_to_end(old)
        old.close()
        wait_for_end(transport)
        assert transport.confirmed(0.0) == 0
        end(following)
        assert transport._current is not None
        transport._current.wait(PATIENCE)
        clock.now += 1.0
        assert look_until_it_raises(transport) == 0


def test_a_reset_confirms_nothing_and_ends_the_link(far_end: FarEnd) -> None:
    with transport_to(far_end) as transport:
        transport.open()
        transport.send([b"<1>a"])
        transport.fence(0.0)
        far_end.accept().close()  # with unread input
        assert look_until_it_raises(transport) == 0
        with fails("LPF214"):
            transport.send([b"<2>b"])
        with fails("LPF214"):
            transport.confirmed(0.0)


def test_an_end_that_comes_before_our_half_close_confirms_nothing(far_end: FarEnd) -> None:
    with transport_to(far_end) as transport:
        transport.open()
        transport.send([b"<1>a"])
        far = far_end.accept()
        assert far.recv(100) == b"4 <1>a"
        far.close()
        assert transport._current is not None
        transport._current.wait(PATIENCE)
        with fails("LPF212"):
            transport.fence(0.0)
        assert look_until_it_raises(transport) == 0


def test_nothing_overtakes_what_was_sent_before(far_end: FarEnd) -> None:
    with transport_to(far_end) as transport:
        transport.open()
        transport.send([b"<1>a"])
        transport.fence(0.0)
        old, following = far_end.accept(), far_end.accept()
        with beside(lambda: transport.send([b"<2>b"])):
            following.settimeout(0.1)
            with pytest.raises(TimeoutError):
                following.recv(100)
            assert read_to_end(old) == b"4 <1>a"
            old.close()
            following.settimeout(PATIENCE)
            assert following.recv(100) == b"4 <2>b"


def test_waiting_for_the_old_connection_ends_when_the_next_one_dies(far_end: FarEnd) -> None:
    with transport_to(far_end) as transport:
        transport.open()
        transport.send([b"<1>a"])
        transport.fence(0.0)
        _, following = far_end.accept(), far_end.accept()
        with a_moment_later(lambda: reset(following)), fails("LPF214"):
            transport.send([b"<2>b"])


def test_a_fence_without_anything_to_confirm_opens_nothing(far_end: FarEnd) -> None:
    with transport_to(far_end) as transport:
        transport.open()
        transport.fence(0.0)
        far_end.accept()
        assert far_end.accept_now() is None


def test_a_fence_waits_for_the_result_as_long_as_it_may() -> None:
    received: list[bytes] = []
    with Collector(received.extend) as collector:
        transport = TcpTransport(tcp_options(collector.address))
        transport.open()
        transport.send([b"<1>a"])
        transport.fence(PATIENCE)
        assert transport.confirmed(0.0) == 1
        transport.close()
    assert received == [b"<1>a"]


def test_counts_begin_anew_with_each_link() -> None:
    with Collector(list) as collector:
        transport = TcpTransport(tcp_options(collector.address))
        for _ in range(3):
            transport.open()
            assert transport.confirmed(0.0) == 0
            transport.send([b"<1>a"] * 5)
            transport.fence(PATIENCE)
            assert transport.confirmed(0.0) == 5
            transport.close()


# ---- collectors that do not answer the fence --------------------------------------------------------------


def test_three_timeouts_in_a_row_and_the_kernel_is_believed_instead() -> None:
    clock = LaterClock()
    received: list[bytes] = []
    with Collector(received.extend, manners=Manners(closes=False)) as collector:
        transport = TcpTransport(tcp_options(collector.address), clock=clock)
        transport.open()
        transport.send([b"<1>a", b"<2>b"])
        transport.fence(0.0)
        for unanswered in (1, 2):
            clock.later += FENCE_TIMEOUT
            assert transport.confirmed(0.0) == 0
            assert (transport.unanswered_fences, transport.confirm) == (unanswered, "close")
        clock.later += FENCE_TIMEOUT
        until(lambda: transport.confirmed(0.0) == 2)
        assert transport.confirm == "kernel"
        transport.send([b"<3>c"])
        until(lambda: transport.confirmed(0.0) == 3)
        until(lambda: len(received) == 3)
        transport.abort()  # it never closes: nothing to wait for
        transport.close()


def test_an_answer_forgives_what_was_not_answered_before(far_end: FarEnd) -> None:
    clock = LaterClock()
    with transport_to(far_end, clock) as transport:
        transport.open()
        transport.send([b"<1>a"])
        transport.fence(0.0)
        for _ in range(2):
            clock.later += FENCE_TIMEOUT
            transport.confirmed(0.0)
        assert transport.unanswered_fences == 2
        far = far_end.accept()
        read_to_end(far)
        far.close()
        assert transport.confirmed(PATIENCE) == 1
        assert transport.unanswered_fences == 0


def test_a_collector_that_refuses_a_second_connection_keeps_its_link_and_is_believed_by_its_kernel(
    far_end: FarEnd,
) -> None:
    clock = LaterClock()
    with transport_to(far_end, clock) as transport:
        transport.open()
        far = far_end.accept()
        far_end.refuse()
        sent = 0
        while transport.confirm == "close":
            transport.send([b"<1>a"])
            transport.fence(0.0)
            transport.fence(0.0)  # asked again too soon: nothing happens
            sent += 1
            assert transport.unanswered_fences == sent
            clock.later += FENCE_TIMEOUT / 3
        assert sent == 3
        until(lambda: transport.confirmed(0.0) == 3)
        assert far.recv(100) == b"4 <1>a" * 3


def test_a_collector_that_closes_a_second_connection_costs_one_link_and_no_more() -> None:
    clock = LaterClock()
    with OneAtATime() as collector:
        transport = TcpTransport(tcp_options(collector.far_end.address), clock=clock)
        links = sent = 0
        while transport.confirm == "close":
            links += 1
            assert links <= 3  # one to learn it; a busy machine may need one more
            transport.open()
            with contextlib.suppress(Transient):
                while transport.confirm == "close":
                    refused = collector.refused
                    transport.send([b"<1>a"])
                    sent += 1
                    transport.fence(0.0)
                    until(lambda before=refused: collector.refused > before)  # type: ignore[misc]
                    transport.confirmed(0.1)
                    clock.later += FENCE_TIMEOUT / 3
                until(lambda: transport.confirmed(0.0) > 0)
            transport.close()
            until(lambda: not collector.is_busy)
        assert collector.received == b"4 <1>a" * sent


def test_a_collector_that_died_once_during_a_fence_is_not_taken_for_one_that_takes_one_only(
    far_end: FarEnd,
) -> None:
    with transport_to(far_end) as transport:
        for _ in range(2):
            transport.open()
            transport.send([b"<1>a"])
            transport.fence(0.0)
            old, following = far_end.accept(), far_end.accept()
            read_to_end(old)
            reset(following)
            assert look_until_it_raises(transport) == 0
            transport.close()
            transport.open()
            transport.send([b"<1>a"])
            transport.fence(0.0)
            again = far_end.accept()
            far_end.accept()
            read_to_end(again)
            again.close()
            assert transport.confirmed(PATIENCE) == 1
            assert transport.unanswered_fences == 0
            far_end.forget()
            transport.close()


def test_a_serial_collector_works_without_a_stall() -> None:
    received: list[bytes] = []
    with Collector(received.extend, manners=Manners(serial=True)) as collector, Stopwatch() as watch:
        transport = TcpTransport(tcp_options(collector.address))
        transport.open()
        for number in range(20):
            transport.send([b"<1>%d" % number])
            transport.fence(0.0)
        transport.fence(PATIENCE)
        assert transport.confirmed(0.0) == 20
        transport.close()
    assert received == [b"<1>%d" % number for number in range(20)]
    assert watch.wall < PATIENCE  # a stall would be as long as FENCE_TIMEOUT
