"""What a collector cannot take: set aside while the rest goes on, listed, shown, sent again and dropped."""

from __future__ import annotations

import contextlib
import json
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lpforwarder.runtime.control import NotRunning, ask
from lpforwarder.simulator.collector import PretendCollector
from lpforwarder.simulator.relp import RelpManners
from tests.fakes.daemon import Daemon
from tests.fakes.foreign_plugins import MENDED, PICKY, install
from tests.fakes.patience import until
from tests.fakes.small_setup import collector

ID = "f511d4ed-0fcc-4676-bb73-5fa1755551{:02d}"


def record(number: int, message: str) -> dict[str, Any]:
    return {
        "id": ID.format(number),
        "timestamp": "2022-12-14T17:33:43.369Z",
        "eventId": "4001",
        "eventType": "itemchange",
        "sourceUser": "marker@example.org",
        "message": message,
    }


RECORDS = [record(1, "one"), record(2, "poison two"), record(3, "three"), record(4, "poison four")]


class House:
    """A daemon with a followed file, a picky format, and a plain collector."""

    def __init__(self, folder: Path, receiver: PretendCollector, received: list[bytes]) -> None:
        self.folder = folder
        self.received = received
        self.events = folder / "events.jsonl"
        self.append(*RECORDS)
        environment = install(folder / "site", "formats", "picky", PICKY, "PickyFormat")
        source = {"name": "archive", "type": "file", "path": str(self.events), "follow": True}
        keys = {"format": "picky", "fence": {"time": "100ms"}}
        collectors = [collector(receiver.address[1], **keys)]
        settings = {"sources": [source | {"poll_interval": "50ms"}], "collectors": collectors}
        self.daemon = Daemon(folder / "daemon", settings, environment=environment)

    def append(self, *records: dict[str, Any] | str) -> None:
        with self.events.open("a") as file:
            file.writelines((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in records)

    def mend(self) -> None:
        install(self.folder / "site", "formats", "picky", MENDED, "PickyFormat")

    def messages(self) -> list[str]:
        """The messages of the events the collector got, in order, without the forwarder's own."""
        found = [json.loads(message[message.index(b"{") :]) for message in self.received]
        return [event["message"] for event in found if event["source"] == "archive"]

    def settled(self, events: int = 4) -> None:
        """Returns once the collector has confirmed everything of the file and of what was sent again."""
        self.daemon.wait_until(
            lambda facts: (
                facts["sources"]["archive"]["events"] >= events
                and facts["collectors"]["siem"]["waiting"] == 0
            )
        )

    def rejects(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return self.daemon.command("rejects", *arguments)

    def listed(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(self.rejects("list", "--json").stdout)
        return facts

    def numbers(self) -> list[str]:
        return [event["number"] for event in self.events_listed()]

    def events_listed(self) -> list[Any]:
        """Without a process for it, if the service runs."""
        request = {"command": "rejects", "do": "list"}
        with contextlib.suppress(NotRunning):
            return list(ask(self.daemon.socket, request, 5.0)["events"])
        return list(self.listed()["events"])


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    received: list[bytes] = []
    with PretendCollector(("127.0.0.1", 0), on_message=received.append) as receiver:
        house = House(tmp_path, receiver, received)
        with contextlib.closing(house.daemon):
            yield house


def test_the_stream_goes_on_and_status_tells_of_what_was_set_aside(house: House) -> None:
    with house.daemon:
        house.settled()
        assert house.messages() == ["one", "three"]
        siem = house.daemon.status()["collectors"]["siem"]
        assert (siem["state"], siem["set_aside"], siem["waiting"]) == ("running", 2, 0)
        done = house.daemon.command("status")
        assert done.returncode == 5
        told = b"BEHIND  siem could not take 2 events; they are set aside, all others go on."
        assert done.stdout.startswith(told)
        lines = house.daemon.log_of("event.set_aside")
        assert [(line["code"], line["id"]) for line in lines] == [
            ("LPF603", ID.format(2)),
            ("LPF603", ID.format(4)),
        ]
        assert lines[0]["fix"].endswith(f"lpforwarder rejects show {lines[0]['number']}")
        assert house.daemon.log_of("worker.crashed") == []
        assert "marker" not in house.daemon.output()


@pytest.mark.parametrize("is_running", [True, False])
def test_they_are_listed_without_and_shown_with_contents(house: House, is_running: bool) -> None:
    with house.daemon:
        house.append("not a record of marker@example.org")
        house.settled()
        house.daemon.wait_until(lambda facts: facts["sources"]["archive"]["rejects"] == 1)
        if not is_running:
            assert house.daemon.terminate() == 0
        listed = house.rejects("list")
        assert listed.returncode == 0
        assert b"marker" not in listed.stdout
        assert b"poison" not in listed.stdout
        assert b"cannot be written by the format or envelope: ValueError in format" in listed.stdout
        assert b"r1  " in listed.stdout
        assert b"2 events, 1 record." in listed.stdout
        first, second = house.numbers()
        shown = house.rejects("show", second)
        assert shown.returncode == 0
        assert b'"message": "poison four"' in shown.stdout
        assert b"they said  ValueError: cannot write poison four of marker@example.org" in shown.stdout
        assert house.rejects("show", "r1").stdout.endswith(b"not a record of marker@example.org\n")
        facts = json.loads(house.rejects("show", "--json", first).stdout)
        assert facts["found"][0]["event"]["message"] == "poison two"
        assert [house.rejects("show", number).returncode for number in ("999", "r9", "nonsense")] == [7, 7, 7]


def test_a_record_is_not_read_again_but_can_be_dropped(house: House) -> None:
    house.append("not a record")
    with house.daemon:
        house.settled()
        refused = house.rejects("retry", "r1")
        assert refused.returncode == 3
        assert b"reading the same text again would not change that" in refused.stderr
        assert house.daemon.status()["sources"]["archive"]["rejects_kept"] == 1
        assert house.rejects("drop", "--yes", "r1").returncode == 0
        assert house.daemon.status()["sources"]["archive"]["rejects_kept"] == 0
        assert house.listed()["records"] == []


def test_retried_without_a_remedy_they_come_back_with_one_try_more(house: House) -> None:
    with house.daemon:
        house.settled()
        before = house.numbers()
        assert house.rejects("retry", "--all").returncode == 0
        until(lambda: {event["tries"] for event in house.events_listed()} == {2}, within=20.0)
        assert house.numbers() == before
        assert house.messages() == ["one", "three"]


def test_retried_after_the_remedy_they_arrive_and_are_gone(house: House) -> None:
    with house.daemon:
        house.settled()
        house.mend()
        house.daemon.restart()
        house.settled()
        first, second = house.numbers()
        done = house.rejects("retry", first, second, "999")
        assert done.returncode == 4
        assert done.stdout == f"{first} (siem): is sent again\n{second} (siem): is sent again\n".encode()
        assert done.stderr == b"999: there is nothing of this number\n"
        until(lambda: house.numbers() == [], within=20.0)
        assert house.messages()[-2:] == ["poison two", "poison four"]
        assert house.daemon.command("status").returncode == 0
        assert house.rejects("retry", first).returncode == 7


def test_they_can_be_retried_while_the_service_is_down(house: House) -> None:
    with house.daemon:
        house.settled()
        assert house.daemon.terminate() == 0
        first, _ = house.numbers()
        assert house.rejects("retry", first).returncode == 0
        assert house.rejects("retry", first).stderr == f"{first} (siem): is on its way already\n".encode()
        house.mend()
        house.daemon.start()
        until(lambda: "poison two" in house.messages(), within=20.0)
        house.settled()
        assert len(house.numbers()) == 1


def test_a_kill_after_a_retry_loses_nothing(house: House) -> None:
    with house.daemon:
        house.settled()
        house.mend()
        house.daemon.restart()
        assert house.rejects("retry", "--all").returncode == 0
        house.daemon.kill()
        house.daemon.start()
        until(lambda: {"poison two", "poison four"} <= set(house.messages()), within=20.0)
        until(lambda: house.numbers() == [], within=20.0)


def test_dropping_asks_or_wants_a_word(house: House) -> None:
    with house.daemon:
        house.settled()
        first, second = house.numbers()
        asked = house.rejects("drop", first)
        assert (asked.returncode, asked.stderr.count(b"add --yes")) == (2, 1)
        assert house.numbers() == [first, second]
        assert house.rejects("drop", "--yes", first).stdout == f"{first} (siem): is dropped\n".encode()
        assert house.numbers() == [second]
        assert house.rejects("drop", "--all", "--yes").returncode == 0
        assert house.rejects("list").stdout == b"Nothing is set aside.\n"
        assert house.daemon.command("status").returncode == 0


@pytest.mark.parametrize(("typed", "left"), [(b"n\n", 2), (b"y\n", 0)])
def test_on_a_terminal_dropping_asks_first(house: House, typed: bytes, left: int) -> None:
    with house.daemon:
        house.settled()
        ours, theirs = pty.openpty()
        with open(ours, "wb", buffering=0) as keyboard, open(theirs, "rb", buffering=0) as terminal:
            keyboard.write(typed)
            done = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "lpforwarder",
                    "-c",
                    str(house.daemon.file),
                    "rejects",
                    "drop",
                    "--all",
                ],
                env=house.daemon.environment,
                stdin=terminal,
                capture_output=True,
                timeout=60,
                check=False,
            )
        assert done.returncode == 0
        assert b"Drop 2 for good? No collector will get them." in done.stderr
        assert len(house.numbers()) == left


def test_a_run_to_the_end_that_could_not_hand_over_everything_says_so(house: House) -> None:
    settings = house.daemon.settings
    house.daemon.configure(settings | {"sources": [settings["sources"][0] | {"follow": False}]})
    done = house.daemon.command("run", "--once")
    assert done.returncode == 3
    assert b"2 events set aside; see: lpforwarder rejects list" in done.stderr
    assert house.daemon.command("run", "--once").returncode == 0
    assert len(house.numbers()) == 2


def test_what_is_meant_must_be_said(house: House) -> None:
    for arguments in (["retry"], ["retry", "--all", "1"], ["drop", "--yes"]):
        assert house.rejects(*arguments).returncode == 2


def test_before_the_first_start_nothing_is_set_aside(house: House) -> None:
    assert house.rejects("list").stdout == b"Nothing is set aside.\n"
    assert house.rejects("show", "1").returncode == 7
    assert house.rejects("retry", "1").returncode == 7


def test_nobody_would_send_to_a_collector_that_is_gone(house: House) -> None:
    with house.daemon:
        house.settled()
        first, _ = house.numbers()
        settings = dict(house.daemon.settings)
        settings["collectors"] = [settings["collectors"][0] | {"name": "other", "format": "json"}]
        house.daemon.configure(settings)
        house.daemon.hup()
        done = house.rejects("retry", first)
        assert done.returncode == 3
        assert b"which is not in the configuration" in done.stderr


def test_what_a_relp_collector_refuses_is_set_aside_with_its_words(tmp_path: Path) -> None:
    received: list[bytes] = []
    manners = RelpManners(refuses=lambda message: b"poison" in message)
    with PretendCollector(("127.0.0.1", 0), on_message=received.append, relp=manners) as receiver:
        events = tmp_path / "events.json"
        events.write_text(json.dumps(RECORDS))
        settings = {
            "sources": [{"name": "archive", "type": "file", "path": str(events)}],
            "collectors": [collector(receiver.address[1], transport="relp", fence={"time": "100ms"})],
        }
        with Daemon(tmp_path / "daemon", settings) as daemon:
            daemon.wait_until(lambda facts: facts["collectors"]["siem"]["set_aside"] == 2)
            daemon.wait_until(lambda facts: facts["collectors"]["siem"]["waiting"] == 0)
            facts = json.loads(daemon.command("rejects", "list", "--json").stdout)
            assert {event["code"] for event in facts["events"]} == {"LPF602"}
            shown = daemon.command("rejects", "show", facts["events"][0]["number"]).stdout
            assert b"they said  500 message refused" in shown
            assert b"[meta sequenceId=" in shown
            assert "marker" not in daemon.output()
    got = [
        json.loads(message[message.index(b"{") :])["id"] for message in received if b'"archive"' in message
    ]
    assert sorted(set(got)) == [ID.format(1), ID.format(3)]
