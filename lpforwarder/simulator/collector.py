"""A pretend collector: receives syslog over TCP, TLS or RELP on this machine, and can be unplugged."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lpforwarder.simulator.frames import FrameReader
from lpforwarder.simulator.relp import RelpManners, RelpSession

_log = logging.getLogger(__name__)

_CHUNK: Final = 256 * 1024
# A collector with a rate must push back early: what the kernel holds for it is taken, but not received.
_SLOW_CHUNK: Final = 4096
_SLOW_BUFFER: Final = 64 * 1024
_RESET: Final = struct.pack("ii", 1, 0)
_JOIN_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What has arrived since the collector was made; octets are those of the stream, after TLS."""

    connections: int
    messages: int
    octets: int


class Pace:
    """Holds its callers back to `rate` units a second, all of them together; None lets them run."""

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._free_at = clock()
        self._lock = threading.Lock()

    def take(self, units: int) -> float:
        """How many seconds to wait before going on, now that `units` more were taken."""
        if self._rate is None:
            return 0.0
        with self._lock:
            now = self._clock()
            self._free_at = max(now, self._free_at) + units / self._rate
            return self._free_at - now

    def hold(self, units: int, cut: threading.Event) -> bool:
        """Waits that long; True as soon as the connection is cut."""
        return cut.is_set() if self._rate is None else cut.wait(self.take(units))


class PretendCollector:
    """A syslog collector for demonstrations and tests: octet counting and newline framing, TCP or TLS.

    It holds its port from the start (`address` tells which one when 0 was asked) and listens once it is
    plugged in; as a context manager it is plugged in on entry and closed on exit. Each connection is read
    to its end and then closed without a reset, so that a sender who waits for the close learns that all
    was read. `on_message` gets every message, in the order of its connection, never two at a time;
    reading waits for it. `on_problem` gets a sentence for whatever else went wrong, from any thread.

    `rate` is messages a second, `octet_rate` octets a second, over all connections. One with `relp` speaks
    RELP instead, and answers a message once `on_message` has returned.
    """

    def __init__(
        self,
        listen: tuple[str, int],
        tls: ssl.SSLContext | None = None,
        rate: float | None = None,
        on_message: Callable[[bytes], object] = lambda _: None,
        *,
        octet_rate: float | None = None,
        relp: RelpManners | None = None,
        on_problem: Callable[[str], object] = _log.warning,
    ) -> None:
        self._tls = tls
        self._relp = relp
        self._on_message = on_message
        self._on_problem = on_problem
        self._is_slow = rate is not None or octet_rate is not None
        self._message_pace = Pace(rate)
        self._octet_pace = Pace(octet_rate)
        self._delivering = threading.Lock()
        self._connections = self._messages = self._octets = 0
        self._session: _Session | None = None
        # Bound for the whole life and never listening: an unplugged port stays ours. Otherwise the kernel
        # could lend it to an outgoing connection, even to the sender's own, which then talks to itself.
        self._reserved = _bound(listen)
        self.address: tuple[str, int] = self._reserved.getsockname()[:2]

    def __enter__(self) -> PretendCollector:
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def counts(self) -> Counts:
        """What has arrived so far; a message counts once on_message has returned."""
        return Counts(connections=self._connections, messages=self._messages, octets=self._octets)

    @property
    def is_plugged(self) -> bool:
        """Whether it listens."""
        return self._session is not None

    def plug(self) -> None:
        """Listens, on the same port as before."""
        if self._session is None:
            listener = _bound(self.address, receive_buffer=_SLOW_BUFFER if self._is_slow else None)
            listener.listen(128)
            self._session = _Session(listener, self._tls, self._serve)

    def unplug(self) -> None:
        """Stops listening and resets every connection, like a cut cable or a killed process.

        What was read but not yet handed to `on_message` is gone. Nothing is called after the return,
        unless a call of `on_message` takes longer than ten seconds.
        """
        session, self._session = self._session, None
        if session is not None:
            session.cut()

    def close(self) -> None:
        """Unplugs for good and gives the port back."""
        self.unplug()
        self._reserved.close()

    def _serve(self, link: _Link) -> bool:
        """Handshake, then every message; whether the far side may take the close for "all was read"."""
        with self._delivering:
            self._connections += 1
        try:
            link.shake_hands()
        except OSError as error:
            self._report(link, error)
            # Nothing was read, and a reset would overtake the alert that tells the sender why.
            return True
        try:
            self._receive(link)
            link.say_goodbye()
        except OSError as error:
            self._report(link, error)
            return False
        return True

    def _report(self, link: _Link, what: object) -> None:
        if not link.cut.is_set():
            self._on_problem(f"connection from {link.peer}: {what}")

    def _receive(self, link: _Link) -> None:
        def report(what: str) -> None:
            self._report(link, what)

        relp = RelpSession(self._relp, report) if self._relp is not None else None
        frames = relp or FrameReader(report)
        while chunk := link.read(_SLOW_CHUNK if self._is_slow else _CHUNK):
            self._deliver(frames.feed(chunk), link.cut)
            if relp is not None:
                link.say(relp.answers())
            with self._delivering:
                self._octets += len(chunk)
            if self._octet_pace.hold(len(chunk), link.cut) or (relp is not None and relp.is_over):
                break
        frames.end()

    def _deliver(self, messages: list[bytes], cut: threading.Event) -> None:
        with self._delivering:
            for message in messages:
                if self._message_pace.hold(1, cut):
                    break
                self._on_message(message)
                self._messages += 1


