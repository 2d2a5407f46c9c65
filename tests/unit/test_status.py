"""The snapshot and its sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from lpforwarder.cli.status import page
from lpforwarder.delivery.certificates import Certificate
from lpforwarder.endpoint.metrics import exposition
from lpforwarder.journal.facts import CollectorFacts, Facts, SetAsideFacts, SourceFacts
from lpforwarder.journal.notice import Notice
from lpforwarder.journal.scan import ASKED_AGAIN, CONTENTS, EXPIRED, Gap
from lpforwarder.runtime.worker import WorkerError, WorkerState
from lpforwarder.settings import Settings, decode
from lpforwarder.status import Life, LinkState, age, events, snapshot, spoken

NOW = "2026-11-22T12:00:00.000Z"
TEXT = """
sources: [{name: archive, type: file, path: events.jsonl}]
collectors:
  - {name: siem, transport: tcp, host: siem.example.net}
  - {name: admins, transport: tcp, host: "2001:db8::1", min_severity: 7, start: newest}
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return decode(TEXT, tmp_path / "lpforwarder.yaml")


def facts(*, last: int = 100, checkpoint: int = 100, newest: str = "2026-11-22T11:59:20.000Z") -> Facts:
    return Facts(
        first=1,
        last=last,
        octets=1000,
        used=900,
        sources={
            "archive": SourceFacts(events=last, duplicates=2, rejects=3, appended=NOW, newest=newest),
        },
        collectors={
            "siem": CollectorFacts(
                checkpoint=checkpoint,
                resume=0,
                clean=False,
                sent=0,
                confirmed=checkpoint,
                replayed=7,
                moved=NOW,
            )
        },
        gaps=(),
        rejects=3,
    )


def life(**states: WorkerState) -> Life:
    workers = {"source:archive": running(), "collector:siem": running(), "collector:admins": running()}
    workers |= {name.replace("__", ":"): state for name, state in states.items()}
    return Life(
        pid=812,
        started="2026-11-22T09:00:00.000Z",
        workers=workers,
        links={"siem": LinkState(connected_since="2026-11-22T09:00:01.000Z", confirm="close", unconfirmed=4)},
        polls={"archive": "2026-11-22T11:59:59.000Z"},
    )


def running() -> WorkerState:
    return WorkerState(state="running", since="2026-11-22T09:00:00.000Z")


def waiting(*, siem: int = 0, oldest: str | None = None) -> Any:
    def answer(checkpoint: int, wanted: Any) -> tuple[int, str | None]:
        return (siem, oldest) if wanted("archive", "x", "1001", 0) else (0, None)

    return answer


def test_the_keys_of_the_interface_are_there(settings: Settings) -> None:
    made = snapshot(settings, facts(), waiting(), life(), now=NOW)
    assert {
        "version",
        "verdict",
        "sentence",
        "running",
        "pid",
        "sources",
        "collectors",
        "journal",
    } <= made.keys()
    assert {
        "state", "last_poll", "newest_event", "events", "duplicates", "rejects", "error", "next_try",
    } <= made["sources"]["archive"].keys()  # fmt: skip
    assert {
        "state", "waiting", "oldest_waiting", "checkpoint", "sent", "confirmed", "confirm", "replayed",
        "set_aside", "connected_since", "error", "next_try",
    } <= made["collectors"]["siem"].keys()  # fmt: skip
    assert {"first", "last", "bytes", "full_in_seconds"} <= made["journal"].keys()


def test_settings_that_wait_for_a_restart_are_shown_and_no_trouble(settings: Settings) -> None:
    waits = replace(life(), needs_restart=("journal.path", "control_socket"), journal="in-use.db")
    made = snapshot(settings, facts(), waiting(), waits, now=NOW)
    assert (made["verdict"], made["needs_restart"]) == ("ok", ["journal.path", "control_socket"])
    assert made["journal"]["path"] == "in-use.db"
    told = "not in use before the next start: journal.path, control_socket"
    assert f"        {told}\n        fix: systemctl restart lpforwarder\n" in page(made)
    for other in (life(), None):
        made = snapshot(settings, facts(), waiting(), other, now=NOW)
        assert made["needs_restart"] == []
        assert "next start" not in page(made)


