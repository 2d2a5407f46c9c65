"""Cursors: they name a place in one journal, and nothing else passes for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.endpoint import cursors
from lpforwarder.event import Seq


@given(st.integers(0, 10**17), st.from_regex(r"[0-9a-f]{8}", fullmatch=True))
def test_a_cursor_leads_back_to_its_place(place: int, identity: str) -> None:
    written = cursors.write(identity, Seq(place))
    assert cursors.read(identity, written) == place
    assert written.isascii()
    assert not set(written) & set("&?#%+/= ")


def test_a_cursor_of_another_journal_is_told_apart() -> None:
    with pytest.raises(cursors.ForeignCursor):
        cursors.read("11111111", cursors.write("22222222", Seq(5)))


@pytest.mark.parametrize(
    "text", ["", "x", "=", "MS4xMS41=", "é", "a" * 500, "MS5hYmNkMTIzNC4x\n", "Mi5hYmNkMTIzNC4x"]
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(cursors.BadCursor):
        cursors.read("abcd1234", text)


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    with pytest.raises((cursors.BadCursor, cursors.ForeignCursor)):
        cursors.read("nobody", text)
