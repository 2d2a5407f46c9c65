"""Which lines are taken as they are. That no other event comes of it: tests/property/test_file_pages.py."""

from __future__ import annotations

from typing import Any

import pytest

from lpforwarder.event import Event
from lpforwarder.event_page import EventPage, kind_of
from lpforwarder.intake import canonical
from lpforwarder.intake.sources.plain_lines import PlainLines

USUAL: dict[str, Any] = {
    "id": "f511",
    "timestamp": "2022-12-14T17:33:43.369Z",
    "eventId": "1001",
    "eventType": "authentication",
    "source": "archive",
    "severity": 3,
}


def line(**fields: Any) -> bytes:
    return Event.of({**USUAL, **fields}).line


def test_plain_lines_are_a_page() -> None:
    lines = [
        line(),
        line(eventId="1002", timestamp="2021-01-01T00:00:00.000Z", message="é\n"),
        line(mfa=True),
    ]
    found = PlainLines().among(lines)
    assert list(found.places) == [0, 1, 2]
    assert found.page is not None
    expected = EventPage.of([*EventPage(lines, found.page.kinds, None, None)])
    assert (found.page.kinds, found.page.oldest, found.page.newest) == (
        expected.kinds,
        "2021-01-01T00:00:00.000Z",
        "2022-12-14T17:33:43.369Z",
    )


@pytest.mark.parametrize(
    "odd",
    [
        *(
            line(id=""),
            line(id=5),
            line(source=None),
            line(severity=11),
            line(severity="3"),
            line(eventType=1),
        ),
        *(line(timestamp="2022-12-14T17:33:43Z"), line(other=1), line(targetUsers=["a"]), b"", b"{}", b"[]"),
        *(line(eventType="~").replace(b"~", odd) for odd in (rb"\q", rb"\u12g4", b"\\", b"\xff")),
        *(line() + b"\r", b" " + line(), '{"id":"é"}'.encode()),
    ],
)
def test_what_is_odd_is_left_out_and_costs_its_neighbours_nothing(odd: bytes) -> None:
    found = PlainLines().among([line(), odd, line(eventId="1002")])
    assert list(found.places) == [0, 2]
    assert found.page is not None
    assert list(found.page.lines) == [line(), line(eventId="1002")]
    assert sum(found.page.kinds.values()) == 2


def test_without_a_plain_line_there_is_no_page() -> None:
    for lines in ([], [b"{}"]):
        assert (PlainLines().among(lines).places, PlainLines().among(lines).page) == ((), None)


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize("value", ["absent", None, "", 0, 1.5, True, [], "2025-02-30T00:00:00.000Z"])
def test_a_record_that_may_need_something_is_left_out(name: str, value: Any) -> None:
    record = {key: old for key, old in USUAL.items() if key != name}
    if value != "absent":
        record[name] = value
    found = PlainLines().among([Event.of(record).line])
    if found.page is not None:
        made = canonical.to_event(record, source="other", fallback_id="x")
        assert (made.fields, list(found.page.kinds)) == (record, [kind_of(made)])


@pytest.mark.parametrize(
    "time",
    [
        *("2025-06-01T00:00:00.00Z", "2025-06-01T00:00:00.0000Z", "Z2025-06-01T00:00:00.000Z"),
        *("2025-06-01T00:00:00.000Z\n2025-06-01T00:00:00.000Z", "2025-06-01T00:00:60.000Z"),
        *("2025-06-01T00:60:00.000Z", "2025-06-01T24:00:00.000Z", "2025-06-31T00:00:00.000Z"),
        *("٢025-06-01T00:00:00.000Z", "2025-06-01T00:00:00.000z", "2025-06-01T00:00:00.000"),
    ],
)
def test_a_time_that_only_looks_like_ours_is_left_out(time: str) -> None:
    assert PlainLines().among([line(timestamp=time)]).page is None
