"""The endpoint as a worker that takes its port at once, and loads its libraries for who connects first.

They take 0.2 s and 20 MB, which delivery must not wait for at a start, and which nobody pays for whom nobody
asks.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

import structlog

from lpforwarder.config.sections import HttpOptions
from lpforwarder.endpoint.credentials import Credentials
from lpforwarder.endpoint.listening import listen, shown
from lpforwarder.runtime.bell import SelectableBell
from lpforwarder.runtime.stop import Stop

if TYPE_CHECKING:
    from lpforwarder.endpoint.application import Service
    from lpforwarder.endpoint.server import EndpointServer

ROUND = 5.0
"""Seconds between two signs of life while nobody has connected yet."""

log = structlog.get_logger()


class Endpoint:
    """Listens and answers until it is stopped; `options.listen` must be an address.

    `check` raises what would keep `service` from being made, which is not made before it is needed.
    """

    def __init__(
        self, options: HttpOptions, service: Callable[[], Service], check: Callable[[], object]
    ) -> None:
        assert options.listen is not None
        self.options = options
        self._host, self._port = options.listen
        self._service = service
        self._check = check
        self._listener: socket.socket | None = None
        self._credentials: Credentials | None = None
        self._server: EndpointServer | None = None

    def open(self) -> None:
        """Takes the port, unless it has it. Blocked (LPF504) when it cannot be had."""
        if self._listener is None:
            self._listener = listen(self._host, self._port)

    @property
    def address(self) -> str:
        """Where it listens, with the port it got when 0 was asked for."""
        port = self._listener.getsockname()[1] if self._listener is not None else self._port
        return shown(self._host, port)

    @property
    def clients(self) -> int:
        """Connections that were open a moment ago."""
        return self._server.clients if self._server is not None else 0

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Answers until `stop`, then gives the port free.

        Blocked (LPF504) for port or certificate, and what `check` raises.
        """
        self.open()
        try:
            self._credentials = self._read_credentials()
            self._check()
            log.info("endpoint.listening", address=self.address, tls=self._credentials is not None)
            self._await_somebody(stop, beat)
            if not stop.stopping:
                self._server = self._made()
                self._server.run(stop, beat)
        finally:
            self._server = self._credentials = None
            self.close()

    def renew(self) -> None:
        """Looks at the files of TLS now, not in a while; from any thread. The port stays open."""
        credentials = self._credentials
        if credentials is not None:
            credentials.renew()

    def abort(self) -> None:
        """Nothing to do: run() ends within a moment whatever the clients do."""

    def close(self) -> None:
        """Gives the port free; may be called twice."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _read_credentials(self) -> Credentials | None:
        tls = self.options.tls
        if tls.cert_file is None:
            return None
        credentials = Credentials(tls.cert_file, tls.key_file, tls.client_ca_file)
        credentials.read()
        return credentials

    def _await_somebody(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Returns when somebody connects, whom it leaves waiting, or the stop begins."""
        assert self._listener is not None
        credentials, poll = self._credentials, select.poll()
        with (
            SelectableBell() as bell,
            stop.ringing(bell.ring),
            nullcontext() if credentials is None else credentials.ringing(bell.ring),
        ):
            poll.register(self._listener, select.POLLIN)
            poll.register(bell, select.POLLIN)
            while not stop.stopping:
                if credentials is not None and credentials.look():
                    credentials.read()
                beat()
                if self._listener.fileno() in dict(poll.poll(ROUND * 1000)):
                    return
                bell.clear()

    def _made(self) -> EndpointServer:
        from lpforwarder.endpoint.application import application
        from lpforwarder.endpoint.server import EndpointServer

        assert self._listener is not None
        return EndpointServer(lambda: application(self._service()), self._listener, self._credentials)