@pytest.mark.parametrize("code", ["LPF501", "LPF509"])
def test_a_source_that_is_not_asked_while_the_journal_takes_nothing_is_paused(
    settings: Settings, code: str
) -> None:
    state = WorkerState(
        state="waiting", since=NOW, error=WorkerError(code=code, text="the journal takes nothing")
    )
    made = snapshot(settings, facts(), waiting(), life(source__archive=state), now=NOW)
    assert made["sentence"].startswith("archive is paused since 12:00 UTC (0 s): the journal takes nothing.")


def test_the_last_heartbeat_is_told_while_the_service_runs(settings: Settings) -> None:
    alive = replace(life(), heartbeat="2026-11-22T11:58:00.000Z")
    assert (
        snapshot(settings, facts(), waiting(), alive, now=NOW)["last_heartbeat"] == "2026-11-22T11:58:00.000Z"
    )
    assert snapshot(settings, facts(), waiting(), life(), now=NOW)["last_heartbeat"] is None
    assert snapshot(settings, facts(), waiting(), None, now=NOW)["last_heartbeat"] is None


def test_all_is_well(settings: Settings) -> None:
    made = snapshot(settings, facts(), waiting(), life(), now=NOW)
    assert made["verdict"] == "ok"
    assert made["sentence"] == "Everything is handed over and confirmed. Newest event 40 s ago."


def test_events_that_only_just_came_are_on_the_way(settings: Settings) -> None:
    made = snapshot(
        settings, facts(checkpoint=96), waiting(siem=4, oldest="2026-11-22T11:59:58.000Z"), life(), now=NOW
    )
    assert made["verdict"] == "ok"
    assert made["sentence"].startswith("All is well: 4 events on the way.")
    assert (made["collectors"]["siem"]["sent"], made["collectors"]["siem"]["confirmed"]) == (100, 96)


def test_an_event_that_is_on_its_way_to_several_collectors_is_one_event(settings: Settings) -> None:
    def both(checkpoint: int, _wanted: Any) -> tuple[int, str | None]:
        return (4, "2026-11-22T11:59:58.000Z") if checkpoint == 96 else (3, "2026-11-22T11:59:59.000Z")

    made = snapshot(settings, facts(checkpoint=96), both, life(), now=NOW)
    assert [part["waiting"] for part in made["collectors"].values()] == [4, 3]
    assert made["sentence"].startswith("All is well: 4 events on the way.")
    down = snapshot(settings, facts(checkpoint=96), both, None, now=NOW)
    assert down["sentence"] == "Not running. Journal readable: 4 events wait."


def test_records_that_were_dropped_do_not_wait_for_a_decision_any_more(settings: Settings) -> None:
    known = replace(facts(), sources={"archive": replace(facts().sources["archive"], rejects=3, kept=1)})
    made = snapshot(settings, known, waiting(), life(), now=NOW)
    assert (made["sources"]["archive"]["rejects"], made["sources"]["archive"]["rejects_kept"]) == (3, 1)
    head, row = page(made).splitlines()[2:4]
    assert row[head.index("SET ASIDE") :].split()[0] == "1"
    del made["sources"]["archive"]["rejects_kept"]  # the service is an older one
    head, row = page(made).splitlines()[2:4]
    assert row[head.index("SET ASIDE") :].split()[0] == "3"


def test_events_that_wait_for_long_are_behind(settings: Settings) -> None:
    made = snapshot(
        settings, facts(checkpoint=99), waiting(siem=1, oldest="2026-11-22T11:50:00.000Z"), life(), now=NOW
    )
    assert made["verdict"] == "behind"
    assert made["sentence"] == "siem is behind: 1 event waits safely, the oldest for 10 min."


def test_an_unreachable_collector_is_named_with_the_time_it_lasts(settings: Settings) -> None:
    refused = WorkerState(
        state="waiting",
        since="2026-11-22T09:50:00.000Z",
        error=WorkerError(code="LPF202", text="refused", fix="start it"),
        next_try="2026-11-22T12:00:41.000Z",
    )
    made = snapshot(settings, facts(), waiting(siem=48112), life(collector__siem=refused), now=NOW)
    assert made["verdict"] == "behind"
    assert made["sentence"] == (
        "siem is unreachable since 09:50 UTC (2 h 10 min). 48,112 events wait safely."
    )
    assert made["collectors"]["siem"]["error"] == {"code": "LPF202", "text": "refused", "fix": "start it"}


