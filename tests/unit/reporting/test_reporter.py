"""One look a second: what changed is written once, in order, with the place for the next life."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from lpforwarder.errors import Transient
from lpforwarder.event import OWN, addressed_to
from lpforwarder.reporting.reporter import Configuration, Reporter
from lpforwarder.reporting.view import CollectorView, Missing, SourceView, View
from lpforwarder.runtime.stop import Stop
from lpforwarder.runtime.worker import WorkerError
from tests.fakes.patience import StandingClock
from tests.fakes.stubborn_journal import StubbornJournal

WALL = 1_795_348_800_000
CONFIGURATION = Configuration(fingerprint="ab12", sources=1, collectors=1)
REFUSED = WorkerError(code="LPF202", text="refused the connection")
UP = CollectorView(state="running", is_connected=True)
BLOCKED = CollectorView(state="blocked", error=REFUSED, checkpoint=3)


class House:
    """A reporter in its house, of which a test says how it looks; `again()` is the next life."""

    def __init__(self) -> None:
        self.journal = StubbornJournal()
        self.clock = StandingClock()
        self.wall = WALL
        self.lives = 0
        self.seen = View(monotonic=0.0, wall=0, collectors={"siem": UP})
        self.asked: list[tuple[str, int]] = []
        self.reported: list[set[int]] = []
        self.note_failure: Transient | None = None
        self.reporter = self.again()

    def again(self) -> Reporter:
        self.lives += 1
        self.reporter = Reporter(
            self.journal,
            self.look,
            self.waiting,
            self.note,
            life=f"life {self.lives}",
            now=lambda: "2026-11-22T12:00:00.000Z",
            clock=self.clock,
        )
        return self.reporter

    def look(self) -> View:
        return replace(self.seen, monotonic=self.clock.now, wall=self.wall)

    def waiting(self, collector: str, checkpoint: int) -> tuple[int, str | None]:
        self.asked.append((collector, checkpoint))
        return 12, None

    def note(self, numbers: Collection[int]) -> None:
        if self.note_failure is not None:
            raise self.note_failure
        self.reported.append(set(numbers))

    def pass_by(self, seconds: float = 1.0, **changed: Any) -> None:
        """Time passes by both clocks, and then there is a look."""
        self.clock.now += seconds
        self.wall += round(seconds * 1000)
        self.seen = replace(self.seen, **changed)
        self.reporter.step()

    def siem(self, view: CollectorView, seconds: float = 1.0) -> None:
        self.pass_by(seconds, collectors={"siem": view})


@pytest.fixture
def house() -> House:
    return House()


def test_a_quiet_house_says_nothing(house: House) -> None:
    for _ in range(100):
        house.pass_by()
    assert house.journal.tries == 0


def test_a_life_begins_with_a_start_and_ends_with_a_stop(house: House) -> None:
    house.reporter.started(CONFIGURATION)
    house.clock.now += 90.0
    house.reporter.stopped()
    start, stop = house.journal.events(OWN)
    assert (start.text("eventId"), start.fields["afterCrash"]) == ("8001", False)
    assert "previousStart" not in start.fields
    assert (stop.text("eventId"), stop.fields["uptimeSeconds"]) == ("8002", 90)


def test_a_life_after_a_stop_is_none_after_a_crash(house: House) -> None:
    house.reporter.started(CONFIGURATION)
    house.reporter.stopped()
    house.again().started(CONFIGURATION)
    fields = house.journal.events(OWN)[-1].fields
    assert (fields["afterCrash"], fields["previousStart"]) == (False, "2026-11-22T12:00:00.000Z")


def test_a_life_that_ended_without_a_stop_is_told_by_the_next(house: House) -> None:
    for _ in range(2):
        house.again().started(CONFIGURATION)
        house.siem(BLOCKED)
        house.siem(UP)
    crashed = [event.fields.get("afterCrash") for event in house.journal.events(OWN)]
    assert [one for one in crashed if one is not None] == [False, True]


def test_a_failure_is_the_reason_of_the_stop(house: House) -> None:
    house.reporter.stopped("the disk failed")
    fields = house.journal.events(OWN)[-1].fields
    assert (fields["result"], fields["reason"]) == ("failure", "the disk failed")


def test_a_change_is_told_once(house: House) -> None:
    for _ in range(100):
        house.siem(BLOCKED)
    assert house.journal.kinds() == ["8007"]
    for _ in range(100):
        house.siem(UP)
    assert house.journal.kinds() == ["8007", "8008"]
    assert house.journal.events()[-1].fields["eventsWaited"] == 12
    assert house.asked == [("siem", 3)]


def test_the_next_life_knows_what_was_told(house: House) -> None:
    house.siem(BLOCKED)
    house.again()
    house.siem(CollectorView(state="running"))
    house.siem(BLOCKED)
    house.siem(UP)
    assert house.journal.kinds() == ["8007", "8008"]


def test_flapping_is_told_once_a_minute_with_a_count(house: House) -> None:
    for _ in range(60):
        house.siem(BLOCKED)
        house.siem(UP)
    downs = [event for event in house.journal.events() if event.text("eventId") == "8007"]
    ups = [event for event in house.journal.events() if event.text("eventId") == "8008"]
    assert (len(downs), len(ups)) == (2, 2)
    assert "repeated" not in downs[0].fields
    assert downs[1].fields["repeated"] == 29


def test_what_lasts_is_told_after_the_minute(house: House) -> None:
    house.siem(BLOCKED)
    house.siem(UP)
    house.siem(BLOCKED)
    assert house.journal.kinds() == ["8007", "8008"]
    house.siem(BLOCKED, seconds=60.0)
    assert house.journal.kinds() == ["8007", "8008", "8007"]


GAP = Missing(number=4, first=1, count=2, reason="a checksum is wrong")


def test_a_gap_that_was_there_before_the_first_look_is_told_and_noted(house: House) -> None:
    house.pass_by(missing=(GAP,))
    assert house.reported == [{4}]
    for _ in range(3):
        house.pass_by(missing=())
    assert (house.journal.kinds(), house.reported) == (["8004"], [{4}])


def test_a_gap_is_noted_when_its_report_is_written_and_told_once_until_then(house: House) -> None:
    house.journal.failure = Transient("full", code="LPF501")
    for _ in range(30):
        house.pass_by(missing=(GAP,))
    assert house.reported == []
    house.journal.failure = None
    for _ in range(30):
        house.pass_by(missing=() if house.reported else (GAP,))
    assert (house.journal.kinds(), house.reported) == (["8004"], [{4}])


def test_a_gap_that_cannot_be_noted_is_not_told_twice_for_that(house: House) -> None:
    house.note_failure = Transient("full", code="LPF501")
    for _ in range(100):
        house.pass_by(missing=(GAP,))
    house.note_failure = None
    house.pass_by()
    assert (house.journal.kinds(), house.reported) == (["8004"], [{4}])


def test_a_clock_that_is_set_is_told_once(house: House) -> None:
    house.pass_by()
    house.wall -= 3_600_000
    for _ in range(5):
        house.pass_by()
    (event,) = house.journal.events()
    assert (event.text("eventId"), event.fields["seconds"]) == ("8010", -3600)


@pytest.mark.parametrize("seconds", [30.0, -30.0, 0.5])
def test_a_clock_that_is_corrected_a_little_is_no_alarm(house: House, seconds: float) -> None:
    house.pass_by()
    house.wall += round(seconds * 1000)
    house.pass_by()
    assert house.journal.tries == 0


def test_a_clock_that_drifts_slowly_is_no_alarm(house: House) -> None:
    for _ in range(1000):
        house.wall += 100
        house.pass_by()
    assert house.journal.tries == 0


def test_a_clock_that_jumps_again_within_the_minute_is_told_after_it(house: House) -> None:
    house.pass_by()
    for _ in range(2):
        house.wall += 100_000
        house.pass_by(10.0)
    assert len(house.journal.events()) == 1
    house.pass_by(50.0)
    assert [event.fields["seconds"] for event in house.journal.events()] == [100, 100]


def test_a_configuration_is_told_with_its_hashes(house: House) -> None:
    house.reporter.configured(before="ab", after="cd", changed="started collector:b")
    house.reporter.refused(
        before="cd", problems=2, code="LPF101", place="c.yaml:3:5", reason="unknown key `fromat`"
    )
    house.reporter.mended(before="cd", changed="nothing was started or stopped")
    changed, refused, mended = (event.fields for event in house.journal.events(OWN))
    assert (changed["hashBefore"], changed["hashAfter"], changed["result"]) == ("ab", "cd", "success")
    assert (refused["hashBefore"], refused["problems"], refused["result"]) == ("cd", 2, "failure")
    assert (refused["place"], refused["reason"]) == ("c.yaml:3:5", "unknown key `fromat`")
    assert (mended["hashBefore"], mended["hashAfter"], mended["result"]) == ("cd", "cd", "success")


def test_heartbeats_go_to_the_one_they_are_for(house: House) -> None:
    house.siem(replace(UP, heartbeat=300.0, worker="first"))
    assert house.journal.kinds(addressed_to("siem")) == ["8100"]
    assert house.reporter.last_heartbeat == "2026-11-22T12:00:00.000Z"


def test_what_a_full_journal_does_not_take_is_told_later_and_not_twice(house: House) -> None:
    house.journal.failure = Transient("full", code="LPF501")
    house.reporter.started(CONFIGURATION)
    for _ in range(30):
        house.siem(BLOCKED)
    house.journal.failure = None
    for _ in range(30):
        house.siem(BLOCKED)
    assert house.journal.kinds() == ["8001", "8007"]


def test_what_is_lost_with_the_process_is_told_again(house: House) -> None:
    house.journal.failure = Transient("full", code="LPF501")
    house.siem(BLOCKED)
    house.journal.failure = None
    house.again()
    house.siem(BLOCKED)
    assert house.journal.kinds() == ["8007"]


def test_what_could_not_be_written_by_the_end_is_logged(house: House) -> None:
    house.journal.failure = Transient("full", code="LPF501")
    house.siem(BLOCKED)
    with capture_logs() as logged:
        house.reporter.stopped()
    assert [line["count"] for line in logged if line["event"] == "report.dropped"] == [2]


def test_it_looks_until_it_is_stopped(house: House) -> None:
    stop, beats = Stop(), 0

    def beat() -> None:
        nonlocal beats
        beats += 1
        stop.set(0.0)

    house.seen = replace(house.seen, sources={"acme": SourceView(state="blocked", error=REFUSED)})
    house.reporter.run(stop, beat)
    house.reporter.abort()
    assert (beats, house.journal.kinds()) == (1, ["8005"])
