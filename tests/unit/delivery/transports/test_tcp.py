"""The transport: fences, confirmation, giving up, ending. The collector's end is in the test's own hands."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lpforwarder.delivery.transports.connection import MOST_ANSWER
from lpforwarder.delivery.transports.tcp import FENCE_TIMEOUT, LINGER, SETTLE, TcpTransport
from lpforwarder.errors import Transient
from tests.fakes.collectors import Collector, Manners
from tests.fakes.links import (
    PATIENCE,
    FarEnd,
    LaterClock,
    Stopwatch,
    a_moment_later,
    beside,
    black_hole,
    open_descriptors,
    reset,
    take,
    tcp_options,
    until,
)

SMALL = 64 * 1024
MUCH = [b"x" * 100_000] * 100


class StandingClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class OneAtATime:
    """A collector that takes one connection and closes all others at once, as with a limit of sessions."""

    def __init__(self) -> None:
        self.far_end = FarEnd()
        self.received = b""
        self.served = self.refused = 0
        self._serving: threading.Thread | None = None
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._leaving = False

    def __enter__(self) -> OneAtATime:
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving = True
        with contextlib.suppress(OSError), socket.create_connection(self.far_end.address):
            self._acceptor.join(PATIENCE)
        self.far_end.__exit__(None, None, None)

    def _accept(self) -> None:
        while not self._leaving:
            far = self.far_end.accept()
            if self._serving is not None and self._serving.is_alive():
                self.refused += 1
                far.close()
            else:
                self.served += 1
                self._serving = threading.Thread(target=self._serve, args=(far,), daemon=True)
                self._serving.start()

    def _serve(self, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while octets := far.recv(2**16):
                self.received += octets
        far.close()


@pytest.fixture
def far_end() -> Iterator[FarEnd]:
    with FarEnd() as far_end:
        yield far_end


@contextlib.contextmanager
def transport_to(
    far_end: FarEnd, clock: Callable[[], float] | None = None, **options: Any
) -> Iterator[TcpTransport]:
    made = TcpTransport(tcp_options(far_end.address, **options), clock=clock or LaterClock())
    try:
        yield made
    finally:
        made.abort()
        made.close()


@contextlib.contextmanager
def fails(code: str) -> Iterator[None]:
    with pytest.raises(Transient) as raised:
        yield
    assert raised.value.code == code, raised.value


def read_to_end(far: socket.socket) -> bytes:
    octets = b""
    while chunk := far.recv(2**16):
        octets += chunk
    return octets


def look_until_it_raises(transport: TcpTransport) -> int:
    """The most it has ever confirmed."""
    most = 0

    def raises() -> bool:
        nonlocal most
        try:
            most = max(most, transport.confirmed(0.0))
        except Transient:
            return True
        return False

    until(raises, "an error")
    return most


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


def wait_for_end(transport: TcpTransport) -> None:
    """Returns once our kernel knows that the collector has closed the old connection."""
    transport._fenced[0].connection.wait(PATIENCE)


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
    clock, received = LaterClock(), []
    with Collector(lambda messages: received.extend(messages), manners=Manners(closes=False)) as collector:
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
            assert links < 5
            links += 1
            transport.open()
            with contextlib.suppress(Transient):
                while transport.confirm == "close":
                    transport.send([b"<1>a"])
                    sent += 1
                    transport.fence(0.0)
                    transport.confirmed(0.1)
                    clock.later += FENCE_TIMEOUT / 3
                until(lambda: transport.confirmed(0.0) > 0)
            transport.close()
        assert links == 2
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
    assert watch.wall < 3.0


# ---- confirm: kernel --------------------------------------------------------------------------------------


def test_under_kernel_each_write_counts_once_the_far_kernel_has_all_of_it() -> None:
    with FarEnd(receive_buffer=SMALL) as far_end, transport_to(far_end, confirm="kernel") as transport:
        transport.open()
        far = far_end.accept()
        transport.send([b"<1>a", b"<2>b"])
        until(lambda: transport.confirmed(0.0) == 2)
        transport.send([b"x" * 1000] * 300)
        transport.send([b"<3>c"])
        assert transport.confirmed(0.1) == 2
        with beside(lambda: take(far, 12 + 300 * 1005)):
            until(lambda: transport.confirmed(0.0) == 303)


def test_under_kernel_a_reset_confirms_nothing_however_often_it_is_asked(far_end: FarEnd) -> None:
    with transport_to(far_end, confirm="kernel") as transport:
        transport.open()
        transport.send([b"<1>a"] * 5)
        far = far_end.accept()
        far.recv(1)
        far.close()  # the kernel has acknowledged all of it, nobody has read it
        assert transport._current is not None
        transport._current.wait(PATIENCE)
        for _ in range(5):
            with fails("LPF214"):
                transport.confirmed(0.0)


def test_under_kernel_the_first_write_after_the_collectors_fin_is_not_lost(far_end: FarEnd) -> None:
    with transport_to(far_end, confirm="kernel") as transport:
        transport.open()
        far_end.accept().close()
        assert transport._current is not None
        transport._current.wait(PATIENCE)
        with fails("LPF212"):
            transport.send([b"<1>a"])
        assert look_until_it_raises(transport) == 0


def test_what_was_confirmed_before_the_link_broke_is_told_first_and_then_what_broke(far_end: FarEnd) -> None:
    with transport_to(far_end, confirm="kernel") as transport:
        transport.open()
        transport.send([b"<1>a"] * 5)
        far = far_end.accept()
        far.recv(100)
        far.close()
        assert transport._current is not None
        transport._current.wait(PATIENCE)
        assert transport.confirmed(0.0) == 5
        with fails("LPF212"):
            transport.confirmed(0.0)


def test_what_a_stalled_collector_had_taken_before_is_still_counted() -> None:
    with (
        FarEnd(receive_buffer=SMALL) as far_end,
        transport_to(far_end, confirm="kernel", stall_timeout="100ms") as transport,
    ):
        transport.open()
        transport.send([b"<1>a"] * 5)
        with fails("LPF211"):
            transport.send(MUCH)
        assert transport.confirmed(0.0) == 5
        with fails("LPF211"):
            transport.confirmed(0.0)


def test_under_kernel_a_fence_opens_nothing_and_only_waits(far_end: FarEnd) -> None:
    with transport_to(far_end, confirm="kernel") as transport:
        transport.open()
        transport.send([b"<1>a"])
        transport.fence(PATIENCE)
        assert transport.confirmed(0.0) == 1
        far_end.accept()
        assert far_end.accept_now() is None


# ---- collectors with bad habits ---------------------------------------------------------------------------


def test_a_collector_that_never_reads_is_given_up_after_the_stall_timeout() -> None:
    with (
        FarEnd(receive_buffer=SMALL) as far_end,
        transport_to(far_end, stall_timeout="200ms") as transport,
    ):
        transport.open()
        with Stopwatch() as watch, fails("LPF211"):
            transport.send(MUCH)
        with fails("LPF211"):
            transport.send([b"<1>a"])
    assert 0.2 <= watch.wall < 2.0
    assert watch.computing < 0.5


def test_a_fence_with_a_full_send_buffer_confirms_all_once_it_is_read() -> None:
    messages = [b"x" * 1000] * 300
    with FarEnd(receive_buffer=SMALL) as far_end, transport_to(far_end) as transport:
        transport.open()
        transport.send(messages)
        transport.fence(0.0)
        assert transport.confirmed(0.05) == 0
        far = far_end.accept()
        assert len(read_to_end(far)) == 300 * 1005
        far.close()
        assert transport.confirmed(PATIENCE) == 300


def test_a_collector_that_sends_garbage_is_hung_up_on() -> None:
    garbage = Manners(garbage=MOST_ANSWER * 2)
    with Collector(list, manners=garbage) as collector:
        transport = TcpTransport(tcp_options(collector.address))
        transport.open()

        def send() -> bool:
            transport.send([b"<1>a"])
            return False

        with fails("LPF213"):
            until(send)
        transport.close()


def test_a_collector_that_accepts_and_closes_is_never_taken_for_one_that_reads() -> None:
    with Collector(list, manners=Manners(hangs_up=True)) as collector:
        transport = TcpTransport(tcp_options(collector.address))
        for _ in range(20):
            with pytest.raises(Transient):
                transport.open()
                transport.send([b"<1>a"])
                transport.fence(0.0)
                assert transport.confirmed(PATIENCE) == 0
            transport.close()


def test_a_refused_link_can_be_opened_later(far_end: FarEnd) -> None:
    address = far_end.address
    far_end.__exit__(None, None, None)
    transport = TcpTransport(tcp_options(address))
    for _ in range(3):
        with fails("LPF202"):
            transport.open()
        transport.close()
    with contextlib.closing(socket.create_server(address)):
        transport.open()
        assert transport.peer == f"127.0.0.1:{address[1]}"
        transport.abort()
        transport.close()


def test_a_link_that_is_not_open_says_so(far_end: FarEnd) -> None:
    with transport_to(far_end) as transport, fails("LPF290"):
        transport.send([b"<1>a"])


# ---- several hosts ----------------------------------------------------------------------------------------


def test_hosts_are_tried_in_order_and_a_fence_leads_back_to_the_first_that_heals() -> None:
    first = socket.socket()
    with FarEnd() as second, contextlib.closing(first):
        port = second.address[1]
        first.bind(("127.0.0.2", port))
        transport = TcpTransport(tcp_options(second.address, host=["127.0.0.2", "127.0.0.1"]))
        transport.open()
        assert transport.peer == f"127.0.0.1:{port}"
        first.listen()
        transport.send([b"<1>a"])
        transport.fence(0.0)
        far = second.accept()
        assert read_to_end(far) == b"4 <1>a"
        far.close()
        assert transport.confirmed(PATIENCE) == 1
        assert transport.peer == f"127.0.0.2:{port}"
        transport.abort()
        transport.close()


def test_no_answer_from_the_only_host_is_told_within_the_connect_timeout() -> None:
    with black_hole() as address, Stopwatch() as watch, fails("LPF203"):
        TcpTransport(tcp_options(address, connect_timeout="200ms")).open()
    assert 0.2 <= watch.wall < 1.5


# ---- abort ------------------------------------------------------------------------------------------------


def call_send(transport: TcpTransport) -> None:
    transport.send(MUCH)


def call_send_behind_a_fence(transport: TcpTransport) -> None:
    transport.send([b"<1>a"])
    transport.fence(0.0)
    transport.send([b"<2>b"])


def call_confirmed(transport: TcpTransport) -> None:
    transport.send([b"<1>a"])
    transport.confirmed(60.0)


def call_fence(transport: TcpTransport) -> None:
    transport.send([b"<1>a"])
    transport.fence(60.0)


@pytest.mark.parametrize("confirm", ["close", "kernel"])
@pytest.mark.parametrize("call", [call_send, call_send_behind_a_fence, call_confirmed, call_fence])
def test_abort_ends_the_call_in_flight(call: Callable[[TcpTransport], None], confirm: str) -> None:
    if confirm == "kernel" and call is not call_send:
        return  # confirmed by the kernel before anybody could abort
    with FarEnd(receive_buffer=SMALL) as far_end, transport_to(far_end, confirm=confirm) as transport:
        transport.open()
        with a_moment_later(transport.abort), Stopwatch() as watch, fails("LPF290"):
            call(transport)
        assert watch.wall < 0.5
        with Stopwatch() as watch:
            transport.close()
        assert watch.wall < 0.5


def test_abort_ends_an_open_that_hangs() -> None:
    with black_hole() as address:
        transport = TcpTransport(tcp_options(address, connect_timeout="60s"))
        with a_moment_later(transport.abort), Stopwatch() as watch, fails("LPF290"):
            transport.open()
    assert watch.wall < 0.5


def test_abort_survives_a_link_that_is_dead_closed_or_not_yet_open(far_end: FarEnd) -> None:
    TcpTransport(tcp_options(far_end.address)).abort()
    transport = TcpTransport(tcp_options(far_end.address))
    transport.open()
    reset(far_end.accept())
    transport.abort()
    transport.close()
    transport.abort()
    transport.close()


# ---- ending -----------------------------------------------------------------------------------------------


def test_close_lets_everything_arrive_and_never_resets(far_end: FarEnd) -> None:
    received: list[bytes] = []
    messages = [b"<1>%06d" % number for number in range(5000)]
    with Collector(received.extend, manners=Manners(octet_rate=300_000)) as collector:
        transport = TcpTransport(tcp_options(collector.address))
        transport.open()
        transport.send(messages)
        transport.close()
        until(lambda: len(received) == 5000)
    assert received == messages
    assert not collector.problems


def test_an_aborted_link_still_lets_arrive_what_is_on_its_way(far_end: FarEnd) -> None:
    transport = TcpTransport(tcp_options(far_end.address))
    transport.open()
    transport.send([b"<1>a"])
    far = far_end.accept()
    far.sendall(b"something unread, which would turn a plain close into a reset")
    transport.abort()
    transport.close()
    assert read_to_end(far) == b"4 <1>a"


def test_closing_takes_no_longer_than_the_linger_whatever_the_collector_does() -> None:
    with Collector(list, manners=Manners(closes=False)) as collector:
        transport = TcpTransport(tcp_options(collector.address))
        transport.open()
        transport.send([b"<1>a"])
        transport.fence(0.0)
        transport.confirm = "kernel"  # two connections are open now; nothing waits for the first one
        transport.send([b"<2>b"])
        with Stopwatch() as watch:
            transport.close()
            transport.close()
    assert watch.wall < LINGER + 0.5
    assert watch.computing < 0.2


# ---- what it costs ----------------------------------------------------------------------------------------


def test_a_thousand_links_and_fences_leave_no_descriptor_open() -> None:
    clock = LaterClock()
    with Collector(list) as collector:
        transport = TcpTransport(tcp_options(collector.address), clock=lambda: clock() * 50)
        transport.open()
        transport.close()
        before = open_descriptors()
        for number in range(1000):
            if number % 10 == 0:
                transport.close()
                transport.open()
            transport.send([b"<1>a"])
            transport.fence(PATIENCE * 50)
        transport.close()
        until(lambda: open_descriptors() <= before)


def test_links_that_break_in_every_way_leave_no_descriptor_open(far_end: FarEnd) -> None:
    before = open_descriptors()
    for number in range(100):
        transport = TcpTransport(tcp_options(far_end.address))
        with contextlib.suppress(Transient):
            transport.open()
            transport.send([b"<1>a"])
            old = far_end.accept()
            if number % 3 == 0:
                reset(old)
            transport.fence(0.0)
            following = far_end.accept()
            reset(following if number % 3 == 1 else old)
            until(lambda: bool(transport.confirmed(0.01)))
        far_end.forget()
        transport.close()
    assert open_descriptors() <= before + 1  # the last one's eventfd


def test_an_idle_link_and_one_that_waits_for_a_fence_cost_next_to_nothing(far_end: FarEnd) -> None:
    with transport_to(far_end) as transport:
        transport.open()
        with Stopwatch() as idle:
            transport.confirmed(0.5)
        transport.send([b"<1>a"])
        transport.fence(0.0)
        with Stopwatch() as fencing:
            transport.confirmed(0.5)
    assert idle.computing < 0.1
    assert fencing.computing < 0.1
