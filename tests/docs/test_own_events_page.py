"""docs/own-events.md shows every own event as it is sent, and explains every field."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from lpforwarder.event_ids import EVENT_IDS
from scripts import generate_own_events_docs as generator
from tests.fakes import strict_cef, strict_rfc5424

PAGE = (Path(__file__).parents[2] / "docs" / "own-events.md").read_text("utf-8")
ELSEWHERE = {"8101"}
"""That of test-send."""
CANONICAL = {"id", "timestamp", "eventId", "eventType", "result", "message", "source", "severity"}


def test_what_is_generated_is_not_stale() -> None:
    assert generator.stale() == []


def test_every_own_event_has_an_example() -> None:
    shown = re.findall(r"^### (8[0-9]{3}) `", PAGE, re.MULTILINE)
    own = sorted(event_id for event_id in EVENT_IDS if event_id.startswith("8"))
    assert shown == [event_id for event_id in own if event_id not in ELSEWHERE]


@pytest.mark.parametrize("line", re.findall(r"^<[0-9]+>1 .*$", PAGE, re.MULTILINE))
def test_strict_readers_understand_every_example(line: str) -> None:
    message = strict_rfc5424.read(line.encode())
    assert message.elements == (("meta", (("sequenceId", "2119"),)),)
    if message.msg.startswith(b"{"):
        assert orjson.loads(message.msg)["source"] == "lpforwarder"
    else:
        assert strict_cef.read(message.msg).extension["deviceExternalId"] == "lpforwarder"


def test_every_field_is_explained_and_no_other() -> None:
    used = {name for _, event in generator.samples() for name in event.fields} - CANONICAL
    not_shown = {"place", "problems", "repeated", "seconds"}
    assert used | not_shown == set(generator.FIELDS)
