"""Cursors: they lead to a place in one journal, tell nothing, and nothing else passes for one."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.endpoint.cursors import KEY_OCTETS, BadCursor, Cursors, ForeignCursor, LostKey
from lpforwarder.event import Seq
from tests.fakes.pulled_journal import KEY

JOURNAL = "0123456789abcdef"
CURSORS = Cursors(KEY)
OTHERS = Cursors(KEY[::-1])


def octets_of(cursor: str) -> bytes:
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def text_of(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def with_checksum(raw: bytes) -> str:
    """As somebody would forge one who has read the source."""
    return text_of(raw + hashlib.blake2b(raw, digest_size=4).digest())


@given(st.integers(0, 2**63 - 1), st.from_regex(r"[0-9a-f]{16}", fullmatch=True))
def test_a_cursor_leads_back_to_its_place(place: int, identity: str) -> None:
    written = CURSORS.write(identity, Seq(place))
    assert CURSORS.read(identity, written) == place
    assert Cursors(KEY).read(identity, written) == place  # in the next life
    assert written.isascii()
    assert not set(written) & set("&?#%+/= ")


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_a_cursor_shows_neither_its_place_nor_whether_the_place_has_changed(place: int, other: int) -> None:
    one, two, far = (CURSORS.write(JOURNAL, Seq(each)) for each in (place, place, other))
    assert one != two
    assert len({len(one), len(two), len(far)}) == 1
    octets = octets_of(one)
    assert str(place).encode() not in octets or place < 1000
    assert place.to_bytes(8) not in octets
    assert JOURNAL.encode() not in octets
    # Beside version and mark no octets agree for a reason: what repeats would tell.
    assert octets[5:19] != octets_of(two)[5:19]
    assert octets[19:35] != octets_of(two)[19:35]


def test_a_cursor_with_any_octet_changed_is_refused() -> None:
    octets = octets_of(CURSORS.write(JOURNAL, Seq(61203)))
    for place in range(len(octets)):
        for bit in range(8):
            changed = bytearray(octets)
            changed[place] ^= 1 << bit
            with pytest.raises(BadCursor):
                CURSORS.read(JOURNAL, text_of(bytes(changed)))


def test_who_knows_how_cursors_are_made_still_cannot_make_one() -> None:
    raw = octets_of(CURSORS.write(JOURNAL, Seq(61203)))[:-4]
    for place in range(5, len(raw)):  # behind version and mark
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(BadCursor):
            CURSORS.read(JOURNAL, with_checksum(changed))
    for cut in range(len(raw)):
        with pytest.raises((BadCursor, LostKey)):
            CURSORS.read(JOURNAL, with_checksum(raw[:cut]))


def test_a_cursor_has_one_spelling() -> None:
    for identity in ("a", "ab", "abc"):
        written = CURSORS.write(identity, Seq(5))
        last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        spellings = [written[:-1] + letter for letter in last] + [
            written + "=",
            written + "\n",
            f" {written}",
        ]
        assert [CURSORS.read(identity, each) for each in spellings if each == written] == [5]
        for each in spellings:
            if each != written:
                with pytest.raises(BadCursor):
                    CURSORS.read(identity, each)


def test_a_cursor_of_another_journal_is_told_apart() -> None:
    with pytest.raises(ForeignCursor):
        CURSORS.read("1111111111111111", CURSORS.write("2222222222222222", Seq(5)))


def test_a_cursor_of_another_key_is_told_apart() -> None:
    with pytest.raises(LostKey):
        CURSORS.read(JOURNAL, OTHERS.write(JOURNAL, Seq(5)))


@pytest.mark.parametrize(
    "text", ["", "x", "=", "é", "a" * 500, "MS4xMS41=", "MS4wNDQ3YzM0ZDkyZmI0ZDQxLjI", "MS5hYmNkMTIzNC4x\n"]
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        CURSORS.read(JOURNAL, text)


@given(
    st.one_of(
        st.text(), st.binary().map(with_checksum), st.binary().map(lambda raw: with_checksum(b"\2" + raw))
    )
)
def test_no_text_breaks_it(text: str) -> None:
    with pytest.raises((BadCursor, LostKey)):
        CURSORS.read(JOURNAL, text)


def test_a_key_has_its_length() -> None:
    assert len(KEY) == KEY_OCTETS
    with pytest.raises(ValueError, match="key"):
        Cursors(b"short")
