from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.intake.sources import json_array
from lpforwarder.intake.sources.records import KEPT, Cut, Limits, Place

WIDE = Limits()
SMALL = Limits(records=1000, window=16, longest=64)


def cut(text: bytes, *, final: bool = True, place: Place | None = None, limits: Limits = WIDE) -> Cut:
    return json_array.cut(text, place or Place(offset=1, stage="array"), final, limits)


def raws(result: Cut) -> list[bytes]:
    return [raw for _, _, raw in result.records]


def test_elements_come_with_offset_and_number() -> None:
    result = cut(b'{"a":1}, {"b":2}\n]\n')
    assert result.records == [(1, 1, b'{"a":1}'), (9, 2, b'{"b":2}')]
    assert result.place == Place(offset=20, number=2, stage="closed")
    assert result.unit == "element"


@pytest.mark.parametrize(
    "element",
    [
        rb'{"a":"]},{[\""}',
        rb'{"a":"x},","b":1}',
        rb'{"a":"\\"}',
        rb'{"a":"\\\"},"}',
        rb'{"a":{"b":[1,{"c":"}"}]},"d":[]}',
        rb'{"a":"\\\\","b":"{"}',
        b'{"a":"tab\\there, comma"}',
        b"{}",
        b'["a",["b"]]',
        b'"text, with ] and \\" in it"',
        b"1",
        b"nonsense",
        b'{"no":"comma"} {"between":1}',
    ],
)
@pytest.mark.parametrize("ending", [b',{"z":9}]', b' ,\n{"z":9} ]'])
def test_an_element_ends_at_its_own_comma_whatever_is_in_it(element: bytes, ending: bytes) -> None:
    result = cut(element + ending)
    assert (raws(result), result.faults) == ([element, b'{"z":9}'], [])


@pytest.mark.parametrize(
    "text", [rb'{"a":1\},"x":2},{"z":9}]', rb'{"a":1\\},{"z":9}]', rb'{\"a":1},{"z":9}]']
)
def test_backslashes_outside_strings_are_read_the_same_way_by_both_ways_of_searching(text: bytes) -> None:
    at_once = cut(text)  # searches octets, but for the last record of a page
    one = cut(text, limits=Limits(records=1))
    assert one.records == at_once.records[:1]


def test_an_empty_array_holds_nothing() -> None:
    result = cut(b" \n ]")
    assert (result.records, result.faults, result.place.stage) == ([], [], "closed")


def test_nothing_between_two_commas_is_a_fault_of_its_own() -> None:
    result = cut(b'{"a":1},,{"b":2},]')
    assert raws(result) == [b'{"a":1}', b'{"b":2}']
    assert [(fault.number, fault.reason) for fault in result.faults] == [
        (2, "nothing stands before the comma"),
        (4, "nothing stands behind the last comma"),
    ]


def test_an_element_that_has_not_ended_waits() -> None:
    result = cut(b'{"a":1}, {"b":', final=False)
    assert (raws(result), result.place) == ([b'{"a":1}'], Place(offset=9, number=1, stage="array"))


def test_an_element_waits_for_the_comma_behind_it() -> None:
    assert cut(b'{"a":1} ', final=False).records == []


@pytest.mark.parametrize("rest", [b"", b"  ", b'{"b":2}', b'{"b":"', b'{"b":"\\', b"\\"])
def test_an_array_that_is_not_closed_at_the_end_is_a_fault(rest: bytes) -> None:
    result = cut(b'{"a":1},' + rest)
    assert raws(result) == [b'{"a":1}']
    assert [(f.number, f.reason, f.raw) for f in result.faults] == [
        (2, "the array is not closed", rest.strip())
    ]
    assert result.place.stage == "ended"


def test_a_closing_brace_too_many_ends_the_reading() -> None:
    result = cut(b'{"a":1},{"b":2}},{"c":3}]')
    assert raws(result) == [b'{"a":1}']
    assert [(fault.number, fault.raw) for fault in result.faults] == [(2, b'{"b":2}},{"c":3}]')]
    assert "the rest of the file is not read" in result.faults[0].reason
    assert result.place.stage == "ended"


