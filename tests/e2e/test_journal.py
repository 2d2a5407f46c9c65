"""The `journal` commands, and a start on a journal that somebody has damaged."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.collectors import CollectorProcess
from tests.fakes.daemon import Daemon, read_events
from tests.fakes.damaged import spoil
from tests.fakes.small_setup import collector, configured

COUNT = 400


def records() -> list[dict[str, Any]]:
    return [{"id": f"e{number}", "message": "m" * 300} for number in range(COUNT)]


@pytest.fixture
def daemon(receiver: CollectorProcess, tmp_path: Path) -> Iterator[Daemon]:
    """Not started; its source holds 400 events."""
    with configured(tmp_path, records(), [collector(receiver.port)]) as made:
        yield made


def journal(daemon: Daemon) -> Path:
    return daemon.folder / "journal.db"


def filled(daemon: Daemon) -> Path:
    """All events are in the journal, which is closed then."""
    assert daemon.command("run", "--once").returncode == 0
    return journal(daemon)


def facts(done: subprocess.CompletedProcess[bytes]) -> Any:
    return json.loads(done.stdout)


def words(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stdout.decode() + done.stderr.decode()


def test_before_the_first_start_there_is_nothing_to_look_at(daemon: Daemon) -> None:
    for command in ("info", "verify", "repair"):
        done = daemon.command("journal", command)
        assert done.returncode == 7
        assert b"There is no journal" in done.stderr
    assert not journal(daemon).exists()


def test_a_sound_journal_is_shown_and_found_good(daemon: Daemon) -> None:
    path = filled(daemon)
    before = path.read_bytes()
    info = facts(daemon.command("--json", "journal", "info"))
    assert (info["events"], info["last"], info["lost"], info["set_aside"]) == (COUNT, COUNT, 0, [])
    assert info["collectors"]["siem"]["behind"] == 0
    assert info["safe_copy"]["last"] == COUNT
    page = words(daemon.command("journal", "info"))
    assert f"EVENTS   {COUNT} held, numbers 1 to {COUNT}" in page
    assert "MISSING  nothing" in page
    done = daemon.command("journal", "verify")
    assert (done.returncode, "Everything is what was written." in words(done)) == (0, True)
    done = daemon.command("journal", "repair")
    assert (done.returncode, "Nothing was changed." in words(done)) == (0, True)
    assert path.read_bytes() == before


def test_looking_works_beside_the_service_and_repair_waits_for_its_end(daemon: Daemon) -> None:
    with daemon:
        daemon.wait_until(lambda status: read_events(status) == COUNT)
        assert daemon.command("journal", "verify").returncode == 0
        info = facts(daemon.command("journal", "info", "--json"))
        assert info["writer"]["pid"] == daemon.pid
        done = daemon.command("journal", "repair")
        assert done.returncode == 75
        assert f"(pid {daemon.pid}," in words(done)


def test_damage_is_found_repaired_and_kept(daemon: Daemon) -> None:
    path = filled(daemon)
    spoil(path, path.read_bytes().index(b'"id":"e123"'), b"?" * 8)
    done = daemon.command("journal", "verify")
    assert done.returncode == 3
    assert "1 cannot be read, 399 are what was written" in words(done)
    assert "error[LPF508]" in words(done)
    repaired = facts(daemon.command("--json", "journal", "repair"))
    assert (repaired["repaired"], repaired["salvaged"], repaired["lost"]) == (True, COUNT - 1, 1)
    aside = repaired["set_aside"]
    assert Path(aside).exists()
    assert daemon.command("journal", "verify").returncode == 0
    info = facts(daemon.command("--json", "journal", "info"))
    assert (info["events"], info["lost"]) == (COUNT - 1, 1)
    assert [one["file"] for one in info["set_aside"]] == [aside]
    assert "MISSING  1 event is lost" in words(daemon.command("journal", "info"))
    # The damaged file can still be looked at.
    assert daemon.command("journal", "verify", "--file", aside).returncode == 3


def test_a_start_sets_a_damaged_journal_aside_and_goes_on(daemon: Daemon) -> None:
    path = filled(daemon)
    confirmed = daemon.command("--json", "status")
    assert facts(confirmed)["collectors"]["siem"]["checkpoint"] == COUNT
    spoil(path, 0, b"\xff" * 4096)
    down = daemon.command("status")
    assert (down.returncode, "the next start sets it aside" in words(down)) == (6, True)
    with daemon:
        status = daemon.wait_until(lambda one: one["collectors"]["siem"]["connected_since"] is not None)
        assert read_events(status) == COUNT
        assert status["collectors"]["siem"]["checkpoint"] >= COUNT
        assert (status["collectors"]["siem"]["lost"], status["collectors"]["siem"]["replayed"]) == (0, 0)
        assert "LPF507" in [warning["code"] for warning in status["journal"]["warnings"]]
        assert "a new one was begun" in words(daemon.command("status"))
    (line,) = daemon.log_of("journal.set_aside")
    assert (line["code"], line["salvaged"], line["lost"]) == ("LPF507", COUNT, 0)
    assert Path(line["file"]).exists()


def test_a_lost_event_is_counted_where_it_was_lost(daemon: Daemon, receiver: CollectorProcess) -> None:
    """The collector was down when its journal was damaged: what it can never get is said to be lost to it."""
    daemon.configure({**daemon.settings, "collectors": [collector(1)]})
    with daemon:
        daemon.wait_until(lambda status: read_events(status) == COUNT)
        daemon.terminate()
    path = journal(daemon)
    spoil(path, path.read_bytes().index(b'"id":"e123"'), b"?" * 8)
    daemon.configure({**daemon.settings, "collectors": [collector(receiver.port)]})
    assert daemon.command("run", "--once").returncode == 0
    status = facts(daemon.command("--json", "status"))
    assert status["collectors"]["siem"]["lost"] == 1
    assert [gap["missed"] for gap in status["journal"]["gaps"]] == [{"siem": 1}]
    arrived = [line for line in receiver.lines() if b'"source":"archive"' in line]
    assert len(arrived) == COUNT - 1


def test_a_full_journal_takes_the_rest_as_soon_as_it_may(receiver: CollectorProcess, tmp_path: Path) -> None:
    """The journal is smaller than what the source holds, and its collector is down: polling pauses."""
    given = [{"id": f"e{number}", "message": "m" * 3000} for number in range(3 * COUNT)]
    with configured(tmp_path, given, [collector(1)]) as daemon:
        journal_keys = {"path": "journal.db", "max_size": "1MiB", "keep": "1s"}
        daemon.configure({**daemon.settings, "journal": journal_keys})
        with daemon:
            full = daemon.wait_until(lambda status: status["sources"]["archive"]["error"] is not None)
            assert full["sources"]["archive"]["error"]["code"] == "LPF501"
            assert "bring back: siem" in full["sources"]["archive"]["error"]["fix"]
            assert full["journal"]["last"] < len(given)
            assert daemon.command("status", "--check").stdout.endswith(b" room=0s;3600:\n")
            settings = {**daemon.settings, "collectors": [collector(receiver.port, fence={"time": "200ms"})]}
            daemon.configure(settings)
            daemon.hup()
            daemon.wait_until(
                lambda status: (
                    read_events(status) == len(given) and status["collectors"]["siem"]["waiting"] == 0
                )
            )
            daemon.terminate()
    arrived = [line for line in receiver.lines() if b'"source":"archive"' in line]
    assert len(arrived) >= len(given)
