"""Who is dead and who only does not read: what the kernel says about the far end."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

import pytest

from lpforwarder.delivery.transports.connection import Connection
from lpforwarder.delivery.transports.liveness import silent_for
from tests.fakes.links import FarEnd, probe_on
from tests.fakes.patience import PATIENCE, Stopwatch, a_moment_later, fails, until
from tests.fakes.silence import cut_off, heal, silent

MUCH = b"x" * 4 * 2**20
"""More than both kernels hold together."""


@pytest.fixture
def small_far_end() -> Iterator[FarEnd]:
    with FarEnd(receive_buffer=64 * 1024) as far_end:
        yield far_end


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Ours and the collector's, with probes as often as the kernel can."""
    with FarEnd(receive_buffer=4096) as far_end, socket.create_connection(far_end.address) as near:
        near.setblocking(False)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
            near.setsockopt(socket.IPPROTO_TCP, option, 1)
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 100)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        yield near, far_end.accept()


def fill(near: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            near.send(b"x" * 65536)


def test_a_peer_that_acknowledges_is_not_silent(ends: tuple[socket.socket, socket.socket]) -> None:
    near, _ = ends
    near.send(b"x")
    assert silent_for(near) == 0.0


def test_a_peer_that_acknowledges_nothing_is_silent_since_its_last_answer(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    near, far = ends
    cut_off(far)
    near.send(b"x")
    until(lambda: silent_for(near) > 0.5)
    heal(far)
    until(lambda: silent_for(near) == 0.0)


def test_an_idle_peer_that_answers_no_probe_is_silent(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    cut_off(far)
    until(lambda: silent_for(near) > 1.5)


def test_a_peer_whose_window_is_closed_is_not_silent_as_long_as_it_answers_probes(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    near, _ = ends
    fill(near)
    longest = 0.0

    def has_been_probed_for_long() -> bool:
        nonlocal longest
        longest = max(longest, silent_for(near))
        backoff = near.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[4]
        return backoff >= 3

    until(has_been_probed_for_long)
    assert longest < 1.0


def test_a_peer_that_dies_with_a_closed_window_is_silent(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    fill(near)
    cut_off(far)
    until(lambda: silent_for(near) > 1.0)


# ---- peers that vanish ------------------------------------------------------------------------------------


def probe(near: Connection) -> None:
    probe_on(near)


def ask_the_counter(near: Connection) -> None:
    until(lambda: near.unacknowledged() < 0)


def write_on(near: Connection) -> None:
    while True:
        near.write(MUCH, PATIENCE)


def wait_for_the_end(near: Connection) -> None:
    near.finish(PATIENCE)
    until(near.ended)


@pytest.mark.parametrize("call", [probe, ask_the_counter, write_on, wait_for_the_end])
def test_a_peer_that_acknowledges_nothing_any_more_is_noticed_whatever_we_do(
    call: Callable[[Connection], None], small_far_end: FarEnd
) -> None:
    near, far = small_far_end.pair()
    near.silence = 0.7
    near.write(b"1 x", PATIENCE)
    assert far.recv(10) == b"1 x"
    with silent(far), Stopwatch() as watch, fails("LPF220"):
        near.write(b"1 y", PATIENCE)
        call(near)
    assert watch.wall < PATIENCE / 2


def test_what_was_noticed_once_is_believed_later_although_the_peer_is_back(far_end: FarEnd) -> None:
    near, far = far_end.pair()
    near.silence = 0.5
    with silent(far), fails("LPF220"):
        near.write(b"1 y", PATIENCE)
        probe_on(near)
    assert far.recv(10) == b"1 y"  # it heals, and gets what was on the way
    for call in (near.probe, near.unacknowledged):
        with fails("LPF220"):
            call()


def test_a_collector_that_takes_nothing_is_given_up_by_us_and_not_sooner_by_the_kernel(
    small_far_end: FarEnd,
) -> None:
    near, _ = small_far_end.pair()
    with a_moment_later(small_far_end.wake.call), fails("LPF290"):
        near.write(MUCH, 120.0)
    kernels = near._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert kernels > 120_000