def test_something_behind_the_array_is_a_fault() -> None:
    result = cut(b'{"a":1}] [{"b":2}]')
    assert [(fault.number, fault.raw) for fault in result.faults] == [(0, b'[{"b":2}]')]
    assert result.place == Place(offset=10, number=1, stage="ended")


def test_blanks_behind_the_array_are_fine_however_late_they_come() -> None:
    closed = Place(offset=50, number=3, stage="closed")
    result = json_array.cut_behind(b"\r\n \t", closed)
    assert (result.faults, result.place) == ([], Place(offset=54, number=3, stage="closed"))


def test_what_is_kept_of_a_bad_rest_has_a_limit() -> None:
    assert len(cut(b"}" + b"x" * 100_000).faults[0].raw) == KEPT
    assert len(cut(b"x" * 100_000).faults[0].raw) == KEPT
    assert len(json_array.cut_behind(b"x" * 100_000, Place(stage="closed")).faults[0].raw) == KEPT


def test_a_full_page_stops_behind_a_comma() -> None:
    result = cut(b"{},{},{},{}]", limits=Limits(records=2))
    assert result.full
    assert (len(result.records), result.place) == (2, Place(offset=7, number=2, stage="array"))


def test_faults_fill_a_page_too() -> None:
    assert len(cut(b",,,,,,{}]", limits=Limits(records=2)).faults) == 2


def test_an_element_too_long_is_a_fault_and_is_skipped_with_its_brackets() -> None:
    long = b'{"a":"' + b"x" * 60
    result = cut(long, final=False, limits=SMALL)
    assert [(fault.number, fault.raw) for fault in result.faults] == [(1, long)]
    assert result.place == Place(offset=67, stage="array", depth=2, in_string=True)
    over = cut(b'}]",[{"b":"]"}]},{"z":9}]', place=result.place, limits=SMALL)
    assert over.records == [(84, 2, b'{"z":9}')]
    assert (over.faults, over.place.stage) == ([], "closed")


def test_skipping_stops_before_a_backslash_that_is_cut_from_its_octet() -> None:
    place = Place(offset=67, stage="array", depth=2, in_string=True)
    first = cut(b"xx\\", final=False, place=place, limits=SMALL)
    assert first.place == Place(offset=69, stage="array", depth=2, in_string=True)
    assert raws(cut(b'\\"},"},{"z":9}]', place=first.place, limits=SMALL)) == [b'{"z":9}']


def test_skipping_goes_on_over_many_windows() -> None:
    place = Place(offset=67, stage="array", depth=3)
    result = cut(b'1,2,[3,{"a":', final=False, place=place, limits=SMALL)
    assert (result.faults, result.place) == ([], Place(offset=79, stage="array", depth=5))


def test_a_hundred_thousand_open_brackets_cost_no_recursion() -> None:
    assert cut(b"[" * 100_000 + b"]" * 100_000 + b",{}]").place.number == 2


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(codec="utf-8"), max_size=8)
    | st.text('"\\{}[],', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('a"\\{}[],', max_size=4), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.lists(VALUES, max_size=8), st.booleans(), st.sampled_from([None, 1]))
def test_any_array_is_cut_into_its_elements(values: list[Any], is_ascii: bool, indent: int | None) -> None:
    text = json.dumps(values, ensure_ascii=is_ascii, indent=indent).encode()
    result = cut(text[1:])
    assert [json.loads(raw) for raw in raws(result)] == values
    assert result.faults == []


@given(st.text('"\\{}[], a', max_size=40), st.data())
def test_where_a_window_ends_never_changes_what_is_cut(text: str, data: st.DataObject) -> None:
    octets = text.encode()
    whole = cut(octets, final=False)
    size = data.draw(st.integers(0, len(octets)))
    first = cut(octets[:size], final=False)
    if first.place.stage != "array":
        assert first.records == whole.records[: len(first.records)]
        return
    at = first.place.offset - 1
    rest = cut(octets[at:], final=False, place=first.place)
    assert first.records + rest.records == whole.records
    assert first.faults + rest.faults == whole.faults
