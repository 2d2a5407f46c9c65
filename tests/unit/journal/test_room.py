from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from lpforwarder.journal.room import (
    PACE_OVER,
    WAITS_AFTER,
    Room,
    RoomWatch,
    Usage,
    fix_for,
    missing,
    size_text,
    usage_of_disk,
)

MB = 2**20
QUIET = Usage(
    used=10 * MB,
    max_size=1000 * MB,
    removed=0,
    needed=100,
    last=100,
    keeps_history=True,
    free=10**6 * MB,
    disk=2 * 10**6 * MB,
)


class Look:
    """A watch that is asked every ten seconds while so many octets a second are appended."""

    def __init__(self) -> None:
        self.watch = RoomWatch()
        self.now = 1000.0

    def after(self, seconds: float, usage: Usage, pace: float = 0.0) -> Room:
        room = self.watch.look(usage, self.now)
        for _ in range(round(seconds / 10)):
            self.now += 10.0
            self.watch.appended(round(10 * pace))
            room = self.watch.look(usage, self.now)
        return room


@pytest.fixture
def look() -> Look:
    return Look()


def waiting(usage: Usage, places: int = 50) -> Usage:
    return replace(usage, needed=usage.last - places, behind=(("archive", places),))


def test_a_quiet_journal_has_room_and_no_pace(look: Look) -> None:
    assert look.after(600.0, QUIET) == Room()


def test_the_time_left_is_that_of_the_present_pace(look: Look) -> None:
    assert look.after(50.0, QUIET, pace=MB).seconds is None  # too soon to tell
    room = look.after(PACE_OVER, QUIET, pace=MB)
    assert room.seconds == pytest.approx(1000.0, rel=0.01)
    slower = look.after(2 * PACE_OVER, QUIET, pace=MB / 10)
    assert slower.seconds == pytest.approx(10_000.0, rel=0.01)
    assert slower.level == "enough"  # nobody waits: all of it can be removed when room is needed


def test_a_disk_smaller_than_the_journal_may_become_is_what_counts(look: Look) -> None:
    room = look.after(PACE_OVER, replace(QUIET, free=500 * MB, disk=600 * MB), pace=MB)
    assert room.seconds == pytest.approx(500.0, rel=0.01)


# ---- what is said before anything must wait -------------------------------------------------------------


def test_a_full_history_is_no_reason_to_worry_while_nobody_waits_for_long(look: Look) -> None:
    full = replace(QUIET, used=990 * MB)
    assert look.after(600.0, full).level == "enough"
    assert look.after(WAITS_AFTER - 10, waiting(full)).level == "very low"  # it had not confirmed 600 s ago
    fresh = Look()
    assert fresh.after(WAITS_AFTER - 10, waiting(full)).level == "enough"


@pytest.mark.parametrize(
    ("used", "level"), [(790, "enough"), (810, "low"), (940, "low"), (960, "very low"), (1000, "very low")]
)
def test_the_share_in_use_decides_when_somebody_waits(look: Look, used: int, level: str) -> None:
    room = look.after(120.0, waiting(replace(QUIET, used=used * MB)))
    assert room.level == level
    if level != "enough":
        assert room.text.startswith(f"{used // 10} % of 1000 MiB are in use (little room is left)")
        assert room.fix == "raise journal.max_size, or bring back: archive (50 waiting)"


@pytest.mark.parametrize(
    ("pace", "level"), [(MB / 100, "enough"), (MB / 80, "low"), (MB / 4, "low"), (MB, "very low")]
)
def test_the_time_left_decides_when_somebody_waits(look: Look, pace: float, level: str) -> None:
    room = look.after(PACE_OVER, waiting(QUIET), pace=pace)
    assert room.level == level
    if level == "very low":
        assert "room for 16m30s at this pace" in room.text
        assert "then polling pauses and delivery goes on" in room.text


def test_delivered_events_make_way_when_that_is_configured(look: Look) -> None:
    """Of a full journal half has been delivered, and that half may go."""
    full = waiting(replace(QUIET, used=1000 * MB, keeps_history=False), places=50)
    assert look.after(120.0, full).level == "enough"
    assert look.after(120.0, waiting(full, places=90)).level == "low"


@pytest.mark.parametrize(("free", "level"), [(300, "enough"), (200, "low"), (60, "very low")])
def test_a_disk_that_fills_up_is_named_whoever_waits(look: Look, free: int, level: str) -> None:
    room = look.after(10.0, replace(QUIET, free=free * MB))
    assert room.level == level
    if level != "enough":
        assert room.text.startswith(f"the disk of the journal has {free} MB left")
        assert room.fix == "make room on that disk, or lower journal.max_size"


def test_a_small_disk_is_judged_by_its_size(look: Look) -> None:
    small = replace(QUIET, max_size=10 * MB, used=MB, disk=20 * MB)
    assert look.after(10.0, replace(small, free=3 * MB)).level == "enough"
    assert look.after(10.0, replace(small, free=MB)).level == "low"


def test_a_level_is_not_left_by_a_hair(look: Look) -> None:
    assert look.after(120.0, waiting(replace(QUIET, used=810 * MB))).level == "low"
    assert look.after(10.0, waiting(replace(QUIET, used=790 * MB))).level == "low"
    assert look.after(10.0, waiting(replace(QUIET, used=700 * MB))).level == "enough"


# ---- words ----------------------------------------------------------------------------------------------


def test_who_is_missing_is_named_with_what_waits() -> None:
    behind = (("archive", 48112), ("siem", 3))
    assert missing(behind) == "archive (48,112 waiting), siem (3 waiting)"
    assert fix_for(behind) == f"raise journal.max_size, or bring back: {missing(behind)}"
    assert fix_for(()) == "raise journal.max_size"


@pytest.mark.parametrize(
    ("octets", "text"), [(10 * 2**30, "10 GiB"), (2**40, "1 TiB"), (1536, "1,536 octets"), (0, "0 octets")]
)
def test_a_size_is_written_in_the_largest_unit_that_fits(octets: int, text: str) -> None:
    assert size_text(octets) == text


def test_a_disk_has_room_and_a_size(tmp_path: Path) -> None:
    free, whole = usage_of_disk(tmp_path)
    assert 0 < free <= whole