class _Link:
    """One accepted connection; used by its own thread, but `interrupt` comes from elsewhere."""

    def __init__(
        self, connection: socket.socket, peer: str, tls: ssl.SSLContext | None, cut: threading.Event
    ) -> None:
        self.cut = cut
        self.peer = peer
        # Wrapped before another thread can hold this object: the socket that `interrupt` knows never changes.
        self._connection = (
            tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            if tls is not None
            else connection
        )

    def shake_hands(self) -> None:
        """The TLS handshake, where there is TLS."""
        if isinstance(self._connection, ssl.SSLSocket):
            self._connection.do_handshake()

    def read(self, most: int) -> bytes:
        """At least one octet, or nothing at the end of the stream and once the link is cut."""
        chunk = b"" if self.cut.is_set() else self._connection.recv(most)
        return b"" if self.cut.is_set() else chunk

    def say(self, octets: bytes) -> None:
        """Sends them, unless the link is cut."""
        if octets and not self.cut.is_set():
            self._connection.sendall(octets)

    def say_goodbye(self) -> None:
        """Answers close_notify; a sender that is gone already does not mind."""
        if isinstance(self._connection, ssl.SSLSocket) and not self.cut.is_set():
            with contextlib.suppress(OSError, ValueError):
                self._connection.unwrap()

    def interrupt(self) -> None:
        """Makes a blocked read return, without a word to the far side.

        Only the receiving half is shut: shutting the other too would send a FIN, and a sender waiting for
        it would take that for "all was read". Called on the plain socket class, because SSLSocket.shutdown
        forgets its TLS state and the next read would return ciphertext.
        """
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._connection, socket.SHUT_RD)

    def close(self, *, is_polite: bool) -> None:
        """Ends the connection; one that is not polite is reset, so that nobody takes it for a good end."""
        if not is_polite:
            with contextlib.suppress(OSError):
                self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._connection.close()


class _Session:
    """The time between plug and unplug: a listener, its connections, their threads."""

    def __init__(
        self, listener: socket.socket, tls: ssl.SSLContext | None, serve: Callable[[_Link], bool]
    ) -> None:
        self._listener = listener
        self._tls = tls
        self._serve = serve
        self._cut = threading.Event()
        self._lock = threading.Lock()
        self._links: dict[threading.Thread, _Link] = {}
        self._acceptor = threading.Thread(target=self._accept, name="pretend-collector", daemon=True)
        self._acceptor.start()

    def cut(self) -> None:
        """Resets everything and returns once none of its threads runs any more."""
        self._cut.set()
        with contextlib.suppress(OSError):
            # close() alone would not wake the thread that waits in accept().
            self._listener.shutdown(socket.SHUT_RDWR)
        _join(self._acceptor)
        with self._lock:
            threads = list(self._links)
            for link in self._links.values():
                link.interrupt()
        for thread in threads:
            _join(thread)

    def _accept(self) -> None:
        with self._listener:
            while not self._cut.is_set():
                try:
                    connection, address = self._listener.accept()
                except OSError:
                    # Cut, or out of descriptors: the latter must not become a busy loop.
                    self._cut.wait(0.1)
                else:
                    self._begin(connection, f"{address[0]}:{address[1]}")

    def _begin(self, connection: socket.socket, peer: str) -> None:
        try:
            link = _Link(connection, peer, self._tls, self._cut)
        except OSError:
            connection.close()
            return
        thread = threading.Thread(target=self._run, args=(link,), name="pretend-link", daemon=True)
        with self._lock:
            self._links[thread] = link
        thread.start()

    def _run(self, link: _Link) -> None:
        is_polite = False
        try:
            is_polite = self._serve(link) and not self._cut.is_set()
        finally:
            # Under the lock: nobody interrupts a descriptor that is closed and perhaps in use anew.
            with self._lock:
                del self._links[threading.current_thread()]
                link.close(is_polite=is_polite)


def _join(thread: threading.Thread) -> None:
    """Waits for the thread, unless on_message itself asked for the end."""
    if thread is not threading.current_thread():
        thread.join(_JOIN_SECONDS)


def _bound(address: tuple[str, int], receive_buffer: int | None = None) -> socket.socket:
    """A stream socket on that address, not yet listening."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer is not None:
            # Before listen(): the window is agreed when the connection is made.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
