from __future__ import annotations

import pytest

from lpforwarder.config.document import parse
from lpforwarder.errors import Problem


def only(text: str) -> Problem:
    (problem,) = parse(text, "x").problems
    assert problem.code == "LPF105"
    return problem


def test_a_tab_is_named_and_its_place_is_the_tab() -> None:
    problem = only("a:\n  b: 1\n\tc: 2\n")
    assert problem.what == "a tab is used for indenting; YAML allows only spaces"
    assert (problem.line, problem.column) == (3, 1)


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a: b: c\n", 1, "`:` too many"),
        ("a:\n   b: 1\n  c: 2\n", 3, "indentation"),
        ("a: 'x\nb: 1\n", 3, "quote"),
        ("a: [1, 2\nb: 3\n", 2, "["),
        ("a: {b: 1\nc: 2\n", 2, "{"),
        ("a: 1\njust words\nb: 2\n", 3, "colon"),
        ("a: *nowhere\n", 1, "anchor"),
        ('a: "\\q"\n', 1, "backslash"),
        ("a: @home\n", 1, "cannot begin"),
        ("a: x\n\nb: \x01\n", 3, "control character"),
    ],
)
def test_syntax_errors_are_told_in_plain_words_with_their_line(text: str, line: int, part: str) -> None:
    problem = only(text)
    assert part in problem.what
    assert problem.line == line
    assert problem.fix
