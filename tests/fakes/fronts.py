"""What can stand where a vault should be: a server that says what it is told, and proxies."""

from __future__ import annotations

import base64
import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came."""

    head: str
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header; "" when it is missing."""
        for line in self.head.split("\r\n")[1:]:
            known, _, value = line.partition(":")
            if known.lower() == name.lower():
                return value.strip()
        return ""


def answer(body: bytes | str, status: str = "200 OK", **headers: str) -> bytes:
    """The octets of a whole answer; `retry_after` becomes `Retry-After`."""
    octets = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    fields = {"Content-Type": "text/xml;charset=UTF-8", "Content-Length": str(len(octets)), **named}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + octets


class _Listening:
    """A server with a thread per connection; a context manager."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._closing = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="front")

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def serve(self, connection: socket.socket, asked: Asked) -> None:
        """Deals with one request; the connection ends afterwards."""
        raise NotImplementedError


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False

    def __init__(self, front: _Listening) -> None:
        self.front = front
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that breaks off is part of the tests."""


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.request.settimeout(30)
        head, rest = b"", b""
        while b"\r\n\r\n" not in head:
            piece = self.request.recv(65_536)
            if not piece:
                return
            head += piece
        head, _, rest = head.partition(b"\r\n\r\n")
        asked = Asked(head=head.decode("latin-1"), body=b"")
        length = int(asked.header("content-length") or 0)
        while len(rest) < length:
            piece = self.request.recv(65_536)
            if not piece:
                return
            rest += piece
        asked = Asked(head=asked.head, body=rest)
        self.server.front.asked.append(asked)
        self.server.front.serve(self.request, asked)


class Front(_Listening):
    """Gives the answers it was handed, one a request; the last one for ever."""

    def __init__(self, *answers: bytes | Callable[[Asked], bytes]) -> None:
        super().__init__()
        self._answers = list(answers)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/enterpriseapi.php"

    def serve(self, connection: socket.socket, asked: Asked) -> None:
        given = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        connection.sendall(given if isinstance(given, bytes) else given(asked))


class Dripping(Front):
    """Gives an octet of its answer now and then: whoever waits for each read alone waits for ever."""

    PAUSE_SECONDS = 0.05

    def serve(self, connection: socket.socket, asked: Asked) -> None:
        given = self._answers[0]
        assert isinstance(given, bytes)
        with contextlib.suppress(OSError):
            for place in range(len(given)):
                connection.sendall(given[place : place + 1])
                self._closing.wait(self.PAUSE_SECONDS)


class Proxy(_Listening):
    """An HTTP proxy: every CONNECT leads to `target`, whatever host was asked for.

    With `login` it wants `user:password` and says 407 to everybody else.
    """

    def __init__(self, target: tuple[str, int], *, login: str = "") -> None:
        super().__init__()
        self._target = target
        self._login = login

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, connection: socket.socket, asked: Asked) -> None:
        wanted = "Basic " + base64.b64encode(self._login.encode()).decode()
        if self._login and asked.header("proxy-authorization") != wanted:
            connection.sendall(answer("<html>log in</html>", "407 Proxy Authentication Required"))
            return
        with socket.create_connection(self._target, timeout=30) as onward:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(onward, connection))
            back.start()
            _pump(connection, onward)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Octets one way until that way ends."""
    with contextlib.suppress(OSError):
        for piece in _pieces(source):
            sink.sendall(piece)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _pieces(source: socket.socket) -> Iterator[bytes]:
    while piece := source.recv(65_536):
        yield piece
