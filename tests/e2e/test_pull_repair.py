"""Readers over HTTP come back with old cursors after a damaged journal was repaired."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_endpoint import Reader, of_source, port_of, token
from tests.fakes.collectors import CollectorProcess
from tests.fakes.damaged import root_of, spoil
from tests.fakes.small_setup import collector, configured

COUNT, STEP = 400, 20


def all_behind(reader: Reader, cursor: str) -> list[str] | None:
    """Ids of the source's events behind a cursor; None when it is refused with 410."""
    found: list[str] = []
    while True:
        answer = reader.get(f"/v1/events?after={cursor}&limit=150")
        if answer.status == 410:
            return None
        assert answer.status == 200
        if not answer.events:
            return found
        found += of_source(answer.events)
        cursor = answer.cursor


def step_by_step(reader: Reader) -> list[tuple[int, str]]:
    """How many events of the source were read, and the cursor, after each step."""
    cursors: list[tuple[int, str]] = []
    read, answer = 0, reader.get(f"/v1/events?limit={STEP}")
    while answer.events:
        read += len(of_source(answer.events))
        cursors.append((read, answer.cursor))
        answer = reader.get(f"/v1/events?limit={STEP}&after={answer.cursor}")
    return cursors


def one_event(journal: Path) -> None:
    spoil(journal, journal.read_bytes().index(b'"id":"e123"'), b"?" * 8)


def two_events_and_the_way_to_them(journal: Path) -> None:
    one_event(journal)
    spoil(journal, journal.read_bytes().index(b'"id":"e321"'), b"?" * 8)
    spoil(journal, root_of(journal, "page") + 20, b"\xff" * 64)


def its_identity(journal: Path) -> None:
    """And what else knows it."""
    one_event(journal)
    spoil(journal, root_of(journal, "identity"), b"\xff" * 64)
    journal.with_name(journal.name + ".safe").unlink()


@pytest.mark.parametrize(
    ("damage", "lost", "is_known"),
    [(one_event, 1, True), (two_events_and_the_way_to_them, 2, True), (its_identity, 1, False)],
)
def test_after_a_repair_an_old_cursor_leads_to_all_that_is_left_or_is_refused(
    tmp_path: Path, receiver: CollectorProcess, damage: Callable[[Path], None], lost: int, is_known: bool
) -> None:
    records: list[dict[str, Any]] = [{"id": f"e{number}", "message": "m" * 300} for number in range(COUNT)]
    with configured(tmp_path, records, [collector(receiver.port)]) as daemon:
        daemon.configure(daemon.settings | {"http": {"listen": "127.0.0.1:0"}})
        with daemon:
            daemon.wait_until_confirmed("siem", COUNT)
            reader = Reader(port_of(daemon), token(daemon, "splunk"))
            cursors = step_by_step(reader)
            assert daemon.terminate() == 0
            damage(daemon.folder / "journal.db")
            assert daemon.command("journal", "repair").returncode == 0
            daemon.start()
            reader = Reader(port_of(daemon), reader.token)
            left = of_source(reader.all(1000)[0])
            assert len(left) == COUNT - lost
            for read, cursor in cursors:
                before = {f"e{number}" for number in range(read)}
                behind = [one for one in left if one not in before] if is_known else None
                assert all_behind(reader, cursor) == behind
            refused = reader.get(f"/v1/events?after={cursors[0][1]}")
            if not is_known:
                assert all_behind(reader, json.loads(refused.body)["oldest"]) == left
