"""What workers, journal and settings say, as the view that reports are made from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.pump import Limits, Pump
from lpforwarder.intake.poller import Polled, Poller
from lpforwarder.journal.facts import CollectorFacts, Facts, SetAsideFacts, SourceFacts
from lpforwarder.journal.notice import Notice
from lpforwarder.journal.scan import Gap
from lpforwarder.reporting.looking import (
    changed,
    collector_view,
    fingerprint,
    missing,
    source_view,
    warnings,
)
from lpforwarder.runtime.plan import Plan
from lpforwarder.runtime.worker import WorkerError, WorkerState
from lpforwarder.settings import Settings, decode
from tests.fakes.encodings import BareEnvelope, IdFormat
from tests.fakes.journal import MemoryJournal
from tests.fakes.source import FakeSource
from tests.fakes.transport import FakeTransport

NOW, POLLED = 1000.0, "2026-11-22T12:00:00.000Z"
TEXT = """
sources: [{name: acme, type: lastpass, account: "1", secret_env: ACME_SECRET, poll_interval: 30s}]
collectors: [{name: siem, host: siem.example.net, heartbeat: 2m}]
"""
FACTS = Facts(
    first=1,
    last=9,
    octets=0,
    used=0,
    sources={"acme": SourceFacts(events=5, duplicates=1, rejects=2, appended=POLLED, newest=POLLED)},
    collectors={
        "siem": CollectorFacts(
            checkpoint=7, resume=3, clean=False, sent=0, confirmed=6, replayed=4, moved=POLLED
        )
    },
    gaps=(Gap(first=2, count=3, reason="a checksum is wrong", found=POLLED, collector="siem", number=4),),
    rejects=2,
    set_asides={"siem": SetAsideFacts(kept=1, lost=3, total=8)},
)
NOTHING = replace(FACTS, sources={}, collectors={}, gaps=(), set_asides={})
REFUSED = WorkerError(code="LPF202", text="refused")


def settings(text: str = TEXT, file: str = "/etc/lpforwarder/config.yaml") -> Settings:
    return decode(text, Path(file))


def poller(polled: Polled) -> Poller:
    made = Poller("acme", FakeSource(), MemoryJournal(), 30.0)
    made.polled = polled
    return made


def test_a_source_is_seen_with_its_health_and_its_counters() -> None:
    state = WorkerState(
        state="waiting", since=POLLED, error=REFUSED, failures=3, failing_since=NOW - 70, beat=NOW - 2
    )
    seen = source_view(settings().sources[0], poller(Polled(last_poll=POLLED)), state, FACTS, NOW)
    assert (seen.state, seen.error, seen.failing, seen.silent) == ("waiting", REFUSED, 70.0, 2.0)
    assert (seen.poll_interval, seen.last_poll, seen.alarms) == (30.0, POLLED, ())
    assert (seen.read, seen.rejected, seen.newest) == (5, 2, POLLED)


def test_a_source_that_is_being_made_anew_is_nothing_to_speak_of() -> None:
    seen = source_view(settings().sources[0], None, None, NOTHING, NOW)
    assert (seen.state, seen.error, seen.failing, seen.silent, seen.last_poll) == (
        "stopped",
        None,
        0,
        0,
        None,
    )


def test_a_failure_of_this_very_moment_counts_as_one() -> None:
    state = WorkerState(state="running", since=POLLED, failures=1, failing_since=NOW, beat=NOW)
    assert collector_view(settings().collectors[0], None, state, FACTS, NOW).failing > 0


def test_a_collector_is_seen_with_its_place_and_its_counters() -> None:
    state = WorkerState(state="running", since=POLLED, beat=NOW)
    seen = collector_view(settings().collectors[0], None, state, FACTS, NOW)
    assert (seen.state, seen.failing, seen.is_connected, seen.worker) == ("running", 0.0, False, None)
    assert (seen.checkpoint, seen.confirmed, seen.replayed, seen.set_aside) == (7, 6, 4, 8)
    assert seen.set_aside_lost == 3
    assert seen.heartbeat == 120.0


@pytest.mark.parametrize(("written", "seconds"), [("0s", 0.0), ("100ms", 1.0), ("1s", 1.0), ("5m", 300.0)])
def test_a_heartbeat_is_no_faster_than_the_looks(written: str, seconds: float) -> None:
    options = settings(TEXT.replace("2m", written)).collectors[0]
    assert collector_view(options, None, None, NOTHING, NOW).heartbeat == seconds


def test_what_was_sent_counts_over_workers_and_the_number_is_that_of_this_one() -> None:
    encoder = Encoder(lambda _: True, IdFormat(), BareEnvelope(), 1000)
    pump = Pump("siem", MemoryJournal(), encoder, FakeTransport(), Limits())
    pump.link.sent_before, pump.window.first_sent, pump.window.repeated = 30, 5, 2
    seen = collector_view(settings().collectors[0], pump, None, FACTS, NOW)
    assert (seen.sent, seen.number) == (35, 7)
    pump.window.first_sent = 2**31
    assert collector_view(settings().collectors[0], pump, None, FACTS, NOW).number == 3
    pump.window.first_sent = pump.window.repeated = 0
    assert collector_view(settings().collectors[0], pump, None, FACTS, NOW).number == 0


def test_the_gaps_are_those_of_the_journal() -> None:
    (gap,) = missing(FACTS.gaps)
    assert (gap.first, gap.last, gap.count, gap.reason) == (2, 4, 3, "a checksum is wrong")
    assert (gap.number, gap.collector, gap.is_loss) == (4, "siem", True)
    (note,) = missing([Gap(first=2, count=0, reason="the counter was damaged")])
    assert not note.is_loss


def test_a_collector_is_given_the_time_of_its_fence_and_some_more() -> None:
    options = settings(TEXT.replace("heartbeat: 2m", "fence: {time: 2m}")).collectors[0]
    seen = collector_view(options, None, None, NOTHING, NOW, standing=7.0)
    assert (seen.standing, seen.patience) == (7.0, 150.0)


def test_the_journal_warns_but_not_of_the_clock_which_is_looked_at_elsewhere() -> None:
    notices = [Notice(code=code, text=f"{code} happened", fix="look") for code in ("LPF511", "LPF510")]
    (error,) = warnings(notices)
    assert error == WorkerError(code="LPF511", text="LPF511 happened", fix="look")


# ---- what is said of the configuration --------------------------------------------------------------------


def test_equal_settings_have_equal_fingerprints_however_they_are_written() -> None:
    same = TEXT.replace("heartbeat: 2m", "heartbeat: 120s, port: 6514, format: json")
    assert fingerprint(settings()) == fingerprint(settings(same))
    assert len(fingerprint(settings())) == 64


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2m", "3m"),
        ("siem.example.net", "other.example.net"),
        ('"1"', '"2"'),
        ("heartbeat: 2m", "heartbeat: 2m, tls: {ca_file: ca.pem}"),
        ("heartbeat: 2m", "heartbeat: 2m, cef: {vendor: Vault}"),
        ("sources:", "drain: 11s\nsources:"),
        ("sources:", "journal: {keep: 31d}\nsources:"),
    ],
)
def test_every_setting_counts(old: str, new: str) -> None:
    assert fingerprint(settings()) != fingerprint(settings(TEXT.replace(old, new, 1)))


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    code = (
        "from tests.unit.reporting.test_looking import settings; "
        "from lpforwarder.reporting.looking import fingerprint; print(fingerprint(settings()))"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == fingerprint(settings())


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (Plan(stop=(), start=(), keep=("a",)), "nothing was started or stopped"),
        (Plan(stop=("a",), start=("a",), keep=()), "started anew a"),
        (
            Plan(stop=("a", "b", "c"), start=("b", "d", "e"), keep=()),
            "started d e, stopped a c, started anew b",
        ),
    ],
)
def test_a_reload_is_told_in_words(plan: Plan, told: str) -> None:
    assert changed(plan) == told


def test_what_a_reload_could_not_apply_is_told_with_what_it_did() -> None:
    told = changed(Plan(stop=(), start=("a",), keep=()), ("journal.path", "control_socket"))
    assert told == "started a; not in use before the next start: journal.path, control_socket"