def test_an_alarm_of_a_source_is_the_sentence(settings: Settings) -> None:
    alarm = WorkerError(code="LPF318", text="the clock is wrong", fix="set time_zone")
    now_alive = life()
    told = Life(
        pid=1, started=NOW, workers=now_alive.workers, links={}, polls={}, alarms={"archive": [alarm]}
    )
    made = snapshot(settings, facts(), waiting(), told, now=NOW)
    assert (made["verdict"], made["sentence"]) == ("behind", "archive: the clock is wrong.")
    assert made["sources"]["archive"]["alarms"][0]["fix"] == "set time_zone"


def test_events_that_were_set_aside_are_told_when_nothing_is_worse(settings: Settings) -> None:
    aside = {"siem": SetAsideFacts(kept=2, again=1, sent=4, lost=1, total=8)}
    told = replace(facts(), set_asides=aside)
    made = snapshot(settings, told, waiting(), life(), now=NOW)
    assert made["verdict"] == "behind"
    assert made["sentence"] == (
        "siem could not take 2 events; they are set aside, all others go on. See: lpforwarder rejects list."
    )
    siem = made["collectors"]["siem"]
    assert (siem["set_aside"], siem["set_aside_total"], siem["set_aside_lost"]) == (2, 8, 1)
    assert made["collectors"]["admins"]["set_aside"] == 0
    waits = snapshot(settings, told, waiting(siem=1, oldest="2026-11-22T11:50:00.000Z"), life(), now=NOW)
    assert waits["sentence"].startswith("siem is behind")


def test_events_that_are_on_their_way_again_are_no_trouble(settings: Settings) -> None:
    told = replace(facts(), set_asides={"siem": SetAsideFacts(again=1, total=1)})
    assert snapshot(settings, told, waiting(siem=1, oldest=NOW), life(), now=NOW)["verdict"] == "ok"


def test_a_service_that_is_down_tells_what_waits(settings: Settings) -> None:
    made = snapshot(settings, facts(), waiting(siem=12), None, now=NOW)
    assert (made["verdict"], made["running"], made["pid"]) == ("down", False, None)
    assert made["sentence"] == "Not running. Journal readable: 12 events wait."
    assert made["collectors"]["siem"]["state"] == "stopped"


def test_before_the_first_start_there_is_nothing_to_count(settings: Settings) -> None:
    made = snapshot(settings, None, waiting(siem=99), None, now=NOW)
    assert made["verdict"] == "down"
    assert made["collectors"]["siem"]["waiting"] == 0
    assert made["journal"]["last"] == 0


def test_waiting_is_asked_with_the_collectors_own_filter(settings: Settings) -> None:
    made = snapshot(settings, facts(), waiting(siem=5), life(), now=NOW)
    assert made["collectors"]["siem"]["waiting"] == 5
    assert made["collectors"]["admins"]["waiting"] == 0


def test_a_new_collector_that_starts_at_the_newest_has_its_place_there(settings: Settings) -> None:
    made = snapshot(settings, facts(last=100), waiting(), life(), now=NOW)
    assert made["collectors"]["admins"]["checkpoint"] == 100


def test_addresses_are_shown_as_people_write_them(settings: Settings) -> None:
    made = snapshot(settings, facts(), waiting(), life(), now=NOW)
    targets = [collector["target"] for collector in made["collectors"].values()]
    assert targets == ["siem.example.net:601", "[2001:db8::1]:601"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (7800, "2 h 10 min"), (273_600, "3 d 4 h")],
)
def test_durations_are_spoken(seconds: float, words: str) -> None:
    assert spoken(seconds) == words


def test_numbers_of_events_are_spoken() -> None:
    assert [events(1), events(0), events(48112)] == ["1 event", "0 events", "48,112 events"]


def test_the_age_of_the_future_and_of_nothing_is_zero() -> None:
    assert age("2026-11-22T12:00:01.500Z", NOW) == 0.0
    assert age(None, NOW) == 0.0
    assert age("2026-11-22T11:59:58.500Z", NOW) == 1.5


# ---- links in real networks -------------------------------------------------------------------------------


def link(**values: Any) -> Life:
    return replace(life(), links={"siem": LinkState(connected_since="2026-11-22T09:00:01.000Z", **values)})


def ending(day: str) -> Certificate:
    return Certificate(kind="collector", subject="siem.example.net", not_after=f"{day}T12:00:00.000Z")


