"""The transport: fences, confirmation, giving up, ending. The collector's end is in the test's own hands."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

import pytest

from lpforwarder.delivery.transports.connection import MOST_ANSWER
from lpforwarder.delivery.transports.fences import SETTLE
from lpforwarder.delivery.transports.tcp import LINGER, TcpTransport
from lpforwarder.errors import Transient
from tests.fakes.collectors import Collector, Manners
from tests.fakes.links import (
    FarEnd,
    black_hole,
    look_until_it_raises,
    read_to_end,
    reset,
    take,
    tcp_options,
    transport_to,
    wait_for_end,
)
from tests.fakes.patience import (
    PATIENCE,
    LaterClock,
    Stopwatch,
    a_moment_later,
    beside,
    fails,
    open_descriptors,
    until,
)
from tests.fakes.ports import ReservedPort

SMALL = 64 * 1024
MUCH = [b"x" * 100_000] * 100


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
        with fails("LPF221"):
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
    assert 0.2 <= watch.wall < PATIENCE / 2
    assert watch.computing < 0.5


def test_what_a_slow_collector_takes_in_the_middle_of_a_call_is_a_sign_of_life() -> None:
    with FarEnd(receive_buffer=SMALL) as far_end, transport_to(far_end) as transport:
        assert transport.pulse == 0
        transport.open()
        pulses = []
        with beside(lambda: transport.send(MUCH)):
            far = far_end.accept()
            left = sum(len(message) + len(b"100000 ") for message in MUCH)
            while left:
                left -= len(far.recv(min(left, 500_000)))
                pulses.append(transport.pulse)
        assert len(set(pulses)) > 3
        assert pulses == sorted(pulses)
        far.close()


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
            try:
                transport.open()
                transport.send([b"<1>a"])
                transport.fence(0.0)
            except Transient:
                pass
            else:
                assert look_until_it_raises(transport) == 0
            transport.close()


def test_a_refused_link_can_be_opened_later() -> None:
    with contextlib.closing(ReservedPort()) as port:
        address = ("127.0.0.1", port.number)
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


def test_no_answer_from_the_only_host_is_told_within_the_connect_timeout() -> None:
    with black_hole() as address, Stopwatch() as watch, fails("LPF203"):
        TcpTransport(tcp_options(address, connect_timeout="200ms")).open()
    assert 0.2 <= watch.wall < PATIENCE / 2


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
        assert watch.wall < PATIENCE / 2
        with Stopwatch() as watch:
            transport.close()
        assert watch.wall < LINGER


def test_abort_ends_an_open_that_hangs() -> None:
    with black_hole() as address:
        transport = TcpTransport(tcp_options(address, connect_timeout="60s"))
        with a_moment_later(transport.abort), Stopwatch() as watch, fails("LPF290"):
            transport.open()
    assert watch.wall < PATIENCE / 2


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
        transport._fences.confirm = "kernel"  # two connections are open now; nothing waits for the first one
        transport.send([b"<2>b"])
        with Stopwatch() as watch:
            transport.close()
            transport.close()
    assert watch.wall < 2 * LINGER  # which each of the two would take by itself
    assert watch.computing < 0.2


def test_a_broken_link_is_closed_without_waiting_for_anybody(far_end: FarEnd) -> None:
    with transport_to(far_end) as transport:
        transport.open()
        transport.send([b"<1>a"])
        transport.fence(0.0)
        _, following = far_end.accept(), far_end.accept()
        reset(following)
        look_until_it_raises(transport)
        with Stopwatch() as watch:
            transport.close()
    assert watch.wall < LINGER


# ---- what it costs ----------------------------------------------------------------------------------------


def test_a_thousand_fences_and_a_hundred_links_leave_no_descriptor_open(far_end: FarEnd) -> None:
    clock = LaterClock()
    transport = TcpTransport(tcp_options(far_end.address), clock=clock)
    before = open_descriptors()
    for number in range(1000):
        if number % 10 == 0:
            far_end.forget()
            transport.close()
            transport.open()
        transport.send([b"<1>a"])
        transport.fence(0.0)
        far = far_end.accept()
        read_to_end(far)
        far.close()
        wait_for_end(transport)
        transport.confirmed(0.0)
        clock.later += SETTLE
        assert transport.confirmed(0.0) == number % 10 + 1
    far_end.forget()
    transport.close()
    assert open_descriptors() <= before


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
            look_until_it_raises(transport)
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
