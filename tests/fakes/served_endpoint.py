"""The endpoint on a real socket with a real journal, inside the test; and a client for it."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lpforwarder import rfc3339
from lpforwarder.endpoint.access import Doorkeeper
from lpforwarder.endpoint.application import Service, application
from lpforwarder.endpoint.contract import Access
from lpforwarder.endpoint.credentials import Credentials
from lpforwarder.endpoint.cursors import Cursors
from lpforwarder.endpoint.listening import listen
from lpforwarder.endpoint.server import EndpointServer, Limits
from lpforwarder.endpoint.tokens import TokenFile, make
from lpforwarder.event import Event
from lpforwarder.journal.pulling import PulledJournal
from lpforwarder.journal.sqlite import SqliteJournal, open_journal
from lpforwarder.runtime.stop import Stop
from tests.fakes.pulled_journal import KEY

FOR_EVER = 10**9
_END_SECONDS = 15.0


@dataclass(frozen=True)
class Answer:
    """Status, headers and body of an answer."""

    status: int
    headers: Any
    body: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.body)
        return found

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.events]

    @property
    def cursor(self) -> str:
        return str(self.headers["Lpforwarder-Cursor"])


def fetch(port: int, path: str, token: str = "", *, method: str = "GET", **headers: str) -> Answer:
    """One request over a connection of its own."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        client.request(
            method, path, headers=({"Authorization": f"Bearer {token}"} if token else {}) | headers
        )
        answer = client.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        client.close()


def exchange(port: int, octets: bytes, within: float = 10.0, tls: ssl.SSLContext | None = None) -> bytes:
    """Sends these octets as they are, and gives all that comes back until the far side closes."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=within) as plain:
        line = plain if tls is None else tls.wrap_socket(plain, server_hostname="localhost")
        try:
            line.sendall(octets)
            while chunk := line.recv(65536):
                answer += chunk
        except ConnectionError:
            pass
    return answer


def wait_until(is_so: Callable[[], bool], within: float = 20.0) -> None:
    """Returns once it is so; AssertionError when that takes longer."""
    deadline = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


@dataclass
class Served:
    """What a test has in its hands."""

    port: int
    journal: SqliteJournal
    tokens: TokenFile
    server: EndpointServer
    accesses: list[Access] = field(default_factory=list)

    def token(self, name: str = "reader", **of: Any) -> str:
        """A new token's text; `expires`, `sources` and `rate` as make() takes them."""
        usual: dict[str, Any] = {"expires": None, "sources": None, "rate": None}
        text, token = make(name, now=rfc3339.now(), **usual | of)
        self.tokens.add(token)
        return text

    def append(self, source: str, *events: Event) -> None:
        """One more page of that source."""
        self.journal.append(source, events, (), str(self.journal.newest() + len(events)))

    def get(self, path: str, token: str = "", **headers: str) -> Answer:
        """One request over a connection of its own."""
        return fetch(self.port, path, token, **headers)


@contextmanager
def served(
    folder: Path,
    *,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    credentials: Credentials | None = None,
    keep: float = FOR_EVER,
    now: Callable[[], str] = rfc3339.now,
    even: Callable[[], float] = time.monotonic,
) -> Iterator[Served]:
    """An endpoint that answers, with an empty journal in `folder`, or the one that is there."""
    path, tokens = folder / "journal.db", TokenFile(folder / "tokens.json")
    folder.chmod(0o700)
    accesses: list[Access] = []
    with (
        open_journal(
            path, keep=keep, max_size=2**40, when_full="pause-polling", reserve_size=2**16, now=now, even=even
        ) as journal,
        listen("127.0.0.1", 0) as listener,
    ):
        pulled = PulledJournal(journal)

        def service() -> Service:
            return Service(
                journal=pulled,
                cursors=Cursors(KEY),
                doorkeeper=Doorkeeper(tokens, accesses.append),
                snapshot=lambda: {"version": 1, "verdict": "ok"},
                troubles=list,
                metrics=lambda: b"# TYPE lpforwarder_up gauge\nlpforwarder_up 1\n",
                page=lambda: "<!doctype html><title>lpforwarder</title>",
            )

        server = EndpointServer(lambda: application(service()), listener, credentials, limits)
        stop = Stop()
        thread = threading.Thread(target=server.run, args=(stop, lambda: None))
        thread.start()
        try:
            yield Served(listener.getsockname()[1], journal, tokens, server, accesses)
        finally:
            stop.set(1.0)
            thread.join(_END_SECONDS)
            assert not thread.is_alive()
