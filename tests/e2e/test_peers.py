"""The main job: 100,000 events through the whole product to real collectors, and what they understood."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
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
from tests.fakes.received import Received
from tests.fakes.strict_cef import read as read_cef
from tests.fakes.strict_framing import read_octet_counted
from tests.fakes.strict_rfc5424 import Message
from tests.fakes.strict_rfc5424 import read as read_rfc5424

pytestmark = [pytest.mark.peers, pytest.mark.usefixtures("peers")]

HOSTNAME = "fwd1.example.net"
PROCID = "4711"
PAYLOADS = ("json", "cef")
BUT_PROCID = attrgetter(*(part for part in Received.__slots__ if part != "procid"))
SOURCE = "file"  # what `render` calls the source of what it reads

PEERS: dict[str, Callable[[Path, ServerTls | None], Peer]] = {
    "rsyslog": lambda folder, tls: Rsyslog(folder, tls=tls, permitted=(CLIENT_NAME,) if tls else ()),
    "syslog-ng": lambda folder, tls: SyslogNg(folder, tls=tls),
}


@cache
def expected(file: Path, payload: str) -> tuple[Received, ...]:
    """What a receiver has to understand: `render` of the same file, taken apart by the strict readers."""
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
    return tuple(understood(read_rfc5424(octets)) for octets in read_octet_counted(done.stdout))


def understood(message: Message) -> Received:
    assert not message.elements
    assert not message.has_bom
    return Received(
        pri=b"%d" % (message.facility * 8 + message.severity),
        timestamp=message.timestamp.encode(),
        hostname=message.hostname.encode(),
        app_name=message.app_name.encode(),
        procid=message.procid.encode(),
        msgid=message.msgid.encode(),
        structured_data=b"-",
        message=message.msg,
    )


def collector(peer: Peer, certificates: Certificates | None, payload: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": payload,
        "host": "127.0.0.1",
        "port": peer.port,
        "transport": "tcp",
        "format": payload,
        "hostname": HOSTNAME,
        "heartbeat": "0s",
    }
    if certificates is not None:
        client = certificates.client
        files = {"ca_file": certificates.ca_file, "cert_file": client.cert_file, "key_file": client.key_file}
        made |= {"transport": "tls", "tls": {key: str(path) for key, path in files.items()}}
    return made


@pytest.mark.parametrize("link", ["tcp", "tls"])
@pytest.mark.parametrize("name", PEERS)
def test_every_event_reaches_real_collectors_in_order_and_is_understood_as_sent(
    name: str, link: str, tmp_path: Path, certificates: Certificates, hundred_thousand: EventsFile
) -> None:
    tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file) if link == "tls" else None
    with ExitStack() as peers:
        by_payload = {
            payload: peers.enter_context(PEERS[name](tmp_path / payload, tls)) for payload in PAYLOADS
        }
        forward(
            tmp_path / "daemon",
            hundred_thousand.path,
            [collector(peer, certificates if tls else None, payload) for payload, peer in by_payload.items()],
        )
        for payload, peer in by_payload.items():
            peer.wait_for(len(hundred_thousand.ids))
            peer.stop()
            assert peer.ids() == hundred_thousand.ids
            check(peer.received(), expected(hundred_thousand.path, payload))


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


def check(received: list[Received], wanted: Sequence[Received]) -> None:
    """Every part is as wanted but PROCID, which is the number of the one process that sent them all."""
    procids = {one.procid for one in received}
    assert len(procids) == 1
    assert procids.pop().isdigit()
    pairs = zip(map(BUT_PROCID, received), map(BUT_PROCID, wanted), strict=True)
    assert [(one, other) for one, other in pairs if one != other][:3] == []


def test_every_hostile_message_of_the_large_file_is_cef_to_a_strict_reader(
    hundred_thousand: EventsFile,
) -> None:
    hostile = expected(hundred_thousand.path, "cef")[::10]
    assert [read_cef(one.message).extension["externalId"] for one in hostile] == hundred_thousand.ids[::10]
