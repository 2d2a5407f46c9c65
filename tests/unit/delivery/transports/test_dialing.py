"""Looking up and connecting, over loopback."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from lpforwarder.delivery.transports.connection import Wake
from lpforwarder.delivery.transports.dialing import HEAD_START, Address, connect, connect_any, is_own, resolve
from lpforwarder.errors import Transient
from tests.fakes.links import (
    FarEnd,
    black_hole,
)
from tests.fakes.patience import (
    PATIENCE,
    Stopwatch,
    a_moment_later,
    open_descriptors,
)
from tests.fakes.ports import ReservedPort
from tests.fakes.silence import silent


def loopback(port: int) -> Address:
    return Address(socket.AF_INET, ("127.0.0.1", port))


@pytest.fixture
def refused() -> Iterator[Address]:
    """Where nobody listens, and nobody else can."""
    with contextlib.closing(ReservedPort()) as reserved:
        yield loopback(reserved.number)


def test_a_name_gives_each_of_its_addresses_once_and_in_order() -> None:
    def look_up(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        four = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))
        six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", port, 0, 0))
        return [six, four, six, four]

    found = resolve("siem.example.net", 6514, look_up)

    assert [str(address) for address in found] == ["[2001:db8::1]:6514", "192.0.2.1:6514"]


def test_the_scope_of_a_link_local_address_is_kept() -> None:
    (address,) = resolve("fe80::1%lo", 6514)

    assert address.place[3] == socket.if_nametoindex("lo")


def test_a_name_that_nobody_knows_is_named_with_the_resolvers_words() -> None:
    def look_up(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(Transient, match=r'"siem\.example\.net" .*Name or service not known') as raised:
        resolve("siem.example.net", 6514, look_up)
    assert raised.value.code == "LPF201"


@pytest.mark.parametrize("host", ["a" * 64 + ".example.net", "a..example.net", "a\0.example.net"])
def test_what_cannot_be_a_name_is_no_bug_of_ours(host: str) -> None:
    with pytest.raises(Transient) as raised:
        resolve(host, 6514)
    assert raised.value.code == "LPF201"


def test_a_link_has_the_socket_options_that_make_a_dead_peer_known() -> None:
    with FarEnd() as far_end:
        near, _ = far_end.pair()
        sock = near._sock
        tcp = {
            socket.TCP_NODELAY: 1,
            socket.TCP_USER_TIMEOUT: 30_000,
            socket.TCP_KEEPIDLE: 10,
            socket.TCP_KEEPINTVL: 5,
            socket.TCP_KEEPCNT: 3,
        }
        assert {option: sock.getsockopt(socket.IPPROTO_TCP, option) for option in tcp} == tcp
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * 256 * 1024  # the kernel doubles it
        assert not sock.get_inheritable()


def test_a_refused_connection_says_that_nobody_listens(refused: Address) -> None:
    with pytest.raises(Transient, match=f"{refused} refused the connection: nobody listens") as raised:
        connect(refused, 5.0, Wake())
    assert raised.value.code == "LPF202"


def test_a_black_hole_is_given_up_within_the_connect_timeout() -> None:
    told = pytest.raises(Transient, match="no answer")
    with black_hole() as (_, port), Stopwatch() as watch, told as raised:
        connect(loopback(port), 0.3, Wake())
    assert raised.value.code == "LPF203"
    assert 0.3 <= watch.wall < PATIENCE / 2


def test_an_address_that_swallows_packets_leaves_time_for_the_next_one() -> None:
    with black_hole() as (_, port), FarEnd() as far_end, Stopwatch() as watch:
        near = connect_any([loopback(port), loopback(far_end.address[1])], PATIENCE, Wake())
        near.close()
    assert near.peer == f"127.0.0.1:{far_end.address[1]}"
    assert watch.wall < PATIENCE


def test_an_address_that_swallows_packets_costs_a_head_start_and_not_the_whole_time() -> None:
    with black_hole() as (_, port), FarEnd() as far_end, Stopwatch() as watch:
        near = connect_any([loopback(port), loopback(far_end.address[1])], 60.0, Wake())
        near.close()
    assert near.peer == f"127.0.0.1:{far_end.address[1]}"
    assert HEAD_START <= watch.wall < PATIENCE


def test_the_first_address_is_taken_while_it_answers_and_no_other_is_bothered() -> None:
    with FarEnd() as first, FarEnd() as second:
        for _ in range(10):
            connect_any([loopback(first.address[1]), loopback(second.address[1])], 5.0, Wake()).close()
        assert second.accept_now() is None


def test_one_that_refuses_makes_way_at_once(refused: Address) -> None:
    with FarEnd() as far_end, Stopwatch() as watch:
        connect_any([refused] * 40 + [loopback(far_end.address[1])], 60.0, Wake()).close()
    assert watch.wall < 20 * HEAD_START


def test_whoever_comes_second_is_hung_up_on() -> None:
    wake = Wake()
    with FarEnd() as slow, FarEnd() as quick:
        before = open_descriptors()
        with silent(slow._listener):
            connect_any([loopback(slow.address[1]), loopback(quick.address[1])], 5.0, wake).close()
        assert open_descriptors() == before


def test_of_many_addresses_that_swallow_packets_all_are_tried_in_the_time_there_is() -> None:
    within = 4 * HEAD_START  # the last of five would get its turn when the time is up
    with black_hole() as (_, port), FarEnd() as far_end:
        addresses = [loopback(port)] * 4 + [loopback(far_end.address[1])]
        connect_any(addresses, within, Wake()).close()


def test_an_address_that_refuses_does_not_hide_one_that_is_silent(refused: Address) -> None:
    with black_hole() as (_, port), Stopwatch() as watch, pytest.raises(Transient) as raised:
        connect_any([refused, loopback(port)], 0.4, Wake())
    assert raised.value.code == "LPF202"
    assert f"{refused} refused" in raised.value.what
    assert f"no answer from 127.0.0.1:{port}" in raised.value.what
    assert watch.wall >= 0.4


def test_the_families_of_a_name_take_turns() -> None:
    def look_up(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        six = [(socket.AF_INET6, 1, 6, "", (f"2001:db8::{number}", port, 0, 0)) for number in (1, 2, 3)]
        return [*six, (socket.AF_INET, 1, 6, "", ("192.0.2.1", port))]

    found = [address.place[0] for address in resolve("siem.example.net", 6514, look_up)]
    assert found == ["2001:db8::1", "192.0.2.1", "2001:db8::2", "2001:db8::3"]


def test_an_address_of_a_family_this_machine_lacks_does_not_hide_the_others() -> None:
    with FarEnd() as far_end:
        strange = Address(socket.AF_DECnet, ("::1", 6514, 0, 0))
        near = connect_any([strange, loopback(far_end.address[1])], 5.0, Wake())
        assert near.peer == f"127.0.0.1:{far_end.address[1]}"
        near.close()


def test_a_family_this_machine_lacks_is_told_like_any_other_failure() -> None:
    with pytest.raises(Transient, match="not supported") as raised:
        connect(Address(socket.AF_DECnet, ("::1", 6514, 0, 0)), 5.0, Wake())
    assert raised.value.code == "LPF203"


def test_ipv6_works_and_is_shown_in_brackets() -> None:
    with contextlib.closing(socket.create_server(("::1", 0), family=socket.AF_INET6)) as listener:
        port = listener.getsockname()[1]
        (address,) = resolve("::1", port)
        near = connect(address, 5.0, Wake())
        assert near.peer == f"[::1]:{port}"
        near.close()


def test_abort_ends_a_connect_that_hangs_and_tries_no_further_address() -> None:
    wake = Wake()
    with black_hole() as (_, port), FarEnd() as far_end, Stopwatch() as watch:
        addresses = [loopback(port), loopback(far_end.address[1])]
        with a_moment_later(wake.call), pytest.raises(Transient) as raised:
            connect_any(addresses, 60.0, wake)
    assert raised.value.code == "LPF290"
    assert watch.wall < PATIENCE / 2


def test_a_socket_that_is_connected_to_itself_is_no_collector() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(sock.getsockname())
        assert is_own(sock)


def test_failed_connections_leave_no_descriptor_open(refused: Address) -> None:
    wake = Wake()
    before = open_descriptors()
    for _ in range(1000):
        with pytest.raises(Transient):
            connect(refused, 5.0, wake)
    assert open_descriptors() <= before
