"""Lines of a page as rows and columns, and which lines are left to others."""

from __future__ import annotations

from typing import Any

import pytest

from lpforwarder import rfc3339
from lpforwarder.delivery.rows import Row, RowReader, Rows
from lpforwarder.event import Event

USUAL: dict[str, Any] = {
    "id": "1",
    "timestamp": "2022-12-14T17:33:43.369Z",
    "eventId": "1001",
    "eventType": "authentication",
    "severity": 4,
}


class LongRow(Row):
    method: str | None = None
    truncated: None = None


def read(*events: dict[str, Any], kind: type[Row] = Row) -> Rows:
    return RowReader(kind).read([Event.of({**USUAL, **fields}).line for fields in events])


def test_what_is_asked_for_comes_column_by_column() -> None:
    rows = read({}, {"severity": 7, "eventType": None, "method": "x"}, {"method": "local"}, kind=LongRow)
    assert list(rows.columns["severity"]) == [4, 7, 4]
    assert list(rows.columns["method"]) == [None, "x", "local"]
    assert rows.kinds == [
        ("authentication", "1001", 4),
        (None, "1001", 7),
        ("authentication", "1001", 4),
    ]
    assert rows.unread == []
    assert len(rows.lines) == 3


def test_no_lines_are_no_rows() -> None:
    rows = read()
    assert (list(rows.lines), list(rows.kinds), list(rows.seconds)) == ([], [], [])
    assert list(rows.columns["timestamp"]) == []


SPOILT: dict[str, tuple[Any, ...]] = {
    "severity": (-1, 11, 4.0, True, "4", None, 10**30),
    "eventType": (1, True, ["x"], {}, "x" * 256),
    "timestamp": (
        *(None, 1, "", "yesterday", "2022-12-14T17:33:43Z", "2022-12-14T17:33:43.36 Z"),
        *("2022-12-14T17:33:60.000Z", "2022-12-14T24:00:00.000Z", "2022-02-29T00:00:00.000Z"),
        *("2022-13-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z"),
    ),
    "method": (1, False, ["local"]),
    "truncated": (True,),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in SPOILT for value in SPOILT[name]], ids=str
)
def test_a_line_with_anything_unusual_is_not_read_and_spoils_no_other(name: str, value: Any) -> None:
    events = [{"eventId": str(number)} for number in range(200)]
    rows = read(*events[:70], {name: value}, *events[70:], kind=LongRow)
    assert list(rows.unread) == [70]
    ids = list(rows.columns["eventId"])
    assert ids[:70] + ids[71:] == [str(number) for number in range(200)]


def test_seconds_are_those_of_the_time_and_go_before_its_milliseconds() -> None:
    times = [
        *("1970-01-02T00:00:00.000Z", "2022-12-14T17:33:43.369Z", "2024-02-29T23:59:59.999Z"),
        "9999-12-31T23:59:59.999Z",
    ]
    rows = read(*({"timestamp": time} for time in times))
    assert not rows.unread
    whole = [int(second + time[20:23]) for second, time in zip(rows.seconds, times, strict=True)]
    assert whole == [rfc3339.parse(time) for time in times]


def test_only_what_is_wanted_is_left_and_what_is_unread_stays_so() -> None:
    rows = read({"eventId": "a"}, {"severity": 11}, {"eventId": "c"}, {"severity": None})
    some = rows.only([False, True, True, True])
    assert some.columns["eventId"][1] == "c"
    assert list(some.unread) == [0, 2]
    assert some.lines == rows.lines[1:]
    assert len(some.kinds) == len(some.seconds) == 3
