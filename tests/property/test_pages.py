"""A page written at once against the same events one by one: octet for octet, number for number."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lpforwarder.delivery.contract import Formatter
from lpforwarder.delivery.encoder import LAST_NUMBER, Encoded, Encoder
from lpforwarder.delivery.envelopes.rfc5424 import Rfc5424, Rfc5424Options
from lpforwarder.delivery.filters import wanted, wanted_kind
from lpforwarder.delivery.formats.cef import CefFormat, CefOptions
from lpforwarder.delivery.formats.json import JsonFormat, JsonOptions
from lpforwarder.event import Event, Poison, Seq, Stretch
from lpforwarder.privacy import Privacy
from tests.fakes import hostile_events

usual_text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
awkward_text = st.one_of(
    usual_text,
    hostile_events.hostile_text,
    st.sampled_from(("", " ", " x", "x ", "x  ", "%s %d %%", "é", "a" * 40, "a" * 41, "a" * 63, "a" * 64)),
    st.sampled_from(("a" * 255, "a" * 256, "a" * 1023, "a" * 1024, "é" * 1023, "a" * 4001, '"' * 5, '\\"')),
)
awkward_values = st.one_of(
    awkward_text,
    st.sampled_from((None, True, False, 0, 1, 1.0, -0.0, 3.0, 10**30, 1e300, [], {}, ["a"], {"a": "="})),
)
severities = st.one_of(st.integers(0, 10), st.sampled_from((-1, 11, 3.0, True, None, "3", 10**30, -(2**63))))
times = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat(timespec="milliseconds") + "Z"),
    st.sampled_from(
        (
            *("1970-01-01T00:00:00.000Z", "1970-01-01T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
            *("1970-01-02T00:00:00.000Z", "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"),
            *("2026-02-29T00:00:00.000Z", "2026-01-01T24:00:00.000Z", "2026-01-01T00:00:60.000Z"),
            *("2026-01-01t00:00:00.000Z", "2026-01-01T00:00:00.000z", "2026-01-01T00:00:00Z"),
            *("2026-01-01T00:00:00.00Z", "2026-01-01T00:00: 1.000Z", "2026-01-01T00:00:0１.000Z"),
            "2026-01-01T00:00:00.000+00:00",
        )
    ),
    hostile_events.times,
)
plain_fields = st.fixed_dictionaries(
    {
        "id": st.uuids().map(str),
        "timestamp": st.datetimes().map(lambda moment: moment.isoformat(timespec="milliseconds") + "Z"),
        "eventId": st.sampled_from(("1001", "4001")),
        "eventType": st.sampled_from(("authentication", "itemchange")),
        "severity": st.integers(0, 10),
    },
    optional={
        "sourceIp": st.ip_addresses().map(str),
        **dict.fromkeys(("sourceUser", "targetUser", "itemName", "message"), usual_text),
        "mfa": st.booleans(),
        "result": st.sampled_from(("success", "failure")),
    },
)
"""As nearly all events are."""
spoilt = st.dictionaries(
    st.one_of(st.sampled_from(hostile_events.FIELDS), usual_text),
    st.one_of(awkward_values, hostile_events.values),
    max_size=2,
)
awkward_fields = st.tuples(
    plain_fields,
    st.one_of(
        st.just({}),
        spoilt,
        times.map(lambda time: {"timestamp": time}),
        severities.map(lambda number: {"severity": number}),
        hostile_events.addresses.map(lambda address: {"sourceIp": address}),
        st.just({"source": "lpforwarder", "eventsWaiting": 3}),
    ),
    st.lists(st.sampled_from(("id", "timestamp", "eventId", "eventType", "severity")), max_size=1),
).map(lambda three: {name: value for name, value in (three[0] | three[1]).items() if name not in three[2]})
"""Plain but for one or two fields."""
pages = st.lists(st.one_of(plain_fields, awkward_fields, hostile_events.fields).map(Event.of), max_size=12)

FORMATS: dict[str, Formatter] = {
    "json": JsonFormat(JsonOptions()),
    "cef": CefFormat(CefOptions(vendor="A|B", product="100%")),
    "cef that substitutes": CefFormat(CefOptions(equals="substitute")),
}
"""They live as long as the tests, so that what they remember meets everything that comes later."""


def encoder(name: str, limit: int = 8096, first: int = 1, bom: str = "never", **keys: Any) -> Encoder:
    envelope = Rfc5424(Rfc5424Options(hostname="fwd1.example.net", procid="1", utf8_bom=bom))  # type: ignore[arg-type]
    choice: tuple[Any, ...] = (None, (), ("4001", "logout"), 2)
    return Encoder(
        wanted(*choice),
        FORMATS[name],
        envelope,
        limit,
        first_number=first,
        chosen=wanted_kind(*choice),
        **keys,
    )


def one_by_one(some: Encoder, stretches: list[Stretch]) -> Encoded:
    told = Encoded()
    for entry in [entry for stretch in stretches for entry in stretch.entries()]:
        made = some.encode(entry)
        if isinstance(made, Poison):
            told.poisons.append(made)
        elif made is not None:
            told.seqs.append(entry.seq)
            told.messages.append(made)
    return told


def stretches_of(events: list[Event]) -> list[Stretch]:
    """The events as two sources' pages; the second one is its own."""
    middle = len(events) // 2
    lines = [event.line for event in events]
    parts = Stretch(Seq(7), "acme", lines[:middle]), Stretch(Seq(100), "lpforwarder", lines[middle:])
    return [part for part in parts if part.lines]


