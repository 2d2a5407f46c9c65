from __future__ import annotations

import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from lpforwarder.config.secrets import Secret
from lpforwarder.intake.sources.lastpass.alarms import Alarms
from lpforwarder.intake.sources.lastpass.options import LastPassOptions

NEW_YORK = ZoneInfo("America/New_York")
NOON = 1_772_643_600


@pytest.fixture
def options(tmp_path: Path) -> LastPassOptions:
    path = tmp_path / "acme.secret"
    path.write_text("0f3c")
    os.utime(path, (NOON - 60, NOON - 60))
    return LastPassOptions(name="acme", type="lastpass", account="1234567", secret_file=path)


def test_a_wrong_zone_is_said_once_when_it_begins_and_once_when_it_ends() -> None:
    alarms = Alarms("acme")
    with capture_logs() as said:
        for _ in range(3):
            alarms.zone(NEW_YORK, 19_800, NOON)
        assert [alarm.code for alarm in alarms.current] == ["LPF318"]
        alarms.zone(NEW_YORK, None, NOON)
        alarms.zone(NEW_YORK, None, NOON)
    assert [line["event"] for line in said] == ["zone.mismatch", "zone.matched"]
    assert (said[0]["measured"], said[0]["time_zone"]) == ("+05:30", "America/New_York")
    assert alarms.current == ()


def test_clocks_that_differ_are_said_once_and_are_an_alarm_when_it_lasts() -> None:
    alarms = Alarms("acme")
    with capture_logs() as said:
        for skew in (0.0, -432.0, 5.0, 400.0, 400.0):
            alarms.clock(skew)
            assert alarms.current == ()
        alarms.clock(400.0)
        (alarm,) = alarms.current
        alarms.clock(400.0)
        alarms.clock(299.0)
    assert (alarm.code, "400 s behind" in alarm.text, alarms.current) == ("LPF317", True, ())
    assert [(line["event"], line["seconds"]) for line in said] == [
        ("clock.differed", -432),
        ("clock.differed", 400),
    ]


def test_a_source_that_stays_behind_is_an_alarm_until_it_has_caught_up() -> None:
    alarms = Alarms("acme")
    with capture_logs() as said:
        for seconds in (0, 30, 59):
            alarms.reached(NOON - 7800, NOON + seconds)
            assert alarms.current == ()
        alarms.reached(NOON - 7740, NOON + 60)
        (alarm,) = alarms.current
        alarms.reached(NOON - 7740, NOON + 7860)
        assert "4h20m behind" in alarms.current[0].text
        alarms.reached(None, NOON + 120)
    assert (alarm.code, alarms.current) == ("LPF319", ())
    assert alarm.text == "it has read up to 2026-03-04T14:51:00.000Z and is 2h10m behind the vault"
    assert [(line["event"], line["log_level"]) for line in said] == [
        ("source.behind", "warning"),
        ("source.caught_up", "info"),
    ]


def test_a_source_that_is_seconds_behind_or_catches_up_at_once_is_no_alarm() -> None:
    alarms = Alarms("acme")
    for upto, now in ((-300, 0), (-300, 600), (-86_400, 601), (-300, 650), (-3600, 670), (-3600, 700)):
        alarms.reached(NOON + now + upto, NOON + now)
        assert alarms.current == ()


def test_a_regenerated_secret_is_an_alarm_until_another_one_is_used(options: LastPassOptions) -> None:
    alarms = Alarms("acme")
    alarms.secret_regenerated(options, NOON, NOON + 30)
    alarms.polled(Secret("old"), NOON + 60)
    assert [alarm.code for alarm in alarms.current] == ["LPF316"]
    alarms.polled(Secret("new"), NOON + 120)
    assert alarms.current == ()


def test_a_secret_that_still_works_long_after_is_the_new_one(options: LastPassOptions) -> None:
    alarms = Alarms("acme")
    alarms.secret_regenerated(options, NOON, NOON + 30)
    alarms.polled(Secret("same"), NOON + 1000)
    assert alarms.current == ()


def test_a_secret_written_after_that_is_no_alarm(options: LastPassOptions) -> None:
    alarms = Alarms("acme")
    alarms.secret_regenerated(options, NOON - 120, NOON)
    assert alarms.current == ()


def test_one_that_was_regenerated_long_ago_and_works_is_no_alarm_wherever_it_is_kept() -> None:
    options = LastPassOptions(name="acme", type="lastpass", account="1234567", secret_env="ACME")
    alarms = Alarms("acme")
    with capture_logs() as said:
        alarms.secret_regenerated(options, NOON, NOON + 1000)
    assert (alarms.current, said) == ((), [])
