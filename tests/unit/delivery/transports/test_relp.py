"""Delivery over RELP: opening, sending, answers."""

from __future__ import annotations

import socket

import pytest

from lpforwarder.delivery.transports.relp import RelpTransport
from lpforwarder.errors import Blocked, Transient
from tests.fakes.links import FarEnd
from tests.fakes.patience import (
    PATIENCE,
    Stopwatch,
    beside,
    fails,
    until,
)
from tests.fakes.relp_links import (
    OK,
    RelpEnd,
    goodbye,
    in_session,
    numbered,
    open_to,
    pretending,
    relp_options,
    relp_to,
    transport_to,
)

# ---- opening ----------------------------------------------------------------------------------------------


def test_nothing_is_sent_before_the_session_is_accepted(far_end: FarEnd) -> None:
    with relp_to(far_end) as transport:
        seen: list[bytes] = []

        def agree_late() -> None:
            far = far_end.accept()
            end = RelpEnd(far)
            (opening,) = end.take()
            seen.append(opening.data)
            far.settimeout(0.05)
            with pytest.raises(TimeoutError):
                far.recv(1)
            far.settimeout(PATIENCE)
            end.say(1, b"200 OK\nrelp_version=0\ncommands=syslog")
            seen.extend(end.answer(OK))

        with beside(agree_late):
            transport.open()
            transport.send([b"<86>1 a"])
            assert transport.confirmed(PATIENCE) == 1
    assert seen[1:] == [b"<86>1 a"]


def test_relp_confirms_and_names_its_peer(far_end: FarEnd) -> None:
    with in_session(far_end) as (transport, _):
        assert transport.confirm == "relp"
        assert transport.peer == f"127.0.0.1:{far_end.address[1]}"


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "hangs up"),
        (b"0 serverclose 0\n", "says goodbye"),
        (b"220 mail.example.net ESMTP\r\n", "sends other data"),
    ],
)
def test_a_port_that_speaks_something_else_is_named(octets: bytes, words: str, far_end: FarEnd) -> None:
    def greet() -> None:
        far = far_end.accept()
        far.recv(2**16)
        far.sendall(octets)
        far.close()

    with relp_to(far_end) as transport, beside(greet), pytest.raises(Transient, match=words) as raised:
        transport.open()
    assert raised.value.code == "LPF230"
    assert "relp-tls" in raised.value.fix


def test_a_port_that_says_nothing_is_given_up_after_the_connect_timeout(far_end: FarEnd) -> None:
    with relp_to(far_end, connect_timeout="100ms") as transport, Stopwatch() as watch, fails("LPF230"):
        transport.open()
    assert watch.wall < PATIENCE / 2


def test_a_collector_that_refuses_the_session_needs_a_person() -> None:
    with pretending(refuses_sessions=True) as (collector, _):
        transport = RelpTransport(relp_options(collector.address))
        with fails("LPF231", Blocked):
            transport.open()
        transport.close()


def test_a_host_that_does_not_speak_relp_is_passed_over() -> None:
    with pretending() as (collector, received), FarEnd(host="127.0.0.2", port=collector.address[1]) as other:
        transport = RelpTransport(relp_options(collector.address, host=["127.0.0.2", "127.0.0.1"]))
        with beside(lambda: other.accept().close()):
            transport.open()
        transport.send([b"<86>1 a"])
        transport.fence(PATIENCE)
        assert transport.peer.startswith("127.0.0.1:")
        transport.close()
    assert received == [b"<86>1 a"]


# ---- sending and answers ----------------------------------------------------------------------------------


def test_only_answered_messages_are_confirmed(far_end: FarEnd) -> None:
    with in_session(far_end) as (transport, end):
        transport.send(numbered(3))
        assert [command.data for command in end.take(3)] == numbered(3)
        assert transport.confirmed(0.05) == 0
        end.say(2)
        assert transport.confirmed(PATIENCE) == 1
        end.say(3)
        end.say(4)
        assert transport.confirmed(PATIENCE) in (2, 3)
        until(lambda: transport.confirmed(0.0) == 3)


