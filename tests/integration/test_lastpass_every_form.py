"""Every action, spelling and form of `Data`, filled with hostile texts, through the whole product and back.

The pretend vault speaks the API, the installed daemon reads it, keeps it and sends it as JSON and as CEF.
What arrives is taken apart by parsers that nobody here wrote: rsyslog's liblognorm and the library cefp.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cefp
import pytest

from lpforwarder import rfc3339
from lpforwarder.event_ids import EVENT_IDS
from lpforwarder.intake.sources.lastpass import catalogue
from lpforwarder.simulator.collector import PretendCollector
from lpforwarder.simulator.vault.event import VaultEvent
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.server import PretendVault
from tests.fakes.daemon import Daemon
from tests.fakes.lastpass_forms import PLAIN, TEXTS, Case, cases
from tests.fakes.normalizing_rsyslog import NormalizingRsyslog
from tests.fakes.strict_rfc5424 import read as read_rfc5424

pytestmark = pytest.mark.slow

ADDRESSES = (
    *("203.0.113.24", "2001:db8::7", "", "999.1.2.3", "::ffff:192.0.2.1"),
    "1.2.3.4\n<34>1 - - - - - - x",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the vault was given, and when it happened: seconds since 1970 UTC, another one for each."""

    case: Case
    at: int
    username: str
    address: str


CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
FRAMINGS = {"json": "octet-counting", "cef": "newline"}
"""With newlines between messages, one inside a message would be two of them."""


def told(now: int) -> dict[str, Told]:
    """By timestamp; the user's name and the address are hostile as well."""
    made = cases()
    return {
        rfc3339.render((now - len(made) + place) * 1000): Told(
            case=case,
            at=now - len(made) + place,
            username=f"{TEXTS[place % len(TEXTS)]}@example.org" if place % 7 else "",
            address=ADDRESSES[place % len(ADDRESSES)],
        )
        for place, case in enumerate(made)
    }


def forward(folder: Path, stories: Mapping[str, Told], ports: Mapping[str, int]) -> None:
    """Runs the daemon until these collectors, by format, have confirmed everything."""
    start = min(story.at for story in stories.values())
    with PretendVault(options=VaultOptions(rate=0.0)) as vault:
        for one in stories.values():
            case = one.case
            vault.add(
                VaultEvent(
                    at=one.at * 1_000_000,
                    username=one.username,
                    ip_address=one.address,
                    action=case.spelling,
                    data=case.data,
                )
            )
        secret = folder / "acme.secret"
        secret.write_text(vault.secret)
        secret.chmod(0o600)
        source = {"name": "acme", "type": "lastpass", "account": vault.options.account, "url": vault.url}
        source |= {"secret_file": str(secret), "first_start": rfc3339.render(start * 1000)}
        collectors = [
            {"name": name, "host": "127.0.0.1", "port": port, "transport": "tcp", "format": name}
            | {"heartbeat": "0s", "fence": {"time": "1s"}, "max_message": "64KiB", "framing": FRAMINGS[name]}
            for name, port in ports.items()
        ]
        with Daemon(folder / "daemon", {"sources": [source], "collectors": collectors}) as daemon:
            daemon.wait_until(lambda facts: all(is_done(facts, name, len(stories)) for name in ports), 120)
            assert daemon.terminate() == 0


