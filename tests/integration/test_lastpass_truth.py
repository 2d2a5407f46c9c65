"""Forty days of a LastPass account with everything that goes wrong, and the journal holds exactly the truth.

Late arrivals, true twins, a renaming, both changes of the clocks, a move of the account to another zone, one
request in ten failing, restarts and pages that die before they are kept. What is asserted:

- every event of the vault is in the journal once, field by field, and nothing else is;
- its time is the true second, unless the event itself says `timestampAmbiguous`, and then it is at most an
  hour off;
- ids are different, and all of them are those of a second, independent life over the same account, which
  polls, fails and restarts at other moments: also of events that one life read before the account moved and
  the other after it, when the vault shows them with other times.

LPFORWARDER_VAULT_EVENTS and LPFORWARDER_VAULT_RESTARTS make it larger: with 1000000 and 200 a life takes some
eight minutes of CPU and 1 GB, the vault and its truth included; each zone has two lives a season.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpforwarder import rfc3339
from tests.fakes.vault_story import LeanJournal, Run, Story, judge

pytestmark = pytest.mark.slow

EVENTS = int(os.environ.get("LPFORWARDER_VAULT_EVENTS", "6000"))
RESTARTS = int(os.environ.get("LPFORWARDER_VAULT_RESTARTS", "20"))
POLLS = 110 if EVENTS <= 10_000 else 2_000

# The account's zone, where it moves to, the machine's own zone, and 20 days before its clocks go back
# and forward. The last two mean nothing where clocks never change.
ZONES = [
    ("America/New_York", "America/Los_Angeles", "Pacific/Auckland", "2025-10-13", "2026-02-16"),
    ("UTC", "Asia/Tokyo", "America/New_York", "2025-10-13", "2026-02-16"),
    ("Asia/Kolkata", "Europe/London", "Australia/Lord_Howe", "2025-10-05", "2026-03-09"),
    ("Australia/Lord_Howe", "Australia/Perth", "UTC", "2026-03-15", "2025-09-14"),
]


@pytest.fixture
def machine_zone(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def instant(day: str) -> int:
    milliseconds = rfc3339.parse(f"{day}T00:00:00Z")
    assert milliseconds is not None
    return milliseconds // 1000


def story(zone: str, day: str, *, moves_to: str | None = None) -> Story:
    return Story(
        zone=zone, start=instant(day), events=EVENTS, polls=POLLS, restarts=RESTARTS, moves_to=moves_to
    )


def assert_truth(run: Run) -> None:
    kept = run.journal.kept
    verdict = judge(kept, run.truth())
    assert verdict.unexplained == []
    assert len({one.id for one in kept}) == len(kept)
    assert run.journal.rejects == []


@pytest.mark.parametrize(
    ("zone", "moves_to", "machine_zone", "autumn", "_"),
    ZONES,
    indirect=["machine_zone"],
    ids=lambda v: str(v),
)
@pytest.mark.usefixtures("machine_zone")
def test_autumn_and_a_move_to_another_zone(
    zone: str, moves_to: str, autumn: str, _: str, tmp_path: Path
) -> None:
    told = story(zone, autumn, moves_to=moves_to)
    first, second = (Run(told, tmp_path, course=course) for course in (1, 2))
    for run in (first, second):
        run.play()
        assert_truth(run)
        assert run.alarms >= {"LPF318"}
        done = f"{run.polls} pages, {run.restarts} restarts, {run.failures}"
        print(f"{zone}: {len(run.journal.kept)} events, {done}")
        assert run.restarts > RESTARTS / 2
        assert sum(run.failures.values()) > 10
    ids, others = ({one.id: one.likeness for one in run.journal.kept} for run in (first, second))
    assert ids == others


@pytest.mark.parametrize(
    ("zone", "_", "machine_zone", "__", "spring"), ZONES, indirect=["machine_zone"], ids=lambda v: str(v)
)
@pytest.mark.usefixtures("machine_zone")
def test_spring_and_a_fresh_journal_elsewhere(
    zone: str, _: str, __: str, spring: str, tmp_path: Path
) -> None:
    run = Run(story(zone, spring), tmp_path, course=3)
    run.play()
    assert_truth(run)
    assert run.alarms == set()
    ids = {one.id for one in run.journal.kept}
    run.journal = LeanJournal()
    run.read_at_once()
    assert_truth(run)
    assert {one.id for one in run.journal.kept} == ids


def test_autumn_read_live_and_read_at_once_give_the_same_ids(tmp_path: Path) -> None:
    run = Run(story("America/New_York", "2025-10-13"), tmp_path, course=4)
    run.play()
    ids = {one.id for one in run.journal.kept}
    run.journal = LeanJournal()
    run.read_at_once()
    assert_truth(run)
    assert {one.id for one in run.journal.kept} == ids


@pytest.mark.parametrize(
    ("zone", "moves_to"), [row[:2] for row in ZONES] + [(row[1], row[0]) for row in ZONES]
)
def test_an_account_whose_old_events_stay_on_their_old_clock(
    zone: str, moves_to: str, tmp_path: Path
) -> None:
    """What the vendor does when an account moves is not documented: it must lose and repeat nothing."""
    told = Story(
        zone=zone, start=instant("2026-05-01"), events=min(EVENTS, 20_000), polls=POLLS, moves_to=moves_to,
        zone_rule="event",
    )  # fmt: skip
    first, second = (Run(told, tmp_path, course=course) for course in (5, 6))
    for run in (first, second):
        run.play()
        assert_truth(run)
    ids, others = ({one.id: one.likeness for one in run.journal.kept} for run in (first, second))
    assert ids == others
