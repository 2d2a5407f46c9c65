"""The endpoint goes away while clients wait: each knows where it stands, and the end comes in time."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.test_endpoint import Reader, of_source, port_of, serving, token
from tests.fakes.certificates import Certificates
from tests.fakes.collectors import CollectorProcess
from tests.fakes.wished_events import WISHED

MANY = 200
IN_TIME = 10.0
"""Seconds the end may take whatever the clients do."""


@dataclass
class Asking:
    """A client that has asked and reads later, over one connection."""

    line: socket.socket

    def ask(self, path: str, token: str, *headers: str) -> None:
        head = [f"GET {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}", *headers]
        self.line.sendall(("\r\n".join(head) + "\r\n\r\n").encode())

    def rest(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of all that came until the far side closed; status 0 when nothing came."""
        octets = b""
        try:
            while chunk := self.line.recv(65536):
                octets += chunk
        except ConnectionError:
            pass
        if not octets:
            return 0, {}, b""
        head, _, body = octets.partition(b"\r\n\r\n")
        first, *others = head.decode().split("\r\n")
        named = (line.split(": ", 1) for line in others)
        return int(first.split()[1]), {name.lower(): value for name, value in named}, body


@contextmanager
def clients(port: int, count: int, tls: ssl.SSLContext | None = None) -> Iterator[list[Asking]]:
    with ExitStack() as lines:

        def connect() -> Asking:
            plain = socket.create_connection(("127.0.0.1", port), timeout=30)
            line = plain if tls is None else tls.wrap_socket(plain, server_hostname="localhost")
            return Asking(lines.enter_context(line))

        yield [connect() for _ in range(count)]


def wait_all(reader: Reader, asked: list[Asking], cursor: str, *headers: str) -> None:
    """All of them ask for what is not there, and the service holds them."""
    for client in asked:
        client.ask(f"/v1/events?after={cursor}&source=archive&wait=60", reader.token, *headers)
    # Who comes later is answered later: then it has read what all of them ask.
    assert reader.get("/healthz").status == 200


def all_are_answered(asked: list[Asking], body: bytes) -> set[str]:
    """Each got an answer without events; their cursors."""
    answers = [client.rest() for client in asked]
    assert {status for status, _, _ in answers} == {200}
    assert {text for _, _, text in answers} == {body}
    assert {headers["connection"] for _, headers, _ in answers} == {"close"}
    return {headers["lpforwarder-cursor"] for _, headers, _ in answers}


def test_clients_that_wait_are_answered_when_the_service_ends(
    tmp_path: Path, receiver: CollectorProcess
) -> None:
    with serving(tmp_path, receiver) as daemon:
        daemon.wait_until_confirmed("siem", len(WISHED))
        reader = Reader(port_of(daemon), token(daemon, "splunk"))
        _, cursor = reader.all(1000)
        with clients(reader.port, MANY) as asked, clients(reader.port, 1) as lines:
            wait_all(reader, lines, cursor, "Accept: application/x-ndjson")
            wait_all(reader, asked, cursor)
            began = time.monotonic()
            assert daemon.terminate() == 0
            assert time.monotonic() - began < IN_TIME
            given = all_are_answered(asked, b"[]") | all_are_answered(lines, b"")
        daemon.start()
        port = port_of(daemon)
        for one in list(given)[:3]:  # each of them goes on where it was
            later = Reader(port, reader.token).get(f"/v1/events?after={one}").events
            assert of_source(later) == []
            assert "8001" in {event["eventId"] for event in later}


def test_clients_that_wait_are_answered_when_a_reload_takes_the_port_away(
    tmp_path: Path, receiver: CollectorProcess, certificates: Certificates
) -> None:
    pair = certificates.server
    tls: dict[str, Any] = {"cert_file": str(pair.cert_file), "key_file": str(pair.key_file)}
    trust = ssl.create_default_context(cafile=certificates.ca_file)
    with serving(tmp_path, receiver) as daemon:
        daemon.wait_until_confirmed("siem", len(WISHED))
        reader = Reader(port_of(daemon), token(daemon, "splunk"))
        _, cursor = reader.all(1000)
        with clients(reader.port, 20) as asked:
            wait_all(reader, asked, cursor)
            daemon.configure(daemon.settings | {"http": {"listen": "localhost:0", "tls": tls}})
            daemon.hup()
            cursors = all_are_answered(asked, b"[]")
        reader = Reader(port_of(daemon), reader.token, trust)
        assert reader.get(f"/v1/events?after={cursors.pop()}&source=archive").ids == []
        with clients(reader.port, 20, trust) as asked:
            wait_all(reader, asked, cursor)
            daemon.configure(daemon.settings | {"http": {"listen": "none"}})
            daemon.hup()
            all_are_answered(asked, b"[]")
        assert daemon.status()["http"] is None
        assert daemon.terminate() == 0
