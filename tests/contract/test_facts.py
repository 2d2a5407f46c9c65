"""The facts that tests of page, metrics and terminal are given have the keys of real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lpforwarder.delivery.certificates import Certificate
from lpforwarder.journal.facts import CollectorFacts, Facts, SourceFacts
from lpforwarder.journal.notice import Notice
from lpforwarder.journal.scan import CONTENTS, Gap
from lpforwarder.runtime.worker import WorkerError, WorkerState
from lpforwarder.settings import decode
from lpforwarder.status import EndpointState, Life, LinkState, snapshot
from tests.fakes.facts import NOW, busy_facts

TEXT = """\
sources: [{name: acme, type: file, path: events.json}]
collectors: [{name: siem, host: siem.example.net}]
"""
TROUBLE = WorkerError(code="LPF202", text="connection refused", fix="start it")


def of_the_service(folder: Path) -> dict[str, Any]:
    """Everything the service can say about one source and one collector in trouble."""
    settings = decode(TEXT, folder / "lpforwarder.yaml")
    source = SourceFacts(events=1204, duplicates=14, rejects=0, appended=NOW, newest=NOW)
    collector = CollectorFacts(
        checkpoint=9, resume=0, clean=False, sent=9, confirmed=9, replayed=0, moved=NOW
    )
    journal = Facts(
        first=1,
        last=9,
        octets=1000,
        used=900,
        sources={"acme": source},
        collectors={"siem": collector},
        gaps=(Gap(first=5, count=3, reason=CONTENTS, found=NOW, missed={"siem": 2}),),
        rejects=0,
    )
    state = WorkerState(state="waiting", since=NOW, error=TROUBLE, next_try=NOW, failed={"LPF202": 2})
    ends = Certificate(kind="collector", subject="siem.example.net", not_after="2027-01-01T00:00:00.000Z")
    life = Life(
        pid=812,
        started=NOW,
        workers={
            "source:acme": state,
            "collector:siem": state,
            "endpoint": WorkerState(state="running", since=NOW),
        },
        links={"siem": LinkState(certificates=[ends], alarms=[TROUBLE])},
        polls={"acme": NOW},
        alarms={"acme": [TROUBLE]},
        warnings=[Notice(code="LPF511", text="the journal fills up", fix="make room")],
        endpoint=EndpointState(address="127.0.0.1:9470", clients=2),
    )
    return snapshot(settings, journal, lambda *_: (1, NOW), life, now=NOW)


def keys(value: Any, place: str = "") -> set[str]:
    """Every key with the keys above it; of a list, those of all its items."""
    if isinstance(value, list):
        return {key for item in value for key in keys(item, f"{place}[]")}
    if not isinstance(value, dict) or place.endswith((".failures", ".measures", ".missed")):
        return {place}
    return {place, *(key for name, item in value.items() for key in keys(item, f"{place}.{name}"))}


def test_made_up_facts_have_the_keys_of_real_ones(tmp_path: Path) -> None:
    assert keys(busy_facts()) == keys(of_the_service(tmp_path))
