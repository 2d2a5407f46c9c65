from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.counting import MarkerCount, event_id, frames

MARKER = b"<mark>"


def counted(pieces: list[bytes]) -> int:
    counter = MarkerCount(MARKER, 4096)
    total = 0
    for piece in pieces:
        counter.room[: len(piece)] = piece
        total += counter.taken(len(piece))
    return total


@given(
    parts=st.lists(st.sampled_from([MARKER, b"x", b"<", b"<mar", b"k>", b"mark"]), max_size=40),
    cuts=st.lists(st.integers(1, 30), max_size=60),
)
def test_the_count_does_not_depend_on_where_the_stream_is_cut(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    pieces, place = [], 0
    for size in [*cuts, 4096]:
        pieces.append(stream[place : place + size])
        place += size
    assert counted(pieces) == stream.count(MARKER)


def test_a_marker_that_comes_octet_by_octet_counts_once() -> None:
    assert counted([bytes([octet]) for octet in b"a" + MARKER + b"b"]) == 1


def test_frames_are_read_one_by_one() -> None:
    assert list(frames(b"8 <86>1 ab9 <86>1 abc")) == [b"<86>1 ab", b"<86>1 abc"]


@pytest.mark.parametrize(
    "stream", [b"<86>1 ab\n", b"9 <86>1 ab", b"7 <86>1 ab9 <86>1 abc", b"8 no header", b" <86>1 ab"]
)
def test_a_wrong_length_is_told(stream: bytes) -> None:
    with pytest.raises(ValueError, match="octet"):
        list(frames(stream))


def test_the_id_is_found_in_json_and_cef() -> None:
    identity = "716f9449-ebfc-5812-ab1f-4392134e56bb"
    assert event_id(b'<86>1 - - - - - - {"id":"%b"}' % identity.encode()) == identity
    assert (
        event_id(b"<86>1 - - - - - - CEF:0|a|b|c|1|n|3|externalId=%b act=x" % identity.encode()) == identity
    )
    assert event_id(b"<86>1 - - - - - - nothing") == ""
