"""Connections are taken one by one, and counted while they shake hands."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from lpforwarder.endpoint.accepting import Acceptor
from lpforwarder.endpoint.listening import listen
from tests.fakes.certificates import Certificates

WITHIN = 10.0


class Noted(asyncio.Protocol):
    """Notes that it was connected."""

    def __init__(self, met: list[Noted]) -> None:
        self._met = met

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._met.append(self)
        transport.close()


@contextmanager
def clients(listener: socket.socket, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as open_ones:
        yield [
            open_ones.enter_context(socket.create_connection(listener.getsockname(), timeout=WITHIN))
            for _ in range(count)
        ]


def accept(
    listener: socket.socket,
    tls: ssl.SSLContext | None,
    has_room: Callable[[int], bool],
    meanwhile: Callable[[Acceptor, list[Noted]], Awaitable[None]],
    handshake: float = 60.0,
) -> None:
    async def run() -> None:
        met: list[Noted] = []
        acceptor = Acceptor(listener, lambda: Noted(met), tls, has_room, handshake)
        task = asyncio.create_task(acceptor.run())
        await asyncio.wait_for(meanwhile(acceptor, met), WITHIN)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert acceptor.beginning == 0

    asyncio.run(run())


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(0.01)


@pytest.fixture
def tls(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server.cert_file, certificates.server.key_file)
    return context


def test_each_connection_gets_its_protocol() -> None:
    async def meanwhile(acceptor: Acceptor, met: list[Noted]) -> None:
        await until(lambda: (len(met), acceptor.beginning) == (50, 0))

    with listen("127.0.0.1", 0) as listener, clients(listener, 50):
        accept(listener, None, lambda _: True, meanwhile)


def test_who_does_not_shake_hands_is_counted_and_can_be_dismissed(tls: ssl.SSLContext) -> None:
    with listen("127.0.0.1", 0) as listener, clients(listener, 20) as lines:

        async def meanwhile(acceptor: Acceptor, met: list[Noted]) -> None:
            await until(lambda: acceptor.beginning == 20)
            assert acceptor.dismiss(15) == 15
            assert acceptor.beginning == 5
            await asyncio.to_thread(lambda: [line.recv(1) for line in lines[:15]])  # the oldest are closed
            assert met == []

        accept(listener, tls, lambda _: True, meanwhile)
        assert [line.recv(1) for line in lines] == [b""] * 20  # and all of them at the end


def test_who_has_no_room_is_closed_at_once() -> None:
    with listen("127.0.0.1", 0) as listener, clients(listener, 3) as lines:

        async def meanwhile(_: Acceptor, met: list[Noted]) -> None:
            assert await asyncio.to_thread(lambda: [line.recv(1) for line in lines]) == [b""] * 3
            assert met == []

        accept(listener, None, lambda _: False, meanwhile)


def test_what_is_no_tls_ends_that_connection_alone(tls: ssl.SSLContext) -> None:
    with listen("127.0.0.1", 0) as listener, clients(listener, 2) as lines:
        lines[0].sendall(b"GET / HTTP/1.1\r\n\r\n")

        async def meanwhile(acceptor: Acceptor, _: list[Noted]) -> None:
            await until(lambda: acceptor.beginning == 1)

        accept(listener, tls, lambda _: True, meanwhile)


def test_a_handshake_that_never_ends_is_ended(tls: ssl.SSLContext) -> None:
    with listen("127.0.0.1", 0) as listener, clients(listener, 2) as lines:
        lines[1].sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of one

        async def meanwhile(_: Acceptor, __: list[Noted]) -> None:
            assert await asyncio.to_thread(lambda: [line.recv(1) for line in lines]) == [b"", b""]

        accept(listener, tls, lambda _: True, meanwhile, handshake=0.2)


# ---- the end ----------------------------------------------------------------------------------------------


def hung_up_or_waiting(line: socket.socket, listener: socket.socket) -> bool:
    """Whether the far side has closed this line, or never taken it: then it is accepted here."""
    listener.setblocking(False)
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        line.settimeout(WITHIN)
        with suppress(ConnectionError):
            return line.recv(1) == b""
    return True


@pytest.mark.parametrize("turns", range(8))
def test_who_connects_in_the_moment_of_the_end_is_not_left_hanging(tls: ssl.SSLContext, turns: int) -> None:
    """The end comes so many turns of the loop after the client: in each state its connection goes through."""

    async def connect_and_end(listener: socket.socket, line: socket.socket) -> Acceptor:
        acceptor = Acceptor(listener, lambda: Noted([]), tls, lambda _: True, 60.0)
        task = asyncio.create_task(acceptor.run())
        await asyncio.sleep(0)
        line.connect(listener.getsockname())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return acceptor

    with listen("127.0.0.1", 0) as listener, socket.socket() as line:
        acceptor = asyncio.run(connect_and_end(listener, line))
        assert acceptor.beginning == 0
        assert hung_up_or_waiting(line, listener)


def test_when_it_has_ended_nobody_is_left_who_shakes_hands(tls: ssl.SSLContext) -> None:
    """Not a moment later: the loop may be gone by then, and with it everybody who could hang up."""
    seen: list[bool] = []

    async def run(listener: socket.socket, lines: list[socket.socket]) -> None:
        acceptor = Acceptor(listener, lambda: Noted([]), tls, lambda _: True, 60.0)
        task = asyncio.create_task(acceptor.run())
        await until(lambda: acceptor.beginning == len(lines))
        tasks = list(acceptor._beginning)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        seen.extend(each.done() for each in tasks)

    with listen("127.0.0.1", 0) as listener, clients(listener, 5) as lines:
        asyncio.run(asyncio.wait_for(run(listener, lines), WITHIN))
        assert [line.recv(1) for line in lines] == [b""] * 5
    assert seen == [True] * 5


def test_who_is_hung_up_on_before_its_first_turn_is_closed() -> None:
    """`has_room` may dismiss whom it has just let in; such a task never begins."""

    async def meanwhile(acceptor: Acceptor, met: list[Noted]) -> None:
        await until(lambda: len(met) == 1)

    with listen("127.0.0.1", 0) as listener, clients(listener, 3) as lines:
        dismissed: list[int] = []
        made: list[Acceptor] = []

        def has_room(_: int) -> bool:
            dismissed.append(made[0].dismiss(1))
            return True

        async def run() -> None:
            met: list[Noted] = []
            made.append(Acceptor(listener, lambda: Noted(met), None, has_room, 60.0))
            task = asyncio.create_task(made[0].run())
            await asyncio.wait_for(meanwhile(made[0], met), WITHIN)
            assert await asyncio.to_thread(lambda: [line.recv(1) for line in lines]) == [b""] * 3
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

        asyncio.run(run())
        assert dismissed == [0, 1, 1]
