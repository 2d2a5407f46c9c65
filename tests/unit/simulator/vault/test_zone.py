from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.simulator.vault.event import SECOND
from lpforwarder.simulator.vault.zone import WallClock

ZONES = ("America/New_York", "UTC", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu")


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("zone", "utc", "shown"),
    [
        ("America/New_York", "2026-03-04 18:22:07", "2026-03-04 13:22:07"),
        ("UTC", "2026-03-04 18:22:07", "2026-03-04 18:22:07"),
        ("Asia/Kolkata", "2026-03-04 18:22:07", "2026-03-04 23:52:07"),
        ("Australia/Lord_Howe", "2026-04-04 14:59:59", "2026-04-05 01:59:59"),
        ("Australia/Lord_Howe", "2026-04-04 15:00:00", "2026-04-05 01:30:00"),
        ("America/New_York", "2026-11-01 05:59:59", "2026-11-01 01:59:59"),
        ("America/New_York", "2026-11-01 06:00:00", "2026-11-01 01:00:00"),
        ("America/New_York", "2026-03-08 06:59:59", "2026-03-08 01:59:59"),
        ("America/New_York", "2026-03-08 07:00:00", "2026-03-08 03:00:00"),
    ],
)
def test_an_instant_is_shown_on_the_zones_clock(zone: str, utc: str, shown: str) -> None:
    assert WallClock(zone).text(instant(utc)) == shown


def test_a_fraction_is_cut_and_never_rounded() -> None:
    assert WallClock("UTC").text(999_999) == "1970-01-01 00:00:00"
    assert WallClock("UTC").text(-1) == "1969-12-31 23:59:59"


def test_an_ambiguous_time_can_be_read_as_either_pass() -> None:
    clock = WallClock("America/New_York")
    wall = datetime(2026, 11, 1, 1, 30)
    assert clock.earliest(wall) == instant("2026-11-01 05:30:00")
    assert clock.latest(wall) == instant("2026-11-01 06:30:00")


def test_a_missing_time_gives_the_widest_reading_too() -> None:
    clock = WallClock("America/New_York")
    wall = datetime(2026, 3, 8, 2, 30)
    assert clock.earliest(wall) == instant("2026-03-08 06:30:00")
    assert clock.latest(wall) == instant("2026-03-08 07:30:00")


def test_the_ends_of_the_calendar_are_no_trouble() -> None:
    clock = WallClock("America/New_York")
    assert clock.earliest(datetime(1, 1, 1)) < clock.latest(datetime(9999, 12, 31, 23, 59, 59))


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        WallClock("Example/Nowhere")


@given(st.sampled_from(ZONES), st.integers(100_000_000, 4_000_000_000))
def test_every_instant_is_shown_as_the_zone_database_says_and_read_back(zone: str, seconds: int) -> None:
    clock = WallClock(zone)
    there = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(ZoneInfo(zone))
    text = clock.text(seconds * SECOND)
    assert text == there.strftime("%Y-%m-%d %H:%M:%S")
    wall = datetime.fromisoformat(text)
    assert seconds * SECOND in (clock.earliest(wall), clock.latest(wall))
