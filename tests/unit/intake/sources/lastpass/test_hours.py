"""Whole pages of times at once: equal to looking each of them up, or no answer at all."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder import rfc3339
from lpforwarder.intake.sources.lastpass import hours, zone

ZONES = [
    "America/New_York",
    "UTC",
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # changes by half an hour
    "America/Caracas",  # in 2007 and 2016 by half an hour, for good
    "Africa/Monrovia",  # 44 minutes and 30 seconds until 1972
    "Africa/Casablanca",  # back and forth within a month
    "Pacific/Apia",  # left out a whole day
    "Antarctica/Troll",  # by two hours
]
CHANGES = {
    "America/New_York": ["2025-11-02 06:00:00", "2026-03-08 07:00:00"],
    "Australia/Lord_Howe": ["2026-04-04 15:00:00", "2025-10-04 15:30:00"],
    "America/Caracas": ["2007-12-09 07:00:00", "2016-05-01 07:00:00"],
    "Africa/Monrovia": ["1972-01-07 00:44:30"],
    "Africa/Casablanca": ["2026-02-15 02:00:00", "2026-03-22 02:00:00"],
    "Pacific/Apia": ["2011-12-30 10:00:00"],
    "Antarctica/Troll": ["2025-10-26 01:00:00", "2026-03-29 01:00:00"],
}


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def meant(name: str, time: str) -> tuple[int, ...]:
    return zone.candidates(zone.load(name), zone.parse(time))


@pytest.mark.parametrize("name", ZONES)
@given(st.integers(86_400, 4_000_000_000))
def test_a_time_means_what_the_zone_database_says(name: str, at: int) -> None:
    time = zone.wall_clock(zone.load(name), at)
    found = hours.Hours(zone.load(name)).instants([time])
    assert found in (None, [at])
    assert found is not None or len(meant(name, time)) != 1 or _is_near_a_change(name, at)


def _is_near_a_change(name: str, at: int) -> bool:
    there = [zone.wall_clock(zone.load(name), at + shift) for shift in (-10_800, 10_800)]
    return (datetime.fromisoformat(there[1]) - datetime.fromisoformat(there[0])).seconds != 21_600


@pytest.mark.parametrize(
    ("name", "change"), [(name, at) for name, all_of in CHANGES.items() for at in all_of]
)
def test_around_a_change_of_the_clocks_there_is_one_right_answer_or_none(name: str, change: str) -> None:
    clock = hours.Hours(zone.load(name))
    for at in range(instant(change) - 4 * 3600, instant(change) + 4 * 3600, 97):
        for shift in (-7200, -1800, 0, 1800, 7200):  # also times that never were
            moved = datetime.fromisoformat(zone.wall_clock(zone.load(name), at)).timestamp() + shift
            time = str(datetime.fromtimestamp(moved))
            found = clock.instants([time])
            assert found is None or tuple(found) == meant(name, time)
            assert clock.is_plain(time) == (found is not None)


def test_all_hours_of_a_year_without_a_change_are_plain() -> None:
    clock = hours.Hours(zone.load("America/New_York"))
    times = [
        zone.wall_clock(zone.load("America/New_York"), at) for at in range(1_735_700_000, 1_767_200_000, 1800)
    ]
    odd = {time[:13] for time in times if not clock.is_plain(time)}
    # An hour that is missing has no times at all; the one that comes twice is the only one left.
    assert odd == {"2025-11-02 01"}


@pytest.mark.parametrize(
    "time",
    [
        "",
        "noon",
        "2026-03-04T13:22:07",
        " 2026-03-04 13:22:07",
        "2026-03-04 13:22:07.5",
        "2026-03-04 13:22:07Z",
        "2026-03-04 13:22:60",
        "2026-03-04 24:00:00",
        "2026-02-30 00:00:00",
        "1969-12-31 23:59:59",
        "9999-01-01 00:00:00",
        "2026-03-04 1３:22:07",
        "2026-03-04 13:2２:07",
    ],
)
def test_one_time_in_another_form_leaves_the_whole_page_to_the_careful_way(time: str) -> None:
    clock = hours.Hours(zone.load("UTC"))
    assert clock.instants(["2026-03-04 13:22:07", time]) is None
    assert clock.instants(["2026-03-04 13:22:07"]) == [instant("2026-03-04 13:22:07")]


def test_an_hour_with_a_change_in_its_middle_is_not_plain() -> None:
    """No zone has had one since 1970: 20 minutes are left out at 02:20, and come again in autumn."""
    header = struct.pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, 0, 1, 4)
    body = struct.pack(">lbb4s", 0, 0, 0, b"AAA\0")
    rule = b"\nAAA0BBB-0:20,M3.2.0/2:20,M11.1.0/2:40\n"
    clock = hours.Hours(ZoneInfo.from_file(io.BytesIO((header + body) * 2 + rule), key="Made/Up"))
    assert clock.instants(["2026-03-08 01:59:59"]) is not None
    assert clock.instants(["2026-03-08 02:00:00"]) is None
    assert clock.instants(["2026-11-01 02:59:59"]) is None


def test_what_is_known_of_hours_stays_bounded() -> None:
    clock = hours.Hours(zone.load("UTC"))
    clock.instants([str(datetime.fromtimestamp(hour * 3600, UTC))[:19] for hour in range(5000)])
    assert len(clock._begins) <= 4096


@given(st.integers(0, 253_000_000_000))
def test_a_timestamp_is_that_of_the_plain_way(at: int) -> None:
    assert hours.timestamp(at) == rfc3339.render(at * 1000)


def test_a_timestamp_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(ValueError, match="outside the years"):
        hours.timestamp(300_000_000_000)
