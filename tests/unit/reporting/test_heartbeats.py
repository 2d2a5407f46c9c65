"""Heartbeats: in time, to the one they are for, with what was done since the last one."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from lpforwarder.errors import Fatal, Transient
from lpforwarder.event import Event, addressed_to
from lpforwarder.own_events import Stamp
from lpforwarder.reporting.heartbeats import Beat, Heartbeats, read_beat
from lpforwarder.reporting.view import CollectorView, SourceView, View
from tests.fakes.source import sample_events
from tests.fakes.stubborn_journal import StubbornJournal

SIEM = CollectorView(state="running", is_connected=True, heartbeat=300.0, worker="first")
ACME = SourceView(state="running", read=100, rejected=1, newest="2026-11-22T11:59:59.000Z")


class Ward:
    """Heartbeats over a journal; time moves when a test says so. `again()` is the next life."""

    def __init__(self) -> None:
        self.journal = StubbornJournal()
        self.now = 1000.0
        self.asked: list[tuple[str, int]] = []
        self.stamps = 0
        self.collectors: dict[str, CollectorView] = {"siem": SIEM}
        self.sources = {"acme": ACME}
        self.beats = self.again()

    def again(self) -> Heartbeats:
        self.beats = Heartbeats(self.journal, self.waiting, self.stamp, version="1.2.3")
        return self.beats

    def waiting(self, collector: str, checkpoint: int) -> tuple[int, str | None]:
        self.asked.append((collector, checkpoint))
        return 4, "2026-11-22T11:58:00.000Z"

    def stamp(self) -> Stamp:
        self.stamps += 1
        return Stamp(life="here", number=self.stamps, time=f"2026-11-22T12:00:{self.stamps:02}.000Z")

    def pass_by(self, seconds: float, **siem: Any) -> None:
        """Time passes, and then there is a look."""
        self.now += seconds
        self.collectors["siem"] = replace(self.collectors["siem"], **siem)
        view = View(
            monotonic=self.now,
            wall=0,
            sources=self.sources,
            collectors=self.collectors,
            position=int(self.journal.newest()),
        )
        self.beats.step(view, uptime=self.now - 1000.0)

    def got(self, collector: str = "siem") -> list[Event]:
        return self.journal.events(addressed_to(collector))


@pytest.fixture
def ward() -> Ward:
    return Ward()


def test_there_is_one_at_the_start_and_one_each_interval(ward: Ward) -> None:
    for seconds in (0.0, 1.0, 298.9, 0.2, 299.0, 1.1):
        ward.pass_by(seconds)
    assert [event.fields["heartbeat"] for event in ward.got()] == [1, 2, 3]
    assert {event.fields["heartbeatsSkipped"] for event in ward.got()} == {0}
    assert ward.beats.last == "2026-11-22T12:00:03.000Z"


def test_no_interval_means_none(ward: Ward) -> None:
    ward.pass_by(0.0, heartbeat=0.0)
    ward.pass_by(86_400.0)
    assert (ward.got(), ward.journal.tries) == ([], 0)


def test_each_collector_has_an_interval_of_its_own(ward: Ward) -> None:
    ward.collectors["other"] = replace(SIEM, heartbeat=100.0)
    for _ in range(7):
        ward.pass_by(50.0)
    assert (len(ward.got("siem")), len(ward.got("other"))) == (2, 4)
    assert {event.fields["collector"] for event in ward.got("other")} == {"other"}


def test_a_worker_made_anew_begins_with_one(ward: Ward) -> None:
    ward.pass_by(0.0)
    ward.pass_by(10.0, worker="second")
    ward.pass_by(1.0)
    assert [event.fields["heartbeat"] for event in ward.got()] == [1, 2]


def test_it_counts_what_was_done_since_the_last_one(ward: Ward) -> None:
    ward.pass_by(0.0, sent=10, confirmed=1000, replayed=7, set_aside=2)
    ward.sources["acme"] = replace(ACME, read=130, rejected=3)
    ward.sources["new"] = SourceView(state="running", read=5)
    ward.pass_by(300.0, sent=41, number=50, confirmed=1031, replayed=8, set_aside=4, checkpoint=60)
    first, second = ward.got()
    assert "since" not in first.fields
    assert second.fields["since"] == first.fields["timestamp"]
    counted = ("Read", "Sent", "Confirmed", "Replayed", "SetAside")
    assert [second.fields[f"events{name}"] for name in counted] == [35, 31, 31, 1, 2]
    assert second.fields["recordsRejected"] == 2
    assert (second.fields["sequence"], second.fields["uptimeSeconds"]) == (50, 300)
    assert (second.fields["eventsWaiting"], second.fields["oldestWaiting"]) == (4, "2026-11-22T11:58:00.000Z")
    assert second.fields["newestEvent"] == "2026-11-22T11:59:59.000Z"
    assert ward.asked[-1] == ("siem", 60)


def test_it_goes_on_counting_in_the_next_life(ward: Ward) -> None:
    ward.pass_by(0.0, sent=10, confirmed=1000)
    ward.again()
    ward.pass_by(5.0, worker="second", sent=3, confirmed=1004)
    last = ward.got()[-1].fields
    assert (last["heartbeat"], last["eventsConfirmed"], last["eventsSent"]) == (2, 4, 3)


def test_what_was_sent_adds_up_although_workers_are_made_anew(ward: Ward) -> None:
    ward.pass_by(0.0, sent=10, number=10)
    ward.pass_by(4.0, sent=17, number=17)
    ward.pass_by(1.0, worker=None, sent=0, number=0)
    ward.pass_by(1.0, worker="second", sent=17, number=0)
    ward.pass_by(300.0, sent=22, number=5)
    assert [event.fields["eventsSent"] for event in ward.got()] == [10, 7, 5]
    assert [event.fields["sequence"] for event in ward.got()] == [10, 0, 5]


@pytest.mark.parametrize("is_removed", [True, False])
def test_what_was_sent_adds_up_although_there_was_no_heartbeat_for_a_while(
    ward: Ward, is_removed: bool
) -> None:
    ward.pass_by(0.0, sent=10)
    ward.pass_by(1.0, sent=12, heartbeat=0.0)
    if is_removed:
        siem = ward.collectors.pop("siem")
        ward.collectors["other"] = replace(SIEM, heartbeat=0.0)
        ward.beats.step(View(monotonic=ward.now, wall=0, collectors=ward.collectors), uptime=1.0)
        ward.collectors["siem"] = siem
    ward.pass_by(1.0, worker="second", sent=15, heartbeat=300.0)
    assert [event.fields["eventsSent"] for event in ward.got()] == [10, 5]


def test_one_that_was_left_out_is_counted_although_the_worker_is_made_anew(ward: Ward) -> None:
    ward.journal.failure = Transient("full", code="LPF501")
    ward.pass_by(0.0)
    ward.pass_by(1.0, worker=None)
    ward.journal.failure = None
    ward.pass_by(1.0, worker="second")
    assert [event.fields["heartbeatsSkipped"] for event in ward.got()] == [1]


def test_a_collector_that_is_away_gets_no_second_one_before_it_has_the_first(ward: Ward) -> None:
    ward.pass_by(0.0)
    for _ in range(1000):
        ward.pass_by(300.0, is_connected=False)
    assert len(ward.got()) == 1
    ward.pass_by(10.0, is_connected=True)
    assert [event.fields["heartbeatsSkipped"] for event in ward.got()] == [0, 999]
    ward.pass_by(300.0)
    assert ward.got()[-1].fields["heartbeatsSkipped"] == 0


def test_one_that_has_the_last_one_gets_another_while_it_is_away(ward: Ward) -> None:
    ward.pass_by(0.0)
    ward.pass_by(300.0, is_connected=False, checkpoint=1)
    ward.pass_by(300.0)
    assert len(ward.got()) == 2


def test_one_that_is_connected_and_behind_gets_all(ward: Ward) -> None:
    for _ in range(10):
        ward.pass_by(300.0, checkpoint=0)
    assert len(ward.got()) == 10


def test_after_a_restart_one_that_is_still_away_is_not_flooded_either(ward: Ward) -> None:
    ward.journal.append("acme", sample_events(5), (), "5")
    ward.pass_by(0.0, is_connected=False)
    for life in range(10):
        ward.again()
        ward.pass_by(300.0, worker=f"life {life}", checkpoint=3)
    assert len(ward.got()) == 1


def test_one_that_cannot_be_written_is_left_out_and_counted(ward: Ward) -> None:
    ward.journal.failure = Transient("full", code="LPF501")
    for _ in range(3):
        ward.pass_by(300.0)
    ward.journal.failure = None
    ward.pass_by(300.0)
    (event,) = ward.got()
    assert (event.fields["heartbeat"], event.fields["heartbeatsSkipped"]) == (1, 3)


def test_a_disk_that_failed_ends_it(ward: Ward) -> None:
    ward.journal.failure = Fatal("the disk failed", code="LPF506")
    with pytest.raises(Fatal):
        ward.pass_by(0.0)


def test_a_collector_that_is_gone_is_not_written_to(ward: Ward) -> None:
    ward.pass_by(0.0)
    del ward.collectors["siem"]
    view = View(monotonic=ward.now + 900.0, wall=0, sources=ward.sources, collectors={})
    ward.beats.step(view, uptime=900.0)
    assert len(ward.got()) == 1


def test_a_collector_that_is_being_made_anew_waits(ward: Ward) -> None:
    ward.pass_by(0.0, worker=None)
    assert ward.got() == []
    ward.pass_by(1.0, worker="second")
    assert len(ward.got()) == 1


@pytest.mark.parametrize("text", [None, "", "[]", "x", '{"totals":3}', "retry 7"])
def test_a_text_that_says_nothing_is_no_heartbeat(text: str | None) -> None:
    assert read_beat(text) == Beat()
    assert read_beat(Beat(number=3, at="x", place=9).text()) == Beat(number=3, at="x", place=9)
