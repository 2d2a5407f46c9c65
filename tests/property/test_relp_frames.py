"""RELP frames: whatever is written is read again, in whatever pieces it comes; whatever comes is survived."""

from __future__ import annotations

import contextlib
import itertools

from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.delivery.transports.relp_frames import (
    LONGEST_ANSWER,
    Frame,
    FrameError,
    FrameReader,
    answer,
    frame,
    messages,
)
from lpforwarder.delivery.transports.relp_session import Session
from lpforwarder.errors import Failure
from tests.fakes.strict_relp import ACCEPTANCE, Command, read_commands

NUMBERS = st.integers(0, 999_999_999)
COMMANDS = st.from_regex(rb"[A-Za-z]{1,32}", fullmatch=True)
FRAMES = st.lists(st.builds(Frame, NUMBERS, COMMANDS, st.binary(max_size=200)), max_size=8)
ANSWERS = st.lists(st.sampled_from([b"200 OK", b"500 no", b"200 fine", b"", b"201 OK"]), max_size=12)
NEARLY = st.lists(
    st.sampled_from([b"1", b"22", b" ", b"rsp", b"syslog", b"0", b"6", b"\n", b"200 OK", b"x", b"\xff"]),
    max_size=30,
).map(b"".join)


def pieces(octets: bytes, cuts: list[int]) -> list[bytes]:
    """The same octets, cut at these places."""
    places = [0, *sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]
    return [octets[start:end] for start, end in itertools.pairwise(places)]


def read(parts: list[bytes]) -> list[Frame]:
    reader = FrameReader()
    frames: list[Frame] = []
    for part in parts:
        reader.feed(part)
        frames += iter(reader.next, None)
    assert reader.held == 0
    return frames


@given(frames=FRAMES, cuts=st.lists(st.integers(0), max_size=20))
def test_what_is_written_is_read_again_in_any_pieces(frames: list[Frame], cuts: list[int]) -> None:
    assert read(pieces(b"".join(frame(*each) for each in frames), cuts)) == frames


@given(data=st.lists(st.binary(max_size=100), max_size=20), first=st.integers(1, 900_000_000))
def test_messages_are_one_command_each_to_a_strict_reader(data: list[bytes], first: int) -> None:
    expected = [Command(number, "syslog", each) for number, each in enumerate(data, first)]
    assert read_commands(messages(first, data), first) == expected


@given(octets=st.binary(max_size=300) | NEARLY, cuts=st.lists(st.integers(0), max_size=20))
def test_any_octets_give_frames_or_an_error_whatever_the_pieces(octets: bytes, cuts: list[int]) -> None:
    assert outcome([octets]) == outcome(pieces(octets, cuts))


def outcome(parts: list[bytes]) -> tuple[list[Frame], bool]:
    """The frames before the first error, and whether there was one."""
    reader = FrameReader()
    frames: list[Frame] = []
    try:
        for part in parts:
            reader.feed(part)
            frames += iter(reader.next, None)
            assert reader.held <= LONGEST_ANSWER + 64
    except FrameError:
        return frames, True
    return frames, False


@given(
    said=ANSWERS,
    first=st.integers(1, 1000),
    most=st.integers(0, 15),
    cuts=st.lists(st.integers(0), max_size=6),
)
def test_answers_taken_as_a_whole_are_those_that_would_be_read_one_by_one(
    said: list[bytes], first: int, most: int, cuts: list[int]
) -> None:
    octets = b"".join(frame(number, b"rsp", data) for number, data in enumerate(said, first))
    reader, numbers, due = FrameReader(), [], first
    for part in pieces(octets, cuts):
        reader.feed(part)
        count = reader.accepted(due, most)
        assert count <= most
        numbers += [(number, b"200 OK") for number in range(due, due + count)]
        due += count
        for number, _, data in iter(reader.next, None):
            numbers.append((number, data))
            due = number + 1
    assert numbers == list(enumerate(said, first))


@given(
    octets=st.binary(max_size=300) | NEARLY, cuts=st.lists(st.integers(0), max_size=6), is_open=st.booleans()
)
def test_a_session_survives_whatever_is_said(octets: bytes, cuts: list[int], is_open: bool) -> None:
    session = Session("192.0.2.1:2514")
    session.open()
    if is_open:
        session.hear(frame(1, b"rsp", ACCEPTANCE))
        session.messages([b"a", b"b"])
    with contextlib.suppress(Failure):
        for part in pieces(octets, cuts):
            session.hear(part)
    told = [1 if isinstance(verdict, str) else verdict for verdict in session.verdicts]
    assert sum(told) <= session.sent - session.unanswered


@given(data=st.binary(max_size=300))
def test_every_answer_can_be_read(data: bytes) -> None:
    code, text, offers = answer(data)
    assert code is None or 0 <= code <= 999
    assert "\n" not in text or code is None
    assert all("\n" not in name + value for name, value in offers.items())
