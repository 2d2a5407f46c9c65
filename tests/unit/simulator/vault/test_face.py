from __future__ import annotations

from collections.abc import Callable

from lpforwarder.simulator.vault.event import SECOND, VaultEvent
from lpforwarder.simulator.vault.face import Face
from lpforwarder.simulator.vault.options import Renaming
from lpforwarder.simulator.vault.zone import WallClock

MakeEvent = Callable[..., VaultEvent]
NOON = 1_772_625_600  # 2026-03-04 12:00:00 UTC


def face(*, own: bool = False, renaming: Renaming | None = None) -> Face:
    clocks = [(0, WallClock("UTC")), (NOON * SECOND, WallClock("Asia/Kolkata"))]
    return Face(now=(NOON + 60) * SECOND, clocks=clocks, each_in_its_own_zone=own, renaming=renaming)


def test_a_record_has_the_five_fields_of_an_answer(event: MakeEvent) -> None:
    assert face().record(event(NOON, data="x")) == {
        "Time": "2026-03-04 17:30:00",
        "Username": "ana.ruiz@example.org",
        "IP_Address": "203.0.113.24",
        "Action": "Log in",
        "Data": "x",
    }


def test_after_a_change_of_zone_old_events_are_shown_in_the_new_one(event: MakeEvent) -> None:
    assert face().record(event(NOON - 1))["Time"] == "2026-03-04 17:29:59"


def test_or_each_in_the_zone_of_its_own_time(event: MakeEvent) -> None:
    assert face(own=True).record(event(NOON - 1))["Time"] == "2026-03-04 11:59:59"
    assert face(own=True).record(event(NOON))["Time"] == "2026-03-04 17:30:00"
    assert face(own=True).record(event(-5))["Time"] == "1969-12-31 23:59:55"


def test_callers_times_are_read_on_the_clock_in_force() -> None:
    assert face(own=True).clock().name == "Asia/Kolkata"


def test_the_truth_is_what_a_record_says_and_the_true_instant(event: MakeEvent) -> None:
    shown = face(renaming=Renaming(names={"Log in": "Sign in"}))
    truth = shown.truth(event(NOON + 0.25))
    fields = (truth.time, truth.username, truth.ip_address, truth.action, truth.data)
    assert fields == tuple(shown.record(event(NOON + 0.25)).values())
    assert truth.at == NOON * SECOND + 250_000
    assert truth.action == "Sign in"
