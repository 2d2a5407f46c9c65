"""A page of events made at once is what they are one by one."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.event import Event
from lpforwarder.event_page import EventPage
from lpforwarder.intake.sources.lastpass import catalogue, making, records
from lpforwarder.intake.sources.lastpass.ids import event_id
from lpforwarder.intake.sources.lastpass.records import plain, raw_texts
from lpforwarder.intake.sources.lastpass.surplus import Found

NOON = 1_772_643_600
RECORD = {
    "Time": "2026-03-04 12:00:00",
    "Username": "ana@example.org",
    "IP_Address": "203.0.113.24",
    "Action": "Site added",
    "Data": "shop.example.org (Shop) from Team",
}

TEXTS = st.text(max_size=20) | st.sampled_from(
    ["Initiated by API: x", "API: y", "'a' 'b'", "VID: 17", "10.1.2.3"]
)
ODD = st.none() | st.integers() | st.booleans() | st.lists(TEXTS, max_size=2)
RECORDS = st.fixed_dictionaries(
    {"Time": st.just(RECORD["Time"])},
    optional={
        "Username": TEXTS | ODD,
        "IP_Address": TEXTS | ODD,
        "Action": st.sampled_from([action.spellings[0] for action in catalogue.ACTIONS]) | TEXTS | ODD,
        "Data": TEXTS | ODD,
        "More": ODD,
    },
)


def found(place: int, record: dict[str, Any], *, ambiguous: bool = False, occurrence: int = 0) -> Found:
    kept = plain(record)
    instant = NOON - place
    return Found(instant, -place, kept, raw_texts(kept), instant, ambiguous, occurrence)


def test_a_page_has_the_events_of_its_records_in_their_order() -> None:
    items = [found(place, RECORD, occurrence=place % 2) for place in range(3)]
    made = making.events(items, "40012345", "acme")
    assert [event.fields["timestamp"] for event in made] == [
        "2026-03-04T17:00:00.000Z",
        "2026-03-04T16:59:59.000Z",
        "2026-03-04T16:59:58.000Z",
    ]
    assert made[0].fields["message"] == 'ana@example.org added "Shop" in folder "Team".'
    assert len({event.text("id") for event in made}) == 3


@given(st.lists(st.tuples(RECORDS | st.just(RECORD), st.booleans(), st.integers(0, 3)), max_size=6))
def test_a_page_says_what_each_record_says_alone(told: list[tuple[dict[str, Any], bool, int]]) -> None:
    items = [
        found(place, record, ambiguous=ambiguous, occurrence=occurrence)
        for place, (record, ambiguous, occurrence) in enumerate(told)
    ]
    alone = [
        records.to_event(
            one.record,
            source="acme",
            instant=one.instant,
            id=event_id("40012345", one.key, one.occurrence),
            ambiguous=one.is_ambiguous,
        )[0]
        for one in items
    ]
    assert making.events(items, "40012345", "acme") == alone
    assert [event.line for event in making.events(items, "40012345", "acme")] == [one.line for one in alone]


def by_fields(items: list[Found], source: str, latest: float) -> list[Event]:
    """The events by their mappings of fields, one by one."""
    made = [
        records.to_event(
            one.record,
            source=source,
            instant=one.instant,
            id=event_id("40012345", one.key, one.occurrence),
            ambiguous=one.is_ambiguous,
        )[0]
        for one in items
    ]
    return [
        Event.of({**event.fields, "timestampFuture": True}) if one.instant > latest else event
        for one, event in zip(items, made, strict=True)
    ]


HOSTILE = st.text(st.characters(), max_size=12) | st.sampled_from(
    [
        '"',
        "\\",
        '\\"},{"id":"x',
        "\n",
        "\x00",
        "\u2028",
        "\U0001f600",
        "\ud800",
        "a" * 400,
        "é",
        "ana@example.org",
        "",
    ]
)
DATA = st.sampled_from(
    [
        RECORD["Data"],
        "Initiated by API: x",
        "VID: 17",
        "'a' 'b'",
        'shop.example.org ("Shop\\") from T"eam',
        "a.example.org, b.example.org",
    ]
)


@given(
    st.lists(
        st.tuples(
            HOSTILE,
            HOSTILE,
            st.sampled_from([action.spellings[0] for action in catalogue.ACTIONS]) | HOSTILE,
            DATA | HOSTILE,
            st.booleans(),
        ),
        max_size=6,
    ),
    st.sampled_from(["acme", 'a"c\\me', "ä"]),
    st.integers(NOON - 4, NOON + 1),
)
def test_documented_records_are_put_together_from_pieces_to_the_same_octets(
    told: list[tuple[str, str, str, str, bool]], source: str, latest: int
) -> None:
    items = []
    for place, (user, address, action, data, ambiguous) in enumerate(told):
        texts = {"Username": user, "IP_Address": address, "Action": action, "Data": data}
        documented = msgspec.convert({"Time": RECORD["Time"], **texts}, records.Raw)
        instant = NOON - place
        items.append(Found(instant, -place, documented, documented, instant, ambiguous, place % 3))
    made, expected = making.events(items, "40012345", source, latest), by_fields(items, source, latest)
    assert isinstance(made, EventPage)
    assert [event.line for event in made] == [event.line for event in expected]
    page = EventPage.of(expected)
    assert (made.kinds, made.oldest, made.newest) == (page.kinds, page.oldest, page.newest)


def test_an_empty_page_has_no_events() -> None:
    assert list(making.events([], "40012345", "acme")) == []
