"""What becomes of text that a line-based receiver cannot be given."""

from __future__ import annotations

import pytest

from lpforwarder.delivery import hygiene


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("plain", "plain"),
        ("  spaces around  ", "spaces around"),
        ("a\tb", "a b"),
        ("a\nb\rc\r\nd", "a\nb\rc\r\nd"),
        ("a\x85b\u2028c\u2029d", "a\nb\nc\nd"),
        ("\x00 \x07 \x0b \x0c \x1b \x1c \x1f \x7f", "#000 #007 #013 #014 #033 #034 #037 #177"),
        ("\x80 \x9f", "#200 #237"),
        ("a\ud800b\udfffc", "a\ufffdb\ufffdc"),
        ("😀 é Привет", "😀 é Привет"),
        ("e\u0301", "e\u0301"),
        ("a\u202eb\u200bc\ufeffd\u00a0e", "a\u202eb\u200bc\ufeffd\u00a0e"),
        ("\ta \t", "a"),
        (" \t ", ""),
        ("\u2028", "\n"),
        ("", ""),
    ],
)
def test_a_value_keeps_its_text_and_loses_its_controls(text: str, clean: str) -> None:
    assert hygiene.value(text) == clean


@pytest.mark.parametrize(
    ("text", "most", "clean"),
    [
        ("abcdef", 3, "abc"),
        ("ab cdef", 3, "ab"),
        ("😀😀😀", 2, "😀😀"),
        ("ab\x1bcd", 4, "ab"),
        ("ab\x1bcd", 5, "ab"),
        ("ab\x1bcd", 6, "ab#033"),
        ("\x1b" * 100, 10, "#033#033"),
        ("a\nbc", 3, "a\nb"),
        ("\x00\x00", 3, ""),
        ("abc", 0, ""),
    ],
)
def test_a_value_is_cut_between_characters_and_never_within_a_replacement(
    text: str, most: int, clean: str
) -> None:
    assert hygiene.value(text, most) == clean


def test_cutting_keeps_as_much_as_fits() -> None:
    text = "\x1b" * 300 + "a" * 1500
    assert hygiene.value(text, 1023) == "#033" * 255
    assert len(hygiene.value("a" * 900 + "\x1b" * 300, 1023)) in range(1020, 1024)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\r\nb", "a b"),
        ("a\n\nb", "a  b"),
        ("a\rb\u2028c\x85d", "a b c d"),
        ("\nabc\n", "abc"),
        ("\x00", "#000"),
    ],
)
def test_one_line_has_a_space_for_each_line_break(text: str, line: str) -> None:
    assert hygiene.one_line(text) == line


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("itemchange", "itemchange"),
        ("", "-"),
        ("two words", "two_words"),
        ("é\n\x7f\ud800😀", "_____"),
        ("x" * 40, "x" * 32),
        ("!~", "!~"),
    ],
)
def test_a_token_is_printable_ascii_and_never_empty(text: str, token: str) -> None:
    assert hygiene.token(text, 32) == token
