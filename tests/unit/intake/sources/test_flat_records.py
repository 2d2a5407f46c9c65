"""Records decoded many at once. That none merges with its neighbour: tests/property/test_file_pages.py."""

from __future__ import annotations

import pytest

from lpforwarder.event import Event, parse
from lpforwarder.intake.sources.flat_records import read


def test_flat_records_come_with_their_lines() -> None:
    raws = [b'{"a":1,"b":"x"}', rb'{"c":"\u00e9\u007f","d":["e"],"f":null,"g":true}']
    assert read(raws) == ([parse(raw) for raw in raws], raws)


def test_nothing_is_read_from_nothing() -> None:
    assert read([]) == ([], [])


@pytest.mark.parametrize(
    "raw", [b'{"a": 1}', b' {"a":1}\r', b'{"a":0,"a":1}', rb'{"\u0061":1}', b'{"a":1}\n']
)
def test_what_is_written_in_another_way_gets_the_line_of_an_event(raw: bytes) -> None:
    fields, lines = read([b'{"b":2}', raw])
    assert (fields, lines) == ([{"b": 2}, {"a": 1}], [b'{"b":2}', b'{"a":1}'])


@pytest.mark.parametrize("text", ["é", "😀", "\x7f", "\x7f😀", "日本\\"])
def test_what_a_line_must_not_have_is_escaped(text: str) -> None:
    raw = f'{{"a":"{text}"}}'.encode().replace(b"\\", rb"\\")
    assert read([raw, raw]) == ([{"a": text}] * 2, [Event.of({"a": text}).line] * 2)


@pytest.mark.parametrize(
    "raw",
    [
        *(b'{"a":1.0}', b'{"a":1e400}', b'{"a":{}}', b'{"a":[1]}', b"[]", b"1", b"", b"{", b'{"a":"\xff"}'),
        *(rb'{"a":"\ud800"}', b'{"a":18446744073709551616}', b'{"a":' + b"[" * 100_000),
    ],
)
def test_what_needs_care_is_left_out_and_costs_its_neighbours_nothing(raw: bytes) -> None:
    fields, lines = read([b'{"b":2}', raw, b'{"c":3}'])
    assert fields == [{"b": 2}, None, {"c": 3}]
    assert [lines[0], lines[2]] == [b'{"b":2}', b'{"c":3}']


def test_two_halves_of_a_record_are_no_record() -> None:
    assert read([b'{"a":1},{"b":2}', b'{"c":"x}', b'{y"}'])[0] == [None, None, None]
