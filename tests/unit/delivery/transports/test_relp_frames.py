"""RELP frames, the traps of which reach from one space too many to a length nobody can hold."""

from __future__ import annotations

import pytest

from lpforwarder.delivery.transports.relp_frames import (
    LONGEST_ANSWER,
    Answer,
    Frame,
    FrameError,
    FrameReader,
    answer,
    frame,
    messages,
)
from tests.fakes.strict_relp import Command, read_commands


def read(octets: bytes, longest: int = LONGEST_ANSWER) -> list[Frame]:
    """All frames of these octets."""
    reader = FrameReader(longest)
    reader.feed(octets)
    return list(iter(reader.next, None))


# ---- what we write ----------------------------------------------------------------------------------------


def test_a_frame_has_number_command_length_data_and_a_line_feed() -> None:
    assert frame(1, b"open", b"relp_version=0") == b"1 open 14 relp_version=0\n"


def test_no_space_stands_behind_a_length_of_zero() -> None:
    assert frame(3, b"close") == b"3 close 0\n"


def test_messages_are_numbered_one_after_the_other() -> None:
    assert messages(2, [b"<86>1 a", b"<86>1 b"]) == b"2 syslog 7 <86>1 a\n3 syslog 7 <86>1 b\n"


def test_an_empty_message_among_others_is_a_frame_without_a_space() -> None:
    assert messages(9, [b"a", b"", b"c"]) == b"9 syslog 1 a\n10 syslog 0\n11 syslog 1 c\n"


def test_data_may_hold_anything_even_line_feeds_and_frames() -> None:
    hostile = [b"a\nb", b"\n", b"5 close 0\n", bytes(range(256))]
    assert read_commands(messages(1, hostile)) == [
        Command(number, "syslog", each) for number, each in enumerate(hostile, 1)
    ]


def test_the_length_counts_octets() -> None:
    assert messages(1, ["é€😀".encode()]).startswith(b"1 syslog 9 ")


# ---- what we read -----------------------------------------------------------------------------------------


def test_the_session_of_the_reference_is_understood() -> None:
    opened = (
        b"200 OK\nrelp_version=0\nrelp_software=librelp,1.11.0,http://librelp.adiscon.com\ncommands=syslog"
    )
    stream = b"1 rsp %d %b\n2 rsp 6 200 OK\n3 rsp 6 200 OK\n4 rsp 0\n0 serverclose 0\n" % (
        len(opened),
        opened,
    )
    assert read(stream) == [
        (1, b"rsp", opened),
        (2, b"rsp", b"200 OK"),
        (3, b"rsp", b"200 OK"),
        (4, b"rsp", b""),
        (0, b"serverclose", b""),
    ]


@pytest.mark.parametrize(
    "octets",
    [
        b"4 rsp 0 \n",  # a space behind DATALEN 0
        b"4 rsp 6\n",  # none where there is data
        b"4 rsp 2 200 OK\n",  # data longer than told
        b"x rsp 0\n",
        b" 4 rsp 0\n",
        b"-4 rsp 0\n",
        b"4  rsp 0\n",
        b"4 r5p 0\n",
        b"4 rsp x\n",
        b"4 rsp -1 \n",
        b"4\n",
        b"4 rsp\n",
        b"\n",
        b"1234567890 rsp 0\n",  # ten digits
        b"1 %b 0\n" % (b"a" * 33),
        b"1 rsp 1234567890 ",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",  # a TLS alert
    ],
)
def test_what_is_no_frame_is_refused_at_once(octets: bytes) -> None:
    with pytest.raises(FrameError):
        read(octets)


@pytest.mark.parametrize("octets", [b"4x", b"x", b"1 rsp a", b"1 rs9", b"\r", b"1 rsp 0 "])
def test_what_can_become_no_frame_is_refused_before_its_end(octets: bytes) -> None:
    with pytest.raises(FrameError):
        read(octets)


@pytest.mark.parametrize("octets", [b"", b"1", b"1 ", b"1 rs", b"1 rsp ", b"1 rsp 6", b"1 rsp 6 200 OK"])
def test_the_beginning_of_a_frame_is_waited_for(octets: bytes) -> None:
    assert read(octets) == []


def test_a_frame_longer_than_allowed_is_refused_before_its_data_arrives() -> None:
    assert read(b"1 rsp 10 0123456789\n", longest=10) == [(1, b"rsp", b"0123456789")]
    for octets in (b"1 rsp 11 ", b"1 rsp 999999999 "):
        with pytest.raises(FrameError, match="more than 10"):
            read(octets, longest=10)


def test_what_was_read_is_not_kept() -> None:
    reader = FrameReader()
    for _ in range(100):
        reader.feed(b"1 rsp 6 200 OK\n" * 100 + b"1 rsp")
        assert len(list(iter(reader.next, None))) == 100
        assert reader.held == 5
        reader.feed(b" 0\n")
        assert reader.next() == (1, b"rsp", b"")


# ---- many answers at once ---------------------------------------------------------------------------------


def taken(octets: bytes, first: int, most: int) -> tuple[int, int]:
    """How many were taken as a whole, and how many octets are left."""
    reader = FrameReader()
    reader.feed(octets)
    return reader.accepted(first, most), reader.held


def ok(first: int, count: int) -> bytes:
    return b"".join(b"%d rsp 6 200 OK\n" % number for number in range(first, first + count))


def test_answers_that_all_say_ok_are_taken_as_a_whole() -> None:
    assert taken(ok(2, 500), 2, 1000) == (500, 0)


def test_an_answer_that_is_not_complete_is_left() -> None:
    assert taken(ok(2, 3) + b"5 rsp 6 200", 2, 1000) == (3, len(b"5 rsp 6 200"))


def test_no_more_answers_are_taken_than_are_due() -> None:
    assert taken(ok(2, 3), 2, 2) == (2, len(ok(4, 1)))


@pytest.mark.parametrize(
    "octets",
    [
        ok(3, 2),  # the first one is missing
        ok(2, 1) + ok(4, 1),
        ok(2, 1) + b"3 rsp 9 500 ERROR\n",
        ok(2, 1) + b"3 rsp 0\n",
        b"002 rsp 6 200 OK\n",
        b"garbage\n",
    ],
)
def test_answers_that_say_something_else_are_left_to_be_read_one_by_one(octets: bytes) -> None:
    assert taken(octets, 2, 1000) == (0, len(octets))


# ---- what an answer says ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"200 OK", (200, "OK", {})),
        (b"200", (200, "", {})),
        (b"500 message too long: 9,000 octets", (500, "message too long: 9,000 octets", {})),
        (b"500 \xff", (500, "\ufffd", {})),
        (b"", (None, "", {})),
        (b"OK", (None, "OK", {})),
        (b"2000 OK", (None, "2000 OK", {})),
        ("٢٠٠ OK".encode(), (None, "٢٠٠ OK", {})),
        (
            b"200 OK\nrelp_version=0\ncommands=syslog",
            (200, "OK", {"relp_version": "0", "commands": "syslog"}),
        ),
        (b"200 OK\n\nrelp_version=1", (200, "OK", {"relp_version": "1"})),  # a leading LF is tolerated
        (b"200 OK\nstarttls", (200, "OK", {"starttls": ""})),
        (b"200 OK\na=b=c", (200, "OK", {"a": "b=c"})),
    ],
)
def test_an_answer_is_a_code_a_text_and_offers(data: bytes, expected: Answer) -> None:
    assert answer(data) == expected
