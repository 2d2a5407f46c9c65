from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, Field, ValidationError

from lpforwarder.config.document import parse
from lpforwarder.config.options import Duration, Options, Texts
from lpforwarder.config.sentences import did_you_mean, listed, problems
from lpforwarder.errors import Problem


def _even(value: int) -> int:
    if value % 2:
        raise ValueError(f"{value} is odd; write an even number")
    return value


class Inner(Options):
    depth: int = Field(1, ge=1, le=9)


class Sample(Options):
    account: str = "x"
    verify: bool = True
    follow: bool = True
    count: int = 1
    rate: float = 1.0
    colour: Literal["red", "green"] = "red"
    version: Literal["1.2", "1.3"] = "1.2"
    only: Literal["one"] = "one"
    words: Texts = ()
    inner: Inner = Inner()
    wait: Duration = 1.0
    even: Annotated[int, AfterValidator(_even)] = 2
    short: str = Field("a", max_length=3, min_length=1)
    host: str | None = Field(None, description="a name")


class Needing(Options):
    host: str = Field(examples=["siem.example.net"])


def said(text: str, model: type[Options] = Sample) -> Problem:
    document = parse(text, "x")
    with pytest.raises(ValidationError) as caught:
        model.model_validate(document.data, context={"folder": Path()})
    (problem,) = problems(caught.value, document, (), model)
    return problem


@pytest.mark.parametrize(
    ("text", "code", "what", "fix"),
    [
        ("colur: red", "LPF101", "unknown key `colur`", "did you mean `colour`?"),
        ("inner: {dept: 1}", "LPF101", "unknown key `dept`", "did you mean `depth`?"),
        ("account: 1234567", "LPF104", "`account` must be in quotes: YAML reads 1234567 as a number",
         'write "1234567"'),
        ("account: true", "LPF104", "`account` must be in quotes: YAML reads true as a boolean",
         'write "true"'),
        ("version: 1.2", "LPF104", "`version` must be in quotes: YAML reads 1.2 as a number", 'write "1.2"'),
        ("verify: no", "LPF104", '`verify` must be true or false, not the text "no"',
         "write `false`; or better, set `ca_file` and keep checking"),
        ("follow: on", "LPF104", '`follow` must be true or false, not the text "on"', "write `true`"),
        ("follow: 1", "LPF104", "`follow` must be true or false, not 1", "write `true`"),
        ("follow: maybe", "LPF113", '`follow` must be true or false, not the text "maybe"', "write `true`"),
        ('count: "0012"', "LPF104", '`count` must be a whole number, not "0012"',
         "write 12 without quotes and leading zeros"),
        ("count: few", "LPF113", '`count` must be a whole number, not "few"', ""),
        ("count: [1]", "LPF113", "`count` must be a whole number, not a list", ""),
        ("colour: gren", "LPF115", '`colour`: "gren" is not one of red, green', "did you mean `green`?"),
        ("only: two", "LPF115", "`only`: only one is possible here", "write one"),
        ("words: red", "LPF113", '`words` must be a list, not "red"', "write [red]"),
        ("words: [a, 5]", "LPF104", "`words[1]` must be in quotes: YAML reads 5 as a number", 'write "5"'),
        ("inner: 5", "LPF113", "`inner` must hold keys of its own, not 5", "write {key: value}"),
        ("inner: {depth: 10}", "LPF108", "`depth` is 10; the most is 9", "write 9"),
        ("inner: {depth: 0}", "LPF108", "`depth` is 0; the least is 1", "write 1"),
        ("wait: 5 minutes", "LPF106", '`wait`: "5 minutes" is not a duration',
         "write a number and a unit: 60s, 5m, 12h"),
        ("even: 3", "LPF108", "`even`: 3 is odd", "write an even number"),
        ("short: abcd", "LPF108", "`short` is too long", "3 characters at most"),
        ("account:", "LPF113", "`account` has no value", "write one, or delete the line"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_code_its_sentence_and_its_remedy(
    text: str, code: str, what: str, fix: str
) -> None:
    problem = said(text)
    assert (problem.code, problem.what, problem.fix) == (code, what, fix)


def test_a_missing_key_is_placed_at_what_it_is_missing_from() -> None:
    problem = said("{}", Needing)
    assert (problem.code, problem.what) == ("LPF114", "`host` is missing")
    assert problem.fix == "add host: siem.example.net"


def test_places_are_those_of_the_key_or_the_value() -> None:
    assert (said("inner:\n  dept: 1").line, said("inner:\n  dept: 1").column) == (2, 3)
    assert (said("inner:\n  depth: 10").line, said("inner:\n  depth: 10").column) == (2, 10)


def test_a_hidden_secret_gives_no_second_problem() -> None:
    document = parse("words: [http://me:hunter2@x]", "x")
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate(document.data, context={})
    assert not list(problems(caught.value, document, (), Sample))


def test_far_words_are_no_suggestion() -> None:
    assert did_you_mean("zzz", ["format"]) == ""


def test_words_are_listed_as_people_do() -> None:
    assert [listed(["a"]), listed(["a", "b", "c"])] == ["a", "a, b or c"]
