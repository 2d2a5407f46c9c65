"""What every framer promises: what goes in comes out at a reader written from the grammar."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpforwarder.delivery.framing import FRAMERS, by_name
from tests.fakes import strict_framing

READERS = {"octet-counting": strict_framing.read_octet_counted, "newline": strict_framing.read_newline}
messages = st.lists(
    st.one_of(st.binary(min_size=1), st.sampled_from((b"1 x", b"12", b"<0>1 ", "\u2028é".encode())))
)


def test_every_framing_has_a_reader() -> None:
    assert READERS.keys() == FRAMERS.keys()


@pytest.mark.parametrize("name", FRAMERS)
@given(messages=messages)
@settings(deadline=None, max_examples=50)
def test_every_message_arrives_whole_alone_and_in_order(name: str, messages: list[bytes]) -> None:
    clean = [message.replace(b"\n", b" ") for message in messages]
    assert READERS[name](by_name(name).frame(clean)) == clean


@pytest.mark.parametrize("name", FRAMERS)
@given(messages=messages)
@settings(deadline=None, max_examples=50)
def test_a_message_that_breaks_the_promise_still_arrives_as_one(name: str, messages: list[bytes]) -> None:
    assert len(READERS[name](by_name(name).frame(messages))) == len(messages)


@pytest.mark.parametrize("name", FRAMERS)
@given(messages=messages)
@settings(deadline=None, max_examples=50)
def test_a_page_is_framed_like_its_messages_one_by_one(name: str, messages: list[bytes]) -> None:
    framer = by_name(name)
    assert framer.frame(messages) == b"".join(framer.frame([message]) for message in messages)
