from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.config import document
from lpforwarder.config.document import Document, dotted, parse


def codes(found: Document) -> list[str]:
    return [problem.code for problem in found.problems]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("true", True), ("false", False), ("12", 12), ("-3", -3), ("0", 0), ("1.5", 1.5), ("null", None),
        ("~", None), ("", None), ("'true'", "true"), ('"12"', "12"),
    ],
)  # fmt: skip
def test_plain_words_and_numbers_are_what_they_look_like(written: str, read: object) -> None:
    value = parse(f"a: {written}", "x").data["a"]
    assert value == read
    assert type(value) is type(read)


@pytest.mark.parametrize(
    "text",
    [
        "no", "yes", "on", "off", "True", "FALSE", "y", "0123", "0o17", "0x1F", "1:30", "1_000", "+5", "1e5",
        ".5", "5.", "2026-01-01", "Null", ".inf", ".nan", "=", "12345678901234567890",
    ],
)  # fmt: skip
def test_what_yaml_1_1_reads_as_something_else_is_text(text: str) -> None:
    assert parse(f"a: {text}", "x").data == {"a": text}


def test_every_key_and_value_has_its_line_and_column_from_one() -> None:
    found = parse("a: 1\nb:\n  - c: {d: x}\n  - 2\n", "x")
    places = {dotted(path): (mark.line, mark.column) for path, mark in found.values.items()}
    assert places == {
        "": (1, 1), "a": (1, 4), "b": (3, 3), "b[0]": (3, 5), "b[0].c": (3, 8), "b[0].c.d": (3, 12),
        "b[1]": (4, 5),
    }  # fmt: skip
    keys = {dotted(path): (mark.line, mark.column) for path, mark in found.keys.items()}
    assert keys == {"a": (1, 1), "b": (2, 1), "b[0].c": (3, 5), "b[0].c.d": (3, 9)}


def test_marks_are_the_same_with_and_without_the_c_loader() -> None:
    text = "a: [1, {b: 'é x'}]\nc: |\n  one\n  two\nd: &x 5\ne: *x\n"
    slow = type("_Slow", (yaml.SafeLoader,), {"yaml_implicit_resolvers": {}})
    assert places(yaml.compose(text, document._Loader)) == places(yaml.compose(text, slow))


def places(node: Any) -> list[tuple[int, int]]:
    """Where a node and all below it begin."""
    inner = node.value if isinstance(node.value, list) else []
    below = [part for item in inner for part in (item if isinstance(item, tuple) else (item,))]
    own = (node.start_mark.line, node.start_mark.column)
    return [own, *(place for part in below for place in places(part))]


def test_a_missing_path_is_placed_at_what_is_around_it() -> None:
    found = parse("a:\n  b: 1\n", "x")
    assert found.place(("a", "nope")).line == 1
    assert found.place(("nope",)).line == 1
    assert parse("", "x").place(("nope",)).line == 0


def test_a_key_written_twice_says_where_the_first_one_is() -> None:
    found = parse("http:\n  listen: a\n  listen: b\n", "x")
    assert [(p.code, p.line, p.column, p.fix) for p in found.problems] == [
        ("LPF103", 3, 3, "the first one is on line 2; keep one")
    ]
    assert found.data == {"http": {"listen": "a"}}


def test_aliases_are_followed() -> None:
    assert parse("a: &x {b: 1}\nc: *x\n", "x").data == {"a": {"b": 1}, "c": {"b": 1}}


def test_aliases_that_multiply_without_end_are_refused_quickly() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    found = parse("\n".join(lines), "x")
    assert codes(found) == ["LPF105"]
    assert found.data is None


def test_an_alias_of_what_is_around_it_is_refused() -> None:
    assert codes(parse("a: &x [*x]", "x")) == ["LPF105"]


def test_nesting_deeper_than_anybody_needs_is_refused_before_it_hurts() -> None:
    assert codes(parse("a: " + "[" * 20_000, "x")) == ["LPF105"]


def test_a_text_of_more_than_a_mebibyte_is_refused() -> None:
    assert codes(parse("#" * (document.LONGEST + 1), "x")) == ["LPF105"]


def test_a_second_document_is_refused_with_its_line() -> None:
    found = parse("a: 1\n---\nb: 2\n", "x")
    assert [(p.code, p.line) for p in found.problems] == [("LPF105", 2)]


@pytest.mark.parametrize("text", ["", "# nothing\n", "\n\n", "---\n"])
def test_an_empty_text_has_no_keys_and_no_problem_of_its_own(text: str) -> None:
    found = parse(text, "x")
    assert not found.problems
    assert not found.data


def test_merging_and_keys_that_are_no_words_are_refused() -> None:
    assert codes(parse("a: &x {b: 1}\nc: {<<: *x}\n? [1, 2]\n: 3\n", "x")) == ["LPF101", "LPF101"]


def test_tags_are_refused_and_nothing_is_made_from_them() -> None:
    found = parse("a: !!python/object/apply:os.system [id]\nb: !secret x\nc: !!int five\n", "x")
    assert "LPF104" in codes(found)
    assert found.data["b"] == "x"
    assert found.data["c"] == "five"


SECRET = "hunter2-MARKER"


@pytest.mark.parametrize(
    "text",
    [
        f"secret: {SECRET}",
        f"a:\n  - {{name: x, api_token: '{SECRET}'}}",
        f"clientPassword:\n  {SECRET}",
        f"provhash: |\n  first\n  {SECRET}\n",
        f"tokens: [a, {SECRET}]",
        f"secret: {{deep: {SECRET}}}",
        f"proxy: http://me:{SECRET}@proxy.example.net",
        f'key: "-----BEGIN PRIVATE KEY-----{SECRET}"',
        f"x: &a {SECRET}\npassword: *a",
    ],
)
def test_an_inline_secret_is_a_problem_and_is_shown_nowhere(text: str) -> None:
    found = parse(text, "x")
    assert "LPF112" in codes(found)
    assert SECRET not in repr(found.problems)
    for line in range(1, len(found.source) + 1):
        assert SECRET not in found.source.excerpt(line, 1)[0]


@pytest.mark.parametrize(
    "text",
    [
        f"clientPassword:\n\t{SECRET}\n",
        f"a:\n  secret: |\n    x\n   {SECRET}\n  b: [\n",
        f'password: "x\n{SECRET}\n',
        f"secert: {SECRET}: x\n",
        f"{{token: {SECRET}, b: [\n",
    ],
)
def test_a_text_that_is_no_yaml_shows_no_secret_either(text: str) -> None:
    found = parse(text, "x")
    assert codes(found) == ["LPF105"]
    for line in range(1, len(found.source) + 1):
        assert SECRET not in found.source.excerpt(line, 1)[0]


def test_a_mistyped_secret_key_is_not_shown_either() -> None:
    found = parse(f"secert: {SECRET}", "x")
    assert SECRET not in found.source.excerpt(1, 1)[0]


def test_references_to_secrets_are_no_secrets() -> None:
    text = "secret_file: a\nsecret_env: B\nsecret_credential: c\n"
    assert not parse(text, "x").problems
    assert parse(text, "x").source.excerpt(1, 1)[0] == "secret_file: a"


@given(st.text(alphabet=st.sampled_from("ab:-{}[]&*!|>'\"%@`# \n\t,?~0é\x85\x00"), max_size=60))
def test_no_text_raises(text: str) -> None:
    found = parse(text, "x")
    for problem in found.problems:
        found.source.excerpt(problem.line, problem.column)
