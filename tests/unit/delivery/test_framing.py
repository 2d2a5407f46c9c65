"""Octet counting and newline framing."""

from __future__ import annotations

import pytest

from lpforwarder.delivery.framing import Newline, OctetCounting, by_name


def test_octet_counting_puts_the_length_and_a_space_before_each_message() -> None:
    assert OctetCounting().frame([b"<0>1 - - - - - -", b"x" * 12]) == b"16 <0>1 - - - - - -12 " + b"x" * 12


def test_the_count_is_of_octets_not_of_characters() -> None:
    assert OctetCounting().frame(["é€😀".encode()]) == b"9 " + "é€😀".encode()


def test_nothing_stands_behind_a_counted_message() -> None:
    assert OctetCounting().frame([b"a", b"b"]) == b"1 a1 b"


def test_newline_framing_ends_each_message_with_one_line_feed() -> None:
    assert Newline().frame([b"a", b"b"]) == b"a\nb\n"


def test_a_line_feed_within_a_message_cannot_forge_another_one() -> None:
    assert Newline().frame([b"a\n<86>1 forged", b"b"]) == b"a <86>1 forged\nb\n"


@pytest.mark.parametrize("framer", [OctetCounting(), Newline()])
def test_no_messages_are_no_octets(framer: OctetCounting | Newline) -> None:
    assert framer.frame([]) == b""
    assert framer.frame([b""]) == b""


def test_framers_are_found_by_their_name_in_the_configuration() -> None:
    assert isinstance(by_name("octet-counting"), OctetCounting)
    assert isinstance(by_name("newline"), Newline)


def test_an_unknown_framing_is_told_with_the_known_ones() -> None:
    with pytest.raises(LookupError, match="octet-counting, newline"):
        by_name("octet-couting")
