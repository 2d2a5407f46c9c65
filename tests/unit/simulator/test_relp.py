"""The pretend collector's side of RELP, read by an independent reader and spoken to by hand."""

from __future__ import annotations

import socket

import pytest

from lpforwarder.simulator.collector import PretendCollector
from lpforwarder.simulator.relp import RelpManners, RelpSession
from tests.fakes.patience import PATIENCE

OPEN = b"1 open 30 relp_version=0\ncommands=syslog\n"
ACCEPTED = b"1 rsp 73 200 OK\nrelp_version=0\nrelp_software=lpforwarder-simulator\ncommands=syslog\n"
GOODBYE = b"0 serverclose 0\n"


def said(octets: bytes, **manners: object) -> tuple[list[bytes], bytes, list[str]]:
    """The messages taken, what was said, and the problems told."""
    problems: list[str] = []
    session = RelpSession(RelpManners(**manners), problems.append)  # type: ignore[arg-type]
    messages = session.feed(octets)
    answers = session.answers()
    session.end()
    return messages, answers, problems


def test_a_session_goes_as_with_librelp() -> None:
    octets = OPEN + b"2 syslog 7 <86>1 a\n3 syslog 9 <86>1 b\nc\n4 close 0\n"
    assert said(octets) == (
        [b"<86>1 a", b"<86>1 b\nc"],
        ACCEPTED + b"2 rsp 6 200 OK\n3 rsp 6 200 OK\n4 rsp 0\n" + GOODBYE,
        [],
    )


def test_pieces_make_no_difference() -> None:
    session = RelpSession(RelpManners(), print)
    messages: list[bytes] = []
    answers = b""
    for octet in OPEN + b"2 syslog 1 a\n":
        messages += session.feed(bytes([octet]))
        answers += session.answers()
    assert (messages, answers) == ([b"a"], ACCEPTED + b"2 rsp 6 200 OK\n")


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"2 open 3 a=b\n", "command 2 where 1 was due"),
        (OPEN + b"3 syslog 1 a\n", "command 3 where 2 was due"),
        (OPEN + b"2 starttls 0\n", "an unknown command"),
        (OPEN + b"2 close 0 \n", "not RELP"),
        (b"GET / HTTP/1.1\r\n", "not RELP"),
    ],
)
def test_what_librelp_hangs_up_on_is_hung_up_on(octets: bytes, why: str) -> None:
    messages, answers, problems = said(octets)
    assert messages == []
    assert answers.endswith(GOODBYE)
    assert [problem for problem in problems if why in problem]


def test_a_message_before_the_session_is_refused_and_the_connection_stays() -> None:
    assert said(b"1 syslog 1 a\n")[1] == b"1 rsp 20 500 command disabled\n"


@pytest.mark.parametrize("octets", [OPEN + b"2 open 15 commands=syslog\n", b"1 open 14 relp_version=0\n"])
def test_a_second_session_and_one_that_cannot_send_syslog_are_refused(octets: bytes) -> None:
    assert b" rsp 19 500 session refused\n" in said(octets)[1]


def test_refused_messages_are_not_received() -> None:
    octets = OPEN + b"2 syslog 3 bad\n3 syslog 4 good\n"
    messages, answers, _ = said(octets, refuses=lambda message: message == b"bad")
    assert messages == [b"good"]
    assert answers == ACCEPTED + b"2 rsp 19 500 message refused\n3 rsp 6 200 OK\n"


def test_it_misbehaves_on_request() -> None:
    octets = OPEN + b"2 syslog 1 a\n3 syslog 1 b\n"
    assert said(octets, answers=1)[:2] == ([b"a", b"b"], ACCEPTED + b"2 rsp 6 200 OK\n")
    assert said(octets, closes_after=1)[:2] == ([b"a"], ACCEPTED + b"2 rsp 6 200 OK\n" + GOODBYE)
    assert said(octets, says=b"!")[:2] == ([b"a", b"b"], ACCEPTED + b"!!")
    assert said(OPEN, refuses_sessions=True)[1] == b"1 rsp 19 500 session refused\n"


def test_half_a_frame_at_the_end_is_told() -> None:
    assert said(OPEN + b"2 syslog 5 abc")[2] == ["the stream ended inside a frame, 14 octets had arrived"]


def test_a_message_is_answered_once_it_was_received() -> None:
    order: list[bytes] = []
    with (
        PretendCollector(("127.0.0.1", 0), on_message=order.append, relp=RelpManners()) as collector,
        socket.create_connection(collector.address, timeout=PATIENCE) as connection,
    ):
        connection.sendall(OPEN)
        assert connection.recv(1000) == ACCEPTED
        connection.sendall(b"2 syslog 1 a\n")
        assert connection.recv(1000) == b"2 rsp 6 200 OK\n"
        assert order == [b"a"]
        connection.sendall(b"3 close 0\n")
        rest = b""
        while piece := connection.recv(1000):
            rest += piece
        assert rest == b"3 rsp 0\n" + GOODBYE
        assert collector.counts.messages == 1
