"""One connection, with the collector's end in the test's own hands."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator

import pytest

from lpforwarder.delivery.transports.connection import AT_ONCE, MOST_ANSWER, Connection
from lpforwarder.errors import Transient
from tests.fakes.certificates import Certificates
from tests.fakes.links import (
    FarEnd,
    probe_on,
    read_to_end,
    reset,
    take,
)
from tests.fakes.patience import (
    PATIENCE,
    Stopwatch,
    a_moment_later,
    beside,
    fails,
    until,
)

SMALL = 64 * 1024
"""A receive buffer that a test fills at once."""
MORE = b"x" * 300_000
"""What our kernel takes at once, but a far one with a SMALL receive buffer does not."""
MUCH = b"x" * 4 * 2**20
"""More than both kernels hold together."""
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
versions = pytest.mark.parametrize("version", [V12, V13])


@pytest.fixture
def small_far_end() -> Iterator[FarEnd]:
    with FarEnd(receive_buffer=SMALL) as far_end:
        yield far_end


def dies(near: Connection) -> bool:
    try:
        near.probe()
    except Transient:
        return True
    return False


# ---- noticing ---------------------------------------------------------------------------------------------


def test_the_first_write_after_the_collectors_fin_would_be_lost_so_it_is_noticed_before(
    far_end: FarEnd,
) -> None:
    near, far = far_end.pair()
    near.write(b"1 x", 1.0)
    far.shutdown(socket.SHUT_WR)
    near.wait(PATIENCE)
    with fails("LPF212"):
        near.probe()


def test_a_collector_that_closes_before_we_wrote_anything_has_a_code_and_words_of_its_own(
    far_end: FarEnd,
) -> None:
    near, far = far_end.pair()
    far.shutdown(socket.SHUT_WR)
    near.wait(PATIENCE)
    with pytest.raises(Transient, match="closed the connection without reading") as raised:
        near.probe()
    assert raised.value.code == "LPF221"


def test_a_quiet_connection_that_is_closed_after_a_while_is_not_one_that_was_turned_away(
    far_end: FarEnd,
) -> None:
    near, far = far_end.pair()
    near._began -= AT_ONCE
    far.shutdown(socket.SHUT_WR)
    near.wait(PATIENCE)
    with fails("LPF212"):
        near.probe()


def test_a_reset_is_noticed_and_named(far_end: FarEnd) -> None:
    near, far = far_end.pair()
    reset(far)
    near.wait(PATIENCE)
    with fails("LPF214"):
        near.probe()


def test_what_a_collector_says_is_dropped(far_end: FarEnd) -> None:
    near, far = far_end.pair()
    far.sendall(b"hello" * 1000)
    near.wait(PATIENCE)
    near.probe()
    near.write(b"1 x", 1.0)
    assert far.recv(10) == b"1 x"


def test_a_collector_that_talks_is_hung_up_on_after_64_kib(far_end: FarEnd) -> None:
    near, far = far_end.pair()
    far.sendall(b"x" * (MOST_ANSWER + 1))
    with fails("LPF213"):
        probe_on(near)


@versions
def test_a_collector_that_talks_tls_is_hung_up_on_as_well(
    version: ssl.TLSVersion, far_end: FarEnd, certificates: Certificates
) -> None:
    near, far = far_end.tls_pair(certificates, version=version)
    # A lot of small records: it is the octets on the wire that count.
    talk = (b"x" for _ in range(MOST_ANSWER // 23 + 10))
    with beside(lambda: list(map(far.send, talk))), fails("LPF213"):
        probe_on(near)


# ---- what the kernel has acknowledged ---------------------------------------------------------------------


def test_octets_are_unacknowledged_until_the_far_kernel_has_them(small_far_end: FarEnd) -> None:
    near, far = small_far_end.pair()
    near.write(MORE, 1.0)
    assert 0 < near.unacknowledged() < len(MORE)
    with beside(lambda: take(far, len(MORE))):
        until(lambda: near.unacknowledged() == 0)


def test_a_reset_socket_keeps_its_counter_and_is_not_believed_now_nor_later(small_far_end: FarEnd) -> None:
    near, far = small_far_end.pair()
    near.write(MORE, 1.0)
    reset(far)
    near.wait(PATIENCE)
    for _ in range(3):  # the kernel tells the error once; asked again it would say "nothing is wrong"
        with fails("LPF214"):
            near.unacknowledged()


def test_a_reset_that_a_write_has_noticed_is_not_forgotten_by_the_counter(far_end: FarEnd) -> None:
    near, far = far_end.pair()
    near.write(b"x", 1.0)
    until(lambda: near.unacknowledged() == 0)
    reset(far)
    until(lambda: dies(near))
    with fails("LPF214"):
        near.unacknowledged()


@pytest.mark.parametrize(("version", "overhead"), [(V12, 29), (V13, 22)])
def test_octets_on_the_wire_are_counted_with_tls_overhead(
    version: ssl.TLSVersion, overhead: int, far_end: FarEnd, certificates: Certificates
) -> None:
    near, far = far_end.tls_pair(certificates, version=version)
    before = near.wire_sent
    near.write(b"x" * 35_000, 1.0)
    assert near.wire_sent - before == 35_000 + 3 * overhead
    assert far.recv(1) == b"x"
    until(lambda: near.unacknowledged() == 0)


# ---- stalling and giving up -------------------------------------------------------------------------------


def test_a_collector_that_takes_nothing_is_given_up(small_far_end: FarEnd) -> None:
    near, _ = small_far_end.pair()
    with Stopwatch() as watch, fails("LPF211"):
        near.write(MUCH, 0.2)
    assert watch.wall >= 0.2
    assert watch.computing < 0.15


def test_a_collector_that_takes_a_little_now_and_then_is_not_given_up(small_far_end: FarEnd) -> None:
    near, far = small_far_end.pair()
    with beside(lambda: take(far, len(MUCH), pause=0.05)), Stopwatch() as watch:
        near.write(MUCH, 1.0)
    assert watch.wall > 1.0


@pytest.mark.parametrize("is_tls", [False, True])
def test_after_a_timed_out_write_the_link_is_unusable(
    is_tls: bool, small_far_end: FarEnd, certificates: Certificates
) -> None:
    near, _ = small_far_end.tls_pair(certificates) if is_tls else small_far_end.pair()
    with fails("LPF211"):
        near.write(MUCH, 0.05)
    sent = near.wire_sent
    with fails("LPF211"):
        near.write(b"1 x", 5.0)
    with fails("LPF211"):
        near.finish(5.0)
    with Stopwatch() as watch:
        near.hang_up(PATIENCE)
    assert near.wire_sent == sent
    assert watch.wall < PATIENCE / 2


def test_garbage_does_not_keep_a_stalled_write_busy_or_alive(small_far_end: FarEnd) -> None:
    near, far = small_far_end.pair()
    with beside(lambda: far.sendall(b"x" * (MOST_ANSWER + 1))), fails("LPF213"):
        near.write(MUCH, PATIENCE)


def call_write(near: Connection) -> None:
    near.write(MUCH, 60.0)


def call_wait(near: Connection) -> None:
    near.wait(60.0)


@pytest.mark.parametrize("call", [call_write, call_wait])
def test_abort_ends_every_wait_at_once(call: Callable[[Connection], None], small_far_end: FarEnd) -> None:
    near, _ = small_far_end.pair()
    with a_moment_later(small_far_end.wake.call), Stopwatch() as watch, fails("LPF290"):
        call(near)
    assert watch.wall < PATIENCE / 2
    near.hang_up(PATIENCE)


def test_abort_survives_a_closed_connection(far_end: FarEnd) -> None:
    near, _ = far_end.pair()
    near.close()
    far_end.wake.call()
    far_end.wake.call()


# ---- ending -----------------------------------------------------------------------------------------------


def test_a_collector_that_closes_after_our_half_close_has_read_everything(far_end: FarEnd) -> None:
    near, far = far_end.pair()
    near.write(b"1 x", 1.0)
    near.finish(1.0)
    assert not near.ended()
    assert read_to_end(far) == b"1 x"
    far.close()
    until(near.ended)


def test_a_collector_that_closes_with_unread_input_has_not(far_end: FarEnd) -> None:
    near, far = far_end.pair()
    near.write(b"1 x", 1.0)
    near.finish(1.0)
    until(lambda: near.unacknowledged() == 0)
    far.close()
    with fails("LPF214"):
        until(near.ended)


def test_an_end_that_comes_before_our_half_close_confirms_nothing(far_end: FarEnd) -> None:
    near, far = far_end.pair()
    near.write(b"1 x", 1.0)
    far.shutdown(socket.SHUT_WR)
    near.wait(PATIENCE)
    with fails("LPF212"):
        near.finish(1.0)
    assert not near.finished


def test_an_end_with_octets_on_the_way_confirms_nothing_and_waiting_for_more_is_no_busy_loop(
    small_far_end: FarEnd,
) -> None:
    near, far = small_far_end.pair()
    near.write(MORE, 1.0)
    near.finish(1.0)
    far.shutdown(socket.SHUT_WR)
    with Stopwatch() as watch:
        with contextlib.suppress(AssertionError):
            until(near.ended, within=0.2)
        near.hang_up(0.5)
    assert near._ended
    assert watch.wall >= 0.7
    assert watch.computing < 0.3


def test_such_an_end_counts_once_the_octets_have_been_taken(small_far_end: FarEnd) -> None:
    near, far = small_far_end.pair()
    near.write(MORE, 1.0)
    near.finish(1.0)
    far.shutdown(socket.SHUT_WR)
    near.wait(PATIENCE)
    assert not near.ended()
    assert len(read_to_end(far)) == len(MORE)
    until(near.ended)


def test_a_collector_that_talks_instead_of_closing_is_hung_up_on(far_end: FarEnd) -> None:
    near, far = far_end.pair()
    near.finish(1.0)
    far.sendall(b"x" * (MOST_ANSWER + 1))
    with fails("LPF213"):
        until(near.ended)


@versions
@pytest.mark.parametrize("says_goodbye", [True, False])
def test_over_tls_the_tcp_end_counts_whether_or_not_close_notify_is_answered(
    says_goodbye: bool, version: ssl.TLSVersion, far_end: FarEnd, certificates: Certificates
) -> None:
    near, far = far_end.tls_pair(certificates, version=version)
    near.write(b"1 x", 1.0)
    near.finish(1.0)
    assert far.recv(10) == b"1 x"
    assert far.recv(10) == b""
    if says_goodbye:
        far.unwrap()
    far.close()
    until(near.ended)


def test_hanging_up_reads_the_session_tickets_so_that_the_close_is_no_reset(
    far_end: FarEnd, certificates: Certificates
) -> None:
    near, far = far_end.tls_pair(certificates, version=V13)
    near.write(b"x" * 1000, 1.0)
    near.wait(PATIENCE)  # the tickets lie in our kernel, unread
    near.hang_up(0.0)
    assert far.recv(2000) == b"x" * 1000
    assert far.recv(1) == b""


def test_hanging_up_waits_for_a_collector_that_reads_on(far_end: FarEnd) -> None:
    near, far = far_end.pair()
    near.write(b"1 x", 1.0)

    def read_and_close() -> None:
        read_to_end(far)
        far.close()

    with beside(read_and_close), Stopwatch() as watch:
        near.hang_up(PATIENCE)
    assert near._ended
    assert watch.wall < PATIENCE / 2


@pytest.mark.parametrize("end", [reset, socket.socket.close])
def test_hanging_up_never_raises(end: Callable[[socket.socket], None], far_end: FarEnd) -> None:
    near, far = far_end.pair()
    end(far)
    near.hang_up(PATIENCE)
    near.hang_up(PATIENCE)


def test_hanging_up_on_a_collector_that_refuses_our_certificate_never_raises_either(
    far_end: FarEnd, certificates: Certificates
) -> None:
    near, _ = far_end.tls_pair(certificates, version=V13, client_ca=certificates.ca_file)
    near.wait(PATIENCE)
    near.hang_up(PATIENCE)
