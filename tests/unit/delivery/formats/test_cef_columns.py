"""Which events are written column by column, and what of a line makes one look closer.

That both ways give equal octets: tests/property/test_pages.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from lpforwarder.delivery.formats.cef import CefFormat, CefOptions
from lpforwarder.delivery.formats.cef_columns import odd_ones
from lpforwarder.delivery.rows import RowReader
from lpforwarder.event import Event

USUAL: dict[str, Any] = {
    "id": "f511d4ed-0fcc-4676-bb73-5fa17555512e",
    "timestamp": "2022-12-14T17:33:43.369Z",
    "eventId": "4001",
    "severity": 4,
}


def written(*events: dict[str, Any], header: tuple[str, ...] = ()) -> list[bytes]:
    cef = CefFormat(CefOptions())
    page = RowReader(cef.row_type).read([Event.of({**USUAL, **fields}).line for fields in events])
    columns = [(text,) * len(events) for text in header]
    return cef.format_page(page, columns)


def test_each_text_stands_behind_its_header() -> None:
    (message,) = written({}, header=("<1>", "- "))
    assert message == b"<1>- " + CefFormat(CefOptions()).format(Event.of(USUAL))


def test_a_page_without_events_has_no_texts() -> None:
    assert written() == []


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"message": 'with "quotes", a=b, C:\\ and é\n', "itemName": "=\\\n", "vendorData": "a=b"},
        {"sourceIp": "not an address"},
        {"id": "x" * 41, "mfa": True, "timestampAmbiguous": "true"},
        {"door": {"a": [1, 2]}},
        {"targetUsers": None, "result": "denied"},
    ],
    ids=str,
)
def test_odd_texts_do_not_keep_an_event_from_being_written_with_the_others(fields: dict[str, Any]) -> None:
    assert written({}, fields) == [
        CefFormat(CefOptions()).format(Event.of({**USUAL, **extra})) for extra in ({}, fields)
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"source": "lpforwarder"},
        {"targetUsers": ["a"]},
        {"mfa": 1},
        {"method": "x" * 256},
        {"truncated": True},
    ],
    ids=str,
)
def test_events_of_another_form_are_left_to_be_written_alone(fields: dict[str, Any]) -> None:
    first, odd, last = written({}, fields, {})
    assert first == last != b""
    # Those that could not be read as rows have a text of a blank row, which nobody takes.
    assert odd == b"" or fields.get("source") is None


@pytest.mark.parametrize(
    ("fields", "odd"),
    [
        ({"message": "as usual"}, False),
        ({"message": 'with "quotes"'}, False),
        ({"message": 'with "quotes"', "itemName": '"'}, True),  # one look too many costs less than counting
        ({"message": "a=b"}, True),
        ({"message": "a\\b"}, True),
        ({"message": 'a\\"b'}, True),
        ({"message": "ends in \\"}, True),
        ({"message": "é"}, True),
        ({"message": "a\nb"}, True),
        ({"message": "a\x7fb"}, True),
        ({"x": ["\t"]}, True),
        ({"x": '"'}, True),
    ],
)
def test_a_line_with_anything_unusual_in_it_is_looked_at(fields: dict[str, Any], odd: bool) -> None:
    event = Event.of(fields)
    assert odd_ones([event.line], [fields.get("message")]) == ([0] if odd else [])
