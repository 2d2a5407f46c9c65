"""The account's wall clock: reading, repeated and missing hours, texts for requests, the measured offset."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.intake.sources.lastpass import zone
from lpforwarder.intake.sources.lastpass.zone import Reading, UnreadableTime, candidates, parse, to_local

NEW_YORK = zone.load("America/New_York")
ZONES = ["America/New_York", "UTC", "Asia/Kolkata", "Australia/Lord_Howe", "Europe/Dublin"]

# zone, first instant after the change (UTC), repeated wall time, seconds between its two passes
AUTUMN = [
    ("America/New_York", "2026-11-01 06:00:00", "2026-11-01 01:30:00", 3600),
    ("Australia/Lord_Howe", "2026-04-04 15:00:00", "2026-04-05 01:45:00", 1800),
    ("Europe/Dublin", "2026-10-25 01:00:00", "2026-10-25 01:30:00", 3600),
]
# zone, first instant after the change (UTC), missing wall time, wall time it is shifted to
SPRING = [
    ("America/New_York", "2026-03-08 07:00:00", "2026-03-08 02:30:00", "2026-03-08 03:30:00"),
    ("Australia/Lord_Howe", "2026-10-03 15:30:00", "2026-10-04 02:15:00", "2026-10-04 02:45:00"),
    ("Europe/Dublin", "2026-03-29 01:00:00", "2026-03-29 01:30:00", "2026-03-29 02:30:00"),
]


def utc(text: str) -> int:
    """Seconds since 1970 of a UTC time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("2026-03-04 13:22:07", None),
        (" 2026-03-04 13:22:07 ", None),
        ("2026-03-04T13:22:07", None),
        ("2026-03-04t13:22:07.999999", None),
        ("2026-03-04 13:22:07Z", 0),
        ("2026-03-04T13:22:07+00:00", 0),
        ("2026-03-04 13:22:07 -0500", -18000),
        ("2026-03-04 13:22:07+05:30", 19800),
    ],
)
def test_a_time_is_read_leniently(text: str, offset: int | None) -> None:
    assert parse(text) == Reading(datetime(2026, 3, 4, 13, 22, 7), offset)


def test_a_leap_second_counts_as_the_second_before_it() -> None:
    assert parse("2026-06-30 23:59:60").wall.second == 59


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-03-04",
        "2026-03-04 13:22",
        "2026-3-4 13:22:07",
        "04/03/2026 13:22:07",
        "0000-00-00 00:00:00",
        "2026-02-29 00:00:00",
        "2026-03-04 24:00:00",
        "2026-03-04 13:22:07+24:00",
        "2026-03-04 13:22:07 EST",
        "1969-12-31 23:59:59",
        "9999-12-31 23:59:59",
        "٢٠٢٦-03-04 13:22:07",
        "2026-03-04 13:22:07\n2026",
    ],
)
def test_what_is_no_time_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(UnreadableTime) as caught:
        parse(text)
    assert not text or text not in str(caught.value)


@given(st.text())
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        reading = parse(text)
    except UnreadableTime:
        return
    assert candidates(NEW_YORK, reading)


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("text", ["1970-01-01 00:00:00", "9998-12-31 23:59:59"])
def test_the_first_and_last_times_can_be_placed(name: str, text: str) -> None:
    assert len(candidates(zone.load(name), parse(text))) == 1


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "America", "localtime"]
)
def test_a_wrong_zone_name_is_refused_with_a_remedy(name: str) -> None:
    with pytest.raises(ValueError, match="America/New_York"):
        zone.load(name)


@pytest.mark.parametrize("name", ["US/Eastern", *ZONES])
def test_usual_zone_names_are_known(name: str) -> None:
    assert zone.load(name).key == name


@pytest.mark.parametrize(("name", "change", "wall", "apart"), AUTUMN)
def test_a_repeated_wall_time_has_two_instants_around_the_change(
    name: str, change: str, wall: str, apart: int
) -> None:
    account = zone.load(name)
    first, second = candidates(account, parse(wall))
    assert second - first == apart
    assert first < utc(change) <= second
    assert zone.wall_clock(account, first) == zone.wall_clock(account, second) == wall
    assert zone.is_repeated(account, first)
    assert zone.is_repeated(account, second)


@pytest.mark.parametrize(("name", "change", "wall", "shifted"), SPRING)
def test_a_missing_wall_time_is_shifted_forward(name: str, change: str, wall: str, shifted: str) -> None:
    account = zone.load(name)
    assert candidates(account, parse(wall)) == ()
    instant = zone.shifted_forward(account, parse(wall))
    assert zone.wall_clock(account, instant) == shifted
    assert instant >= utc(change)


@pytest.mark.parametrize(
    "change", ["2025-11-02 06:00:00", "2026-11-01 06:00:00", "2027-11-07 06:00:00", "2028-11-05 06:00:00"]
)
def test_new_york_repeats_its_hour_at_the_known_instants(change: str) -> None:
    assert zone.is_repeated(NEW_YORK, utc(change))
    assert zone.is_repeated(NEW_YORK, utc(change) - 3600)
    assert not zone.is_repeated(NEW_YORK, utc(change) - 3601)
    assert not zone.is_repeated(NEW_YORK, utc(change) + 3600)


@pytest.mark.parametrize("change", ["2026-03-08 07:00:00", "2027-03-14 07:00:00", "2028-03-12 07:00:00"])
def test_new_york_skips_its_hour_at_the_known_instants(change: str) -> None:
    before, after = (zone.wall_clock(NEW_YORK, utc(change) + shift) for shift in (-1, 0))
    assert (before[11:], after[11:]) == ("01:59:59", "03:00:00")


