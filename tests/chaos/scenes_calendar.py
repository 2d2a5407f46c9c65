"""22: clocks that go back and forward, leap day and the end of a year, played in seconds.

In one process with the source, because a daemon cannot wait forty days; judged like all others, by sets.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lpforwarder import rfc3339
from tests.chaos.play import Play, Scenario
from tests.fakes.vault_story import Run, Story, judge

# The account's zone, the machine's, and the day the forty days begin.
DATES = [
    ("America/New_York", "Pacific/Auckland", "2025-10-13"),
    ("America/New_York", "UTC", "2026-02-16"),
    ("Australia/Lord_Howe", "UTC", "2026-03-15"),
    ("Europe/London", "Asia/Kolkata", "2028-02-10"),
    ("UTC", "America/New_York", "2025-12-10"),
    ("Asia/Kolkata", "Australia/Lord_Howe", "2025-12-10"),
]


def calendar(play: Play) -> None:
    """Each account is read with faults and restarts; the journal must hold every event once."""
    ambiguous = 0
    for zone, machine, day in DATES:
        play.progress(f"{zone} from {day}")
        with machine_zone(machine):
            run = Run(_story(play, zone, day), play.folder, course=play.seed)
            run.play()
        verdict = judge(run.journal.kept, run.truth())
        ids = {one.id for one in run.journal.kept}
        play.sent += len(run.truth())
        play.lost += verdict.missing
        play.dup += len(run.journal.kept) - len(ids)
        ambiguous += verdict.ambiguous
        play.expect(not verdict.unexplained, f"{zone} from {day}: {verdict.unexplained[:3]}")
        play.expect(len(ids) == len(run.journal.kept), f"{zone} from {day}: an id was given twice")
        play.expect(not run.journal.rejects, f"{zone} from {day}: {len(run.journal.rejects)} were set aside")
    play.figure("marked timestampAmbiguous, at the other pass of the hour", ambiguous)


def _story(play: Play, zone: str, day: str) -> Story:
    milliseconds = rfc3339.parse(f"{day}T00:00:00Z")
    assert milliseconds is not None
    polls = play.pick(60, 400)
    return Story(
        zone=zone, start=milliseconds // 1000, events=play.pick(1_500, 30_000), polls=polls, seed=play.seed
    )


@contextmanager
def machine_zone(name: str) -> Iterator[None]:
    """This process lives in that zone meanwhile."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()


SCENARIOS = [
    Scenario(
        id="22",
        name="clocks go back and forward, 29 February, 31 December",
        expected="every event once, at its true second or marked as ambiguous",
        run=calendar,
    ),
]
