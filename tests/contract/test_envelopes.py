"""What every envelope promises: one suite for the registered ones, a stranger's too, and the fake."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpforwarder import plugins
from lpforwarder.delivery.contract import PageEnvelope
from lpforwarder.event import Event
from lpforwarder.lines import Reader, Writer
from lpforwarder.lines.parts import Text
from tests.fakes import hostile_events, strict_rfc5424
from tests.fakes.encodings import BareEnvelope

PLUGINS = {
    **{name: plugins.load("envelopes", name) for name in plugins.registered("envelopes")},
    "fake": BareEnvelope,
}
payloads = st.binary(min_size=1).map(lambda octets: bytes(octet for octet in octets if octet >= 32) or b"-")
sequences = st.none() | st.integers(1, 2**31 - 1)


def test_the_built_in_envelope_is_registered() -> None:
    assert "rfc5424" in plugins.registered("envelopes")


@pytest.mark.parametrize("plugin", PLUGINS.values(), ids=PLUGINS)
@given(event=hostile_events.events, payload=payloads, sequence=sequences)
@settings(deadline=None, max_examples=50)
def test_every_message_is_one_clean_header_and_then_the_payload(
    plugin: type[BareEnvelope], event: Event, payload: bytes, sequence: int | None
) -> None:
    message = plugin(plugin.Options()).wrap(event, payload, sequence)
    assert message.endswith(payload)
    header = message.removesuffix(payload)
    assert re.fullmatch(rb"<(0|[1-9][0-9]?|1[0-8][0-9]|19[01])>[ -~]+ ", header)


@pytest.mark.parametrize("name", ["rfc5424", "fake"])
@given(event=hostile_events.events, payload=payloads)
@settings(deadline=None, max_examples=50)
def test_a_strict_reader_finds_the_payload_behind_the_header(name: str, event: Event, payload: bytes) -> None:
    plugin = PLUGINS[name]
    message = strict_rfc5424.read(plugin(plugin.Options()).wrap(event, b"x" + payload))
    assert message.elements == ()
    assert message.msg == b"x" + payload


@pytest.mark.parametrize("name", ["rfc5424", "fake"])
@given(event=hostile_events.events, sequence=st.integers(1, 2**31 - 1))
@settings(deadline=None, max_examples=50)
def test_a_strict_reader_finds_the_number(name: str, event: Event, sequence: int) -> None:
    plugin = PLUGINS[name]
    message = strict_rfc5424.read(plugin(plugin.Options()).wrap(event, b"x", sequence))
    assert message.elements == (("meta", (("sequenceId", str(sequence)),)),)
    assert message.msg == b"x"


@pytest.mark.parametrize("plugin", PLUGINS.values(), ids=PLUGINS)
@given(events=st.lists(hostile_events.events, max_size=5), first=sequences)
@settings(deadline=None, max_examples=50)
def test_an_envelope_that_takes_pages_writes_each_header_as_it_does_alone(
    plugin: type[BareEnvelope], events: list[Event], first: int | None
) -> None:
    envelope = plugin(plugin.Options())
    if not isinstance(envelope, PageEnvelope):
        return
    parts = envelope.parts(numbered=first is not None)
    if parts is None:
        return
    reader = Reader(("timestamp", "eventId", "eventType", "severity"), skips=True)
    writer = Writer(reader, [*parts, Text(b"x")], 2**20)
    made = writer.write(reader.scan([event.line for event in events]), list(range(len(events))), first or 0)
    for place, message in enumerate(made):
        number = None if first is None else first + place
        assert message in (b"", envelope.wrap(events[place], b"x", number))
