"""Which events are put together from their lines, and which are left to be written value by value.

That both ways give equal octets: tests/property/test_pages.py.
"""

from __future__ import annotations

from typing import Any, Literal

import pytest

from lpforwarder.delivery.formats.cef import CefFormat, CefOptions
from lpforwarder.event import Event
from lpforwarder.lines import Reader, Writer

USUAL: dict[str, Any] = {
    "id": "f511d4ed-0fcc-4676-bb73-5fa17555512e",
    "timestamp": "2022-12-14T17:33:43.369Z",
    "eventId": "4001",
    "severity": 4,
}


def written(*events: dict[str, Any], **options: Any) -> list[bytes]:
    cef = CefFormat(CefOptions(**options))
    reader = Reader(cef.fields, marked=cef.marked, skips=cef.ignores_others)
    lines = [Event.of({**USUAL, **fields}).line for fields in events]
    return Writer(reader, cef.parts(), 2**20).write(reader.scan(lines), list(range(len(lines))))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"message": 'with "quotes", a=b, C:\\ and é\n', "itemName": "=\\\n", "vendorData": "a=b"},
        {"sourceIp": "not an address"},
        {"sourceIp": 7, "message": "=" * 1023, "reason": "=" * 1024},
        {"sourceIp": " 2001:db8::1 ", "sourceUser": " ana ", "targetUser": ""},
        {"id": "x" * 41, "mfa": True, "timestampAmbiguous": "true"},
        {"result": "denied", "eventType": "é", "vendorAction": "a=b"},
        {"message": "x" * 1024, "reason": "é" * 1024, "folderName": "a" * 4001},
        {"door": {"a": [1, 2]}, "itemSite": "crm.example.org", "client": None, "vendorFields": {"a": "}"}},
        {"truncated": True, "timestampAmbiguous": True},
        {"sourceIpRaw": "fe80::1%eth0", "sourceIp": ""},
        {"sourceIpRaw": "a=b ", "message": "\u65e5\u672c \U0001f680 \\ \r\n C:\\"},
        *(
            {"message": f"a{odd}b"}
            for odd in "\t\x7f\x80\x9f\xa0\u07ff\u0800\u2028\u2029\ud7ff\ue000\uffff\U00010000"
        ),
        *(
            {"itemName": text}
            for text in ("\n", "x\n", "\\", "\xa0", "\u3000", "\U0010ffff", "é" * 170, "é" * 1023)
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("equals", ["escape", "substitute"])
def test_odd_texts_do_not_keep_an_event_from_being_put_together(
    fields: dict[str, Any], equals: Literal["escape", "substitute"]
) -> None:
    cef = CefFormat(CefOptions(equals=equals))
    assert written({}, fields, equals=equals) == [
        cef.format(Event.of({**USUAL, **extra})) for extra in ({}, fields)
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"source": "lpforwarder"},
        {"targetUsers": ["a"]},
        {"targetUsers": None},
        {"severity": 11},
        {"severity": "4"},
        {"targetUsers": "a"},
        {"truncated": [1]},
        {"mfa": None},
        {"mfa": 1.5},
        {"sourceIpRaw": "x", "sourceIp": "198.51.100.9"},
        {"sourceIpRaw": "x", "sourceIp": "y"},
        {"timestamp": "2022-12-14T17:33:43Z"},
    ],
    ids=str,
)
def test_events_of_another_form_are_left_to_be_written_alone(fields: dict[str, Any]) -> None:
    first, odd, last = written({}, fields, {})
    assert first == last == CefFormat(CefOptions()).format(Event.of(USUAL))
    assert odd == b""


def test_collectors_of_one_kind_share_what_is_made_once_and_others_do_not() -> None:
    twice, other = ({"mfa": True}, {"mfa": 1}), CefFormat(CefOptions(vendor="Other"))
    assert (
        written(*twice)
        == written(*twice)
        == [CefFormat(CefOptions()).format(Event.of({**USUAL, **fields})) for fields in twice]
    )
    assert written(*twice, vendor="Other") == [other.format(Event.of({**USUAL, **f})) for f in twice]
