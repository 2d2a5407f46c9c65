"""A client that fell behind what the journal keeps, or comes with a cursor of another journal."""

from __future__ import annotations

import json
from pathlib import Path

from lpforwarder.event import Event
from tests.fakes.event_files import event_id_of, event_number
from tests.fakes.served_endpoint import Answer, served

KEEP = 3600.0
MORNING, EVENING = "2026-01-01T06:00:00.000Z", "2026-01-01T18:00:00.000Z"


class Day:
    """The clocks of a journal: it is morning, and later evening."""

    def __init__(self) -> None:
        self.time, self.even = MORNING, 0.0

    def evening(self) -> None:
        self.time, self.even = EVENING, 12 * 3600.0


def some(first: int, count: int) -> list[Event]:
    return [Event.of(event_number(number) | {"source": "archive"}) for number in range(first, first + count)]


def oldest_of(answer: Answer) -> str:
    assert answer.status == 410
    assert answer.headers["Content-Type"] == "application/problem+json"
    found = str(json.loads(answer.body)["oldest"])
    assert answer.cursor == found
    return found


def test_who_fell_behind_is_told_plainly_and_goes_on_with_what_is_left(tmp_path: Path) -> None:
    day = Day()
    with served(tmp_path, keep=KEEP, now=lambda: day.time, even=lambda: day.even) as endpoint:
        token = endpoint.token()
        endpoint.append("archive", *some(0, 10))
        early = endpoint.get("/v1/events?limit=3", token).cursor
        day.evening()
        endpoint.append("archive", *some(10, 10))
        assert endpoint.journal.remove_some() > 0
        behind = endpoint.get(f"/v1/events?after={early}", token)
        going_on = endpoint.get(f"/v1/events?after={oldest_of(behind)}", token)
        assert going_on.ids == [event_id_of(number) for number in range(10, 20)]
        assert endpoint.get("/v1/events", token).ids == going_on.ids

        # Who may read one source alone is not told how much there was of the others.
        narrow = endpoint.token("narrow", sources=["elsewhere"])
        hidden = endpoint.get(f"/v1/events?after={early}", narrow)
        assert oldest_of(hidden)
        assert "7" not in json.loads(hidden.body)["detail"]
        assert "7" in json.loads(behind.body)["detail"]


def test_a_cursor_of_another_journal_gets_nothing_of_this_one(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with served(first) as endpoint:
        endpoint.append("archive", *some(0, 10))
        cursor = endpoint.get("/v1/events?limit=3", endpoint.token()).cursor
    with served(second) as endpoint:
        token = endpoint.token()
        endpoint.append("archive", *some(0, 20))
        oldest = oldest_of(endpoint.get(f"/v1/events?after={cursor}", token))
        assert len(endpoint.get(f"/v1/events?after={oldest}", token).ids) == 20
    with served(first) as endpoint:  # in the next life of its own it counts
        found = endpoint.get(f"/v1/events?after={cursor}", endpoint.token("again"))
        assert found.ids == [event_id_of(number) for number in range(3, 10)]
