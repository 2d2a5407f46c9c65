"""What every formatter promises: one suite for the registered ones, a stranger's too, and the fake."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpforwarder import plugins
from lpforwarder.delivery.contract import FormatPlugin, Formatter, PageFormatter
from lpforwarder.event import Event, split_lines
from lpforwarder.lines import Reader, Writer
from lpforwarder.lines.parts import Number, Text
from tests.fakes import hostile_events
from tests.fakes.encodings import IdFormat

PLUGINS: dict[str, Any] = {
    **{name: plugins.load("formats", name) for name in plugins.registered("formats")},
    "fake": IdFormat,
}


@pytest.fixture(scope="module", params=list(PLUGINS))
def formatter(request: pytest.FixtureRequest) -> Formatter:
    plugin: FormatPlugin = PLUGINS[request.param]
    return plugin(plugin.Options())


def test_the_built_in_formats_are_registered() -> None:
    assert {"json", "cef"} <= plugins.registered("formats").keys()


@given(event=hostile_events.events)
@settings(deadline=None, max_examples=50)
def test_every_event_has_a_payload_without_controls(formatter: Formatter, event: Event) -> None:
    payload = formatter.format(event)
    assert payload
    assert min(payload) >= 32
    assert 127 not in payload


@given(event=hostile_events.events)
@settings(deadline=None, max_examples=50)
def test_formatting_is_a_function_of_the_event_alone(formatter: Formatter, event: Event) -> None:
    before = copy.deepcopy(event)
    assert formatter.format(event) == formatter.format(before)
    assert event == before


@given(event=hostile_events.events)
@settings(deadline=None, max_examples=50)
def test_an_event_from_the_journal_is_formatted_like_a_fresh_one(formatter: Formatter, event: Event) -> None:
    stored = split_lines(event.line)[0]
    assert formatter.format(stored) == formatter.format(event)


@given(events=st.lists(hostile_events.events, max_size=5))
@settings(deadline=None, max_examples=50)
def test_a_format_that_takes_pages_writes_each_event_as_it_does_alone_or_not_at_all(
    formatter: Formatter, events: list[Event]
) -> None:
    if not isinstance(formatter, PageFormatter):
        return
    reader = Reader(formatter.fields, marked=formatter.marked, skips=formatter.ignores_others)
    writer = Writer(reader, [Text(b"<"), Number(), Text(b"> - "), *formatter.parts()], 2**20)
    made = writer.write(reader.scan([event.line for event in events]), list(range(len(events))))
    for place, message in enumerate(made):
        assert message in (b"", b"<%d> - %b" % (place, formatter.format(events[place])))
