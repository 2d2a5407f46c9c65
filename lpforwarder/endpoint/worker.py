"""The endpoint as a worker that takes its port at once, and loads its libraries only where it runs.

They take some 0.2 s to load, which delivery must not wait for at a start.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from lpforwarder.config.sections import HttpOptions
from lpforwarder.endpoint.listening import listen, shown
from lpforwarder.runtime.stop import Stop

if TYPE_CHECKING:
    from lpforwarder.endpoint.application import Service
    from lpforwarder.endpoint.server import EndpointServer

log = structlog.get_logger()


class Endpoint:
    """Listens and answers until it is stopped; `options.listen` must be an address."""

    def __init__(self, options: HttpOptions, service: Callable[[], Service]) -> None:
        assert options.listen is not None
        self.options = options
        self._host, self._port = options.listen
        self._service = service
        self._listener: socket.socket | None = None
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
        """Answers until `stop`, then gives the port free. Blocked (LPF504) for port or certificate."""
        self.open()
        try:
            self._server = self._made()
            log.info("endpoint.listening", address=self.address, tls=self.options.tls.cert_file is not None)
            beat()
            self._server.run(stop, beat)
        finally:
            self._server = None
            self.close()

    def renew(self) -> None:
        """Looks at the files of TLS now, not in a while; from any thread. The port stays open."""
        server = self._server
        if server is not None:
            server.renew()

    def abort(self) -> None:
        """Nothing to do: run() ends within a moment whatever the clients do."""

    def close(self) -> None:
        """Gives the port free; may be called twice."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _made(self) -> EndpointServer:
        from lpforwarder.endpoint.application import application
        from lpforwarder.endpoint.credentials import Credentials
        from lpforwarder.endpoint.server import EndpointServer

        assert self._listener is not None
        tls = self.options.tls
        credentials = None
        if tls.cert_file is not None:
            credentials = Credentials(tls.cert_file, tls.key_file, tls.client_ca_file)
        return EndpointServer(lambda: application(self._service()), self._listener, credentials)
