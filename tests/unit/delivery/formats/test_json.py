"""The JSON format: the event's own line."""

from __future__ import annotations

import json

from lpforwarder.delivery.formats.json import JsonFormat, JsonOptions
from lpforwarder.event import Event, split_lines

FIELDS = {"id": "1", "mfa": False, "itemName": 'a"b\\c\nd\u2028é😀', "extra": {"n": [1, 2.5, None, True]}}


def test_the_payload_is_the_line_of_the_event_itself() -> None:
    event = Event.of(FIELDS)
    assert JsonFormat(JsonOptions()).format(event) is event.line


def test_an_event_from_the_journal_is_sent_as_it_was_stored() -> None:
    line = b'{"n":123456789012345678901234567890,"f":1.0}'
    assert JsonFormat(JsonOptions()).format(split_lines(line)[0]) == line


def test_values_and_types_can_be_read_back() -> None:
    payload = JsonFormat(JsonOptions()).format(Event.of(FIELDS))
    assert json.loads(payload) == FIELDS
    assert payload.isascii()
    assert min(payload) >= 32
    assert 127 not in payload
