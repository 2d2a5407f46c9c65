from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.simulator.frames import LONGEST, FrameReader

MESSAGE = b"<110>1 - - - - - - text"


def read(*chunks: bytes) -> tuple[list[bytes], list[str]]:
    problems: list[str] = []
    frames = FrameReader(problems.append)
    messages = [message for chunk in chunks for message in frames.feed(chunk)]
    frames.end()
    return messages, problems


def counted(message: bytes) -> bytes:
    return b"%d %s" % (len(message), message)


def test_a_digit_begins_an_octet_counted_frame_and_a_less_than_sign_a_line() -> None:
    stream = counted(b"<1>a\nb") + b"<2>line\n" + counted(b"<3>c")

    assert read(stream) == ([b"<1>a\nb", b"<2>line", b"<3>c"], [])


messages_with_framing = st.lists(
    st.tuples(st.binary(max_size=60).map(lambda tail: b"<" + tail), st.booleans()), max_size=20
)


@given(messages_with_framing, st.lists(st.integers(min_value=1, max_value=50), min_size=1))
def test_every_message_comes_out_whole_wherever_the_stream_is_cut(
    sent: list[tuple[bytes, bool]], cuts: list[int]
) -> None:
    lines = [message.replace(b"\n", b" ") if is_line else message for message, is_line in sent]
    stream = b"".join(
        message + b"\n" if is_line else counted(message)
        for message, (_, is_line) in zip(lines, sent, strict=True)
    )
    chunks, place, turn = [], 0, 0
    while place < len(stream):
        step = cuts[turn % len(cuts)]
        chunks.append(stream[place : place + step])
        place, turn = place + step, turn + 1

    assert read(*chunks) == (lines, [])


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_no_stream_however_broken_raises(chunks: list[bytes]) -> None:
    read(*chunks)


def test_a_broken_frame_is_reported_once_and_the_next_line_is_read_again() -> None:
    messages, problems = read(b"garbage ", b"and more\n", counted(MESSAGE))

    assert messages == [MESSAGE]
    assert len(problems) == 1
    assert "neither a length nor '<'" in problems[0]


def test_a_length_that_is_none_is_reported() -> None:
    for start in (b"12x <1>", b"12345678 <1>", b"%d <1>" % (LONGEST + 1)):
        messages, problems = read(start + b"rest\n", MESSAGE + b"\n")

        assert messages == [MESSAGE]
        assert len(problems) == 1
        assert "usable length" in problems[0]


def test_the_longest_frame_is_still_read() -> None:
    longest = b"<" + b"x" * (LONGEST - 1)

    assert read(counted(longest)) == ([longest], [])
    assert read(longest + b"\n") == ([longest], [])


def test_a_line_without_an_end_is_given_up_instead_of_filling_the_memory() -> None:
    messages, problems = read(b"<" + b"x" * LONGEST, b"x" * LONGEST, b"\n" + counted(MESSAGE))

    assert messages == [MESSAGE]
    assert len(problems) == 1
    assert "no newline" in problems[0]


def test_what_is_cut_off_at_the_end_is_reported_and_never_a_message() -> None:
    for rest in (b"12", b"12 <1>", b"<1>no newline"):
        messages, problems = read(counted(MESSAGE) + rest)

        assert messages == [MESSAGE]
        assert problems == [f"the stream ended inside a frame, {len(rest)} octets of it had arrived"]
