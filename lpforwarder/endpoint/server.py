"""The server: uvicorn in one thread, with limits on what a slow or greedy client can cost."""

from __future__ import annotations

import asyncio
import resource
import socket
import ssl
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from lpforwarder.endpoint.accepting import Acceptor
from lpforwarder.endpoint.credentials import Credentials
from lpforwarder.runtime.stop import Stop

TICK = 0.5
"""Seconds between two looks at the connections."""
IDLE = 5.0
"""The same while there are none: to whether the certificate was renewed. A stop and who connects end it."""
MOST_HEADER_OCTETS = 16_384
GOODBYE_SECONDS = 1
BEGIN = 0.01
"""The same before it has begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client may cost."""

    idle: float = 15.0
    """Seconds without a whole request until it is closed: slow headers, or kept open for nothing."""
    stalled: float = 30.0
    """Seconds in which it takes nothing of its answer until it is closed."""
    handshake: float = 10.0
    """Seconds a TLS handshake may take."""
    connections: int = 2_000
    """At the same time; beyond that the quietest ones are closed."""
    unsent: int = 64 * 2**20
    """Octets that clients have not taken yet; beyond that those that stand still longest are closed."""

    @property
    def most(self) -> int:
        """Never more than half of the descriptors this process may have: the journal needs some."""
        return min(self.connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


class Connection(H11Protocol):
    """One client, and since when it has been quiet."""

    since = 0.0
    unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.since = self.loop.time()

    def on_response_complete(self) -> None:
        self.since = self.loop.time()
        super().on_response_complete()

    @property
    def is_idle(self) -> bool:
        """No request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def held(self) -> int:
        """Octets of an answer that wait for the client."""
        return self.transport.get_write_buffer_size()

    def is_over(self, now: float, limits: Limits) -> bool:
        """True when it has been too long without a request, or without taking its answer."""
        unsent = self.held
        if unsent and unsent == self.unsent:
            return now - self.since > limits.stalled
        if unsent or not self.is_idle:
            self.since, self.unsent = now, unsent
            return False
        return now - self.since > limits.idle


class Dated(ServerState):
    """Tells the time to whoever asks for it; uvicorn would wake up ten times a second to note it down."""

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """Of an answer that is begun now (RFC 9110, 6.6.1)."""
        return [(b"date", formatdate(usegmt=True).encode())]

    @default_headers.setter
    def default_headers(self, noted: list[tuple[bytes, bytes]]) -> None:
        """What uvicorn notes down at the start."""


class Quiet(uvicorn.Server):
    """uvicorn that sleeps until it is to leave."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.server_state = Dated()
        self._left = asyncio.Event()

    def leave(self) -> None:
        """Ends serve(), from the same loop."""
        self.should_exit = True
        self._left.set()

    async def main_loop(self) -> None:
        await self._left.wait()


class EndpointServer:
    """Answers on a socket that listens already, until it is stopped."""

    def __init__(
        self,
        make: Callable[[], Starlette],
        listener: socket.socket,
        credentials: Credentials | None = None,
        limits: Limits = Limits(),
    ) -> None:
        self._make = make
        self._listener = listener
        self._credentials = credentials
        self._limits = limits
        self.clients = 0
        """Connections that were open at the last look."""

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Answers until `stop`. Begins anew with a changed certificate; who connects meanwhile waits.

        What is wrong with it comes out as an exception, for the caller to wait before the next try.
        """
        while not stop.stopping:
            try:
                asyncio.run(self._serve(stop, beat))
            except SystemExit as error:  # uvicorn's word for an application that does not start
                raise RuntimeError("the endpoint's application did not start") from error

    async def _serve(self, stop: Stop, beat: Callable[[], None]) -> None:
        tls = self._credentials.read() if self._credentials is not None else None
        server = Quiet(self._config())
        news = asyncio.Event()
        serving = asyncio.create_task(server.serve(sockets=[]))  # it accepts nothing; we do
        acceptor = self._acceptor(server, tls, news)
        serving.add_done_callback(lambda _: news.set())
        tasks: list[asyncio.Task[None]] = [serving]
        wake = partial(asyncio.get_running_loop().call_soon_threadsafe, news.set)
        try:
            with stop.ringing(wake), self._credentials.ringing(wake) if self._credentials else nullcontext():
                while not (stop.stopping or any(task.done() for task in tasks) or self._is_outdated()):
                    if len(tasks) == 1 and server.started:
                        tasks.append(asyncio.create_task(acceptor.run()))
                        tasks[1].add_done_callback(lambda _: news.set())
                    await _rest(news, (TICK if self.clients else IDLE) if server.started else BEGIN)
                    self._dismiss_slow(server)
                    self.clients = len(server.server_state.connections) + acceptor.beginning
                    beat()
        finally:
            await _end(server, serving, tasks[1:])

    def _acceptor(self, server: Quiet, tls: ssl.SSLContext | None, news: asyncio.Event) -> Acceptor:
        def make() -> Connection:
            return Connection(server.config, server.server_state, server.lifespan.state)

        def has_room(beginning: int) -> bool:
            """Ends the quietest ones when there are too many, a tenth at once, and then who shakes hands."""
            if not self.clients:  # the first one: from now on somebody has to look after it
                news.set()
            most = self._limits.most
            known = [one for one in server.server_state.connections if not one.transport.is_closing()]
            if len(known) + beginning < most:
                return True
            over = len(known) + beginning - most + max(most // 10, 1)
            quiet = _dismiss_quiet(known, over)
            return quiet + acceptor.dismiss(over - quiet) > 0

        acceptor = Acceptor(self._listener, make, tls, has_room, self._limits.handshake)
        return acceptor

    def _config(self) -> uvicorn.Config:
        config = uvicorn.Config(
            self._make(),
            http=Connection,
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=max(int(self._limits.idle), 1),
            timeout_graceful_shutdown=GOODBYE_SECONDS,
            h11_max_incomplete_event_size=MOST_HEADER_OCTETS,
        )
        config.load()
        return config

    def _is_outdated(self) -> bool:
        return self._credentials is not None and self._credentials.look()

    def _dismiss_slow(self, server: Quiet) -> None:
        now = asyncio.get_running_loop().time()
        known: list[Any] = list(server.server_state.connections)
        left = [one for one in known if not one.is_over(now, self._limits)]
        held = sum(one.held for one in left)
        for connection in sorted(left, key=lambda one: one.since):
            if held > self._limits.unsent and connection.held:
                held -= connection.held
                left.remove(connection)
        for connection in set(known) - set(left):
            connection.transport.abort()


async def _rest(news: asyncio.Event, seconds: float) -> None:
    """Sleeps so long, or until there is news."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()
    news.clear()


async def _end(server: Quiet, serving: asyncio.Task[None], accepting: list[asyncio.Task[None]]) -> None:
    """Lets waiting clients go with an answer, gives the others GOODBYE_SECONDS, and hangs up on the rest."""
    for task in accepting:
        task.cancel()
    if server.started:
        await server.lifespan.shutdown()  # uvicorn would do that last, when the clients are gone
    server.leave()
    ended = await asyncio.gather(serving, *accepting, return_exceptions=True)
    for connection in list(server.server_state.connections):
        connection.transport.abort()
    await asyncio.sleep(0)  # lets the loop tell them
    for error in ended:
        if isinstance(error, Exception):
            raise error


def _dismiss_quiet(connections: list[Any], most: int) -> int:
    """Closes those that are not being answered, the quietest first; how many it were."""
    quiet = sorted((one for one in connections if one.is_idle), key=lambda one: one.since)[:most]
    for connection in quiet:
        connection.transport.abort()
    return len(quiet)
