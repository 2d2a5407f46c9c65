"""Whole pages of encoded events through a framing and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.envelopes.rfc5424 import Rfc5424, Rfc5424Options
from lpforwarder.delivery.filters import wanted
from lpforwarder.delivery.formats.cef import CefFormat, CefOptions
from lpforwarder.delivery.formats.json import JsonFormat, JsonOptions
from lpforwarder.delivery.framing import Newline, OctetCounting
from lpforwarder.event import Event
from tests.fakes import hostile_events, strict_cef, strict_framing, strict_rfc5424

ENVELOPE = Rfc5424(Rfc5424Options(hostname="fwd1.example.net", procid="4711"))
EVERYTHING = wanted(None, (), (), 0)
pages = st.lists(hostile_events.events, min_size=1, max_size=5)


def messages_of(page: list[Event], encoder: Encoder) -> list[bytes]:
    messages = [encoder.encode(hostile_events.entry_of(event)) for event in page]
    return [message for message in messages if isinstance(message, bytes)]


@given(page=pages)
@settings(deadline=None, max_examples=50)
def test_json_events_arrive_one_for_one_through_octet_counting(page: list[Event]) -> None:
    encoder = Encoder(EVERYTHING, JsonFormat(JsonOptions()), ENVELOPE, 2**20)
    arrived = strict_framing.read_octet_counted(OctetCounting().frame(messages_of(page, encoder)))
    events = [json.loads(strict_rfc5424.read(message).msg) for message in arrived]
    assert events == [event.fields for event in page]


@pytest.mark.parametrize("equals", ["escape", "substitute"])
@given(page=pages)
@settings(deadline=None, max_examples=50)
def test_cef_events_arrive_one_for_one_through_newlines(equals: str, page: list[Event]) -> None:
    encoder = Encoder(EVERYTHING, CefFormat(CefOptions.model_validate({"equals": equals})), ENVELOPE, 2**20)
    arrived = strict_framing.read_newline(Newline().frame(messages_of(page, encoder)))
    assert len(arrived) == len(page)
    for message, event in zip(arrived, page, strict=True):
        assert strict_cef.read(strict_rfc5424.read(message).msg).severity == event.severity
