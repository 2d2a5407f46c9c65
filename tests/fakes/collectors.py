"""Simple collectors, good and bad, inside the test or as a process of their own, and a naive sender.

They read what arrives and write it down, nothing more; the real ones are in `peers.py`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lpforwarder.simulator.frames import FrameReader
from tests.fakes.certificates import ServerTls
from tests.fakes.children import ChildCollector

_CHECKOUT = Path(__file__).parents[2]
_CHUNK = 64 * 1024
_SLOW_CHUNK = 4096
_RESET = struct.pack("ii", 1, 0)
_GARBAGE = b"\x00\xffgarbage " * 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a collector treats those who connect. The default is a good one, each other is one bad habit."""

    octet_rate: float | None = None
    """Octets a second it reads from each connection; None for all it can."""
    nap: float = 0.0
    """Seconds it rests after each 64 KiB."""
    buffer: int | None = None
    """Octets its kernel takes for it; None for as many as it likes, which are megabytes."""
    serial: bool = False
    """One connection at a time; the next one waits in the kernel, connected but unread."""
    reads: bool = True
    """Otherwise it accepts and never reads."""
    closes: bool = True
    """Otherwise it ignores the end of what it reads and leaves the connection open."""
    says_goodbye: bool = True
    """Answers close_notify as OpenSSL's users do; otherwise it just closes, like those of GnuTLS."""
    hangs_up: bool = False
    """Closes each connection as soon as it is accepted, before any TLS."""
    garbage: int = 0
    """Octets it sends back on each connection, some at the start and more after each read."""


class Collector:
    """A collector inside the test; listens on `host` while it is entered.

    `on_messages` gets what one read completed, in order, from the thread of that connection. Leaving
    the context ends all connections; wrong TLS or framing ends one and is noted in `problems`.
    """

    def __init__(
        self,
        on_messages: Callable[[Sequence[bytes]], object],
        *,
        manners: Manners = Manners(),
        tls: ServerTls | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.problems: list[str] = []
        self._on_messages = on_messages
        self._manners = manners
        self._context = tls.context() if tls is not None else None
        self._leaving = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server((host, port), backlog=128)
        if manners.buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, manners.buffer)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.address: tuple[str, int] = self._listener.getsockname()

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    # Not SSLSocket's own shutdown, which pulls the TLS state from under the reader.
                    socket.socket.shutdown(connection, socket.SHUT_RD)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with self._listener:
            while not self._leaving.is_set():
                with contextlib.suppress(OSError):
                    self._begin(self._listener.accept()[0])

    def _begin(self, connection: socket.socket) -> None:
        if self._manners.hangs_up:
            return connection.close()
        if self._context is not None:
            connection = self._context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        with self._lock:
            if self._leaving.is_set():
                return connection.close()
            self._open.add(connection)
        if self._manners.serial:
            return self._serve(connection)
        self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
        return self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            self._treat(connection)
        except OSError as error:
            self.problems.append(str(error))
        with self._lock:
            self._open.discard(connection)
            if self._leaving.is_set():
                # As the kernel does for a killed process: nobody may take this end for "all was read".
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            connection.close()

    def _treat(self, connection: socket.socket) -> None:
        garbage = self._send_garbage(connection, self._manners.garbage)
        if self._manners.reads:
            self._read(connection, garbage)
        if not (self._manners.reads and self._manners.closes):
            self._leaving.wait()
        if (
            isinstance(connection, ssl.SSLSocket)
            and self._manners.says_goodbye
            and not self._leaving.is_set()
        ):
            with contextlib.suppress(OSError, ValueError):
                connection.unwrap()

    def _read(self, connection: socket.socket, garbage: int) -> None:
        frames = FrameReader(self.problems.append)
        rate, nap, since_nap = self._manners.octet_rate, self._manners.nap, 0
        while chunk := connection.recv(_CHUNK if rate is None else _SLOW_CHUNK):
            if self._leaving.is_set():
                return
            self._on_messages(frames.feed(chunk))
            garbage = self._send_garbage(connection, garbage)
            if rate is not None:
                self._leaving.wait(len(chunk) / rate)
            since_nap += len(chunk)
            if nap and since_nap >= _CHUNK:
                since_nap = 0
                self._leaving.wait(nap)
        frames.end()

    def _send_garbage(self, connection: socket.socket, left: int) -> int:
        """Sends some of it; how much is left for the next time."""
        connection.sendall(_GARBAGE[:left])
        return max(0, left - len(_GARBAGE))


class CollectorProcess(ChildCollector):
    """The same in a process of its own; appends each message as a line to `file`.

    Written with one call per read and before the next read, so a SIGKILL loses what was read last and
    nothing else.
    """

    def __init__(
        self,
        folder: Path,
        *,
        manners: Manners = Manners(),
        tls: ServerTls | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        wrapper: Sequence[str] = (),
    ) -> None:
        super().__init__(folder, host=host, port=port, wrapper=wrapper)
        self.manners = manners
        """May be changed for its next life, as `tls` may."""
        self.tls = tls

    def _command(self) -> list[str]:
        fixed = ["--host", self.host, "--port", str(self.port), "--out", str(self.file)]
        return [
            sys.executable,
            "-m",
            "tests.fakes.receiver_process",
            *fixed,
            *self._habits(),
            *self._tls_options(),
        ]

    def _directory(self) -> Path:
        return _CHECKOUT

    def _habits(self) -> list[str]:
        manners = self.manners
        options = [f"--garbage={manners.garbage}", f"--nap={manners.nap}"]
        options += [f"--octet-rate={manners.octet_rate}"] if manners.octet_rate is not None else []
        options += [f"--buffer={manners.buffer}"] if manners.buffer is not None else []
        options += ["--serial"] if manners.serial else []
        options += [] if manners.reads else ["--never-reads"]
        options += [] if manners.closes else ["--never-closes"]
        options += [] if manners.says_goodbye else ["--never-says-goodbye"]
        return options + (["--hangs-up"] if manners.hangs_up else [])

    def _tls_options(self) -> list[str]:
        if self.tls is None:
            return []
        options = ["--cert", str(self.tls.pair.cert_file), "--key", str(self.tls.pair.key_file)]
        if self.tls.client_ca is not None:
            options += ["--client-ca", str(self.tls.client_ca)]
        if self.tls.version is not None:
            options += ["--tls-version", self.tls.version.name]
        return options


def append_lines(path: Path) -> Callable[[Sequence[bytes]], None]:
    """An `on_messages` that appends each message as a line to that file, all of a call in one write.

    A newline inside a message would look like two messages, so it is written as backslash and n.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def append(messages: Sequence[bytes]) -> None:
        lines = b"".join(message.replace(b"\n", b"\\n") + b"\n" for message in messages)
        while lines:
            lines = lines[os.write(descriptor, lines) :]

    return append


def send_naively(
    address: tuple[str, int], octets: bytes, tls: ssl.SSLContext | None = None, server_name: str = "127.0.0.1"
) -> None:
    """How not to do it: writes everything, never reads, closes.

    Over TLS 1.3 the collector's session tickets lie unread in our kernel, which answers the close with a
    reset; the collector then loses what it has not read yet. A test that a careful sender loses nothing
    proves something only when this one loses.
    """
    with socket.create_connection(address) as plain:
        if tls is None:
            return plain.sendall(octets)
        with tls.wrap_socket(plain, server_hostname=server_name) as connection:
            return connection.sendall(octets)
