"""Nothing of an event goes anywhere but into the journal and onto the wire, even when everything fails."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lpforwarder.event import OWN
from lpforwarder.runtime.control import ask
from lpforwarder.simulator.collector import PretendCollector
from lpforwarder.simulator.relp import RelpManners
from tests.fakes.daemon import Daemon
from tests.fakes.foreign_plugins import PICKY, RAISING, install
from tests.fakes.patience import until
from tests.fakes.small_setup import collector

MARK = "zzmarker"
JOURNAL = ("journal.db", "journal.db-wal", "journal.db-shm")
TEXTS = (
    *("id", "eventId", "eventType", "sourceIp", "sourceUser", "targetUser", "result", "method", "mfaType"),
    *("itemName", "folderName", "attribute", "action", "message", "reason", "vendorAction", "vendorData"),
)


def records() -> list[dict[str, Any]]:
    """Events with the mark in every field, in a name of a field, nested, and as a wrong time."""
    everywhere: dict[str, Any] = {field: f"{MARK}-{field}@example.org" for field in TEXTS}
    everywhere |= {
        "targetUsers": [f"{MARK}-users@example.org"],
        f"{MARK}-name": {f"{MARK}-inner": f"{MARK}-deep"},
    }
    return [
        everywhere | {"timestamp": "2022-12-14T17:33:43.369Z"},
        everywhere | {"id": f"{MARK}-2", "timestamp": f"{MARK}-timestamp", "message": f"poison {MARK}"},
        everywhere
        | {"id": f"{MARK}-3", "timestamp": "2022-12-14T17:33:44.369Z", "message": f"refuse {MARK}"},
        everywhere | {"id": f"{MARK}-4", "timestamp": "2022-12-14T17:33:45.369Z", "message": MARK * 5000},
        everywhere
        | {"id": f"{MARK}-5", "timestamp": "2022-12-14T17:33:46.369Z", "severity": f"{MARK}-severity"},
    ]


class House:
    """A daemon that talks as much as it can, with a source and a format that fail, and with bad records."""

    def __init__(self, folder: Path, ports: tuple[int, int, int]) -> None:
        self.folder = folder
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(str(folder / "notify"))
        self.notified.setblocking(False)
        events = folder / "events.jsonl"
        lines = [json.dumps(record) for record in records()]
        events.write_text("\n".join([*lines, f"{{broken {MARK}", f'["{MARK}"]', '{"id": 1' * 3]) + "\n")
        site = folder / "site"
        install(site, "sources", "raising", RAISING, "RaisingSource")
        environment = install(site, "formats", "picky", PICKY, "PickyFormat")
        plain, relp, nobody = ports
        sources = [
            {"name": "archive", "type": "file", "path": str(events), "follow": True, "poll_interval": "50ms"},
            {
                "name": "raising",
                "type": "raising",
                "text": f"{MARK}-raised@example.org",
                "poll_interval": "50ms",
            },
        ]
        self.usual = {
            "sources": sources,
            "collectors": [
                collector(plain, name="picky", format="picky", fence={"time": "100ms"}),
                collector(relp, name="relp", transport="relp", max_message=2000),
                collector(nobody, name="nobody"),
            ],
            "log": {"level": "debug", "format": "json"},
            "drain": "1s",
        }
        self.daemon = Daemon(folder / "daemon", self.usual, environment=environment | {
            "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "4000000",
        })  # fmt: skip

    def said_to_systemd(self) -> bytes:
        said = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                said += self.notified.recv(65_536) + b"\n"
        return said

    def files(self) -> Iterator[Path]:
        """Everything that the daemon writes, but for the journal itself."""
        for path in self.daemon.folder.rglob("*"):
            if path.is_file() and path.name not in (*JOURNAL, self.daemon.file.name):
                yield path

    def answers(self) -> Iterator[bytes]:
        """What anybody is told who asks, but for `rejects show`, which is asked for contents."""
        for request in ({"command": "status"}, {"command": "rejects", "do": "list"}, {"command": MARK[:2]}):
            with contextlib.suppress(Exception):
                yield json.dumps(ask(self.daemon.socket, request, 5.0)).encode()
        for arguments in (
            ["status"],
            ["--json", "status"],
            ["rejects", "list"],
            ["--json", "rejects", "list"],
        ):
            done = self.daemon.command(*arguments)
            yield done.stdout + done.stderr
        retried = self.daemon.command("rejects", "retry", "--all")
        yield retried.stdout + retried.stderr


@pytest.fixture
def received() -> list[bytes]:
    return []


@pytest.fixture
def house(tmp_path: Path, received: list[bytes], nobody: int) -> Iterator[House]:
    relp = RelpManners(refuses=lambda message: b"refuse" in message)
    with (
        PretendCollector(("127.0.0.1", 0), on_message=received.append) as plain,
        PretendCollector(("127.0.0.1", 0), on_message=received.append, relp=relp) as reliable,
    ):
        house = House(tmp_path, (plain.address[1], reliable.address[1], nobody))
        with contextlib.closing(house.daemon), contextlib.closing(house.notified):
            yield house


def test_the_log_and_all_answers_hold_nothing_of_any_event(house: House, received: list[bytes]) -> None:
    daemon = house.daemon
    said: list[bytes] = []
    with daemon:
        daemon.wait_until(
            lambda facts: (
                facts["collectors"]["picky"]["set_aside"] >= 1
                and facts["collectors"]["relp"]["set_aside"] >= 1
                and facts["sources"]["archive"]["rejects"] >= 3
                and facts["sources"]["raising"]["state"] == "crashed"
                and facts["collectors"]["nobody"]["error"] is not None
            ),
            within=90.0,
        )
        said += house.answers()
        daemon.file.write_text(f'sources: [{{name: "{MARK[:2]}"}}]')
        daemon.hup()
        daemon.configure(house.usual | {"log": {"level": "debug", "format": "text"}})
        daemon.hup()
        until(lambda: "event.set_aside" in daemon.output())
        daemon.kill()
        daemon.start()
        daemon.wait_until(lambda facts: facts["running"])
        said += house.answers()
        assert daemon.terminate() == 0
        said += house.answers()
    for output in (*said, house.said_to_systemd()):
        assert MARK.encode() not in output
    for path in house.files():
        assert MARK.encode() not in path.read_bytes(), path
    log = daemon.output()
    for event in (
        "worker.crashed",
        "event.set_aside",
        "settings.refused",
        "worker.failed",
        "service.drained",
    ):
        assert event in log
    own = [message for message in received if f'"source":"{OWN}"'.encode() in message]
    assert own
    assert not [message for message in own if MARK.encode() in message]
    # The mark was there to be found: on the wire, in the journal, and for who asks to be shown.
    assert any(MARK.encode() in message for message in received)
    numbers = [
        event["number"] for event in json.loads(daemon.command("rejects", "list", "--json").stdout)["events"]
    ]
    assert MARK.encode() in daemon.command("rejects", "show", numbers[0]).stdout
