"""What the forwarder says about itself: canonical, countable, sensible in every format."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from lpforwarder import own_events
from lpforwarder.delivery.certificates import Certificate
from lpforwarder.delivery.formats.cef import CefFormat, CefOptions
from lpforwarder.event import Event
from lpforwarder.event_ids import EVENT_IDS
from lpforwarder.own_events import About, Stamp, Trouble
from lpforwarder.reporting import reloads
from lpforwarder.runtime.worker import WorkerError
from tests.fakes import strict_cef

NOW, SINCE = "2026-11-22T12:00:00.000Z", "2026-11-22T11:58:30.000Z"
STAMP = Stamp(life="here, now", number=7, time=NOW)
REFUSED = WorkerError(code="LPF202", text="192.0.2.9:601 refused the connection", fix="start it")
ACME, SIEM, JOURNAL = (
    About(kind="source", name="acme"),
    About(kind="collector", name="siem"),
    About(kind="journal"),
)
SECRET = WorkerError(code="LPF316", text="the API secret was regenerated", fix="write the new one")

Making = Callable[[Stamp], Event]
ALL: dict[str, tuple[str, str, Making]] = {
    "start": (
        "8001",
        "success",
        partial(
            own_events.started,
            version="1.2.3",
            configuration="ab12",
            sources=1,
            collectors=2,
            after_crash=True,
            before=SINCE,
        ),
    ),
    "stop": ("8002", "success", partial(own_events.stopped, version="1.2.3", uptime=90.0)),
    "failed": (
        "8002",
        "failure",
        partial(own_events.stopped, version="1.2.3", uptime=90.0, failure="the disk failed"),
    ),
    "configured": (
        "8003",
        "success",
        partial(reloads.configured, before="ab12", after="cd34", changed="started collector:b"),
    ),
    "refused": (
        "8003",
        "failure",
        partial(
            reloads.refused,
            before="ab12",
            problems=2,
            code="LPF101",
            place="c.yaml:3:5",
            reason="unknown key `fromat`",
        ),
    ),
    "settled": ("8003", "success", partial(reloads.mended, before="ab12", changed="nothing was started")),
    "gap": (
        "8004",
        "failure",
        partial(own_events.gap, first=7, last=19, count=4, reason="the checksum is wrong"),
    ),
    "mended": ("8004", "unknown", partial(own_events.journal_mended, reason="the counter was damaged")),
    "own lost": ("8004", "failure", partial(own_events.own_events_lost, count=3)),
    "source down": (
        "8005",
        "failure",
        partial(
            own_events.source_down,
            source="acme",
            trouble=Trouble(state="silent", since=SINCE),
            last_poll=SINCE,
        ),
    ),
    "source up": ("8006", "success", partial(own_events.source_up, source="acme", since=SINCE)),
    "collector down": (
        "8007",
        "failure",
        partial(
            own_events.collector_down,
            collector="siem",
            trouble=Trouble(state="failing", since=SINCE, error=REFUSED),
        ),
    ),
    "collector stalls": (
        "8007",
        "failure",
        partial(own_events.collector_down, collector="siem", trouble=Trouble(state="stalled", since=SINCE)),
    ),
    "collector up": (
        "8008",
        "success",
        partial(own_events.collector_up, collector="siem", since=SINCE, waited=12),
    ),
    "set aside": ("8009", "failure", partial(own_events.set_aside, collector="siem", count=1)),
    "set aside lost": ("8004", "failure", partial(own_events.set_aside_lost, collector="siem", count=1)),
    "rejected": ("8009", "failure", partial(own_events.rejected, source="acme", count=2)),
    "alarm": ("8012", "failure", partial(own_events.alarm, about=ACME, error=SECRET)),
    "alarm over": ("8012", "success", partial(own_events.alarm_over, about=ACME, code="LPF316")),
    "clock": ("8010", "failure", partial(own_events.clock_jumped, seconds=-3600.4)),
    "certificate": (
        "8011",
        "failure",
        partial(
            own_events.certificate,
            collector="siem",
            certificate=Certificate(kind="client", subject="fwd1.example.net", not_after=NOW),
            days=3,
        ),
    ),
}


@pytest.mark.parametrize(("event_id", "result", "make"), ALL.values(), ids=ALL)
def test_each_is_a_canonical_event_of_its_kind(event_id: str, result: str, make: Making) -> None:
    fields = make(STAMP).fields
    kind = EVENT_IDS[event_id]
    assert list(fields)[:5] == ["id", "timestamp", "eventId", "eventType", "result"]
    assert list(fields)[-3:] == ["message", "source", "severity"]
    assert (fields["eventId"], fields["eventType"], fields["result"]) == (event_id, kind.event_type, result)
    assert (fields["source"], fields["timestamp"]) == ("lpforwarder", NOW)
    assert fields["severity"] >= kind.severity
    assert fields["message"].endswith(".")


@pytest.mark.parametrize(("event_id", "result", "make"), ALL.values(), ids=ALL)
def test_each_is_flat_and_says_nothing_that_is_not_known(event_id: str, result: str, make: Making) -> None:
    values = make(STAMP).fields.values()
    assert {type(value) for value in values} <= {str, int, bool}
    assert not {"", "None"} & set(values)


@pytest.mark.parametrize(("event_id", "result", "make"), ALL.values(), ids=ALL)
def test_every_field_of_each_travels_in_cef_too(event_id: str, result: str, make: Making) -> None:
    event = make(STAMP)
    read = strict_cef.read(CefFormat(CefOptions()).format(event))
    assert (read.class_id, read.extension["outcome"]) == (event_id, result)
    arrived = set(read.extension.values())
    header = {"eventId", "severity"}
    assert {event.text(name) for name in event.fields.keys() - header} <= arrived


def test_an_id_belongs_to_one_event_of_one_life_alone() -> None:
    stamps = [Stamp(life=life, number=number, time=NOW) for life in "ab" for number in range(3)]
    ids = {make(stamp).fields["id"] for stamp in stamps for _, _, make in ALL.values()}
    kinds = len({event_id for event_id, _, _ in ALL.values()})
    assert len(ids) == kinds * len(stamps)
    again = own_events.started(
        STAMP, version="1", configuration="", sources=1, collectors=1, after_crash=False, before=None
    )
    assert again.fields["id"] == ALL["start"][2](STAMP).fields["id"]


def test_how_often_the_same_went_untold_is_a_field_of_its_own() -> None:
    stamp = Stamp(life="x", number=1, time=NOW, repeated=5)
    assert own_events.source_up(stamp, source="acme", since=SINCE).fields["repeated"] == 5
    assert "repeated" not in own_events.source_up(STAMP, source="acme", since=SINCE).fields


def test_a_source_that_names_itself_is_not_named_twice() -> None:
    error = WorkerError(code="LPF119", text="app: app.jsonl: no such file", fix="look")
    trouble = Trouble(state="failing", since="2026-11-22T11:58:30.000Z", error=error)
    down = own_events.source_down(STAMP, source="app", trouble=trouble, last_poll=None)
    on = own_events.alarm(STAMP, about=About(kind="source", name="app"), error=error)
    assert down.text("message").endswith("since 2026-11-22T11:58:30.000Z: app.jsonl: no such file.")
    assert on.text("message") == "Source app: app.jsonl: no such file."
    assert down.fields["reason"] == on.fields["reason"] == "app.jsonl: no such file"


def test_a_source_that_is_not_asked_because_the_journal_is_full_is_paused() -> None:
    full = WorkerError(code="LPF501", text="journal has reached 4 MiB; polling is paused", fix="raise it")
    trouble = Trouble(state="failing", since="2026-11-22T11:58:30.000Z", error=full)
    down = own_events.source_down(STAMP, source="app", trouble=trouble, last_poll=None)
    assert down.text("message").startswith("Source app is paused since 2026-11-22T11:58:30.000Z: journal has")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "start",
            "The forwarder started, version 1.2.3, with 1 source and 2 collectors. The last life, started at "
            "2026-11-22T11:58:30.000Z, ended without a stop.",
        ),
        ("stop", "The forwarder stops after 1m30s, as it was told to."),
        ("failed", "The forwarder stops after 1m30s, after a failure that no retry mends: the disk failed."),
        ("configured", "The configuration was changed: started collector:b."),
        (
            "refused",
            "A changed configuration was refused: 2 mistakes, the first: c.yaml:3:5: unknown key `fromat`. "
            "The old one stays in force.",
        ),
        (
            "settled",
            "The configuration has no mistakes any more. "
            "It is the one that stayed in force; nothing changed.",
        ),
        ("gap", "4 events of the journal were lost, between 7 and 19: the checksum is wrong."),
        ("mended", "The journal was mended: the counter was damaged."),
        ("source down", "Source acme does not answer since 2026-11-22T11:58:30.000Z."),
        ("source up", "Source acme answers again after 1m30s."),
        (
            "collector down",
            "Collector siem is unreachable since 2026-11-22T11:58:30.000Z: "
            "192.0.2.9:601 refused the connection.",
        ),
        (
            "collector stalls",
            "Collector siem takes connections and has confirmed nothing since 2026-11-22T11:58:30.000Z.",
        ),
        ("collector up", "Collector siem is back after 1m30s; 12 events waited for it."),
        ("set aside", "1 event that collector siem cannot take was set aside."),
        ("alarm over", "Source acme: the alarm LPF316 is over."),
        ("clock", "The clock of this machine jumped back by 1h00m."),
        (
            "certificate",
            "Collector siem: our client certificate fwd1.example.net ends in 3 days "
            "(2026-11-22T12:00:00.000Z).",
        ),
    ],
)
def test_the_message_is_one_plain_sentence(name: str, sentence: str) -> None:
    assert ALL[name][2](STAMP).fields["message"] == sentence


def test_a_change_of_files_alone_says_so() -> None:
    event = reloads.configured(STAMP, before="ab", after="ab", changed="started anew collector:a")
    assert event.fields["message"].endswith("Only files that it names have changed.")


@pytest.mark.parametrize(
    ("about", "code", "event_id", "beginning"),
    [
        (ACME, "LPF316", "8012", "Source acme: "),
        (ACME, "LPF301", "8012", "Source acme: "),
        (ACME, "LPF318", "8010", "Source acme: "),
        (ACME, "LPF317", "8010", "Source acme: "),
        (ACME, "LPF399", "8014", "Source acme: "),
        (SIEM, "LPF316", "8015", "Collector siem: "),
        (JOURNAL, "LPF511", "8016", "Journal: "),
    ],
)
def test_an_alarm_is_sorted_by_what_it_is_about(
    about: About, code: str, event_id: str, beginning: str
) -> None:
    begun = own_events.alarm(STAMP, about=about, error=WorkerError(code=code, text="something")).fields
    over = own_events.alarm_over(STAMP, about=about, code=code).fields
    assert (begun["eventId"], over["eventId"]) == (event_id, event_id)
    assert begun["message"] == f"{beginning}something."
    assert over["message"] == f"{beginning}the alarm {code} is over."
    named = {"sourceName": about.name, "collector": about.name}
    assert {name: named[name] for name in named if name in begun} == dict(about.field)


def test_a_clock_that_went_back_meanwhile_makes_no_negative_time() -> None:
    assert own_events.source_up(STAMP, source="acme", since="2027-01-01T00:00:00.000Z").fields["seconds"] == 0
