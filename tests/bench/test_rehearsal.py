"""What a sender may not do to an event, and what it may."""

from __future__ import annotations

import pytest

from bench.events import events
from bench.rehearsal import extension, judge
from lpforwarder.delivery.formats.cef import CefFormat, CefOptions

EVENTS = list(events(400))
LINES = [event.line for event in EVENTS]
HEAD = b"<86>1 2025-06-01T00:00:00.000Z bench lpforwarder - - - "
CEF = [HEAD + CefFormat(CefOptions()).format(event) for event in EVENTS]
JSON = [HEAD + line for line in LINES]


def test_what_is_right_has_no_fault() -> None:
    assert judge(CEF, LINES, "cef") == []
    assert judge(JSON, LINES, "json") == []


def test_own_events_of_a_sender_do_not_count() -> None:
    own = HEAD + b'{"id":"00000000-0000-5000-8000-000000000000","eventId":"8001"}'
    assert judge([own, *JSON], LINES, "json") == []


def test_a_missing_event_is_told() -> None:
    assert "is missing" in judge(JSON[1:], LINES, "json")[0]


def test_an_event_that_comes_twice_is_told() -> None:
    assert "came twice" in judge([*JSON, JSON[0]], LINES, "json")[0]


def test_a_changed_event_is_told() -> None:
    changed = [JSON[0].replace(b'"result":"', b'"result":"un'), *JSON[1:]]
    assert judge(changed, LINES, "json")[0].startswith("another event")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"msg=", b"msg=x", "msg is"),
        (b"CEF:0|", b"CEF:1|", "no CEF header"),
        (b"msg=", b"msg=\n", "a line feed"),
    ],
)
def test_a_wrong_cef_message_is_told(old: bytes, new: bytes, fault: str) -> None:
    assert judge([CEF[0].replace(old, new), *CEF[1:]], LINES, "cef")[0].startswith(fault)


def test_an_extension_that_is_not_escaped_is_told() -> None:
    difficult = next(place for place, message in enumerate(CEF) if b"\\=" in message and b"suser=" in message)
    careless = [*CEF[:difficult], CEF[difficult].replace(b"\\=", b"="), *CEF[difficult + 1 :]]
    assert judge(careless, LINES, "cef")


def test_an_extension_is_read_with_its_escapes() -> None:
    assert extension(rb"act=a b msg=x \= \\ y\nz cs1=q") == {"act": "a b", "msg": "x = \\ y\nz", "cs1": "q"}
