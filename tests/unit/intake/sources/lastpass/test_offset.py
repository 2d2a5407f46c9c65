from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from lpforwarder.intake.sources.lastpass import offset
from lpforwarder.intake.sources.lastpass.records import plain
from lpforwarder.intake.sources.lastpass.zone import wall_clock

NEW_YORK = ZoneInfo("America/New_York")
NOON = 1_772_643_600


def report(
    called: int, zone: ZoneInfo = NEW_YORK, *, mark: str = "01234567", delay: int = 1, **fields: str
) -> dict[str, Any]:
    time = wall_clock(zone, called + delay)
    data = f"Initiated by API: {offset.label(mark, called)}"
    return {"Time": time, "Username": "", "IP_Address": "", "Action": "Reporting", "Data": data} | fields


def test_our_own_calls_are_known_by_label_wherever_it_stands() -> None:
    label = offset.label("01234567", NOON)
    records = [
        report(NOON),
        report(NOON, Username=f"API: {label}", Data=""),
        report(NOON, Action="REPORTING"),
        plain(report(NOON)),
        plain(report(NOON, IP_Address="x" * 1000)),
    ]
    for _ in range(2):  # read again they are known from memory, but for a long one
        assert [own.position for own in offset.own_reports(records, "01234567")] == [0, 1, 2, 3, 4]
    assert offset.own_reports(records, "76543210") == []


def test_those_of_others_and_what_looks_alike_are_not_ours() -> None:
    records = [
        report(NOON, mark="76543210"),
        report(NOON, Data="Initiated by API: inventory"),
        report(NOON, Action="Log in"),
        report(NOON, Data="x lpforwarder/01234567/5"),
        report(NOON, Data="Initiated by API: lpforwarder/01234567/5 x"),
        "text",
        None,
    ]
    assert offset.own_reports(records, "01234567") == []


@pytest.mark.parametrize(
    ("zone", "agrees", "seconds"), [("America/New_York", True, -18_000), ("Asia/Kolkata", False, 19_800)]
)
def test_an_own_call_measures_the_account(zone: str, agrees: bool, seconds: int) -> None:
    own = offset.own_reports([report(NOON, ZoneInfo(zone))], "01234567")
    measured = offset.measured(NEW_YORK, own, 0.0)
    assert measured is not None
    assert (measured.agrees, measured.offset) == (agrees, seconds)


def test_the_newest_call_decides_and_an_unreadable_one_is_passed_over() -> None:
    records = [report(NOON + 60, Time="noon"), report(NOON, ZoneInfo("Asia/Kolkata")), report(NOON - 60)]
    measured = offset.measured(NEW_YORK, offset.own_reports(records, "01234567"), 0.0)
    assert measured is not None
    assert not measured.agrees


def test_a_wrong_clock_here_is_not_taken_for_a_wrong_zone() -> None:
    own = offset.own_reports([report(NOON, delay=-1500)], "01234567")  # our clock is 25 minutes ahead
    plain, corrected = offset.measured(NEW_YORK, own, 0.0), offset.measured(NEW_YORK, own, -1500.0)
    assert plain is not None
    assert corrected is not None
    assert (plain.agrees, corrected.agrees) == (False, True)


def test_nothing_measures_nothing() -> None:
    assert offset.measured(NEW_YORK, [], 0.0) is None


@pytest.mark.parametrize("seconds", [0, 19_800, 20_700, -12_600, -36_000, 50_400])
def test_a_fixed_zone_always_has_its_offset(seconds: int) -> None:
    zone = offset.fixed(seconds)
    for instant in (0, NOON, NOON + 180 * 86_400, 4_000_000_000):
        assert offset.at(zone, instant) == seconds
        there = datetime.fromtimestamp(instant, UTC) + timedelta(seconds=seconds)
        assert wall_clock(zone, instant) == there.strftime("%Y-%m-%d %H:%M:%S")


def test_an_installation_is_what_its_facts_are() -> None:
    assert offset.installation("a", "b") == offset.installation("a", "b") != offset.installation("ab", "")
    assert len(offset.installation("a")) == 8
