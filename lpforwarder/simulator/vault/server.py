"""The pretend vault as an HTTP server: one path, POST only, a thread per connection.

Standard library instead of a web framework, because half of the faults break HTTP itself; see
docs/decisions/0002-pretend-vault-server.md.
"""

from __future__ import annotations

import socket
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self

from lpforwarder.simulator.vault.answers import page_in_front
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.vault import Answer, Clock, Vault
from lpforwarder.simulator.vault.wire import abort, send

PATH = "/enterpriseapi.php"

LARGEST_BODY = 2**20
"""Octets of a request; a report's parameters take a few hundred."""
# How much and how long is read and thrown away so that a refusal is not lost in a reset.
_DRAINED = 16 * 2**20
_LINGER_SECONDS = 1.0
_POLL_SECONDS = 0.02  # how soon close() is noticed


class PretendVault(Vault):
    """A vault that listens. Use it as a context manager, or call start() and close().

    `listen` is (address, port); port 0 takes a free one. With `tls` it speaks HTTPS.
    """

    def __init__(
        self,
        listen: tuple[str, int] = ("127.0.0.1", 0),
        options: VaultOptions | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        clock: Clock = time.time,
    ) -> None:
        super().__init__(options, clock=clock)
        self._listen = listen
        self._tls = tls
        self._server: _Server | None = None
        self._thread: Thread | None = None

    def start(self) -> None:
        """Makes the history that is due (about 10 s for a million events), then takes requests.

        Raises OSError when the address cannot be had, RuntimeError when it is running already.
        """
        if self._server is not None:
            raise RuntimeError("the pretend vault is running already")
        len(self)
        self._server = _Server(self, self._listen, self._tls)
        self._thread = Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), name="pretend-vault")
        self._thread.start()

    def close(self) -> None:
        """Ends all connections and gives the port back; may be called twice."""
        server, thread, self._server, self._thread = self._server, self._thread, None, None
        if server is None or thread is None:
            return
        server.shutdown()
        thread.join()
        server.end_connections()
        server.server_close()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens. RuntimeError before start() and after close()."""
        if self._server is None:
            raise RuntimeError("the pretend vault is not running")
        host, port = self._server.socket.getsockname()[:2]
        return str(host), int(port)

    @property
    def url(self) -> str:
        """What a client is to be given."""
        host, port = self.address
        shown = f"[{host}]" if ":" in host else host
        return f"{'http' if self._tls is None else 'https'}://{shown}:{port}{PATH}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingMixIn, TCPServer):
    """Listens, and knows its open connections so that it can end them."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, vault: Vault, listen: tuple[str, int], tls: ssl.SSLContext | None) -> None:
        self.address_family = socket.AF_INET6 if ":" in listen[0] else socket.AF_INET
        self.vault = vault
        self.closing = Event()
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__(listen, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls is not None:
            # The handshake waits for the connection's own thread: a silent client must not stop the others.
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        """Wakes every thread that waits for a caller or for a fault's pause."""
        self.closing.set()
        with self._lock:
            for connection in self._open:
                _end(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that breaks off or speaks no TLS is everyday life; anything else is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _end(connection: socket.socket) -> None:
    try:
        # Not SSLSocket.shutdown: it takes the TLS state from under the thread that is using it.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        return  # already gone


class _Handler(BaseHTTPRequestHandler):
    """One connection; implements `wire.Link`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.vault.options.idle_seconds)
        if isinstance(self.connection, ssl.SSLSocket):
            self.connection.do_handshake()

    def do_POST(self) -> None:
        path, _, query = self.path.partition("?")
        if path != PATH:
            self.send_error(404)
            return
        body = self._body()
        if body is None:
            return
        accepts_gzip = "gzip" in self.headers.get("Accept-Encoding", "")
        answer = self.server.vault.answer(body, query, accepts_gzip=accepts_gzip)
        if not self.wait(self.server.vault.options.latency_seconds):
            self._send(answer)

    def send_error(
        self,
        code: int,
        message: str | None = None,  # noqa: ARG002
        explain: str | None = None,  # noqa: ARG002
    ) -> None:
        """A plain HTML page, then the end of the connection; http.server calls it for all bad requests."""
        reason = self.responses.get(code, ("Error",))[0]
        headers = (("Allow", "POST"),) if code == 405 else ()
        self.end()
        reply = page_in_front(code, reason, f"{code} {reason}", headers)
        self._send(Answer(reply=reply, fault=None, at=self.server.vault.now()))
        self._linger()

    def _refuse_method(self) -> None:
        self.send_error(405)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _refuse_method  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: requests are seen in `Vault.asked`, and their text may hold a secret."""

    def _body(self) -> bytes | None:
        """The request's body; None when it has been refused."""
        length = self.headers.get("Content-Length")
        if length is None:
            self.send_error(411)
            return None
        if not (length.isascii() and length.isdigit()) or len(length) > 18:
            self.send_error(400)
            return None
        if int(length) > LARGEST_BODY:
            self.send_error(413)
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.end()
            return None
        return body

    def _linger(self) -> None:
        """Reads on for a while: closing with unread input would reset the refusal away."""
        self.connection.settimeout(_LINGER_SECONDS)
        left = _DRAINED
        try:
            socket.socket.shutdown(self.connection, socket.SHUT_WR)
            while left > 0 and (piece := self.rfile.read1(65_536)):
                left -= len(piece)
        except OSError:
            return  # the caller is gone, or silent: nothing left to save

    def _send(self, answer: Answer) -> None:
        send(
            answer,
            self,
            self.server.vault.options,
            keep=not self.close_connection,
            may_chunk=self.request_version == "HTTP/1.1",
        )

    def write(self, octets: bytes) -> None:
        self.connection.sendall(octets)

    def reset(self) -> None:
        self.end()
        abort(self.connection, self.rfile)

    def end(self) -> None:
        self.close_connection = True

    def wait(self, seconds: float) -> bool:
        return self.server.closing.wait(seconds) if seconds > 0 else self.server.closing.is_set()