def test_an_answer_out_of_order_confirms_nothing_before_its_turn(far_end: FarEnd) -> None:
    with in_session(far_end) as (transport, end):
        transport.send(numbered(3))
        end.take(3)
        end.say(4)
        end.say(3)
        assert transport.confirmed(0.05) == 0
        end.say(2)
        until(lambda: transport.confirmed(0.0) == 3)


def test_no_more_messages_than_the_window_wait_for_an_answer(far_end: FarEnd) -> None:
    with in_session(far_end, window=4) as (transport, end), beside(lambda: transport.send(numbered(10))):
        first = end.take(4)
        end.far.settimeout(0.05)
        with pytest.raises(TimeoutError):
            end.far.recv(1)
        end.far.settimeout(PATIENCE)
        for command in first:
            end.say(command.number)
        for _ in range(6):
            end.answer(OK)


def test_messages_follow_once_half_the_window_is_free(far_end: FarEnd) -> None:
    with in_session(far_end, window=4) as (transport, end), beside(lambda: transport.send(numbered(8))):
        first = end.take(4)
        end.say(first[0].number)
        end.far.settimeout(0.05)
        with pytest.raises(TimeoutError):
            end.far.recv(1)
        end.far.settimeout(PATIENCE)
        end.say(first[1].number)
        assert len(end.take(2)) == 2
        for number in range(4, 8):
            end.say(number)
        end.answer(OK, OK)


def test_a_window_of_one_sends_message_by_message() -> None:
    with pretending() as (collector, received), transport_to(collector, window=1) as transport:
        transport.send(numbered(20))
        transport.fence(PATIENCE)
        assert transport.confirmed(0.0) == 20
    assert received == numbered(20)


def test_messages_may_hold_line_feeds_or_nothing() -> None:
    hostile = [b"<86>1 a\n5 close 0\n", b"", b"\n", bytes(range(256))]
    with pretending() as (collector, received), transport_to(collector) as transport:
        transport.send(hostile)
        transport.fence(PATIENCE)
        assert transport.confirmed(0.0) == 4
    assert received == hostile


def test_answers_are_read_while_the_collector_does_not_take_what_we_write() -> None:
    """One that answers into a full buffer reads nothing until we read."""
    with FarEnd(receive_buffer=2**16) as far_end, in_session(far_end, window=400) as (transport, end):
        big = [b"<86>1 " + b"x" * 4000] * 400

        def answer_before_reading_on() -> None:
            end.far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            for _ in range(400):
                (command,) = end.take()
                end.say(command.number, b"200 " + b"y" * 4000)

        with beside(answer_before_reading_on):
            transport.send(big)
            transport.fence(PATIENCE)
        assert transport.confirmed(0.0) == 400


def test_a_collector_that_writes_each_answer_by_itself_does_not_make_us_wait_for_our_own_kernel(
    far_end: FarEnd,
) -> None:
    """Its kernel holds the second answer back until ours acknowledges the first, 40 ms later if not told."""
    with in_session(far_end, window=16) as (transport, end):

        def answer_one_by_one() -> None:
            for _ in range(100 * 16):
                end.answer(OK)

        with beside(answer_one_by_one), Stopwatch() as watch:
            transport.send(numbered(100 * 16))
            transport.fence(PATIENCE)
        assert transport.confirmed(0.0) == 100 * 16
    assert watch.wall < 4.0  # 8 s with the delays


def test_counts_go_on_over_many_calls_and_begin_anew_with_each_link(far_end: FarEnd) -> None:
    with relp_to(far_end) as transport:
        for _ in range(2):
            end = open_to(far_end, transport)
            for total in (2, 4):
                transport.send(numbered(2))
                end.answer(OK, OK)
                until(lambda total=total: transport.confirmed(0.0) == total)  # type: ignore[misc]
            with beside(lambda end=end: goodbye(end)):  # type: ignore[misc]
                transport.close()