def test_certificates_are_shown_with_the_days_they_have_left(settings: Settings) -> None:
    made = snapshot(settings, facts(), waiting(), link(certificates=[ending("2026-12-13")]), now=NOW)
    assert made["collectors"]["siem"]["certificates"] == [
        {
            "kind": "collector",
            "subject": "siem.example.net",
            "not_after": "2026-12-13T12:00:00.000Z",
            "days": 21,
            "ends_soon": True,
            "text": "the collector's certificate siem.example.net ends in 21 days",
        }
    ]
    assert made["verdict"] == "ok"
    assert "siem: the collector's certificate siem.example.net ends in 21 days [LPF205]." in page(made)


@pytest.mark.parametrize(("day", "words"), [("2026-11-25", "ends in 3 days"), ("2026-11-20", "has expired")])
def test_a_certificate_about_to_end_is_the_sentence(day: str, words: str, settings: Settings) -> None:
    made = snapshot(settings, facts(), waiting(), link(certificates=[ending(day)]), now=NOW)
    assert made["verdict"] == "behind"
    assert made["sentence"] == f"siem: the collector's certificate siem.example.net {words}."


def test_a_certificate_with_more_than_a_month_left_is_not_worth_a_line(settings: Settings) -> None:
    made = snapshot(settings, facts(), waiting(), link(certificates=[ending("2027-01-13")]), now=NOW)
    assert "certificate" not in page(made)


@pytest.mark.parametrize(
    ("transport", "is_running", "is_told"),
    [("tls", False, True), ("relp-tls", False, True), ("tls", True, False), ("tcp", False, False)],
)
def test_while_the_service_is_down_the_page_says_who_looks_at_certificates(
    transport: str, is_running: bool, is_told: bool, tmp_path: Path
) -> None:
    text = TEXT.replace("transport: tcp", f"transport: {transport}", 1)
    made = snapshot(decode(text, tmp_path / "c"), facts(), waiting(), life() if is_running else None, now=NOW)
    assert ("certificates are watched by the running service" in page(made)) is is_told


def test_a_collector_that_gets_nowhere_is_in_trouble_with_code_reason_and_remedy(settings: Settings) -> None:
    since = "2026-11-22T11:59:00.000Z"
    for stalled in (False, True):
        alive = link(unconfirmed=4, unmoved_since=since, is_stalled=stalled, peer="192.0.2.1:6514")
        made = snapshot(settings, facts(), waiting(siem=4, oldest=since), alive, now=NOW)
        siem = made["collectors"]["siem"]
        assert (siem["stalled_since"], made["verdict"]) == ((since, "behind") if stalled else (None, "ok"))
    assert made["sentence"] == (
        "siem is connected and has confirmed nothing for 1 min. 4 events wait safely."
    )
    told = page(made)
    assert "stalled 1 min" in told
    assert "siem: 192.0.2.1:6514 takes connections and confirms nothing that it is sent [LPF223]." in told
    assert "fix: look at the collector: it hangs" in told
    assert b'lpforwarder_error{code="LPF223",name="siem",part="collector"} 1.0' in exposition(made)
    assert b'lpforwarder_collector_up{collector="siem"} 0.0' in exposition(made)


def test_a_collector_that_gets_nowhere_is_so_between_two_connections_too(settings: Settings) -> None:
    silent = WorkerError(code="LPF211", text="has acknowledged nothing for 10 s", fix="look at it")
    worker = WorkerState(state="waiting", since="2026-11-22T11:59:30.000Z", error=silent)
    between = LinkState(unmoved_since="2026-11-22T11:55:00.000Z", is_stalled=True)
    states = {**life().workers, "collector:siem": worker}
    alive = replace(life(), workers=states, links={"siem": between})
    made = snapshot(settings, facts(), waiting(siem=4), alive, now=NOW)
    assert made["collectors"]["siem"]["error"]["code"] == "LPF211"
    assert made["sentence"] == (
        "siem takes connections and has confirmed nothing for 5 min. 4 events wait safely."
    )


def test_a_rate_limit_that_holds_events_is_told(settings: Settings, tmp_path: Path) -> None:
    limited = decode(TEXT.replace("siem.example.net}", "siem.example.net, rate_limit: 30/m}"), tmp_path / "c")
    old = "2026-11-22T11:50:00.000Z"
    made = snapshot(limited, facts(), waiting(siem=4, oldest=old), link(is_held=True), now=NOW)
    assert made["collectors"]["siem"]["rate_limit"] == "30/m"
    assert made["sentence"] == (
        "siem is behind: 4 events wait safely, the oldest for 10 min. It is held to 30/m by rate_limit."
    )
    assert "held to 30/m" in page(made)
    made = snapshot(settings, facts(), waiting(), life(), now=NOW)
    assert (made["collectors"]["siem"]["rate_limit"], made["collectors"]["siem"]["held"]) == ("none", False)


