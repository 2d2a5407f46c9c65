"""The TLS handshake of one connection, with the collector's end in the test's own hands."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

import pytest

from lpforwarder.errors import Blocked
from tests.fakes.certificates import Certificates, ServerTls, client_context
from tests.fakes.links import (
    FarEnd,
    answering,
    probe_on,
    reset,
)
from tests.fakes.patience import (
    PATIENCE,
    Stopwatch,
    a_moment_later,
    beside,
    fails,
)

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def test_a_missing_client_certificate_is_named_before_anything_is_sent(
    far_end: FarEnd, certificates: Certificates
) -> None:
    near, _ = far_end.tls_pair(certificates, version=V13, client_ca=certificates.ca_file)
    with Stopwatch() as watch, fails("LPF208", Blocked):
        near.settle_tls(PATIENCE)
    assert watch.wall < PATIENCE / 2


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
    assert watch.wall < PATIENCE / 2
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
    assert 0.1 <= watch.wall < PATIENCE / 2
    far.close()


def test_tls_1_2_has_nothing_to_settle(far_end: FarEnd, certificates: Certificates) -> None:
    near, _ = far_end.tls_pair(certificates, version=V12)
    with Stopwatch() as watch:
        near.settle_tls(PATIENCE)
    assert watch.wall < PATIENCE / 2


def test_a_peer_that_is_silent_in_the_handshake_is_named(far_end: FarEnd, certificates: Certificates) -> None:
    near, far = far_end.pair()
    with Stopwatch() as watch, fails("LPF209"):
        near.start_tls(client_context(certificates.ca_file), "127.0.0.1", 0.2)
    assert 0.2 <= watch.wall < PATIENCE / 2
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
    assert watch.wall < PATIENCE / 2


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
    assert watch.wall < PATIENCE / 2


def test_a_damaged_record_after_the_handshake_is_mended_by_time(
    far_end: FarEnd, certificates: Certificates
) -> None:
    near, far = far_end.tls_pair(certificates, version=V12)
    socket.socket.send(far, b"no TLS record at all")
    near.wait(PATIENCE)
    with fails("LPF217"):
        probe_on(near)
    near.close()
