"""The records of a window in time: the quick way and the careful one give the same, and nothing gets lost."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.event import JSON
from lpforwarder.intake.sources.lastpass import dating
from lpforwarder.intake.sources.lastpass.chain import Chain
from lpforwarder.intake.sources.lastpass.offset import OwnReport
from lpforwarder.intake.sources.lastpass.reading import Taken
from lpforwarder.intake.sources.lastpass.windows import Window
from lpforwarder.intake.sources.lastpass.zone import wall_clock

NEW_YORK = ZoneInfo("America/New_York")
NOON = 1_772_643_600
AUTUMN = 1_762_063_200
"""2025-11-02 06:00 UTC: the clocks go back."""


def record(instant: int, **fields: JSON) -> dict[str, JSON]:
    texts = {"Username": "ana", "IP_Address": "", "Action": "Log In", "Data": "x"}
    return {"Time": wall_clock(NEW_YORK, instant), **texts, **fields}


def taken(*records: JSON, own: list[OwnReport] | None = None, ended: int = NOON) -> Taken:
    """A window with these records, newest first."""
    read = Chain(
        records=records,
        keys=[f"Event{number}" for number in range(1, len(records) + 1)],
        heads=[(0, 1)],
        markers={},
        pages=1,
        first_page=len(records),
        is_whole=True,
    )
    window = Window(begin=0, end=None)
    return Taken(
        window=window,
        chain=read,
        own=own or [],
        zone=NEW_YORK,
        began=ended,
        ended=ended,
        width=1,
        asked=window,
    )


def test_records_of_plain_hours_are_where_the_zone_has_them() -> None:
    found = dating.dated(taken(record(NOON), record(NOON - 5))).found
    assert [(one.instant, one.rank, one.is_ambiguous) for one in found] == [
        (NOON, 0, False),
        (NOON - 5, -1, False),
    ]
    assert [one.key.action for one in found] == ["log in", "log in"]
    assert [one.raw.action for one in found] == ["Log In", "Log In"]


def test_records_without_a_time_are_set_aside_and_the_others_keep_their_places() -> None:
    window = taken("text", record(NOON), record(NOON, Time="noon"), None, record(NOON - 5), {"Data": "x"})
    dated = dating.dated(window)
    assert [(one.instant, one.rank) for one in dated.found] == [(NOON, -1), (NOON - 5, -4)]
    assert sorted(position for same in dated.refused.values() for position in same) == [0, 2, 3, 5]
    rejects = dating.rejects(window, dated.refused, {})
    assert sorted(one.where for one in rejects) == [f"page 1, Event{n}" for n in (1, 3, 4, 6)]


def test_what_the_window_before_held_is_not_set_aside_again() -> None:
    window = taken("text", "text", record(NOON))
    dated = dating.dated(window)
    (key,) = dated.refused
    assert len(dating.rejects(window, dated.refused, {key: 1})) == 1
    assert dating.rejects(window, dated.refused, {key: 2}) == []


def test_an_own_call_tells_the_pass_of_a_repeated_hour() -> None:
    second = AUTUMN + 600
    own = [OwnReport(position=1, called=second - 2, time="")]
    found = dating.dated(taken("text", record(second), own=own, ended=AUTUMN + 7200)).found
    assert [(one.instant, one.is_ambiguous) for one in found] == [(second, False)]
    (unsure,) = dating.dated(taken(record(second), ended=AUTUMN + 7200)).found
    assert (unsure.instant, unsure.is_ambiguous) == (second - 3600, True)


@given(st.lists(st.integers(AUTUMN - 20_000, AUTUMN + 20_000), max_size=12))
def test_the_quick_way_says_what_the_careful_way_says(instants: list[int]) -> None:
    window = taken(*[record(at) for at in sorted(instants, reverse=True)])
    found = dating._all_plain(window)
    assert found is None or found == dating._one_by_one(window).found


def test_a_record_with_other_members_and_types_is_dated_as_well() -> None:
    odd: dict[str, Any] = {"Time": wall_clock(NEW_YORK, NOON), "Data": ["x"], "More": {"a": 1}}
    (found,) = dating.dated(taken(odd)).found
    assert (found.instant, found.raw.data, found.raw.username) == (NOON, '["x"]', "")
