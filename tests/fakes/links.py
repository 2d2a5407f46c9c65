"""Both ends of one connection in a test's own hands, and what tests over real sockets wait and count with."""

from __future__ import annotations

import contextlib
import gc
import os
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
from tests.fakes.certificates import Certificates, ServerTls, client_context

PATIENCE = 10.0
"""Seconds a test waits for what comes at once unless something is wrong."""
_RESET = struct.pack("ii", 1, 0)


class LaterClock:
    """The monotonic clock, and as much later as a test says."""

    def __init__(self) -> None:
        self.later = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.later


def until(true: Callable[[], bool], what: str = "it", within: float = PATIENCE) -> None:
    """Returns as soon as `true()`; AssertionError when it takes longer than `within` seconds."""
    give_up_at = time.monotonic() + within
    pause = threading.Event()
    while not true():
        assert time.monotonic() < give_up_at, f"{what} did not happen"
        pause.wait(0.002)


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

    def __init__(self, *, receive_buffer: int | None = None, backlog: int = 16) -> None:
        self._listener = socket.socket()
        if receive_buffer is not None:
            # Before listen(): the window is agreed when the connection is made.
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(backlog)
        self._listener.settimeout(PATIENCE)
        self._open: list[socket.socket | Connection] = []
        self.address: tuple[str, int] = self._listener.getsockname()
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


@contextlib.contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Does `work` in a thread of its own while the body runs, and waits for its end."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(PATIENCE)
        assert not thread.is_alive()


@contextlib.contextmanager
def a_moment_later(work: Callable[[], object], seconds: float = 0.05) -> Iterator[None]:
    """Does `work` from another thread, a moment after the body has begun."""
    timer = threading.Timer(seconds, work)
    timer.start()
    try:
        yield
    finally:
        timer.join(PATIENCE)


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


class Stopwatch:
    """As a context: the wall-clock seconds its body took, and the seconds this thread was computing."""

    wall = 0.0
    computing = 0.0

    def __enter__(self) -> Self:
        self._wall, self._computing = time.monotonic(), time.thread_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.monotonic() - self._wall
        self.computing = time.thread_time() - self._computing


def open_descriptors() -> int:
    """How many files and sockets this process has open now, but for those that only a cycle keeps."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))
