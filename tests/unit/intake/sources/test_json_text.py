from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.intake.sources import json_text
from lpforwarder.intake.sources.records import Limits, Place
from tests.fakes.cutting import SMALL, cut_all, numbers, texts

LINES = b'{"a":1}\n\n{"b":2}\r\n{"c":3}'
ARRAY = b'[{"a":1},\n{"b":2} , {"c":3}]\n'
THREE = [b'{"a":1}', b'{"b":2}', b'{"c":3}']


@pytest.mark.parametrize(
    "before", [b"", b"\xef\xbb\xbf", b"\n\r\n  ", b"\xef\xbb\xbf\n", b"\0" * 100, b" " * 100]
)
@pytest.mark.parametrize("text", [LINES, ARRAY])
def test_the_first_octet_that_is_not_blank_tells_the_form(before: bytes, text: bytes) -> None:
    records, faults, place = cut_all(before + text)
    assert (texts(records), faults, place.offset) == (THREE, [], len(before + text))


def test_lines_are_counted_from_the_beginning_of_the_file() -> None:
    assert numbers(cut_all(b"\n\n" + LINES)[0]) == [3, 5, 6]


def test_elements_are_counted_from_the_beginning_of_the_array() -> None:
    assert numbers(cut_all(b"\n\n" + ARRAY)[0]) == [1, 2, 3]


@pytest.mark.parametrize("text", [b"", b"\n", b"\xef\xbb\xbf", b" \r\n" * 50])
def test_an_empty_file_holds_nothing(text: bytes) -> None:
    assert cut_all(text)[:2] == ([], [])


def test_blanks_of_a_growing_file_are_left_behind_with_the_form_still_open() -> None:
    place = cut_all(b"\n" * 40, final=False)[2]
    assert place == Place(offset=40, number=40, stage="start")
    assert json_text.cut(b"[{},", place, False, SMALL).records == [(41, 1, b"{}")]


def test_a_growing_file_is_not_judged_by_half_a_byte_order_mark() -> None:
    for size in range(4):
        assert json_text.cut(b"\xef\xbb\xbf["[:size], Place(), False, SMALL).place == Place()


def test_a_byte_order_mark_inside_a_file_is_no_blank() -> None:
    assert texts(cut_all(b"\n\xef\xbb\xbf{}\n")[0]) == [b"\xef\xbb\xbf{}"]


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [LINES, ARRAY])
def test_utf_16_is_named_and_nothing_of_it_read(codec: str, text: bytes) -> None:
    records, faults, place = cut_all(text.decode().encode(codec))
    assert (records, len(faults), place.stage) == ([], 1, "ended")
    assert faults[0].number == 0
    assert faults[0].reason.startswith("UTF-16, not UTF-8")


def test_a_compressed_file_is_named_and_nothing_of_it_read() -> None:
    records, faults, place = cut_all(gzip.compress(LINES))
    assert (records, len(faults), place.stage) == ([], 1, "ended")
    assert faults[0].reason.startswith("compressed")


def test_behind_the_end_nothing_is_read() -> None:
    ended = Place(offset=7, stage="ended")
    assert json_text.cut(b"{}\n{}\n", ended, True, SMALL).place == ended


EVENTS = st.lists(
    st.dictionaries(st.text(max_size=4), st.text(max_size=12) | st.integers(), max_size=4), max_size=12
)
WINDOWS = st.lists(st.integers(16, 64), min_size=1, max_size=5)


@given(EVENTS, WINDOWS, st.booleans(), st.integers(1, 5))
def test_any_split_into_windows_gives_the_same_records(
    events: list[Any], windows: list[int], is_array: bool, page: int
) -> None:
    lines = [json.dumps(event).encode() for event in events]
    text = b"[" + b",\n".join(lines) + b"]" if is_array else b"\n".join(lines)
    at_once = cut_all(text, Limits())
    assert texts(at_once[0]) == lines
    small = Limits(records=page, longest=1000)
    records, faults, place = cut_all(text, small, windows=windows)
    assert (texts(records), faults, place) == (texts(at_once[0]), at_once[1], at_once[2])
    assert [record[:2] for record in records] == [record[:2] for record in at_once[0]]


@given(EVENTS)
def test_array_and_lines_give_the_same_records(events: list[Any]) -> None:
    lines = [json.dumps(event).encode() for event in events]
    from_array = cut_all(b"[" + b",".join(lines) + b"]")[0]
    from_lines = cut_all(b"\n".join(lines))[0]
    assert texts(from_array) == texts(from_lines)
    assert numbers(from_array) == numbers(from_lines)


@given(st.text('[]{},:"\\ \n1a', max_size=120).map(str.encode) | st.binary(max_size=120), WINDOWS)
def test_whatever_the_file_holds_it_ends_and_the_windows_do_not_matter(
    text: bytes, windows: list[int]
) -> None:
    records, faults, place = cut_all(text, windows=windows)
    once_more = cut_all(text, Limits(records=1000, window=64, longest=64))
    assert (records, [(f.number, f.reason) for f in faults]) == (
        once_more[0],
        [(f.number, f.reason) for f in once_more[1]],
    )
    assert place.stage == "ended" or place.offset == len(text)
