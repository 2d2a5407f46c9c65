"""What must not be known is in no file and in no message: for all, or for one collector."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lpforwarder.simulator.collector import PretendCollector
from tests.fakes.daemon import Daemon
from tests.fakes.patience import until
from tests.fakes.small_setup import collector

KEY = "a key for the hashes of this test"
USER, OTHER, ITEM, ADDRESS = "ana@example.org", "ben@example.org", "Payroll of Ana", "192.0.2.77"
SECRETS = (USER, OTHER, ITEM, ADDRESS)


def record(number: int) -> dict[str, Any]:
    return {
        "id": f"event-{number}",
        "timestamp": "2022-12-14T17:33:43.369Z",
        "eventId": "4001",
        "eventType": "itemchange",
        "sourceIp": ADDRESS,
        "sourceUser": USER,
        "targetUser": OTHER,
        "targetUsers": [OTHER, USER],
        "itemName": ITEM,
        "message": f'{USER.upper()} gave "{ITEM}" to {OTHER} from {ADDRESS}.',
        "vendorData": json.dumps({"who": USER, "what": ITEM, "to": [OTHER], "from": ADDRESS}),
    }


def mac(text: str) -> str:
    return "hmac-sha256:" + hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]


class House:
    """A daemon with a file of events and a line that is none, and two collectors that note what they get."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.received: dict[str, list[bytes]] = {"siem": [], "archive": []}
        (folder / "hash.key").touch(mode=0o600)
        (folder / "hash.key").write_text(KEY + "\n")
        lines = [json.dumps(record(number)) for number in range(3)]
        self.events = folder / "events.jsonl"
        self.events.write_text("\n".join([*lines, f"broken {USER} {ITEM}"]) + "\n")

    @contextlib.contextmanager
    def daemon(self, privacy: dict[str, Any], of_siem: dict[str, Any]) -> Iterator[Daemon]:
        with contextlib.ExitStack() as open_ones:
            ports = {
                name: open_ones.enter_context(
                    PretendCollector(("127.0.0.1", 0), on_message=messages.append)
                ).address[1]
                for name, messages in self.received.items()
            }
            source = {"name": "file", "type": "file", "path": str(self.events), "follow": True}
            settings = {
                "sources": [source | {"poll_interval": "50ms"}],
                "collectors": [
                    collector(ports["siem"], fence={"time": "100ms"}, privacy=of_siem),
                    collector(ports["archive"], name="archive", fence={"time": "100ms"}),
                ],
                "privacy": privacy,
            }
            daemon = Daemon(self.folder / "daemon", settings)
            yield open_ones.enter_context(contextlib.closing(daemon))

    def events_of(self, name: str) -> list[dict[str, Any]]:
        found = [json.loads(message[message.index(b"{") :]) for message in self.received[name]]
        return [event for event in found if event["source"] == "file"]

    def stored(self) -> bytes:
        """All octets that the daemon has on the disk."""
        found = [path for path in (self.folder / "daemon").rglob("*") if path.is_file()]
        return b"".join(path.read_bytes() for path in found if path.name != "lpforwarder.yaml")


def arrived(daemon: Daemon) -> None:
    daemon.wait_until(
        lambda facts: (
            facts["sources"]["file"]["events"] == 3
            and facts["sources"]["file"]["rejects"] == 1
            and all(part["confirmed"] >= 3 for part in facts["collectors"].values())
            and all(part["waiting"] == 0 for part in facts["collectors"].values())
        )
    )


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_for_all_it_is_neither_on_the_disk_nor_on_the_wire(house: House) -> None:
    privacy: dict[str, Any] = {"drop": ["itemName", "sourceIp"], "hash": ["sourceUser", "targetUser"]}
    privacy |= {"hash_key_file": str(house.folder / "hash.key")}
    with house.daemon(privacy, {}) as daemon, daemon:
        arrived(daemon)
        facts = json.loads(daemon.command("rejects", "show", "--json", "r1").stdout)["found"][0]
        octets = len(f"broken {USER} {ITEM}")
        assert facts["octets"] == octets
        assert facts["raw"] == f"[not kept: {octets} octets, {mac(f'broken {USER} {ITEM}')}]"
        assert daemon.terminate() == 0
    for name in house.received:
        events = house.events_of(name)
        assert [event["id"] for event in events] == ["event-0", "event-1", "event-2"]
        assert (events[0]["sourceUser"], events[0]["targetUser"]) == (mac(USER), mac(OTHER))
        assert events[0]["targetUsers"] == [mac(OTHER), mac(USER)]
        assert events[0]["message"] == f'{mac(USER)} gave "[removed]" to {mac(OTHER)} from [removed].'
    everything = house.stored() + b"".join(house.received["siem"] + house.received["archive"])
    for secret in SECRETS:
        assert secret.encode() not in everything
        assert secret.upper().encode() not in everything
    assert b"ana@" not in everything.lower()
    assert KEY.encode() not in everything


