"""The event: one ordered mapping and the one line of JSON that says the same."""

from __future__ import annotations

import enum
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpforwarder.event import (
    DEEPEST,
    JSON,
    OWN,
    TOO_DEEP,
    Event,
    addressed_to,
    as_text,
    is_own,
    join_lines,
    parse,
    split_lines,
)
from tests.fakes import hostile_events


def nested(levels: int) -> JSON:
    value: JSON = "bottom"
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, b"{}"),
        ({"b": 1, "a": "x"}, b'{"b":1,"a":"x"}'),
        ({"a": True, "b": False, "c": None}, b'{"a":true,"b":false,"c":null}'),
        ({"a": 'q"\\/'}, rb'{"a":"q\"\\/"}'),
        ({"a": "\n\r\t\x00\x1f\x7f"}, rb'{"a":"\n\r\t\u0000\u001f\u007f"}'),
        ({"a": "é😀\u2028"}, rb'{"a":"\u00e9\ud83d\ude00\u2028"}'),
        ({"a": "x\ud800y"}, rb'{"a":"x\ufffdy"}'),
        ({"\ud800": "\udfff"}, rb'{"\ufffd":"\ufffd"}'),
        ({"a": 2**64}, b'{"a":18446744073709551616}'),
        ({"a": 1.0, "b": 2.5}, b'{"a":1.0,"b":2.5}'),
        ({"a": math.nan, "b": [math.inf], "c": {"d": -math.inf}}, b'{"a":null,"b":[null],"c":{"d":null}}'),
        ({"a": [1, {"b": "é"}]}, rb'{"a":[1,{"b":"\u00e9"}]}'),
        ({"a": (1, 2)}, b'{"a":[1,2]}'),
        ({"a": 1j, "b": b"x"}, b'{"a":"1j","b":"b\'x\'"}'),
        ({1: 2, None: 3}, b'{"1":2,"None":3}'),
    ],
)
def test_every_field_has_its_place_on_one_line_of_ascii(fields: dict[Any, Any], line: bytes) -> None:
    assert Event.of(fields).line == line


def test_numbers_beyond_the_range_of_doubles_travel_as_text() -> None:
    assert Event.of({"a": 10**400}).fields["a"] == "1" + "0" * 400
    assert Event.of({"a": 10**299}).line == b'{"a":1' + b"0" * 299 + b"}"
    assert Event.of({"a": 10**5000}).fields["a"] == "[number too long]"


def test_what_lies_too_deep_is_named_so_and_nothing_recurses_without_end() -> None:
    assert Event.of({"a": nested(DEEPEST - 1)}).fields["a"] == nested(DEEPEST - 1)
    assert TOO_DEEP in Event.of({"a": nested(100_000)}).line.decode()


def test_an_enumeration_is_written_as_its_value() -> None:
    class Result(enum.IntEnum):
        FAILED = 3

    assert Event.of({"a": Result.FAILED}).line == b'{"a":3}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (True, "true"),
        (False, "false"),
        (None, ""),
        (7, "7"),
        (2.5, "2.5"),
        (2**80, str(2**80)),
        ([1, "é"], r'[1,"\u00e9"]'),
        ([2**80, {"a": -(2**80)}], f'[{2**80},{{"a":-{2**80}}}]'),
        ({"a": None}, '{"a":null}'),
    ],
)
def test_text_is_the_value_as_people_write_it(value: Any, text: str) -> None:
    event = Event.of({"a": value})
    assert event.text("a") == text
    assert split_lines(event.line)[0].text("a") == text


def test_an_absent_field_is_an_empty_text() -> None:
    assert Event.of({}).text("a") == ""


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"severity": 0}, 0),
        ({"severity": 10, "eventId": "1001"}, 10),
        ({"severity": 11, "eventId": "1001"}, 3),
        ({"severity": -1, "eventId": "2031"}, 7),
        ({"severity": "9", "eventId": "1001"}, 3),
        ({"severity": True}, 3),
        ({"eventId": 1001, "result": "failure"}, 6),
        ({}, 3),
    ],
)
def test_severity_is_the_field_or_what_the_table_says(fields: dict[str, Any], severity: int) -> None:
    assert Event.of(fields).severity == severity


