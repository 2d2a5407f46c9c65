"""What the forwarder says about itself, as it arrives at a collector; and the numbers of all messages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.collectors import CollectorProcess, Manners
from tests.fakes.daemon import Daemon
from tests.fakes.event_files import write_events
from tests.fakes.received import is_own, own_events
from tests.fakes.small_setup import collector, configured
from tests.fakes.strict_rfc5424 import read as read_rfc5424
from tests.fakes.wished_events import WISHED

FENCES = {"fence": {"events": 500, "time": "200ms"}, "replay": {"events": 500, "time": "0s"}}


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Where the events of a test stand; an empty file at first."""
    path = tmp_path / "events.jsonl"
    path.touch()
    return path


def source(events: Path) -> dict[str, Any]:
    return {"name": "file", "type": "file", "path": str(events), "follow": True, "poll_interval": "20ms"}


def numbers(lines: list[bytes]) -> list[int]:
    """The sequenceId of each message, in order of arrival."""
    return [int(dict(dict(read_rfc5424(line).elements)["meta"])["sequenceId"]) for line in lines]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["eventId"] for event in events]


# ---- a life and the next -----------------------------------------------------------------------------------


def test_a_life_begins_and_ends_with_an_event_of_its_own(
    events: Path, receiver: CollectorProcess, tmp_path: Path
) -> None:
    ids = write_events(events, 10)
    settings = {"sources": [source(events)], "collectors": [collector(receiver.port)]}
    with Daemon(tmp_path / "daemon", settings) as daemon:
        receiver.wait_for(11)
        assert daemon.terminate() == 0
    receiver.wait_until_idle()
    lines = receiver.lines()
    start, stop = own_events(lines)
    assert (start["eventId"], start["afterCrash"], start["sourceCount"], start["collectorCount"]) == (
        *("8001", False),
        *(1, 1),
    )
    assert (stop["eventId"], stop["result"]) == ("8002", "success")
    assert [is_own(line) for line in lines] == [True, *[False] * 10, True]
    assert receiver.ids() == ids
    assert numbers(lines) == list(range(1, 13))


def test_after_a_kill_the_next_life_says_so_and_after_a_stop_it_does_not(
    events: Path, receiver: CollectorProcess, tmp_path: Path
) -> None:
    settings = {"sources": [source(events)], "collectors": [collector(receiver.port)]}
    with Daemon(tmp_path / "daemon", settings) as daemon:
        daemon.wait_until_confirmed("siem", 0)
        daemon.kill()
        daemon.start()
        daemon.wait_until_confirmed("siem", 0)
        assert daemon.restart() == 0
        daemon.wait_until_confirmed("siem", 0)
    starts = {event["id"]: event for event in receiver.own_events() if event["eventId"] == "8001"}
    assert [event["afterCrash"] for event in starts.values()] == [False, True, False]
    first, second, third = starts.values()
    assert "previousStart" not in first
    assert (second["previousStart"], third["previousStart"]) == (first["timestamp"], second["timestamp"])
    assert first["configurationHash"] == third["configurationHash"]


def test_a_reload_tells_what_changed_and_a_refused_one_that_nothing_did(
    events: Path, receiver: CollectorProcess, tmp_path: Path
) -> None:
    settings = {"sources": [source(events)], "collectors": [collector(receiver.port)]}
    with Daemon(tmp_path / "daemon", settings) as daemon:
        daemon.hup()  # nothing has changed
        daemon.configure(settings | {"collectors": [collector(70_000, fromat="cef")]})
        daemon.hup()
        daemon.configure(settings | {"collectors": [collector(receiver.port, app_name="other")]})
        daemon.hup()
        broken = daemon.file.read_text()
        daemon.file.write_text(broken.replace('"siem"', '"siem", "fromat": "cef"'))
        daemon.hup()
        daemon.file.write_text(broken)
        daemon.hup()
        receiver.wait_for(5)
        assert daemon.terminate() == 0
    receiver.wait_until_idle()
    start, refused, changed, again, mended, stop = unique(receiver.own_events())
    assert [event["eventId"] for event in (start, refused, changed, stop)] == ["8001", "8003", "8003", "8002"]
    assert (refused["result"], refused["problems"]) == ("failure", 2)
    assert refused["place"].startswith(f"{daemon.file}:")
    assert (again["result"], again["reason"]) == ("failure", "unknown key `fromat`")
    assert (mended["result"], mended["hashAfter"]) == ("success", again["hashBefore"])
    assert (changed["result"], changed["changed"]) == ("success", "started anew collector:siem")
    assert changed["hashBefore"] == refused["hashBefore"] == start["configurationHash"]
    assert changed["hashAfter"] not in (changed["hashBefore"], None)


