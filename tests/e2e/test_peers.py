"""The main job: 100,000 events through the whole product to real collectors, and what they understood."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
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
        "name": "siem",
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


@pytest.mark.parametrize("payload", ["json", "cef"])
@pytest.mark.parametrize("link", ["tcp", "tls"])
@pytest.mark.parametrize("name", PEERS)
def test_every_event_reaches_a_real_collector_in_order_and_is_understood_as_sent(
    name: str,
    link: str,
    payload: str,
    tmp_path: Path,
    certificates: Certificates,
    hundred_thousand: EventsFile,
) -> None:
    tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file) if link == "tls" else None
    with PEERS[name](tmp_path / "peer", tls) as peer:
        daemon = Daemon(
            tmp_path / "daemon",
            {
                "sources": [{"name": SOURCE, "type": "file", "path": str(hundred_thousand.path)}],
                "collectors": [collector(peer, certificates if tls else None, payload)],
            },
        )
        try:
            done = daemon.command("run", "--once", within=120)
        finally:
            daemon.close()
        assert (done.returncode, done.stdout) == (
            0,
            b"file: 100,000 events in the journal, 0 set aside\nsiem: 100,000 confirmed, 0 waiting\n",
        ), done.stderr
        peer.wait_for(len(hundred_thousand.ids))
        peer.stop()
        received = peer.received()
        assert peer.ids() == hundred_thousand.ids

    procids = {one.procid for one in received}
    assert len(procids) == 1
    assert procids.pop().isdigit()
    wanted = expected(hundred_thousand.path, payload)
    differing = [
        (one, other)
        for one, other in zip(received, wanted, strict=True)
        if replace(one, procid=PROCID.encode()) != other
    ]
    assert differing[:3] == []


def test_every_message_of_the_large_file_is_cef_to_a_strict_reader(hundred_thousand: EventsFile) -> None:
    every_tenth = expected(hundred_thousand.path, "cef")[::10]  # the hostile ones
    read = [read_cef(one.message) for one in every_tenth]
    assert [one.extension["externalId"] for one in read] == hundred_thousand.ids[::10]
