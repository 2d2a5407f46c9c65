"""One RELP session without its connection: what is said, and what is made of what the collector says."""

from __future__ import annotations

import re

import pytest

from lpforwarder.delivery.transports.relp_session import LONGEST_REASON, Session
from lpforwarder.errors import Blocked, Transient
from tests.fakes.patience import fails
from tests.fakes.strict_relp import ACCEPTANCE, Command, read_commands

PEER = "192.0.2.1:2514"


def rsp(number: int, data: bytes = b"200 OK") -> bytes:
    return b"%d rsp %d%b\n" % (number, len(data), b" " + data if data else b"")


def opened(*, sent: int = 0) -> Session:
    """An open session in which so many messages wait for their answer."""
    session = Session(PEER)
    session.open()
    session.hear(rsp(1, ACCEPTANCE))
    session.messages([b"<1>x"] * sent)
    return session


# ---- opening ----------------------------------------------------------------------------------------------


def test_the_session_is_opened_with_version_software_and_the_one_command_we_need() -> None:
    (command,) = read_commands(Session(PEER).open())
    assert (command.number, command.name) == (1, "open")
    offers = command.data.decode().split("\n")
    assert [offers[0], offers[2]] == ["relp_version=0", "commands=syslog"]
    assert re.fullmatch(r"relp_software=lpforwarder,[0-9.]+", offers[1])


@pytest.mark.parametrize("version", [b"0", b"1"])
def test_both_versions_there_are_will_do(version: bytes) -> None:
    session = Session(PEER)
    session.open()
    session.hear(rsp(1, b"200 OK\nrelp_version=" + version + b"\ncommands=starttls,syslog,extra\nfuture=yes"))
    assert session.is_open
    assert session.software == ""


def test_the_software_of_the_collector_is_known() -> None:
    assert opened().software == "librelp,1.11.0,http://librelp.example.net"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"500 required command not supported by client", "500 required command not supported by client"),
        (b"200 OK\ncommands=syslog", "no version"),
        (b"200 OK\nrelp_version=2\ncommands=syslog", 'version "2"'),
        (b"200 OK\nrelp_version=0", "does not take the command syslog"),
        (b"200 OK\nrelp_version=0\ncommands=starttls,syslogs", "does not take the command syslog"),
        (b"200 OK", "no version"),
        (b"", "no answer code"),
    ],
)
def test_a_collector_that_cannot_do_what_we_need_is_not_spoken_to(answer: bytes, words: str) -> None:
    session = Session(PEER)
    session.open()
    with pytest.raises(Blocked, match=re.escape(words)) as raised:
        session.hear(rsp(1, answer))
    assert raised.value.code == "LPF231"
    assert not session.is_open


@pytest.mark.parametrize(
    "octets",
    [
        b"220 mail.example.net ESMTP\r\n",
        b"0 serverclose 0\n",
        b"2 rsp 6 200 OK\n",
        b"1 open 0\n",
        b"1 rsp 999999 ",
        b"\x15\x03\x03\x00\x02\x02\x28",
    ],
)
def test_a_port_that_speaks_something_else_is_named_as_such(octets: bytes) -> None:
    session = Session(PEER)
    session.open()
    with fails("LPF230"):
        session.hear(octets)


# ---- messages and answers ---------------------------------------------------------------------------------


def test_messages_are_numbered_on_from_the_opening() -> None:
    session = opened()
    stream = session.messages([b"a", b"b"]) + session.messages([b"c"]) + session.close()
    assert read_commands(stream, 2) == [
        Command(2, "syslog", b"a"),
        Command(3, "syslog", b"b"),
        Command(4, "syslog", b"c"),
        Command(5, "close", b""),
    ]


def test_accepted_messages_are_counted() -> None:
    session = opened(sent=5)
    session.hear(rsp(2) + rsp(3) + rsp(4)[:7])
    assert (list(session.verdicts), session.unanswered) == ([2], 3)
    session.hear(rsp(4)[7:] + rsp(5) + rsp(6))
    assert (list(session.verdicts), session.unanswered) == ([2, 3], 0)


