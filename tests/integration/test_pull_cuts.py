"""An answer that is cut off, by our end or by the client: it never looks complete, and no log fills."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import logging
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from lpforwarder.endpoint.credentials import Credentials
from lpforwarder.event import Event, Seq
from lpforwarder.journal.page import StoredPage, store
from tests.fakes.certificates import Certificates
from tests.fakes.event_files import event_number
from tests.fakes.pulled_journal import FakePulledJournal
from tests.fakes.pulled_journal import events as numbered
from tests.fakes.served_endpoint import Answer, Served, fetch, served, wait_until
from tests.fakes.served_journal import served_journal

COUNT = 9_000
"""Of some 400 octets: more than the buffers of a connection take."""
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of a client that goes without a word."""
FORMS = {
    "array": {"Accept": "application/json"},
    "lines": {"Accept": "application/x-ndjson"},
    "packed": {"Accept": "application/x-ndjson", "Accept-Encoding": "gzip"},
}


def fill(endpoint: Served) -> None:
    for first in range(0, COUNT, 1_000):
        filler = {"source": "archive", "filler": "0123456789" * 20}
        endpoint.append(
            "archive", *[Event.of(event_number(number) | filler) for number in range(first, first + 1_000)]
        )


def slow_client(port: int) -> http.client.HTTPConnection:
    """It takes little at once."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.settimeout(30)
    line.connect(("127.0.0.1", port))
    client = http.client.HTTPConnection("127.0.0.1", port)
    client.sock = line
    return client


@contextlib.contextmanager
def reading(endpoint: Served, form: str, limits: int = COUNT) -> Iterator[http.client.HTTPResponse]:
    """The answer of which no more than the head was read."""
    with contextlib.closing(slow_client(endpoint.port)) as client:
        token = endpoint.token(form)
        client.request(
            "GET", f"/v1/events?limit={limits}", headers={"Authorization": f"Bearer {token}"} | FORMS[form]
        )
        yield client.getresponse()


@pytest.mark.parametrize("form", ["array", "lines"])
def test_an_answer_that_our_end_cuts_off_is_known_as_cut(tmp_path: Path, form: str) -> None:
    with contextlib.ExitStack() as held:
        with served(tmp_path) as endpoint:
            fill(endpoint)
            answer = held.enter_context(reading(endpoint, form))
            assert answer.status == 200
        length = int(answer.headers["Content-Length"])
        with pytest.raises(http.client.IncompleteRead) as cut:
            answer.read()
        assert len(cut.value.partial) < length
        if form == "array":
            with pytest.raises(json.JSONDecodeError):
                json.loads(cut.value.partial)


@pytest.mark.parametrize("form", FORMS)
def test_every_answer_says_how_long_it_is(tmp_path: Path, form: str) -> None:
    """So any client knows one that ends in the middle, or between two lines; chunks would say no more."""
    with served(tmp_path) as endpoint:
        fill(endpoint)
        for limit in (1, 5_000):
            endpoint.tokens.remove(form)
            with reading(endpoint, form, limit) as answer:
                body = answer.read()
                assert len(body) == int(answer.headers["Content-Length"])
                assert "Transfer-Encoding" not in answer.headers
        if form == "packed":
            assert len(gzip.decompress(body).splitlines()) == 5_000
            cut = zlib.decompressobj(zlib.MAX_WBITS | 16)
            cut.decompress(body[:-1])
            assert not cut.eof


@pytest.mark.parametrize("is_tls", [False, True])
def test_clients_that_hang_up_in_the_middle_are_no_news(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, certificates: Certificates, is_tls: bool
) -> None:
    pair = certificates.server
    credentials = Credentials(pair.cert_file, pair.key_file, None) if is_tls else None
    trust = ssl.create_default_context(cafile=certificates.ca_file)
    caplog.set_level(logging.WARNING)
    with served(tmp_path, credentials=credentials) as endpoint:
        fill(endpoint)
        token = endpoint.token()
        ask = f"GET /v1/events?limit={COUNT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
        for _ in range(20):
            plain = socket.create_connection(("127.0.0.1", endpoint.port), timeout=30)
            with trust.wrap_socket(plain, server_hostname="localhost") if is_tls else plain as line:
                line.sendall(ask.encode())
                line.recv(1000)
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        wait_until(lambda: endpoint.server.clients == 0)
    assert [record.getMessage() for record in caplog.records] == []


class Endless(FakePulledJournal):
    """There is always more, and never what was asked for."""

    looks = 0

    def stored(self, after: Seq, limit: int) -> Sequence[StoredPage]:
        self.looks += 1
        return [store(after + 1, "acme", numbered(1, 1), "2026-01-01T00:00:00.000Z")]

    def newest(self) -> Seq:
        return Seq(10**9)

    def last(self) -> Seq:
        return self.newest()


def test_a_search_without_end_does_not_hold_up_the_end_and_does_not_say_that_there_is_nothing(
    tmp_path: Path,
) -> None:
    journal, answers = Endless(), list[Answer]()
    with served_journal(tmp_path, journal=journal) as endpoint:
        port, token = int(endpoint.url.rpartition(":")[2]), endpoint.token()
        asking = threading.Thread(target=lambda: answers.append(fetch(port, "/v1/events?type=rare", token)))
        asking.start()
        wait_until(lambda: journal.looks > 0)
    asking.join(30)
    assert answers[0].status == 503
    assert json.loads(answers[0].body)["type"].endswith("/ending")
    assert answers[0].headers["Retry-After"]


def test_who_waits_and_is_still_being_searched_for_at_the_end_gets_its_cursor(tmp_path: Path) -> None:
    journal, answers = Endless(), list[Answer]()
    with served_journal(tmp_path, journal=journal) as endpoint:
        port, token = int(endpoint.url.rpartition(":")[2]), endpoint.token()
        path = "/v1/events?type=rare&wait=60"
        asking = threading.Thread(target=lambda: answers.append(fetch(port, path, token)))
        asking.start()
        wait_until(lambda: journal.looks > 0)
    asking.join(30)
    assert (answers[0].status, answers[0].body) == (200, b"[]")
    assert answers[0].headers["Lpforwarder-Cursor"]
    assert answers[0].headers["Connection"] == "close"