def is_done(facts: dict[str, Any], collector: str, events: int) -> bool:
    source, far = facts["sources"]["acme"], facts["collectors"][collector]
    return bool(source["events"] == events and far["checkpoint"] == facts["journal"]["last"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What was told, and what came of it; what the forwarder says of itself is left out."""

    told: dict[str, Told]
    json: dict[str, dict[str, Any]]
    """Events by their timestamp."""
    cef: list[bytes]
    """Payloads as they came."""
    messages: dict[str, int]
    """How many, by format."""


@pytest.fixture(scope="module")
def arrived(tmp_path_factory: pytest.TempPathFactory) -> Arrived:
    stories = told(int(time.time()) - 60)
    got: dict[str, list[bytes]] = {"json": [], "cef": []}
    with ExitStack() as stack:
        ports = {}
        for name, messages in got.items():
            collector = PretendCollector(("127.0.0.1", 0), on_message=messages.append)
            ports[name] = stack.enter_context(collector).address[1]
        forward(tmp_path_factory.mktemp("forms"), stories, ports)
    payloads = {name: [read_rfc5424(message).msg for message in messages] for name, messages in got.items()}
    events = [event for payload in payloads["json"] if (event := json.loads(payload))["source"] == "acme"]
    cef = [payload for payload in payloads["cef"] if b" deviceExternalId=acme " in payload]
    return Arrived(
        told=stories,
        json={event["timestamp"]: event for event in events},
        cef=cef,
        messages={"json": len(events), "cef": len(cef)},
    )


def test_every_event_is_one_message_with_an_id_of_its_own(arrived: Arrived) -> None:
    assert arrived.json.keys() == arrived.told.keys()
    assert arrived.messages == {"json": len(arrived.told), "cef": len(arrived.told)}
    assert len({event["id"] for event in arrived.json.values()}) == len(arrived.told)
    assert not any(CONTROL.search(payload.decode()) for payload in arrived.cef)


def test_raw_texts_arrive_as_they_were_and_the_name_decides_the_meaning(arrived: Arrived) -> None:
    for at, one in arrived.told.items():
        event, action = arrived.json[at], meaning(one.case)
        assert event["vendorAction"] == whole(one.case.spelling)
        assert event.get("vendorData", "") == whole(one.case.data)
        assert (event["eventId"], event["action"]) == (action.event_id, action.verb), one
        assert (event["result"], event["severity"]) == (action.result, action.severity), one
        assert event["eventType"] == EVENT_IDS[action.event_id].event_type
        assert event.get("sourceIp", event.get("sourceIpRaw", "")).strip() == one.address.strip()
        person = event.get("targetUser" if action.event_id.startswith("1") else "sourceUser", "")
        assert person == whole(one.username.strip())


def test_each_form_gives_the_right_people_and_things_or_none(arrived: Arrived) -> None:
    """Texts of users are not escaped in `Data`, so some can be read in two ways: those give no field."""
    absent = set()
    for at, one in arrived.told.items():
        for name, value in (one.case.parts or {}).items():
            if name not in arrived.json[at]:
                absent.add((one.case.form, one.case.text))
            elif (one.case.form, one.case.text) != ("policy", "p New value: q"):  # is a policy with a value
                assert arrived.json[at][name] == whole(value), one
    assert not {text for _, text in absent} - AMBIGUOUS
    assert PLAIN not in AMBIGUOUS


AMBIGUOUS = {
    *("a,b", "a, b", "VID: 7", "(open", "close)", ")(", "a' 'b", "a' to 'b", "u-Shared-v", "p New value: q")
}
"""Texts that look like a part of the form they stand in."""


def test_a_library_for_cef_reads_every_message_to_the_letter(arrived: Arrived) -> None:
    seen = set()
    for payload in arrived.cef:
        read = cefp.parse(payload.decode())
        event = arrived.json[read["extension"]["cs6"]]
        device = read["device"]
        assert (read["version"], device["vendor"], device["product"]) == ("0", "LastPass", "Enterprise")
        assert (device["event_class_id"], read["severity"]) == (event["eventId"], str(event["severity"]))
        assert read["name"] == EVENT_IDS[event["eventId"]].name
        assert read["extension"] == extension(event)
        seen.add(event["timestamp"])
    assert seen == arrived.told.keys()


@pytest.mark.peers
@pytest.mark.usefixtures("peers")
def test_rsyslog_reads_every_message_to_the_letter(arrived: Arrived, tmp_path: Path) -> None:
    with NormalizingRsyslog(tmp_path / "rsyslog") as rsyslog:
        forward(tmp_path, arrived.told, {"cef": rsyslog.port})
        rsyslog.wait_until_idle()
        parsed = [line["cef"] for line in rsyslog.parsed()]
    parsed = [read for read in parsed if read["Extensions"]["deviceExternalId"] == "acme"]
    assert len(parsed) == len(arrived.told)
    for read in parsed:
        found = dict(read["Extensions"])
        event = arrived.json[found["cs6"]]
        # liblognorm takes the first octet behind the header for a space, also when a key begins there.
        found["rt"] = found.pop("t")
        assert found == extension(event)
        assert (read["DeviceVendor"], read["DeviceProduct"]) == ("LastPass", "Enterprise")
        assert (read["SignatureID"], read["Severity"]) == (event["eventId"], str(event["severity"]))
        assert read["Name"] == EVENT_IDS[event["eventId"]].name


def meaning(case: Case) -> catalogue.Action:
    """`Log in` is the one name with two meanings."""
    is_launch = case.action.key == "log_in" and not (
        case.data in ("", "lastpass.com") or case.data.startswith("LastPass via ")
    )
    return catalogue.ITEM_LAUNCH if is_launch else case.action


def whole(value: Any) -> Any:
    """Half a character has no octets in UTF-8."""
    if isinstance(value, str):
        return "".join("\ufffd" if "\ud800" <= sign <= "\udfff" else sign for sign in value)
    return [whole(one) for one in value] if isinstance(value, list) else value


KEYS = {
    "eventType": "cat",
    "sourceUser": "suser",
    "targetUser": "duser",
    "itemName": "fname",
    "action": "act",
    "message": "msg",
    "source": "deviceExternalId",
    "id": "externalId",
    "vendorAction": "lpforwarderVendorAction",
    "vendorData": "lpforwarderVendorData",
    "sourceIpRaw": "lpforwarderSourceIpRaw",
}
LABELLED = {"method": 1, "folderName": 2, "attribute": 3, "mfa": 4, "mfaType": 5}


def extension(event: Mapping[str, Any]) -> dict[str, str]:
    """What a reader of CEF must find of an event, told without the code of the format."""
    found = {key: one_line(str(event[name])) for name, key in KEYS.items() if name in event}
    if event["result"] in ("success", "failure", "unknown"):
        found["outcome"] = event["result"]
    for name, number in LABELLED.items():
        if name in event:
            found |= {f"cs{number}": one_line(str(event[name])), f"cs{number}Label": name}
    if "method" in event:
        found["cs1Label"] = "authMethod"
    if "targetUsers" in event:
        found["lpforwarderTargetUsers"] = one_line(",".join(event["targetUsers"]))
    milliseconds = rfc3339.parse(event["timestamp"])
    found |= {"rt": str(milliseconds), "cs6": event["timestamp"], "cs6Label": "eventTimeRfc3339"}
    address = event.get("sourceIp", "")
    if ":" in address and "." in address:
        found["src"] = address.rpartition(":")[2]
    elif ":" in address:
        found |= {"c6a2": address, "c6a2Label": "Source IPv6 Address"}
    elif address:
        found["src"] = address
    return {key: value for key, value in found.items() if value}


def one_line(text: str) -> str:
    """Breaks as CR or LF, which CEF writes as escapes; tabs as blanks; other controls as numbers."""
    seen = ""
    for sign in text:
        code = ord(sign)
        if code in (0x85, 0x2028, 0x2029):
            seen += "\n"
        elif sign == "\t":
            seen += " "
        elif sign not in "\r\n" and (code < 32 or 127 <= code < 160):
            seen += f"#{code:03o}"
        else:
            seen += sign
    return seen.strip(" ")
