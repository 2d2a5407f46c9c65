"""The main job: 100,000 events through the whole product to real collectors, and what they understood."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import EventsFile
from tests.fakes.certificates import CLIENT_NAME, Certificates, ServerTls
from tests.fakes.daemon import Daemon, clean_environment
from tests.fakes.peers import Peer, Rsyslog, SyslogNg
from tests.fakes.received import Received, event_ids, is_own
from tests.fakes.strict_cef import read as read_cef
from tests.fakes.strict_framing import read_octet_counted
from tests.fakes.strict_rfc5424 import read as read_rfc5424

pytestmark = [pytest.mark.peers, pytest.mark.usefixtures("peers")]

HOSTNAME = "fwd1.example.net"
PROCID = b"4711"
PAYLOADS = ("json", "cef")
HEADER = attrgetter("pri", "timestamp", "hostname", "app_name", "msgid")
SEQUENCE_ID = re.compile(rb'\[meta sequenceId="([0-9]+)"\]')
SOURCE = "file"  # what `render` calls the source of what it reads

PEERS: dict[str, Callable[[Path, ServerTls | None], Peer]] = {
    "rsyslog": lambda folder, tls: Rsyslog(folder, tls=tls, permitted=(CLIENT_NAME,) if tls else ()),
    "syslog-ng": lambda folder, tls: SyslogNg(folder, tls=tls),
    "imrelp": lambda folder, tls: Rsyslog(
        folder, tls=tls, permitted=(CLIENT_NAME,) if tls else (), speaks="relp"
    ),
    "imrelp with GnuTLS": lambda folder, tls: Rsyslog(
        folder, tls=tls, permitted=(CLIENT_NAME,), speaks="relp", driver="gtls"
    ),
}
LINKS = [
    *[(name, link) for name in ("rsyslog", "syslog-ng") for link in ("tcp", "tls")],
    *[("imrelp", "relp"), ("imrelp", "relp-tls"), ("imrelp with GnuTLS", "relp-tls")],
]


@cache
def rendered(file: Path, payload: str) -> list[bytes]:
    """The messages of all events in that file, as `render` prints them."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "lpforwarder", "render", "--format", payload, "--framing"),
            *("octet-counting", "--hostname", HOSTNAME, "--procid", PROCID, str(file)),
        ],
        env=clean_environment(file.parent),
        capture_output=True,
        timeout=120,
        check=True,
    )
    return read_octet_counted(done.stdout)


def collector(peer: Peer, link: str, certificates: Certificates, payload: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": payload,
        "host": "127.0.0.1",
        "port": peer.port,
        "transport": link,
        "format": payload,
        "hostname": HOSTNAME,
        "heartbeat": "0s",
    }
    if link.endswith("tls"):
        client = certificates.client
        files = {"ca_file": certificates.ca_file, "cert_file": client.cert_file, "key_file": client.key_file}
        made |= {"tls": {key: str(path) for key, path in files.items()}}
    return made


@pytest.mark.parametrize(("name", "link"), LINKS)
def test_every_event_reaches_real_collectors_in_order_and_is_understood_as_sent(
    name: str, link: str, tmp_path: Path, certificates: Certificates, hundred_thousand: EventsFile
) -> None:
    is_tls = link.endswith("tls")
    tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file) if is_tls else None
    with ExitStack() as peers:
        by_payload = {
            payload: peers.enter_context(PEERS[name](tmp_path / payload, tls)) for payload in PAYLOADS
        }
        forward(
            tmp_path / "daemon",
            hundred_thousand.path,
            [collector(peer, link, certificates, payload) for payload, peer in by_payload.items()],
        )
        for payload, peer in by_payload.items():
            peer.wait_for(len(hundred_thousand.ids))
            peer.stop()
            received = peer.received()
            assert event_ids(one.message for one in received) == hundred_thousand.ids
            check(received, rendered(hundred_thousand.path, payload))


def forward(folder: Path, events: Path, collectors: list[dict[str, Any]]) -> None:
    """`run --once` of that file to these collectors; it says that all was confirmed."""
    source = {"name": SOURCE, "type": "file", "path": str(events)}
    daemon = Daemon(folder, {"sources": [source], "collectors": collectors})
    try:
        done = daemon.command("run", "--once", within=180)
    finally:
        daemon.close()
    told = ["file: 100,000 events in the journal, 0 set aside"]
    told += [f"{one['name']}: 100,000 confirmed, 0 waiting" for one in collectors]
    assert (done.returncode, done.stdout.decode().splitlines()) == (0, told), done.stderr


def rebuilt(one: Received) -> bytes:
    """The octets of the message with these parts, but for PROCID."""
    head = b"<%b>1 %b %b %b" % (one.pri, one.timestamp, one.hostname, one.app_name)
    return b"%b %b %b %b %b" % (head, PROCID, one.msgid, one.structured_data, one.message)


def check(received: list[Received], sent: list[bytes]) -> None:
    """Each was understood as it was sent; only PROCID is the number of the one process that sent them all.

    Parts without spaces that make up the message again, octet by octet, are its only parts. The structured
    data is the message's number and nothing else; the numbers have no gap, and what the forwarder says about
    itself has one as well.
    """
    found = [SEQUENCE_ID.fullmatch(one.structured_data) for one in received]
    assert [int(match[1]) for match in found if match] == list(range(1, len(received) + 1))
    received = [one for one in received if not is_own(one.message)]
    procids = {one.procid for one in received}
    assert len(procids) == 1
    assert procids.pop().isdigit()
    assert not any(b" " in part for one in received for part in HEADER(one))
    pairs = zip(map(unnumbered, map(rebuilt, received)), map(unnumbered, sent), strict=True)
    assert [(one, other) for one, other in pairs if one != other][:3] == []


def unnumbered(message: bytes) -> bytes:
    """The message without its number."""
    return SEQUENCE_ID.sub(b"-", message, count=1)


def test_every_hostile_message_of_the_large_file_is_one_to_strict_readers(
    hundred_thousand: EventsFile,
) -> None:
    ids = hundred_thousand.ids[::10]
    as_json, as_cef = (
        [read_rfc5424(octets).msg for octets in rendered(hundred_thousand.path, payload)[::10]]
        for payload in PAYLOADS
    )
    assert [json.loads(message)["id"] for message in as_json] == ids
    assert [read_cef(message).extension["externalId"] for message in as_cef] == ids
