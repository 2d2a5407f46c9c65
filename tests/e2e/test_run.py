"""`run --once` and `run --dry-run`: the whole way of an event, with an end."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path
from typing import Any

from tests.fakes.collectors import CollectorProcess
from tests.fakes.daemon import own_events, read_events
from tests.fakes.small_setup import collector, configured
from tests.fakes.strict_framing import read_newline
from tests.fakes.strict_rfc5424 import read as read_rfc5424
from tests.fakes.wished_events import WISHED

EXTRAS: dict[str, Any] = {
    "score": 1.5,
    "count": 7,
    "tags": ["a", None, {"deep": True}],
    "empty": "",
    "no": None,
}


def test_the_wished_events_arrive_value_by_value(receiver: CollectorProcess, tmp_path: Path) -> None:
    given = [*WISHED[:3], WISHED[3] | EXTRAS]
    with configured(tmp_path, given, [collector(receiver.port)]) as daemon:
        done = daemon.command("run", "--once")
        assert (done.returncode, done.stdout.decode().splitlines()) == (
            0,
            ["archive: 4 events in the journal, 0 set aside", "siem: 4 confirmed, 0 waiting"],
        ), done.stderr
        messages = [read_rfc5424(line) for line in receiver.lines()]
    arrived = [json.loads(message.msg) for message in messages]
    assert [message.timestamp for message in messages] == [event["timestamp"] for event in WISHED]
    for event, wanted in zip(arrived, given, strict=True):
        added = {key: event.pop(key) for key in ("source", "severity")}
        assert added["source"] == "archive"
        assert added["severity"] in range(11)
        assert typed(event) == typed(wanted)


def typed(value: Any) -> Any:
    """The value with the type of each part beside it: True is no 1, and 1.0 is no 1."""
    if isinstance(value, dict):
        return {key: typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    return type(value), value


def test_run_once_ends_with_3_when_a_collector_is_dead_and_sends_the_rest_later(tmp_path: Path) -> None:
    with (
        contextlib.closing(CollectorProcess(tmp_path / "receiver")) as receiver,
        configured(tmp_path, WISHED, [collector(receiver.port)]) as daemon,
    ):
        done = daemon.command("run", "--once")
        assert done.returncode == 3
        assert "siem: 0 confirmed, 4 waiting" in done.stdout.decode()
        assert b"collector:siem" in done.stderr
        receiver.start()
        for _ in range(2):  # the second time there is nothing to do
            assert daemon.command("run", "--once").returncode == 0
            assert receiver.ids() == [event["id"] for event in WISHED]


def test_a_dry_run_prints_what_would_be_sent_and_moves_nothing(
    receiver: CollectorProcess, tmp_path: Path
) -> None:
    with configured(tmp_path, WISHED, [collector(receiver.port)]) as daemon:
        first = daemon.command("run", "--dry-run")
        assert first.returncode == 0, first.stderr
        assert len(read_newline(first.stdout)) == 4
        assert b"siem: 4 messages would be sent. Nothing was." in first.stderr
        assert sorted(path.name for path in daemon.folder.iterdir()) == ["lpforwarder.yaml"]

        receiver.freeze()  # so that the events stay in the journal
        daemon.start()
        own = own_events(daemon.wait_until(lambda facts: read_events(facts) == 4))
        daemon.kill()
        before = daemon.command("status", "--json")
        second = daemon.command("run", "--dry-run")
        assert (second.returncode, len(read_newline(second.stdout))) == (0, 4 + own)
        assert without_time(daemon.command("status", "--json")) == without_time(before)
        receiver.thaw()


def without_time(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(done.stdout)
    del facts["time"]
    return facts


def test_once_and_dry_run_exclude_each_other(tmp_path: Path) -> None:
    with configured(tmp_path, WISHED, [collector(1)]) as daemon:
        assert daemon.command("run", "--once", "--dry-run").returncode == 2
