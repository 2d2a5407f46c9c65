"""Clients that wait for an event get it in the moment it is journaled, one or a hundred of them."""

from __future__ import annotations

import selectors
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lpforwarder.event import Event
from tests.fakes.event_files import event_id_of, event_number
from tests.fakes.served_endpoint import Served, served, wait_until

SOON = 0.1
"""Seconds, as promised."""


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as running:
        yield running


def event(number: int) -> Event:
    return Event.of(event_number(number) | {"source": "archive"})


class Waiting:
    """A client on one connection, which asks and does not read until something comes."""

    def __init__(self, port: int, token: str) -> None:
        self.line = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._token = token
        self._cursor = ""

    def ask(self) -> None:
        after = f"&after={self._cursor}" if self._cursor else ""
        said = f"GET /v1/events?wait=30{after} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._token}\r\n"
        self.line.sendall(said.encode() + b"\r\n")

    def answer(self) -> bytes:
        """The body; its end is that of the array."""
        octets = b""
        while not octets.endswith(b"]"):
            octets += self.line.recv(65536)
        head, _, body = octets.partition(b"\r\n\r\n")
        named = [line for line in head.split(b"\r\n") if line.lower().startswith(b"lpforwarder-cursor:")]
        self._cursor = named[0].split(b":")[1].strip().decode()
        return body


def delays(endpoint: Served, clients: list[Waiting], rounds: int) -> list[list[float]]:
    """For each event: seconds from the end of its append until each client had something to read, sorted."""
    found = []
    for number in range(rounds):
        for client in clients:
            client.ask()
        looks = len(endpoint.accesses)
        assert endpoint.get("/v1/events/none", clients[0]._token).status == 404
        wait_until(lambda looks=looks: len(endpoint.accesses) > looks)  # type: ignore[misc]
        endpoint.append("archive", event(number))
        found.append(sorted(heard(clients)))
        for client in clients:
            assert event_id_of(number).encode() in client.answer()
    return found


def heard(clients: list[Waiting]) -> list[float]:
    """Seconds until each of them had something to read."""
    times: list[float] = []
    began = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.line, selectors.EVENT_READ)
        while len(times) < len(clients):
            ready = selector.select(10)
            assert ready
            for key, _ in ready:
                selector.unregister(key.fileobj)
                times.append(time.monotonic() - began)
    return times


@pytest.mark.parametrize(("count", "rounds"), [(1, 50), (100, 10)])
def test_an_event_reaches_who_waits_for_it_within_a_tenth_of_a_second(
    endpoint: Served, count: int, rounds: int
) -> None:
    token = endpoint.token()
    with ExitStack() as lines:
        clients = [Waiting(endpoint.port, token) for _ in range(count)]
        for client in clients:
            lines.enter_context(client.line)
        found = delays(endpoint, clients, rounds)
    firsts, lasts = [times[0] for times in found], [times[-1] for times in found]
    print(f"{count} waiting: first {statistics.median(firsts) * 1000:.1f} ms, last", end=" ")
    print(f"{statistics.median(lasts) * 1000:.1f} ms, at most {max(lasts) * 1000:.1f} ms")
    assert statistics.median(firsts) < SOON
    assert statistics.median(lasts) < SOON * (1 if count == 1 else 10)
