"""The endpoint as a worker: uvicorn in one thread, with limits on what a slow or greedy client can cost."""

from __future__ import annotations

import asyncio
import resource
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from lpforwarder.errors import Blocked

TICK = 0.5
"""Seconds between two looks at the connections; how soon a stop is noticed."""
MOST_HEADER_OCTETS = 16_384
GOODBYE_SECONDS = 1
BACKLOG = 512


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
    """Listens and answers until it is stopped; a worker for the supervisor.

    open() may be called before the start, so that a port that is taken is told at once.
    """

    def __init__(
        self,
        make: Callable[[], Starlette],
        host: str,
        port: int,
        context: Callable[[], ssl.SSLContext] | None = None,
        limits: Limits = Limits(),
    ) -> None:
        self._make = make
        self._address = (host, port)
        self._context = context
        self._listener: socket.socket | None = None
        self._limits = limits
        self.clients = 0
        """Connections that were open at the last look."""

    def open(self) -> None:
        """Takes the port. Blocked (LPF504) when it cannot be had."""
        if self._listener is None:
            self._listener = _listen(*self._address)

    @property
    def port(self) -> int:
        """The port it listens on, also when 0 was asked for."""
        return int(self._listener.getsockname()[1]) if self._listener else self._address[1]

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Answers until `stop`, then gives the port free."""
        self.open()
        try:
            asyncio.run(self._serve(stop, beat))
        finally:
            self.close()

    def abort(self) -> None:
        """Nothing to do: run() ends within a moment whatever the clients do."""

    def close(self) -> None:
        """Gives the port free; may be called twice."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _serve(self, stop: Stop, beat: Callable[[], None]) -> None:
        server = uvicorn.Server(self._config())
        assert self._listener is not None
        serving = asyncio.create_task(server.serve(sockets=[self._listener]))
        try:
            while not stop.stopping and not serving.done():
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
        config.ssl = self._context() if self._context is not None else None
        return config

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


def server_context(cert_file: Path, key_file: Path | None, client_ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 and newer with this certificate; clients need one of that authority, if there is one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert_file, key_file)
    if client_ca_file is not None:
        context.load_verify_locations(client_ca_file)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        fix = f"http: {{listen: {host}:{port + 1 if port < 65535 else 9471}}}"
        raise Blocked(f"cannot listen on {shown}: {error.strerror}", code="LPF504", fix=fix) from error
    return listener