def test_an_alarm_of_a_link_is_shown_while_all_is_well(settings: Settings) -> None:
    alarm = WorkerError(code="LPF222", text="b is used, for a comes first and is down", fix="nothing")
    made = snapshot(settings, facts(), waiting(), link(alarms=[alarm]), now=NOW)
    assert made["verdict"] == "ok"
    assert made["collectors"]["siem"]["alarms"] == [{"code": "LPF222", "text": alarm.text, "fix": "nothing"}]
    assert "siem: b is used, for a comes first and is down [LPF222]." in page(made)


# ---- the journal ------------------------------------------------------------------------------------------

GAPS = (
    Gap(first=5, count=3, reason=CONTENTS, found=NOW, missed={"siem": 2}),
    Gap(first=9, count=50, reason=ASKED_AGAIN, found=NOW),
    Gap(first=1, count=4, reason=EXPIRED, found=NOW, collector="siem", missed={"siem": 4}),
)


def test_gaps_say_what_is_lost_and_to_whom(settings: Settings) -> None:
    made = snapshot(settings, replace(facts(), gaps=GAPS), waiting(), life(), now=NOW)
    assert [(gap["count"], gap["lost"], gap["collector"]) for gap in made["journal"]["gaps"]] == [
        (3, True, None),
        (50, False, None),
        (4, True, "siem"),
    ]
    assert (made["collectors"]["siem"]["lost"], made["collectors"]["admins"]["lost"]) == (6, 0)


@pytest.mark.parametrize("code", ["LPF505", "LPF511"])
def test_a_grave_warning_of_the_journal_is_the_sentence(settings: Settings, code: str) -> None:
    warnings = [
        Notice(code="LPF510", text="the clock has jumped", fix="look at it"),
        Notice(code=code, text="the journal is in danger", fix="help", is_grave=True),
    ]
    made = snapshot(settings, facts(), waiting(), replace(life(), warnings=warnings), now=NOW)
    assert (made["verdict"], made["sentence"]) == ("behind", "The journal is in danger.")
    assert [one["code"] for one in made["journal"]["warnings"]] == ["LPF510", code]


def test_a_warning_that_is_not_grave_leaves_the_verdict_alone(settings: Settings) -> None:
    warnings = [Notice(code="LPF510", text="the clock has jumped", fix="look at it")]
    made = snapshot(settings, facts(), waiting(), replace(life(), warnings=warnings), now=NOW)
    assert made["verdict"] == "ok"


def test_little_room_is_said_after_who_is_missing_and_damage_before(settings: Settings) -> None:
    refused = WorkerState(
        state="waiting", since=NOW, error=WorkerError(code="LPF202", text="refused"), next_try=NOW
    )
    for code, sentence in (("LPF511", "siem is unreachable"), ("LPF509", "Read-only")):
        told = replace(
            life(collector__siem=refused),
            warnings=[Notice(code=code, text="read-only", fix="", is_grave=True)],
        )
        made = snapshot(settings, facts(), waiting(), told, now=NOW)
        assert made["sentence"].startswith(sentence)


def test_failures_and_measures_of_the_workers_are_facts(settings: Settings) -> None:
    measures = {"delivery_seconds": {"buckets": [(None, 3)], "sum": 1.0}}
    state = WorkerState(state="running", since=NOW, failed={"LPF202": 2}, measures=measures)
    made = snapshot(settings, facts(), waiting(), life(collector__siem=state), now=NOW)
    siem = made["collectors"]["siem"]
    assert (siem["failures"], siem["measures"]) == ({"LPF202": 2}, measures)
    down = snapshot(settings, facts(), waiting(), None, now=NOW)["collectors"]["siem"]
    assert (down["failures"], down["measures"]) == ({}, {})


def test_a_refused_reload_is_told_until_a_good_one(settings: Settings) -> None:
    for reload, verdict in ((False, "behind"), (True, "ok"), (None, "ok")):
        made = snapshot(settings, facts(), waiting(), replace(life(), reload=reload), now=NOW)
        assert made["verdict"] == verdict
        assert ("lpforwarder check-config" in made["sentence"]) == (reload is False)