def check(events: list[Event], *made: Encoder) -> Encoded:
    """The first encoder writes at once, the second one by one."""
    at_once, slow = made
    found, expected = at_once.encode_all(stretches_of(events)), one_by_one(slow, stretches_of(events))
    assert found.seqs == expected.seqs
    assert found.messages == expected.messages
    assert [(one.entry.seq, one.code) for one in found.poisons] == [
        (one.entry.seq, one.code) for one in expected.poisons
    ]
    assert (at_once.number, at_once.shortened) == (slow.number, slow.shortened)
    return found


@pytest.mark.parametrize("name", FORMATS)
@given(events=pages, limit=st.sampled_from((480, 700, 8096)), numbered=st.booleans())
@example(
    events=[Event.of({"severity": 1, "timestamp": "2026-01-01T00:00:00.000Z"})], limit=8096, numbered=True
)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_a_page_at_once_gives_the_messages_of_its_events_one_by_one(
    name: str, events: list[Event], limit: int, numbered: bool
) -> None:
    check(events, *(encoder(name, limit, numbered=numbered) for _ in range(2)))


@pytest.mark.parametrize("name", FORMATS)
@given(events=pages, behind=st.integers(0, 12), bom=st.sampled_from(("auto", "always")))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_so_it_does_around_the_last_number_and_with_a_bom(
    name: str, events: list[Event], behind: int, bom: str
) -> None:
    check(events, *(encoder(name, first=LAST_NUMBER - behind) for _ in range(2)))
    check(events, *(encoder(name, bom=bom) for _ in range(2)))


@pytest.mark.parametrize("name", FORMATS)
@given(events=pages)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_so_it_does_when_something_is_concealed(name: str, events: list[Event]) -> None:
    privacy = Privacy(drop=("itemName",), hash=("sourceUser",), key=lambda: b"k" * 32)
    check(events, *(encoder(name, conceal=privacy.event) for _ in range(2)))


@pytest.mark.parametrize("name", FORMATS)
@given(events=pages)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_so_it_does_when_some_fit_in_no_way_and_take_no_number(name: str, events: list[Event]) -> None:
    check(events, *(encoder(name, 130) for _ in range(2)))


@given(values=st.lists(awkward_values, min_size=2, max_size=6), field=st.sampled_from(hostile_events.FIELDS))
@example(values=[1, True, 1.0, "1", "true"], field="mfa")
@example(values=[True, 1], field="severity")
@settings(deadline=None, max_examples=100)
def test_values_that_are_equal_to_python_stay_apart(values: list[Any], field: str) -> None:
    usual = {"id": "1", "timestamp": "2026-01-01T00:00:00.000Z", "eventId": "1001", "severity": 4}
    events = [Event.of({**usual, field: value}) for value in values]
    for name in FORMATS:
        check(events, *(encoder(name) for _ in range(2)))


TRAPS: tuple[dict[str, Any], ...] = (
    *({"message": text} for text in ("a=b", " a ", '"\\', "é\n", "", " ", "%s", "a\tb", "a" * 1024)),
    *({"id": text} for text in ("x" * 41, " x", "", "x=y")),
    *({"vendorData": text} for text in ("a=b", " a ", "C:\\")),
    *({"timestamp": f"{text}.000Z"} for text in ("2026-01-01T00:00:60", "1970-01-01T00:00:00", "")),
    *({"mfa": value} for value in (True, 1, "true", None)),
    *({"method": value} for value in (1, True, 1.0, "1")),
    {"source": "lpforwarder", "eventsWaiting": 1},
    {"itemName": '"', "message": "x"},
    {"itemName": "\\", "message": '"'},
    {"itemName": "\\", "message": '""'},
    {"targetUsers": ["a", "b"]},
    {"sourceIpRaw": "10.0.0.1 (proxy)", "sourceIp": "10.0.0.1"},
    {"truncated": True},
    {"severity": 3.0},
)
"""Each of them was written wrongly once, when one of the looks at a page was taken out on purpose."""


def test_no_single_event_slips_through_among_usual_ones() -> None:
    usual = {"timestamp": "2026-01-01T00:00:00.000Z", "eventId": "1001", "severity": 4, "id": "1"}
    events = [Event.of({**usual, **extra}) for trap in TRAPS for extra in (trap, {})]
    for name in FORMATS:
        check(events, *(encoder(name) for _ in range(2)))


def test_a_long_page_of_usual_events_goes_through_without_a_look_at_a_single_one() -> None:
    usual = {"timestamp": "2026-01-01T00:00:00.000Z", "eventId": "1001", "severity": 4, "sourceIp": "::1"}
    events = [Event.of({"id": f"{number:036}", **usual, "message": 'a "b"'}) for number in range(1200)]
    for name in FORMATS:
        found = check(events, *(encoder(name) for _ in range(2)))
        assert len(found.messages) == 1200
