"""Golden cases: an event in event.json, and the exact octets of its message.

The header says host fwd1.example.net, process 4711. A difference is a change of the wire format: others
parse it, so it belongs in the changelog.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lpforwarder.delivery.contract import Formatter
from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.envelopes.rfc5424 import Rfc5424, Rfc5424Options
from lpforwarder.delivery.filters import wanted
from lpforwarder.delivery.formats.cef import CefFormat, CefOptions
from lpforwarder.delivery.formats.json import JsonFormat, JsonOptions
from lpforwarder.event import Entry, Event, Seq, parse
from tests.fakes import strict_cef, strict_rfc5424

HERE = Path(__file__).parent
FORMATS: dict[str, Formatter] = {"json": JsonFormat(JsonOptions()), "cef": CefFormat(CefOptions())}
CASES = sorted(path.parent.relative_to(HERE) for path in HERE.glob("*/*/event.json"))
WISHED = [case for case in CASES if case.match("json/wished-*")]


def encode(case: Path) -> bytes:
    event = Event.of(parse((HERE / case / "event.json").read_bytes()))
    envelope = Rfc5424(Rfc5424Options(hostname="fwd1.example.net", procid="4711"))
    encoder = Encoder(wanted(None, (), (), 0), FORMATS[case.parts[0]], envelope, 8096)
    message = encoder.encode(Entry(Seq(1), event.text("source"), event))
    assert isinstance(message, bytes)
    return message


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_message_is_exactly_this(case: Path) -> None:
    assert encode(case) == (HERE / case / "message").read_bytes()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_strict_readers_take_the_golden_messages(case: Path) -> None:
    read = strict_rfc5424.read((HERE / case / "message").read_bytes())
    if case.parts[0] == "cef":
        strict_cef.read(read.msg)
    else:
        assert json.loads(read.msg) == json.loads((HERE / case / "event.json").read_bytes())


def test_both_formats_have_the_same_cases() -> None:
    assert {case.name for case in CASES if case.parts[0] == "json"} == {
        case.name for case in CASES if case.parts[0] == "cef"
    }
    assert len(WISHED) == 4


@pytest.mark.parametrize("case", WISHED, ids=str)
def test_the_wished_events_arrive_value_by_value_and_type_by_type(case: Path) -> None:
    wished = json.loads((HERE / case / "event.json").read_bytes())
    arrived = json.loads(strict_rfc5424.read(encode(case)).msg)
    assert list(arrived) == list(wished)
    assert [(value, type(value)) for value in arrived.values()] == [
        (value, type(value)) for value in wished.values()
    ]
    assert {"source", "severity"} <= arrived.keys()
