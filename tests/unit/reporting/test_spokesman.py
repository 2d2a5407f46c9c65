"""What the service has done reaches the journal; how the service is, reaches the reporter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.pump import Limits, Pump
from lpforwarder.errors import ConfigError, Fatal, Problem
from lpforwarder.event import OWN, Entry, Seq, addressed_to
from lpforwarder.intake.poller import Poller
from lpforwarder.journal.scan import Gap
from lpforwarder.journal.sqlite import SqliteJournal, open_journal
from lpforwarder.reporting.judging import USUAL
from lpforwarder.reporting.spokesman import Spokesman
from lpforwarder.runtime.plan import Plan
from lpforwarder.runtime.supervisor import Supervisor
from lpforwarder.settings import Settings, decode
from tests.fakes.encodings import BareEnvelope, IdFormat
from tests.fakes.journal import MemoryJournal
from tests.fakes.source import sample_events
from tests.fakes.transport import FakeTransport

TEXT = """
sources: [{name: acme, type: sample}]
collectors:
  - {name: siem, transport: tcp, host: siem.example.net}
  - {name: late, transport: tcp, host: late.example.net, start: newest, include: [start]}
"""
NOTHING = Plan(stop=(), start=(), keep=("collector:siem",))


@dataclass
class Service:
    """A service without workers."""

    settings: Settings | None
    journal: SqliteJournal
    supervisor: Supervisor = field(default_factory=Supervisor)
    pumps: dict[str, Pump] = field(default_factory=dict)
    pollers: dict[str, Poller] = field(default_factory=dict)

    def own(self) -> list[dict[str, Any]]:
        """What was written, oldest first."""
        entries: list[Entry] = self.journal.read(Seq(0), 1000)
        return [dict(entry.event.fields) for entry in entries if entry.source == OWN]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    settings = decode(TEXT, tmp_path / "c.yaml")
    with open_journal(
        tmp_path / "journal.db", keep=3600, max_size=2**30, when_full="pause-polling", reserve_size=0
    ) as journal:
        yield Service(settings, journal)


@pytest.fixture
def spokesman(service: Service) -> Spokesman:
    return Spokesman(service, "fwd1.example.net", USUAL)


def started(service: Service, spokesman: Spokesman) -> Settings:
    assert service.settings is not None
    spokesman.started(service.settings)
    return service.settings


def test_a_collector_that_begins_at_the_newest_event_begins_with_the_start(
    service: Service, spokesman: Spokesman
) -> None:
    service.journal.append("acme", sample_events(5), (), "5")
    started(service, spokesman)
    (start,) = service.own()
    assert (start["eventId"], start["sourceCount"], start["collectorCount"]) == ("8001", 1, 2)
    assert [service.journal.checkpoint(name) for name in ("siem", "late")] == [0, 5]


def test_a_reload_that_changed_nothing_is_no_news(service: Service, spokesman: Spokesman) -> None:
    settings = started(service, spokesman)
    spokesman.configured(settings, settings, NOTHING)
    assert [event["eventId"] for event in service.own()] == ["8001"]


def test_a_renewed_file_is_told_under_one_hash(service: Service, spokesman: Spokesman) -> None:
    settings = started(service, spokesman)
    again = Plan(stop=("collector:siem",), start=("collector:siem",), keep=())
    spokesman.configured(settings, settings, again)
    event = service.own()[-1]
    assert (event["eventId"], event["changed"]) == ("8003", "started anew collector:siem")
    assert event["hashBefore"] == event["hashAfter"] == service.own()[0]["configurationHash"]


def test_a_changed_key_is_told_with_both_hashes(service: Service, spokesman: Spokesman) -> None:
    settings = started(service, spokesman)
    other = decode(TEXT + "drain: 11s\n", Path("/c.yaml"))
    spokesman.configured(settings, other, NOTHING)
    event = service.own()[-1]
    assert (event["eventId"], event["hashBefore"] == event["hashAfter"]) == ("8003", False)


def test_what_waits_for_a_restart_is_told_as_such(service: Service, spokesman: Spokesman) -> None:
    settings = started(service, spokesman)
    moved = decode(TEXT + "journal: {path: /srv/hidden.db}\n", Path("/c.yaml"))
    spokesman.configured(settings, moved, NOTHING, ("journal.path",))
    event = service.own()[-1]
    assert event["changed"].endswith("; not in use before the next start: journal.path")
    assert "journal.path." in event["message"]
    assert "hidden" not in str(event)


def test_refused_settings_are_told_by_their_mistakes_not_by_their_notes(
    service: Service, spokesman: Spokesman
) -> None:
    problems = [
        Problem(code="LPF120", file="c.yaml", what="a weak fingerprint", note=True),
        Problem(code="LPF101", file="c.yaml", line=4, column=7, what="unknown key `fromat`"),
        Problem(code="LPF102", file="c.yaml", what="no port"),
    ]
    spokesman.refused(ConfigError(problems))
    (event,) = service.own()
    assert (event["result"], event["problems"], event["code"]) == ("failure", 2, "LPF101")
    assert (event["place"], event["reason"]) == ("c.yaml:4:7", "unknown key `fromat`")
    assert "2 mistakes, the first: c.yaml:4:7: unknown key `fromat`." in event["message"]


def test_a_refused_configuration_reaches_nobody_with_what_may_be_a_secret(
    service: Service, spokesman: Spokesman
) -> None:
    problem = Problem(code="LPF116", file="c.yaml", what='`type`: "hunter2" is no type')
    spokesman.refused(ConfigError([problem]))
    assert "hunter2" not in str(service.own())
    assert service.own()[-1]["reason"] == "`type`: *** is no type"


def test_the_end_of_a_refused_configuration_is_told_once_although_nothing_changed(
    service: Service, spokesman: Spokesman
) -> None:
    settings = started(service, spokesman)
    spokesman.configured(settings, settings, NOTHING)
    for _ in range(2):
        spokesman.refused(ConfigError([Problem(code="LPF101", file="c.yaml", what="x")]))
    for _ in range(2):
        spokesman.configured(settings, settings, NOTHING)
    told = [(event["eventId"], event["result"]) for event in service.own()]
    assert told == [("8001", "success"), ("8003", "failure"), ("8003", "failure"), ("8003", "success")]
    assert service.own()[-1]["message"].startswith("The configuration has no mistakes any more.")


def test_the_end_of_a_refused_configuration_that_changes_something_is_told_by_the_change(
    service: Service, spokesman: Spokesman
) -> None:
    settings = started(service, spokesman)
    spokesman.refused(ConfigError([Problem(code="LPF101", file="c.yaml", what="x")]))
    other = decode(TEXT + "drain: 11s\n", Path("/c.yaml"))
    spokesman.configured(settings, other, NOTHING)
    spokesman.configured(other, other, NOTHING)
    assert [event["result"] for event in service.own()[1:]] == ["failure", "success"]


@pytest.mark.parametrize(
    ("fatal", "reason"),
    [
        (None, None),
        (Fatal("the disk failed", code="LPF506"), "the disk failed"),
        (SystemExit("user@example.com"), "SystemExit"),
    ],
)
def test_a_stop_tells_why_but_no_text_of_others(
    service: Service, spokesman: Spokesman, fatal: BaseException | None, reason: str | None
) -> None:
    service.supervisor.fatal = fatal
    spokesman.stopped()
    assert service.own()[-1].get("reason") == reason


def test_a_look_shows_every_configured_part_and_no_other(service: Service, spokesman: Spokesman) -> None:
    started(service, spokesman)
    service.journal.append("gone", sample_events(2), (), "2")
    view = spokesman.look()
    assert (list(view.sources), list(view.collectors)) == (["acme"], ["siem", "late"])
    assert view.position == 3


def test_what_waits_is_counted_as_the_collector_gets_it(service: Service, spokesman: Spokesman) -> None:
    started(service, spokesman)
    service.journal.append("acme", sample_events(5), (), "5")
    service.journal.append(addressed_to("late"), sample_events(2), (), "")
    waiting = {name: spokesman.waiting(name, 0)[0] for name in ("siem", "late", "gone")}
    assert waiting == {"siem": 6, "late": 3, "gone": 0}


def test_two_lives_of_one_moment_have_different_ids(service: Service, spokesman: Spokesman) -> None:
    started(service, spokesman)
    started(service, Spokesman(service, "fwd1.example.net", USUAL))
    ids = [event["id"] for event in service.own()]
    assert len(set(ids)) == 2


def test_gaps_are_looked_at_until_they_were_reported(service: Service, spokesman: Spokesman) -> None:
    started(service, spokesman)
    service.journal.append("acme", sample_events(5), (), "5")
    service.journal.note_gap(Gap(first=2, count=3, reason="a checksum is wrong"))
    (gap,) = spokesman.look().missing
    assert (gap.first, gap.count, gap.reason) == (2, 3, "a checksum is wrong")
    spokesman.reported([gap.number + 1])
    assert list(spokesman.look().missing) == [gap]
    spokesman.reported([gap.number])
    assert list(spokesman.look().missing) == []


def test_a_standstill_is_timed_by_our_own_looks(service: Service, spokesman: Spokesman) -> None:
    started(service, spokesman)
    pump = StandingPump()
    service.pumps["siem"] = pump
    assert standing(spokesman) == 0.0
    pump.link.unmoved_since = "2026-11-22T12:00:00.000Z"
    assert standing(spokesman) == 0.0
    assert standing(spokesman) > 0.0
    pump.link.unmoved_since = "2026-11-22T12:00:01.000Z"
    assert standing(spokesman) == 0.0
    pump.link.unmoved_since = None
    assert standing(spokesman) == 0.0


def standing(spokesman: Spokesman) -> float:
    return spokesman.look().collectors["siem"].standing


class StandingPump(Pump):
    """A pump that was never run; its link says what a test says."""

    def __init__(self) -> None:
        super().__init__(
            "siem",
            MemoryJournal(),
            Encoder(lambda _: True, IdFormat(), BareEnvelope(), 8096),
            FakeTransport(),
            Limits(),
        )