def test_for_one_collector_the_other_gets_all(house: House) -> None:
    privacy: dict[str, Any] = {
        "hash": ["sourceUser", "targetUser"],
        "drop": ["vendorData", "itemName", "sourceIp"],
    }
    privacy |= {"hash_key_file": str(house.folder / "hash.key")}
    with house.daemon({}, privacy) as daemon, daemon:
        arrived(daemon)
        assert daemon.terminate() == 0
    assert house.events_of("archive") == [
        record(number) | {"source": "file", "severity": 4} for number in range(3)
    ]
    assert house.events_of("siem")[0]["sourceUser"] == mac(USER)
    wire = b"".join(house.received["siem"])
    assert not [secret for secret in SECRETS if secret.encode() in wire or secret.upper().encode() in wire]
    assert USER.encode() in house.stored()


def test_a_reload_takes_new_rules_for_what_comes_then(house: House) -> None:
    with house.daemon({}, {}) as daemon, daemon:
        arrived(daemon)
        daemon.configure(daemon.settings | {"privacy": {"drop": ["itemName"]}})
        daemon.hup()
        with house.events.open("a") as file:
            file.write(json.dumps(record(3)) + "\n")
        until(lambda: len(house.events_of("archive")) == 4)
    events = house.events_of("archive")
    assert ("itemName" in events[2], "itemName" in events[3]) == (True, False)


def test_a_key_that_others_can_read_stops_the_start(house: House) -> None:
    (house.folder / "hash.key").chmod(0o644)
    privacy = {"hash": ["sourceUser"], "hash_key_file": str(house.folder / "hash.key")}
    with house.daemon(privacy, {}) as daemon:
        checked = daemon.command("check-config")
        assert checked.returncode == 77
        assert b"error[LPF110]" in checked.stderr
        assert daemon.command("run").returncode == 77


def test_what_is_in_effect_can_be_looked_at(house: House) -> None:
    privacy = {"drop": ["itemName"], "hash": ["sourceUser"], "hash_key_file": str(house.folder / "hash.key")}
    with house.daemon(privacy, {"drop": ["message"]}) as daemon:
        shown = daemon.command("check-config", "--show").stdout.decode()
        assert "    privacy:" in shown
        assert "drop: [message]" in shown
        assert "drop: [itemName]" in shown
        assert "hash_key_file: " in shown
        assert KEY not in shown
        schema = json.loads(daemon.command("check-config", "--schema").stdout)
        assert "privacy" in schema["properties"]


@pytest.mark.parametrize(
    "command", [("run", "--dry-run"), ("--json", "test-pull"), ("render", "--collector", "siem")]
)
def test_commands_that_show_events_show_them_as_they_would_be_sent(
    house: House, command: tuple[str, ...]
) -> None:
    house.events.write_text(json.dumps(record(0)) + "\n")
    privacy = {"hash": ["sourceUser"], "drop": ["itemName"], "hash_key_file": str(house.folder / "hash.key")}
    with house.daemon(privacy, {"drop": ["sourceIp"]}) as daemon:
        file = (str(house.events),) if command[0] == "render" else ()
        done = daemon.command(*command, *file)
        assert done.returncode == 0, done.stderr
    assert mac(USER).encode() in done.stdout
    assert ITEM.encode() not in done.stdout
    assert USER.encode() not in done.stdout
    if command[0] == "render":
        assert ADDRESS.encode() not in done.stdout
