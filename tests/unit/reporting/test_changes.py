"""The difference between what was told and what is: a table of cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from lpforwarder.delivery.certificates import Certificate
from lpforwarder.own_events import Stamp
from lpforwarder.reporting.changes import Change, changes, clock_jump, forget, jumped
from lpforwarder.reporting.judging import USUAL
from lpforwarder.reporting.told import Down, Told
from lpforwarder.reporting.view import CollectorView, Missing, SourceView, View
from lpforwarder.runtime.worker import WorkerError

WALL = 1_795_348_800_000
NOW, MINUTE_AGO = "2026-11-22T12:00:00.000Z", "2026-11-22T11:59:00.000Z"
LONG_AGO = "2026-11-20T12:00:00.000Z"
STAMP = Stamp(life="here", number=1, time=NOW)
REFUSED = WorkerError(code="LPF202", text="refused the connection", fix="start it")
HOST = WorkerError(code="LPF220", text="the preferred host is down")
ROOM = WorkerError(code="LPF511", text="room for 3 days")
ZONE = WorkerError(code="LPF318", text="the zone is wrong", fix="set it")
SECRET = WorkerError(code="LPF316", text="the secret was replaced", fix="write the new one")

UP, POLLED = CollectorView(state="running", is_connected=True), SourceView(state="running", last_poll=NOW)
FAILING = CollectorView(state="waiting", error=REFUSED, failing=60.0, checkpoint=7)
STALLED = CollectorView(
    state="running", is_connected=True, unmoved=70.0, standing=120.0, patience=60.0, checkpoint=5
)
BLOCKED = CollectorView(state="blocked", error=REFUSED, failing=0.5)
REMOVED = "it was removed from the configuration"
DOWN, WORSE = Down(state="failing", since=LONG_AGO, place=5), Down(state="blocked", since=LONG_AGO)


def ends(day: str, subject: str = "siem.example.net") -> CollectorView:
    """A collector whose certificate ends on that day."""
    shown = Certificate(kind="collector", subject=subject, not_after=f"{day}T12:00:00.000Z")
    return CollectorView(state="running", is_connected=True, certificates=(shown,))


@dataclass(frozen=True, kw_only=True)
class Case:
    """What was told, what is, and the event ids with some of the fields that have to come out."""

    told: Told = field(default_factory=Told)
    sources: dict[str, SourceView] = field(default_factory=dict)
    collectors: dict[str, CollectorView] = field(default_factory=dict)
    missing: tuple[Missing, ...] = ()
    warnings: tuple[WorkerError, ...] = ()
    expected: tuple[tuple[str, dict[str, Any]], ...] = ()

    @property
    def view(self) -> View:
        return View(
            monotonic=1000.0,
            wall=WALL,
            sources=self.sources,
            collectors=self.collectors,
            missing=self.missing,
            warnings=self.warnings,
        )


CASES = {
    "nothing": Case(),
    "all is well": Case(sources={"acme": POLLED}, collectors={"siem": UP}),
    "a collector fails for a moment": Case(
        collectors={"siem": CollectorView(state="waiting", error=REFUSED, failing=59.0)}
    ),
    "a collector fails for a minute": Case(
        collectors={"siem": FAILING, "other": UP},
        expected=(
            (
                "8007",
                {"collector": "siem", "state": "failing", "since": MINUTE_AGO, "code": "LPF202"}
                | {"reason": "refused the connection", "fix": "start it"},
            ),
        ),
    ),
    "that was told": Case(told=Told(collectors={"siem": DOWN}), collectors={"siem": FAILING}),
    "a collector needs a person": Case(
        collectors={"siem": BLOCKED}, expected=(("8007", {"collector": "siem", "state": "blocked"}),)
    ),
    "a failing collector needs a person now": Case(
        told=Told(collectors={"siem": DOWN}),
        collectors={"siem": BLOCKED},
        expected=(("8007", {"state": "blocked", "since": LONG_AGO}),),
    ),
    "a blocked collector only fails now": Case(
        told=Told(collectors={"siem": WORSE}), collectors={"siem": FAILING}
    ),
    "a collector is back": Case(
        told=Told(collectors={"siem": DOWN}),
        collectors={"siem": UP},
        expected=(("8008", {"collector": "siem", "since": LONG_AGO, "seconds": 172_800, "eventsWaited": 5}),),
    ),
    "a collector is connected but not for long": Case(
        told=Told(collectors={"siem": DOWN}),
        collectors={"siem": CollectorView(state="running", is_connected=True, failing=90.0)},
    ),
    "a collector that was down is made anew": Case(
        told=Told(collectors={"siem": DOWN}), collectors={"siem": CollectorView(state="stopped")}
    ),
    "a source fails for a minute": Case(
        sources={"acme": SourceView(state="waiting", error=REFUSED, failing=60.0, last_poll=LONG_AGO)},
        expected=(
            ("8005", {"sourceName": "acme", "state": "failing", "since": MINUTE_AGO, "lastPoll": LONG_AGO}),
        ),
    ),
    "a source is silent": Case(
        sources={"acme": SourceView(state="running", silent=600.0, last_poll=LONG_AGO)},
        expected=(("8005", {"state": "silent", "since": "2026-11-22T11:50:00.000Z"}),),
    ),
    "a source is blocked": Case(
        sources={"acme": SourceView(state="blocked", error=REFUSED)},
        expected=(("8005", {"state": "blocked", "since": NOW}),),
    ),
    "a source is back": Case(
        told=Told(sources={"acme": WORSE}),
        sources={"acme": POLLED},
        expected=(("8006", {"sourceName": "acme", "since": LONG_AGO, "seconds": 172_800}),),
    ),
    "a source has not answered in this life": Case(
        told=Told(sources={"acme": WORSE}), sources={"acme": SourceView(state="running")}
    ),
    "a collector is removed while it is down": Case(
        told=Told(collectors={"siem": DOWN, "other": WORSE}),
        collectors={"other": BLOCKED},
        expected=(("8008", {"collector": "siem", "since": LONG_AGO, "seconds": 172_800, "reason": REMOVED}),),
    ),
    "a source is removed while it is down": Case(
        told=Told(sources={"acme": WORSE}),
        sources={"other": POLLED},
        expected=(("8006", {"sourceName": "acme", "since": LONG_AGO, "reason": REMOVED}),),
    ),
    "they are removed with alarms": Case(
        told=Told(
            alarms={
                "source acme": ("LPF318", "LPF316"),
                "collector siem": ("LPF220",),
                "source siem": ("LPF399",),
                "journal": ("LPF511",),
            }
        ),
        sources={"siem": SourceView(state="running")},
        collectors={"acme": CollectorView(state="running")},
        warnings=(ROOM,),
        expected=(
            ("8010", {"sourceName": "acme", "code": "LPF318", "state": "off", "reason": REMOVED}),
            ("8012", {"sourceName": "acme", "code": "LPF316", "state": "off", "result": "success"}),
            ("8015", {"collector": "siem", "code": "LPF220", "state": "off", "reason": REMOVED}),
        ),
    ),
    "two alarms": Case(
        sources={"acme": SourceView(state="running", last_poll=NOW, alarms=(ZONE, SECRET))},
        expected=(("8010", {"code": "LPF318", "state": "on"}), ("8012", {"code": "LPF316", "state": "on"})),
    ),
    "alarms that were told": Case(
        told=Told(alarms={"source acme": ("LPF318",)}),
        sources={"acme": SourceView(state="running", last_poll=NOW, alarms=(ZONE,))},
    ),
    "an alarm is over": Case(
        told=Told(alarms={"source acme": ("LPF318", "LPF316")}),
        sources={"acme": SourceView(state="running", last_poll=NOW, alarms=(ZONE,))},
        expected=(("8012", {"code": "LPF316", "state": "off", "result": "success"}),),
    ),
    "nobody knows whether an alarm is over": Case(
        told=Told(alarms={"source acme": ("LPF318",)}), sources={"acme": SourceView(state="running")}
    ),
    "alarms of a collector and of the journal": Case(
        collectors={"siem": CollectorView(state="running", is_connected=True, alarms=(HOST,))},
        warnings=(ROOM,),
        expected=(
            ("8015", {"collector": "siem", "code": "LPF220", "state": "on"}),
            ("8016", {"code": "LPF511", "state": "on", "reason": "room for 3 days"}),
        ),
    ),
    "they are over": Case(
        told=Told(alarms={"collector siem": ("LPF220",), "journal": ("LPF511",)}),
        collectors={"siem": UP},
        expected=(("8015", {"state": "off"}), ("8016", {"state": "off"})),
    ),
    "a collector that is away raises no alarm and ends none": Case(
        told=Told(alarms={"collector siem": ("LPF220",)}), collectors={"siem": CollectorView(state="stopped")}
    ),
    "a collector confirms nothing": Case(
        collectors={"siem": STALLED},
        expected=(("8007", {"state": "stalled", "since": "2026-11-22T11:58:00.000Z"}),),
    ),
    "a collector that confirmed nothing is connected once more": Case(
        told=Told(collectors={"siem": Down(state="stalled", since=LONG_AGO, place=5)}),
        collectors={"siem": replace(UP, checkpoint=5)},
    ),
    "a collector that confirmed nothing confirms again": Case(
        told=Told(collectors={"siem": Down(state="stalled", since=LONG_AGO, place=5)}),
        collectors={"siem": replace(UP, checkpoint=6)},
        expected=(("8008", {"eventsWaited": 5}),),
    ),
    "events were set aside": Case(
        told=Told(set_aside={"siem": 2}),
        collectors={"siem": CollectorView(state="running", set_aside=5)},
        expected=(("8009", {"collector": "siem", "count": 3}),),
    ),
    "events that were set aside had to make room": Case(
        told=Told(set_aside={"siem": 5}, set_aside_lost={"siem": 1}),
        collectors={"siem": CollectorView(state="running", set_aside=8, set_aside_lost=4)},
        expected=(
            ("8009", {"collector": "siem", "count": 3}),
            ("8004", {"collector": "siem", "count": 3, "fix": "lpforwarder rejects list"}),
        ),
    ),
    "events that made room are told once": Case(
        told=Told(set_aside={"siem": 8}, set_aside_lost={"siem": 4}),
        collectors={"siem": CollectorView(state="running", set_aside=8, set_aside_lost=4)},
    ),
    "records were set aside": Case(
        sources={"acme": SourceView(state="running", rejected=1)},
        expected=(("8009", {"sourceName": "acme", "count": 1}),),
    ),
    "a gap": Case(
        missing=(Missing(number=1, first=7, count=3, reason="a checksum is wrong"),),
        expected=(("8004", {"first": 7, "last": 9, "count": 3, "reason": "a checksum is wrong"}),),
    ),
    "several gaps": Case(
        missing=(
            Missing(number=1, first=7, count=3, reason="a checksum is wrong"),
            Missing(number=2, first=20, count=1, reason="a page is missing"),
            Missing(number=3, first=30, count=1, reason="a page is missing"),
        ),
        expected=(
            (
                "8004",
                {"first": 7, "last": 30, "count": 5, "reason": "a checksum is wrong, a page is missing"},
            ),
        ),
    ),
    "a gap beside one that was told": Case(
        told=Told(missing=frozenset({1})),
        missing=(
            Missing(number=1, first=7, count=3, reason="a checksum is wrong"),
            Missing(number=2, first=20, count=1, reason="a page is missing"),
        ),
        expected=(("8004", {"first": 20, "last": 20, "count": 1, "result": "failure"}),),
    ),
    "a gap for one collector, and a note": Case(
        missing=(
            Missing(number=1, first=1, count=5, reason="removed by retention", collector="siem"),
            Missing(number=2, first=6, count=0, reason="the counter was damaged", is_loss=False),
        ),
        expected=(
            ("8004", {"collector": "siem", "first": 1, "last": 5, "count": 5}),
            ("8004", {"result": "unknown", "reason": "the counter was damaged"}),
        ),
    ),
    "a certificate lasts": Case(collectors={"siem": ends("2026-12-23")}),
    "a certificate ends in 30 days": Case(
        collectors={"siem": ends("2026-12-22")},
        expected=(
            (
                "8011",
                {"collector": "siem", "certificate": "collector", "subject": "siem.example.net"}
                | {"daysLeft": 30, "expires": "2026-12-22T12:00:00.000Z"},
            ),
        ),
    ),
    "a certificate that was warned of": Case(
        told=Told(certificates={"siem collector siem.example.net": 30}),
        collectors={"siem": ends("2026-12-07")},
    ),
    "a certificate that was warned of ends in 14 days": Case(
        told=Told(certificates={"siem collector siem.example.net": 30}),
        collectors={"siem": ends("2026-12-06")},
        expected=(("8011", {"daysLeft": 14}),),
    ),
    "a certificate has expired": Case(
        told=Told(certificates={"siem collector siem.example.net": 3}),
        collectors={"siem": ends("2026-11-21")},
        expected=(("8011", {"daysLeft": -1}),),
    ),
}


def found(case: Case) -> list[Change]:
    return changes(case.told, case.view, USUAL, waited=lambda name, place: place if name == "siem" else -1)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_different_is_to_be_told_and_nothing_else(case: Case) -> None:
    events = [change.event(STAMP).fields for change in found(case)]
    assert [event["eventId"] for event in events] == [event_id for event_id, _ in case.expected]
    for event, (_, fields) in zip(events, case.expected, strict=True):
        assert {name: event[name] for name in fields} == fields


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_once_it_was_told_it_is_no_news(case: Case) -> None:
    told = case.told
    for change in found(case):
        told = change.after(told)
    assert changes(told, case.view, USUAL) == []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_each_may_be_told_without_the_others(case: Case) -> None:
    for change in found(case):
        left = changes(change.after(case.told), case.view, USUAL)
        assert {one.key for one in left} == {one.key for one in found(case)} - {change.key}


def test_the_same_thing_has_the_same_key_and_others_have_others() -> None:
    keys = [change.key for case in CASES.values() for change in found(case)]
    collectors = {"a": FAILING, "b": FAILING}
    view = Case(collectors=collectors).view
    assert {one.key for one in changes(Told(), view, USUAL)} == {"collectordown a", "collectordown b"}
    assert (keys.count("gap "), keys.count("gap siem"), keys.count("mended ")) == (3, 1, 1)


def test_one_that_is_removed_and_put_back_before_it_heals_leaves_no_alarm_open() -> None:
    told, heard = Told(), []
    for there in (BLOCKED, None, None, BLOCKED, UP):
        view = Case(collectors={} if there is None else {"siem": there}).view
        told = forget(told, view)
        for change in changes(told, view, USUAL):
            event, told = change.event(STAMP), change.after(told)
            heard.append((event.text("eventId"), event.text("result"), event.text("reason")))
    assert heard == [
        ("8007", "failure", "refused the connection"),
        ("8008", "success", REMOVED),
        ("8007", "failure", "refused the connection"),
        ("8008", "success", ""),
    ]
    assert told == Told()


# ---- what is forgotten without a word ---------------------------------------------------------------------


def test_the_certificates_of_the_removed_are_forgotten_and_nothing_that_has_to_be_told_as_over() -> None:
    told = Told(
        collectors={"gone": DOWN},
        sources={"gone": DOWN},
        alarms={"source gone": ("LPF318",), "collector gone": ("LPF220",)},
        certificates={"gone client x y": 3},
    )
    left = forget(told, Case(sources={"acme": POLLED}, collectors={"siem": UP}).view)
    assert left == replace(told, certificates={})


def test_what_is_still_there_is_not_forgotten() -> None:
    told = Told(collectors={"siem": DOWN}, certificates={"siem client x y": 3})
    assert forget(told, Case(collectors={"siem": CollectorView(state="stopped")}).view) is told


@pytest.mark.parametrize(
    ("day", "left"), [("2027-06-01", None), ("2026-12-10", 30), ("2026-11-24", 3), ("2026-11-21", 3)]
)
def test_a_renewed_certificate_is_warned_of_anew(day: str, left: int | None) -> None:
    told = Told(certificates={"siem collector siem.example.net": 3})
    known = forget(told, Case(collectors={"siem": ends(day)}).view).certificates
    assert known == ({} if left is None else {"siem collector siem.example.net": left})


# ---- the clock --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "milliseconds", "jump"),
    [(1.0, 1000, 0.0), (1.0, 3_601_000, 3600.0), (1.0, -3_599_000, -3600.0), (90.0, 90_000, 0.0)],
)
def test_a_clock_jumps_when_it_moves_other_than_time(seconds: float, milliseconds: int, jump: float) -> None:
    before = View(monotonic=1000.0, wall=WALL)
    after = View(monotonic=1000.0 + seconds, wall=WALL + milliseconds)
    assert clock_jump(before, after) == pytest.approx(jump)


def test_a_jump_is_told_in_seconds() -> None:
    change = jumped(-3600.2)
    event = change.event(STAMP).fields
    assert (change.key, event["eventId"], event["seconds"]) == ("clock", "8010", -3600)
    assert change.after(Told()) == Told()
