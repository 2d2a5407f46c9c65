from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.config.source_text import WIDTH, SourceText


def test_tabs_and_control_characters_cannot_reach_the_terminal() -> None:
    assert SourceText("\ta\x1b[31m").excerpt(1, 1)[0] == "→a?[31m"


def test_lines_are_counted_as_yaml_counts_them() -> None:
    source = SourceText("a\r\nb\rc\x85d\u2028e\x0bf")
    assert len(source) == 5
    assert source.raw(5) == "e\x0bf"


def test_a_hidden_part_is_masked_and_the_caret_stays_below_its_character() -> None:
    source = SourceText("{a: hunter2hunter2, b: x}")
    source.hide((0, 4), (0, 18))
    text, column = source.excerpt(1, 21)
    assert text == "{a: ***, b: x}"
    assert text[column - 1] == "b"


def test_a_secret_in_a_comment_is_masked_as_well() -> None:
    assert SourceText("a: 1  # password: hunter2").excerpt(1, 1)[0] == "a: 1  # password: ***"


def test_a_long_line_is_cut_around_the_place() -> None:
    text, column = SourceText("x" * 300 + "HERE" + "y" * 300).excerpt(1, 301)
    assert text[column - 1 : column + 3] == "HERE"
    assert len(text) <= WIDTH + 2


def test_a_line_that_is_not_there_is_empty() -> None:
    assert SourceText("a").excerpt(7, 3)[0] == ""


@given(
    st.text(max_size=200), st.integers(0, 250), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)))
)
def test_the_caret_is_always_within_or_just_behind_the_line(
    line: str, column: int, hidden: list[tuple[int, int]]
) -> None:
    source = SourceText(line)
    for first, last in hidden:
        source.hide((0, first), (0, min(last, len(source.raw(1)))))
    text, place = source.excerpt(1, column)
    assert 1 <= place <= WIDTH + 3
    assert all(character.isprintable() for character in text)