@pytest.mark.parametrize(
    ("raw", "record"),
    [
        (b'{"a":1,"b":"x"}', {"a": 1, "b": "x"}),
        (b' {"a": 1} \n', {"a": 1}),
        (b'{"a":123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
        (b'{"a":[98765432109876543210]}', {"a": [98765432109876543210]}),
        (rb'{"a":"\ud800"}', {"a": "\ud800"}),
        (b'{"a":1e400,"b":-1E+999}', {"a": "1e400", "b": "-1E+999"}),
        (b'{"a":' + b"9" * 5000 + b"}", {"a": "9" * 5000}),
        (b'{"a":1.5,"b":1e3}', {"a": 1.5, "b": 1000.0}),
        (b"\xef\xbb\xbf{}", {}),
    ],
)
def test_a_record_is_read_as_it_stands(raw: bytes, record: dict[str, Any]) -> None:
    assert parse(raw) == record


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "not JSON"),
        (b'{"a":1', "not JSON: .* at column 7"),
        (b"[1]", "not a JSON object but a list"),
        (b"null", "not a JSON object but null"),
        (b'"a"', "not a JSON object but a text"),
        (b"1", "not a JSON object but a number"),
        (b"true", "not a JSON object but a boolean"),
        (b'{"a":"\xff"}', "not UTF-8 at octet 7"),
        (b'{"a":' + b"[" * 100_000, "nested too deep"),
    ],
)
def test_what_is_no_record_is_told_in_words(raw: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse(raw)


def test_lines_are_joined_and_split_again() -> None:
    events = [Event.of({"a": 1}), Event.of({"b": "\n\x85\u2028"}), Event.of({})]
    blob = join_lines(events)
    assert blob.count(b"\n") == 2
    assert split_lines(blob) == events
    assert split_lines(b"") == []


@pytest.mark.parametrize("value", [None, True, 1, 2.5, "é", ["a"], {"a": "b"}])
def test_as_text_is_total(value: JSON) -> None:
    assert isinstance(as_text(value), str)


@given(hostile_events.events)
@settings(deadline=None)
def test_a_line_is_plain_ascii_and_says_what_the_fields_say(event: Event) -> None:
    assert event.line.isascii()
    assert min(event.line) >= 32
    assert 127 not in event.line
    assert json.loads(event.line) == event.fields
    assert split_lines(join_lines([event, event]))[1].line == event.line


_leaves = st.one_of(st.text(max_size=8), st.integers(-(2**64), 2**64), st.booleans(), st.none())


@given(st.dictionaries(st.text(max_size=8), st.one_of(_leaves, st.lists(_leaves, max_size=4)), max_size=6))
@settings(deadline=None)
def test_json_is_lossless(fields: dict[str, JSON]) -> None:
    assert parse(Event.of(fields).line) == fields


@pytest.mark.parametrize("raw", [b'{"a": NaN}', b'{"a": [Infinity, {"b": -Infinity}]}'])
def test_numbers_that_json_does_not_have_are_nothing_wherever_they_stand(raw: bytes) -> None:
    record = parse(raw)
    assert "null" in as_text(record)
    assert b"null" in Event.of(record).line


def test_what_the_forwarder_says_about_itself_has_names_that_no_source_has() -> None:
    assert is_own(OWN)
    assert is_own(addressed_to("siem"))
    assert not is_own("lpforwarder2")
    assert not is_own("acme")


_plain = st.text(max_size=12) | st.integers() | st.booleans() | st.none() | st.lists(st.text(), max_size=3)
_odd = st.sampled_from(["\x7f", "a\x7fé", "\ud800", "\U0001f512", '\x00\x1f\n"\\/', "é\x1fü", "\u2028", "￿"])


@given(st.dictionaries(st.text(max_size=6) | _odd, _plain | _odd, max_size=5))
def test_the_quick_way_writes_the_octets_of_the_careful_one(fields: dict[str, JSON]) -> None:
    careful = Event._cleaned(fields)
    assert Event.of_plain(fields).line == Event.of(fields).line == careful.line
    assert dict(Event.of(fields).fields) == dict(careful.fields)


def test_lists_of_other_things_than_texts_take_the_careful_way() -> None:
    assert Event.of({"a": [1e16, math.nan, ("b",)]}).line == b'{"a":[1e+16,null,["b"]]}'
