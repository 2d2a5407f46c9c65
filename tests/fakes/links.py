"""Both ends of one connection in a test's own hands, and options that lead to it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lpforwarder.delivery.transports.connection import Connection, Wake
from lpforwarder.delivery.transports.dialing import Address, connect
from lpforwarder.delivery.transports.options import TcpOptions, TlsOptions
from lpforwarder.delivery.transports.tcp import TcpTransport
from lpforwarder.errors import Failure
from tests.fakes.certificates import Certificates, ServerTls, client_context
from tests.fakes.patience import PATIENCE, beside, until

_RESET = struct.pack("ii", 1, 0)


def tcp_options(address: tuple[str, int], **values: Any) -> TcpOptions:
    """The options of a plain link to that address, as a configuration would give them."""
    given = {"host": address[0], "port": address[1], **values}
    return TcpOptions.model_validate(given, context={"folder": Path("/")})


def tls_options(address: tuple[str, int], tls: dict[str, Any], **values: Any) -> TlsOptions:
    """The same for TLS; paths in `tls` may be Path objects."""
    written = {key: str(value) if isinstance(value, Path) else value for key, value in tls.items()}
    given = {"host": address[0], "port": address[1], "tls": written, **values}
    return TlsOptions.model_validate(given, context={"folder": Path("/")})


class FarEnd:
    """The collector's end of connections: a listener of which the test does everything itself.

    `receive_buffer` octets are what the kernel takes while nobody reads; None for the usual megabytes.
    """

    def __init__(self, *, receive_buffer: int | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(self._family)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer is not None:
            # Before listen(): the window is agreed when the connection is made.
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind((host, port))
        self._listener.listen(16)
        self._listener.settimeout(PATIENCE)
        self._open: list[socket.socket | Connection] = []
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self.wake = Wake()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.forget()
        self._listener.close()

    def forget(self) -> None:
        """Closes both ends of all connections so far, and those that nobody has accepted."""
        while self.accept_now() is not None:
            pass
        for end in self._open:
            end.close()
        self._open.clear()

    def refuse(self) -> None:
        """From now on nobody listens; connections stay."""
        self._listener.close()

    def accept(self) -> socket.socket:
        """The next connection that somebody has made; reading from it waits PATIENCE at most."""
        accepted, _ = self._listener.accept()
        accepted.settimeout(PATIENCE)
        self._open.append(accepted)
        return accepted

    def accept_now(self) -> socket.socket | None:
        """The next connection that is there already, or None."""
        if self._listener.fileno() < 0:
            return None
        self._listener.settimeout(0.0)
        try:
            return self.accept()
        except BlockingIOError:
            return None
        finally:
            self._listener.settimeout(PATIENCE)

    def pair(self) -> tuple[Connection, socket.socket]:
        """Our end and the collector's end of a plain connection; both are closed when the context ends."""
        near = connect(Address(socket.AF_INET, self.address), PATIENCE, self.wake)
        self._open.append(near)
        return near, self.accept()

    def tls_pair(self, certificates: Certificates, **server: Any) -> tuple[Connection, ssl.SSLSocket]:
        """The same after a handshake, over TLS of the version in ServerTls(**server)."""
        near, plain = self.pair()
        tls = ServerTls(pair=certificates.server, **server)
        far = tls.context().wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self._open.append(far)
        with answering(far):
            near.start_tls(client_context(certificates.ca_file), "127.0.0.1", PATIENCE)
        return near, far


@contextlib.contextmanager
def answering(far: ssl.SSLSocket) -> Iterator[None]:
    """The far end shakes hands meanwhile; what it thinks of the handshake is its own affair."""

    def shake() -> None:
        with contextlib.suppress(OSError):
            far.do_handshake()

    with beside(shake):
        yield


def reset(far: socket.socket) -> None:
    """Ends the connection as the kernel does for a process that dies with unread input."""
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    far.close()


def take(far: socket.socket, octets: int, pause: float = 0.0) -> None:
    """Reads that many octets, resting `pause` seconds between two reads."""
    rest = threading.Event()
    while octets:
        octets -= len(far.recv(min(octets, 2**17)))
        rest.wait(pause)


def read_to_end(far: socket.socket) -> bytes:
    """All that arrives until the other side has half-closed."""
    octets = b""
    while chunk := far.recv(2**16):
        octets += chunk
    return octets


def probe_on(near: Connection) -> None:
    """Probes until that raises, as it must."""

    def probe() -> bool:
        near.probe()
        return False

    until(probe, "the end")


@contextlib.contextmanager
def transport_to(
    far_end: FarEnd, clock: Callable[[], float] | None = None, **options: Any
) -> Iterator[TcpTransport]:
    """A plain transport, not yet open, that leads to the far end; ended without waiting."""
    made = TcpTransport(tcp_options(far_end.address, **options), clock=clock or time.monotonic)
    try:
        yield made
    finally:
        made.abort()
        made.close()


def wait_for_end(transport: TcpTransport) -> None:
    """Returns once our kernel knows that the collector has closed the fenced connection."""
    watched = transport._fences.watched
    assert watched is not None
    watched.wait(PATIENCE)


def look_until_it_raises(transport: TcpTransport) -> int:
    """Asks for what is confirmed until the link is said to be broken; the most it has ever said."""
    most = 0

    def raises() -> bool:
        nonlocal most
        try:
            most = max(most, transport.confirmed(0.0))
        except Failure:
            return True
        return False

    until(raises, "an error")
    return most


@contextlib.contextmanager
def black_hole() -> Iterator[tuple[str, int]]:
    """An address that answers no connection attempt: its queue is full and nobody accepts."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address: tuple[str, int] = listener.getsockname()
        for _ in range(4):  # one more than the queue takes; further ones cost nothing
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(address)
        yield address
