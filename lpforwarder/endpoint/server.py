"""The server: uvicorn in one thread, with limits on what a slow or greedy client can cost."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from lpforwarder.endpoint.credentials import Credentials

TICK = 0.5
"""Seconds between two looks at the connections; how soon a stop is noticed."""
MOST_HEADER_OCTETS = 16_384
GOODBYE_SECONDS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client may cost."""

    idle: float = 15.0
    """Seconds without a whole request until it is closed: slow headers, or kept open for nothing."""
    stalled: float = 30.0
    """Seconds in which it takes nothing of its answer until it is closed."""
    connections: int = 2_000
    """At the same time; beyond that the quietest ones are closed."""

    @property
    def most(self) -> int:
        """Never more than half of the descriptors this process may have: the journal needs some."""
        return min(self.connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


class Stop(Protocol):
    """The little a server needs of a stop token."""

    @property
    def stopping(self) -> bool: ...


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

    def is_over(self, now: float, limits: Limits) -> bool:
        """True when it has been too long without a request, or without taking its answer."""
        unsent = self.transport.get_write_buffer_size()
        if unsent and unsent == self.unsent:
            return now - self.since > limits.stalled
        if unsent or not self.is_idle:
            self.since, self.unsent = now, unsent
            return False
        return now - self.since > limits.idle


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
        """Answers until `stop`. Begins anew with a changed certificate; who connects meanwhile waits."""
        while not stop.stopping:
            asyncio.run(self._serve(stop, beat))

    async def _serve(self, stop: Stop, beat: Callable[[], None]) -> None:
        server = uvicorn.Server(self._config())
        serving = asyncio.create_task(server.serve(sockets=[self._listener.dup()]))
        try:
            while not (stop.stopping or serving.done() or self._is_outdated()):
                await asyncio.wait([serving], timeout=TICK)
                self._dismiss(server)
                beat()
        finally:
            server.should_exit = True
            await serving
            for connection in list(server.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)  # lets the loop tell them

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
        config.ssl = self._credentials.read() if self._credentials is not None else None
        return config

    def _is_outdated(self) -> bool:
        return self._credentials is not None and self._credentials.look()

    def _dismiss(self, server: uvicorn.Server) -> None:
        """Closes who is too slow, and the quietest ones when there are too many."""
        now = asyncio.get_running_loop().time()
        known: list[Any] = list(server.server_state.connections)
        left = []
        for connection in known:
            if connection.is_over(now, self._limits):
                connection.transport.abort()
            else:
                left.append(connection)
        self.clients = len(left)
        quiet = sorted((one for one in left if one.is_idle), key=lambda one: one.since)
        for connection in quiet[: max(len(left) - self._limits.most, 0)]:
            connection.transport.abort()
