"""One connection, with the collector's end in the test's own hands."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import pytest

from lpforwarder.delivery.transports.connection import MOST_ANSWER, Connection
from lpforwarder.errors import Blocked, Transient
from tests.fakes.certificates import Certificates, ServerTls, client_context
from tests.fakes.links import (
    PATIENCE,
    FarEnd,
    Stopwatch,
    a_moment_later,
    answering,
    beside,
    reset,
    take,
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
def far_end() -> Iterator[FarEnd]:
    with FarEnd() as far_end:
        yield far_end


@pytest.fixture
def small_far_end() -> Iterator[FarEnd]:
    with FarEnd(receive_buffer=SMALL) as far_end:
        yield far_end


@contextlib.contextmanager
def fails(code: str, kind: type[Exception] = Transient) -> Iterator[None]:
    with pytest.raises(kind) as raised:
        yield
    assert isinstance(raised.value, Transient | Blocked)
    assert raised.value.code == code, raised.value


def dies(near: Connection) -> bool:
    try:
        near.probe()
    except Transient:
        return True
    return False


def probe_on(near: Connection) -> None:
    """Probes until that raises, as it must."""
    until(lambda: dies_not(near))


def dies_not(near: Connection) -> bool:
    near.probe()
    return False


def read_all(far: socket.socket) -> bytes:
    octets = b""
    while chunk := far.recv(2**20):
        octets += chunk
    return octets


# ---- noticing ---------------------------------------------------------------------------------------------


def test_the_first_write_after_the_collectors_fin_would_be_lost_so_it_is_noticed_before(
    far_end: FarEnd,
) -> None:
    near, far = far_end.pair()
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
    with beside(lambda: take(far, len(MUCH), pause=0.02)), Stopwatch() as watch:
        near.write(MUCH, 0.5)
    assert watch.wall > 0.5


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
    assert watch.wall < 1.0


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
    assert watch.wall < 0.5
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
    assert read_all(far) == b"1 x"
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
    assert len(read_all(far)) == len(MORE)
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
        read_all(far)
        far.close()

    with beside(read_and_close), Stopwatch() as watch:
        near.hang_up(PATIENCE)
    assert near._ended
    assert watch.wall < 1.0


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


# ---- the handshake ----------------------------------------------------------------------------------------


def test_a_missing_client_certificate_is_named_before_anything_is_sent(
    far_end: FarEnd, certificates: Certificates
) -> None:
    near, _ = far_end.tls_pair(certificates, version=V13, client_ca=certificates.ca_file)
    with Stopwatch() as watch, fails("LPF208", Blocked):
        near.settle_tls(PATIENCE)
    assert watch.wall < 0.3


def test_an_accepted_client_certificate_does_not_wait_the_whole_time(
    far_end: FarEnd, certificates: Certificates
) -> None:
    near, plain = far_end.pair()
    tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file, version=V13)
    far = tls.context().wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
    ours = client_context(certificates.ca_file, client=certificates.client)
    with answering(far), Stopwatch() as watch:
        near.start_tls(ours, "127.0.0.1", PATIENCE)
        near.settle_tls(PATIENCE)
    assert watch.wall < 0.3
    far.close()


def test_a_collector_without_tickets_costs_the_settle_time_and_no_more(
    far_end: FarEnd, certificates: Certificates
) -> None:
    near, plain = far_end.pair()
    context = ServerTls(pair=certificates.server, version=V13).context()
    context.num_tickets = 0
    far = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
    with answering(far):
        near.start_tls(client_context(certificates.ca_file), "127.0.0.1", PATIENCE)
    with Stopwatch() as watch:
        near.settle_tls(0.1)
    assert 0.1 <= watch.wall < 0.4
    far.close()


def test_tls_1_2_has_nothing_to_settle(far_end: FarEnd, certificates: Certificates) -> None:
    near, _ = far_end.tls_pair(certificates, version=V12)
    with Stopwatch() as watch:
        near.settle_tls(PATIENCE)
    assert watch.wall < 0.3


def test_a_peer_that_is_silent_in_the_handshake_is_named(far_end: FarEnd, certificates: Certificates) -> None:
    near, far = far_end.pair()
    with Stopwatch() as watch, fails("LPF209"):
        near.start_tls(client_context(certificates.ca_file), "127.0.0.1", 0.2)
    assert 0.2 <= watch.wall < 1.0
    assert far.recv(1) == b"\x16"  # a ClientHello and nothing else


def test_a_peer_that_drips_its_handshake_gets_no_more_time_than_a_silent_one(
    far_end: FarEnd, certificates: Certificates
) -> None:
    near, far = far_end.pair()
    rest = threading.Event()

    def drip() -> None:
        with contextlib.suppress(OSError):
            far.sendall(b"\x16\x03\x03\x40\x00")
            while not rest.wait(0.005):
                far.sendall(b"\x02")

    with beside(drip):
        with Stopwatch() as watch, fails("LPF209"):
            near.start_tls(client_context(certificates.ca_file), "127.0.0.1", 0.2)
        rest.set()
    assert watch.wall < 1.0


@pytest.mark.parametrize("end", [reset, socket.socket.close])
def test_a_peer_that_hangs_up_in_the_handshake_is_named(
    end: Callable[[socket.socket], None], far_end: FarEnd, certificates: Certificates
) -> None:
    near, far = far_end.pair()
    end(far)
    with fails("LPF209"):
        near.start_tls(client_context(certificates.ca_file), "127.0.0.1", PATIENCE)


def test_a_peer_that_speaks_plain_text_is_named(far_end: FarEnd, certificates: Certificates) -> None:
    near, far = far_end.pair()
    far.sendall(b"220 smtp.example.net ready\r\n")
    with fails("LPF209", Blocked):
        near.start_tls(client_context(certificates.ca_file), "127.0.0.1", PATIENCE)


@pytest.mark.parametrize("name", ["a..example.net", "x" * 64 + ".example.net", ".example.net", ""])
def test_a_name_that_no_certificate_can_have_is_no_bug_of_ours(
    name: str, far_end: FarEnd, certificates: Certificates
) -> None:
    near, _ = far_end.pair()
    with fails("LPF204", Blocked):
        near.start_tls(client_context(certificates.ca_file), name, PATIENCE)


def test_abort_ends_a_handshake_at_once(far_end: FarEnd, certificates: Certificates) -> None:
    near, _ = far_end.pair()
    with a_moment_later(far_end.wake.call), Stopwatch() as watch, fails("LPF290"):
        near.start_tls(client_context(certificates.ca_file), "127.0.0.1", 60.0)
    assert watch.wall < 0.5


def test_a_damaged_record_after_the_handshake_is_mended_by_time(
    far_end: FarEnd, certificates: Certificates
) -> None:
    near, far = far_end.tls_pair(certificates, version=V12)
    socket.socket.send(far, b"no TLS record at all")
    near.wait(PATIENCE)
    with fails("LPF217"):
        probe_on(near)
    near.close()