def test_a_refusal_stands_where_it_belongs_among_the_accepted() -> None:
    session = opened(sent=4)
    session.hear(rsp(2) + rsp(3, b"500 too long") + rsp(4) + rsp(5))
    assert list(session.verdicts) == [1, "500 too long", 1, 1]


@pytest.mark.parametrize("data", [b"201 OK", b"400 no", b"000 no", b"999", b"500 \xff\n\x1b[2Jdetails"])
def test_every_code_but_200_is_an_error(data: bytes) -> None:
    session = opened(sent=1)
    session.hear(rsp(2, data))
    (verdict,) = session.verdicts
    assert isinstance(verdict, str)
    assert verdict.startswith(data[:3].decode())
    assert verdict.isprintable()


def test_a_reason_is_one_line_of_bounded_length() -> None:
    session = opened(sent=1)
    session.hear(rsp(2, b"500 \x1b]0;" + b"x" * 9000 + b"\nmore"))
    (verdict,) = session.verdicts
    assert isinstance(verdict, str)
    assert verdict.startswith("500 #033]0;xxx")
    assert len(verdict) == LONGEST_REASON


def test_an_answer_with_another_text_than_usual_is_an_acceptance_too() -> None:
    session = opened(sent=2)
    session.hear(rsp(2, b"200 message stored") + rsp(3, b"200"))
    assert list(session.verdicts) == [1, 1]


def test_answers_that_overtake_each_other_are_put_in_order() -> None:
    session = opened(sent=4)
    session.hear(rsp(5) + rsp(3, b"500 no") + rsp(4))
    assert (list(session.verdicts), session.unanswered) == ([], 4)
    session.hear(rsp(2))
    assert (list(session.verdicts), session.unanswered) == ([1, "500 no", 1, 1], 0)


@pytest.mark.parametrize(
    "octets",
    [
        rsp(4),  # never sent
        rsp(1),  # answered long ago
        rsp(2) + rsp(2),
        rsp(3) + rsp(3),
        rsp(0),
        rsp(2, b""),  # no code
        rsp(2, b"OK"),
        b"2 syslog 1 x\n",
        b"5 open 0\n",
        b"garbage",
        b"2 rsp 0 \n",
        b"2 rsp 99999 ",
    ],
)
def test_what_no_collector_may_say_ends_the_link(octets: bytes) -> None:
    session = opened(sent=2)
    with fails("LPF232"):
        session.hear(octets)


def test_what_was_said_before_counts_although_the_link_ends() -> None:
    session = opened(sent=3)
    with fails("LPF232"):
        session.hear(rsp(2) + rsp(3) + b"garbage")
    assert list(session.verdicts) == [2]


def test_the_words_of_a_collector_that_breaks_the_rules_are_not_repeated() -> None:
    session = opened(sent=1)
    with pytest.raises(Transient) as raised:
        session.hear(b"<86>1 user@example.com did something\n")
    assert "user@" not in raised.value.what


# ---- hints and the end ------------------------------------------------------------------------------------


def test_unknown_hints_are_left_alone() -> None:
    session = opened(sent=1)
    session.hear(b"0 notice 5 hello\n0 abort 0\n" + rsp(2))
    assert list(session.verdicts) == [1]


def test_a_collector_that_ends_the_session_has_hung_up() -> None:
    session = opened(sent=2)
    with fails("LPF212"):
        session.hear(rsp(2) + b"0 serverclose 0\n" + rsp(3))
    assert list(session.verdicts) == [1]


@pytest.mark.parametrize("answer", [b"", b"200 OK", b"500 no"])
def test_our_goodbye_may_be_answered_with_or_without_a_code(answer: bytes) -> None:
    session = opened(sent=1)
    session.close()
    session.hear(rsp(2))
    assert not session.is_closed
    session.hear(rsp(3, answer))
    assert session.is_closed
    session.hear(b"0 serverclose 0\n")
    assert list(session.verdicts) == [1]


def test_our_goodbye_may_be_answered_with_the_end_alone() -> None:
    session = opened()
    session.close()
    session.hear(b"0 serverclose 0\n")
    assert session.is_closed