def unique(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what was sent again."""
    return list({event["id"]: event for event in events}.values())


def test_run_once_says_nothing_about_itself(receiver: CollectorProcess, tmp_path: Path) -> None:
    with configured(tmp_path, WISHED, [collector(receiver.port, heartbeat="1s")]) as daemon:
        assert daemon.command("run", "--once").returncode == 0
        assert b"8001" not in daemon.command("run", "--dry-run").stdout
    assert (len(receiver.lines()), receiver.own_events()) == (len(WISHED), [])


# ---- heartbeats --------------------------------------------------------------------------------------------


def test_heartbeats_come_in_their_interval_and_count_what_was_done(
    events: Path, receiver: CollectorProcess, tmp_path: Path
) -> None:
    far = collector(receiver.port, heartbeat="1s", include=["nothing"], **FENCES)
    with Daemon(tmp_path / "daemon", {"sources": [source(events)], "collectors": [far]}) as daemon:
        receiver.wait_for(1)
        write_events(events, 10)
        receiver.wait_for(5)
        assert daemon.status()["last_heartbeat"] is not None
        people = daemon.command("status").stdout.decode()
        assert re.search(r"^SERVICE .*, last heartbeat [0-9]+ s ago$", people, re.MULTILINE)
        assert daemon.terminate() == 0
    beats = receiver.own_events()
    assert set(kinds(beats)) == {"8100"}
    assert [beat["heartbeat"] for beat in beats] == list(range(1, len(beats) + 1))
    assert sum(beat["eventsRead"] for beat in beats) == 10
    assert [beat["sequence"] for beat in beats] == list(range(len(beats)))
    assert {beat["collector"] for beat in beats} == {"siem"}
    assert receiver.ids() == []


def test_no_heartbeat_means_none(events: Path, receiver: CollectorProcess, tmp_path: Path) -> None:
    others = collector(receiver.port, name="other", heartbeat="1s", exclude=["start", "stop"])
    settings = {"sources": [source(events)], "collectors": [collector(receiver.port), others]}
    with Daemon(tmp_path / "daemon", settings) as daemon:
        receiver.wait_for(4)
        assert daemon.terminate() == 0
    receiver.wait_until_idle()
    beats = [event for event in receiver.own_events() if event["eventId"] == "8100"]
    assert {beat["collector"] for beat in beats} == {"other"}
    assert sorted(set(kinds(receiver.own_events()))) == ["8001", "8002", "8100"]


# ---- numbers -----------------------------------------------------------------------------------------------


def test_ten_thousand_messages_have_numbers_without_a_hole_across_all_fences(
    events: Path, receiver: CollectorProcess, tmp_path: Path
) -> None:
    count = 10_000
    ids = write_events(events, count)
    far = collector(receiver.port, **FENCES)
    with Daemon(tmp_path / "daemon", {"sources": [source(events)], "collectors": [far]}) as daemon:
        daemon.wait_until_confirmed("siem", count)
        assert daemon.terminate() == 0
    receiver.wait_until_idle()
    assert numbers(receiver.lines()) == list(range(1, count + 3))
    assert receiver.ids() == ids


def test_the_numbers_show_a_hole_when_a_collector_was_killed_and_its_events_come_under_others(
    events: Path, tmp_path: Path
) -> None:
    count = 5_000
    ids = write_events(events, count)
    slow = Manners(octet_rate=400_000)
    with CollectorProcess(tmp_path / "slow", manners=slow) as receiver:
        far = collector(receiver.port, **FENCES)
        with Daemon(tmp_path / "daemon", {"sources": [source(events)], "collectors": [far]}) as daemon:
            receiver.wait_for(1_000)
            receiver.kill()
            before = len(receiver.lines())
            receiver.start()
            daemon.wait_until_confirmed("siem", count)
            assert daemon.terminate() == 0
        receiver.wait_until_idle()
        lines = receiver.lines()
    arrived = numbers(lines)
    assert arrived == sorted(set(arrived))
    lost = set(range(1, arrived[-1] + 1)) - set(arrived)
    assert lost
    # What the collector had not read when it died is a hole between its two lives, and nowhere else.
    assert lost == set(range(arrived[before - 1] + 1, arrived[before]))
    assert list(dict.fromkeys(receiver.ids())) == ids


def test_a_collector_that_wants_no_numbers_gets_none(
    events: Path, receiver: CollectorProcess, tmp_path: Path
) -> None:
    write_events(events, 3)
    far = collector(receiver.port, sequence_id=False)
    with Daemon(tmp_path / "daemon", {"sources": [source(events)], "collectors": [far]}):
        receiver.wait_for(4)
    assert {read_rfc5424(line).elements for line in receiver.lines()} == {()}