def test_an_offset_that_is_written_settles_everything() -> None:
    assert candidates(NEW_YORK, parse("2026-11-01 01:30:00-05:00")) == (utc("2026-11-01 06:30:00"),)
    assert candidates(NEW_YORK, parse("2026-03-08 02:30:00Z")) == (utc("2026-03-08 02:30:00"),)


def moments(name: str) -> list[int]:
    """Instants of every quarter of an hour around the changes, and some others."""
    changes = [utc(row[1]) for row in (*AUTUMN, *SPRING) if row[0] == name] or [utc("2026-07-01 00:00:00")]
    return [change + shift for change in changes for shift in range(-9000, 9001, 450)]


@pytest.mark.parametrize("name", ZONES)
def test_every_instant_is_among_the_readings_of_its_wall_time(name: str) -> None:
    account = zone.load(name)
    for instant in moments(name):
        assert instant in candidates(account, parse(zone.wall_clock(account, instant)))


@pytest.mark.parametrize("name", ZONES)
def test_a_window_holds_its_instants_however_the_far_side_reads_its_texts(name: str) -> None:
    account = zone.load(name)
    for instant in moments(name):
        begins = candidates(account, parse(to_local(account, instant, 0)))
        ends = candidates(account, parse(to_local(account, instant, 1)))
        assert begins
        assert ends
        assert max(begins) <= instant <= min(ends)
        assert instant - min(begins) <= 2 * 3600 + 60
        assert max(ends) - instant <= 2 * 3600 + 60


def test_a_text_is_moved_only_when_it_could_be_misread() -> None:
    assert to_local(NEW_YORK, utc("2026-07-01 16:00:01"), 0) == "2026-07-01 12:00:01"
    assert to_local(NEW_YORK, utc("2026-07-01 16:00:01"), 1) == "2026-07-01 12:00:01"
    first, second = utc("2026-11-01 05:30:00"), utc("2026-11-01 06:30:00")
    assert to_local(NEW_YORK, first, 0) == "2026-11-01 00:59:00"
    assert to_local(NEW_YORK, first, 1) == "2026-11-01 01:30:00"
    assert to_local(NEW_YORK, second, 0) == "2026-11-01 01:30:00"
    assert to_local(NEW_YORK, second, 1) == "2026-11-01 02:00:00"


def test_a_request_never_names_a_missing_time() -> None:
    for shift in range(-7200, 7200, 60):
        for fold in (0, 1):
            text = to_local(NEW_YORK, utc("2026-03-08 07:00:00") + shift, fold)
            assert candidates(NEW_YORK, parse(text))


@pytest.mark.parametrize(("name", "change", "wall", "apart"), AUTUMN)
def test_a_window_in_a_repeated_hour_reaches_back_before_its_first_pass(
    name: str, change: str, wall: str, apart: int
) -> None:
    account = zone.load(name)
    begin = utc(change) - apart
    for end in range(begin, utc(change) + apart, 300):
        assert zone.reach_back(account, end - 60, end, 900) <= begin - 900
    assert zone.reach_back(account, begin - 8000, begin - 60, 900) == begin - 8000
    after = utc(change) + apart
    assert zone.reach_back(account, after, after + 600, 900) == after
    early = begin - 90_000
    assert zone.reach_back(account, early, after, 900) == early


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("delay", [-30, 0, 1, 200])
def test_the_configured_zone_is_confirmed_by_an_own_event(name: str, delay: int) -> None:
    account = zone.load(name)
    for called in moments(name):
        shown = parse(zone.wall_clock(account, called + delay))
        measured = zone.measure(account, called, shown)
        assert measured.agrees
        assert abs(measured.residual) <= 200


@pytest.mark.parametrize(
    ("name", "offset"), [("UTC", 0), ("Asia/Kolkata", 19800), ("Australia/Lord_Howe", 37800)]
)
def test_an_account_in_another_zone_is_found_out(name: str, offset: int) -> None:
    called = utc("2026-07-01 12:00:00")
    measured = zone.measure(NEW_YORK, called + 0.4, parse(zone.wall_clock(zone.load(name), called + 2)))
    assert (measured.agrees, measured.offset, measured.expected) == (False, offset, -14400)
    assert measured.residual == 2


def test_the_other_half_of_the_year_is_another_offset() -> None:
    called = utc("2026-07-01 12:00:00")
    assert not zone.measure(NEW_YORK, called, parse("2026-07-01 07:00:00")).agrees


def test_an_event_from_another_day_measures_nothing() -> None:
    with pytest.raises(UnreadableTime):
        zone.measure(NEW_YORK, utc("2026-07-01 12:00:00"), parse("2026-07-03 08:00:00"))


def test_offsets_are_written_as_people_write_them() -> None:
    written = [zone.offset_text(seconds) for seconds in (0, 19800, -14400, -12600, 37800)]
    assert written == ["+00:00", "+05:30", "-04:00", "-03:30", "+10:30"]


def test_the_machines_own_zone_changes_nothing() -> None:
    program = (
        "from lpforwarder.intake.sources.lastpass import zone\n"
        "z = zone.load('America/New_York')\n"
        "r = zone.parse('2026-11-01 01:30:00')\n"
        "print(zone.candidates(z, r), zone.to_local(z, 1793511000, 0), zone.wall_clock(z, 1772648527))\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "TZ": name},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for name in ("UTC", "Asia/Kolkata", "Australia/Lord_Howe", "America/New_York")
    }
    assert len(said) == 1
