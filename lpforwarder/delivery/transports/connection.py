"""One TCP connection to a collector, plain or TLS: shake hands, write, notice, end.

The socket never blocks; every wait is a poll() that abort() can end from another thread. TLS runs over
memory buffers, so the octets on the wire are counted exactly and a half-close is ours to make.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import ssl
import struct
import termios
import time
from collections.abc import Callable
from fcntl import ioctl
from typing import Any

from lpforwarder.delivery.transports import failures
from lpforwarder.delivery.transports.liveness import ALLOWANCE, SILENCE, USER_TIMEOUT, silent_for
from lpforwarder.errors import Failure, Transient

MOST_ANSWER = 64 * 1024  # octets a collector may say before we hang up; syslog collectors say nothing
READ_SIZE = 64 * 1024
JUDGEMENT = 0.3  # seconds in which a TLS 1.3 collector refuses a client certificate
AT_ONCE_ENCRYPTED = 128 * 2**10
"""Octets that are encrypted and handed over, so that they stay in the processor's cache between the two."""
AT_ONCE = 2.0  # seconds; a collector that hangs up sooner, before we wrote, wants nothing from us
GLANCE = 1.0  # seconds between two looks at whether the far kernel still answers
ALERT = 7  # octets of a TLS alert (RFC 5246 §6.2.1, §7.2): one that says nothing else has not greeted us
UNEVENTFUL = 0.005  # seconds between two looks at what the kernel gives no event for


class Wake:
    """Ends every wait of one transport from another thread, for good."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.called = False

    def call(self) -> None:
        self.called = True
        with contextlib.suppress(OSError):
            os.eventfd_write(self.fd, 1)

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.fd)


class Connection:
    """A connected socket, TLS or not. Any exception leaves it unusable: close it."""

    def __init__(self, sock: socket.socket, peer: str, wake: Wake) -> None:
        self.peer = peer
        self.wire_sent = 0
        """Octets handed to the kernel, TLS overhead included."""
        self.finished = False
        """We said that nothing more will come."""
        self.silence = SILENCE
        """Seconds in which the far kernel has to answer something, or it counts as gone."""
        self.listener: Callable[[bytes], None] | None = None
        """Gets what the collector says, deciphered, in whatever pieces it comes; None drops it."""
        self._sock = sock
        self._wake = wake
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._shaking_hands = False
        self._torn = False
        self._ended = False
        self._lost: Transient | None = None
        self._began = time.monotonic()
        self._has_written = False
        self._kernel_waits = USER_TIMEOUT
        self._heard = 0
        self._heard_tls = False

    @property
    def address(self) -> tuple[int, tuple[Any, ...]]:
        """Family and address of the far end."""
        try:
            return self._sock.family, self._sock.getpeername()
        except OSError as error:
            raise self._broke(error) from error

    def obey(self, wake: Wake) -> None:
        """From now on that one ends all waits: the connection has changed hands."""
        self._wake = wake

    # ---- beginning ------------------------------------------------------------------------------------

    def start_tls(self, context: ssl.SSLContext, server_name: str, within: float) -> None:
        """Makes the handshake; Blocked or Transient names what is wrong with it."""
        try:
            self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        except ValueError as error:
            raise failures.impossible_name(server_name) from error
        self._shaking_hands = True
        heard = 0
        deadline = time.monotonic() + within
        while self._shaking_hands:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush(deadline)
                heard += self._receive_handshake(deadline)
            except ssl.SSLError as error:
                with contextlib.suppress(Transient):
                    self._flush(deadline)  # the alert, so that the far side can log why
                raise failures.broken_tls(error, self.peer, greeted=heard > ALERT) from error
            else:
                self._flush(deadline)
                self._shaking_hands = False

    def settle_tls(self, within: float) -> None:
        """Waits until the collector has judged our certificate, `within` seconds at most.

        In TLS 1.3 our handshake succeeds before the collector has looked at the client certificate; a
        refusal arrives just after it. Session tickets come only from a collector that accepted.
        """
        if self._tls is None or self._tls.version() != "TLSv1.3":
            return
        deadline = time.monotonic() + within
        while (left := deadline - time.monotonic()) > 0 and not self._heard_tls:
            if self._poll(select.POLLIN, left):
                self.probe()

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The TLS session, for what it says about the peer; None on plain TCP."""
        return self._tls

    # ---- writing --------------------------------------------------------------------------------------

    def write(self, data: bytes, stall: float) -> None:
        """Hands `data` to the kernel; Transient when the collector takes nothing for `stall` seconds."""
        if self._torn:
            raise failures.torn(self.peer)
        self._has_written = True
        self._let_kernel_wait(stall + ALLOWANCE)
        if self._tls is None:
            self._transmit(data, stall)
            return
        view = memoryview(data)
        for begin in range(0, len(view), AT_ONCE_ENCRYPTED):
            self._torn = True  # until the last piece is out
            self._transmit(self._encrypt(view[begin : begin + AT_ONCE_ENCRYPTED]), stall)

    def _let_kernel_wait(self, seconds: float) -> None:
        """Keeps the kernel from giving up on a closed window before we do."""
        if seconds > self._kernel_waits:
            milliseconds = min(round(seconds * 1000), 2**31 - 1)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
            self._kernel_waits = seconds

    def _encrypt(self, view: memoryview) -> bytes:
        assert self._tls is not None
        try:
            while view:
                view = view[self._tls.write(view) :]
        except ssl.SSLError as error:
            raise failures.broken_tls(error, self.peer, established=True) from error
        return self._outgoing.read()

    def _transmit(self, wire: bytes, stall: float) -> None:
        view = memoryview(wire)
        deadline = time.monotonic() + stall
        self._torn = True  # until all of it is out: behind half a record, nothing could be read
        while view:
            try:
                taken = self._sock.send(view)
            except BlockingIOError:
                self._wait_writable(deadline)
                continue
            except OSError as error:
                raise self._broke(error) from error
            self.wire_sent += taken
            view = view[taken:]
            deadline = time.monotonic() + stall
        self._torn = False

    def _wait_writable(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        events = self._poll(select.POLLIN | select.POLLOUT, min(left, GLANCE))
        if not events:
            self._check_silence()
            if left <= 0:
                raise failures.stalled(self.peer)
        if events & ~select.POLLOUT:
            self.probe()

    # ---- noticing -------------------------------------------------------------------------------------

    def probe(self) -> None:
        """Raises Transient when the collector has closed or reset; reads what it says.

        Needed before each write: the first write after the peer's FIN "succeeds" and is lost. Under TLS
        1.3 it also takes the session tickets, which unread would turn our close into a reset.
        """
        self._check_silence()
        while (data := self._receive()) is not None:
            if not data:
                raise self._hung_up()
            if self._tls is not None:
                self._incoming.write(data)
                self._heard_tls = True
                self._decrypt()
            elif self.listener is not None:
                self.listener(data)
            self._hear(data, instead_of="taking it")

    def _hung_up(self) -> Transient:
        if self._has_written or time.monotonic() - self._began >= AT_ONCE:
            return failures.hung_up(self.peer)
        return failures.unread(self.peer)

    def _check_silence(self) -> None:
        """Raises Transient when the far kernel has answered nothing for `silence` seconds."""
        try:
            seconds = silent_for(self._sock)
        except OSError as error:
            raise self._broke(error) from error
        if seconds >= self.silence:
            self._lost = self._lost or failures.silent(self.peer, seconds)
            raise self._lost

    def understood(self) -> None:
        """What the collector has said so far was an answer; it may say as much again.

        Our kernel acknowledges it at once. Of a collector that writes each answer by itself, as librelp does,
        the kernel holds back the second one until the first is acknowledged, which else takes 40 ms.
        """
        self._heard = 0
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _receive(self) -> bytes | None:
        """What has arrived, b"" when the collector has closed, None when there is nothing yet."""
        if self._lost is not None:
            raise self._lost
        try:
            data = self._sock.recv(READ_SIZE)
        except BlockingIOError:
            return None
        except OSError as error:
            raise self._broke(error) from error
        self._ended = not data
        return data

    def _hear(self, data: bytes, instead_of: str) -> None:
        # Of TLS the octets on the wire count: tickets and empty records without end are garbage too.
        self._heard += len(data)
        if self._heard > MOST_ANSWER:
            raise failures.talks(self.peer, instead_of)

    def _decrypt(self) -> None:
        """Hands on the plain text, or drops it; raises what the collector's alert means."""
        assert self._tls is not None
        with contextlib.suppress(ssl.SSLWantReadError):
            try:
                while plain := self._tls.read(READ_SIZE):
                    if self.listener is not None:
                        self.listener(plain)
            except ssl.SSLZeroReturnError:
                raise failures.hung_up(self.peer, "TLS session") from None
            except ssl.SSLWantReadError:
                raise
            except ssl.SSLError as error:
                raise failures.broken_tls(error, self.peer, established=True) from error

    def _broke(self, error: OSError) -> Transient:
        """What the error means. Kept: the kernel tells it once, and must not be believed afterwards."""
        if self._shaking_hands and error.errno != errno.ETIMEDOUT:
            self._lost = failures.hung_up_in_handshake(self.peer, error)
        else:
            self._lost = failures.lost(self.peer, error)
        return self._lost

    def unacknowledged(self) -> int:
        """Octets the collector's kernel has not acknowledged; raises Transient when the link is broken.

        A reset socket keeps its last count for ever, so the counter is read first and the error second.
        """
        self._check_silence()
        if self._lost is not None:
            raise self._lost
        count: int = struct.unpack("i", ioctl(self._sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0]
        failed = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            raise self._broke(OSError(failed, os.strerror(failed)))
        return count

    def watch(self, seconds: float) -> None:
        """Raises Transient when the collector ends the connection within so many seconds."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.wait(left)
            self.probe()

    def wait(self, within: float) -> None:
        """Returns when the collector says or ends something, or after `within` seconds at most."""
        if within > 0:
            # The end of what we read stays readable for ever: to wait for it again would be a busy loop.
            self._poll(0 if self._ended else select.POLLIN, within)

    # ---- ending ---------------------------------------------------------------------------------------

    def finish(self, stall: float) -> None:
        """Says that nothing more will come: reads what is pending, close_notify, half-close."""
        self.probe()
        if self._torn:
            raise failures.torn(self.peer)
        if self._tls is not None:
            self._transmit(self._goodbye(self._tls), stall)
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise self._broke(error) from error
        self.finished = True

    def _goodbye(self, tls: ssl.SSLObject) -> bytes:
        try:
            tls.unwrap()
        except ssl.SSLWantReadError:  # its answer, which not everybody gives
            pass
        except ssl.SSLError as error:
            raise failures.broken_tls(error, self.peer, established=True) from error
        return self._outgoing.read()

    def ended(self) -> bool:
        """True once the collector has closed after our half-close, without a reset and with nothing left.

        On Linux a process that dies with unread input sends a reset, so this means that it read all.
        What it still says is dropped undecrypted: rsyslog with GnuTLS answers close_notify by closing.
        """
        while not self._ended:
            data = self._receive()
            if data is None:
                self._check_silence()
                return False
            self._hear(data, instead_of="closing")
        # A collector that closed before our last octets arrived has not acknowledged them.
        return self.unacknowledged() == 0

    def close(self) -> None:
        """Gives the socket back; safe to call twice. What the kernel still holds is sent on."""
        self._sock.close()

    def hang_up(self, within: float) -> None:
        """A polite end without a result: half-close, then read until the collector closes or time is up.

        With 0 seconds nothing is waited for, but what can be said at once is said. Never raises.
        """
        deadline = time.monotonic() + within
        with contextlib.suppress(Failure):
            if not self.finished:
                self.finish(within)
            while not self.ended() and (left := deadline - time.monotonic()) > 0:
                self.wait(left)
        self.close()

    # ---- waiting --------------------------------------------------------------------------------------

    def _flush(self, deadline: float) -> None:
        self._transmit(self._outgoing.read(), deadline - time.monotonic())

    def _receive_handshake(self, deadline: float) -> int:
        """Takes what the far side says; how many octets."""
        left = deadline - time.monotonic()
        if left <= 0 or not self._poll(select.POLLIN, left):
            raise failures.silent_in_handshake(self.peer)
        data = self._receive()
        if data == b"":
            raise failures.hung_up_in_handshake(self.peer)
        self._incoming.write(data or b"")
        return len(data or b"")

    def _poll(self, events: int, within: float) -> int:
        """The socket's events, 0 when the time is up; Transient when abort() was called.

        Without events only a moment is waited: for what changes in the kernel without a word to us.
        """
        poller = select.poll()
        poller.register(self._wake.fd, select.POLLIN)
        if events:
            poller.register(self._sock, events)
        else:
            within = min(within, UNEVENTFUL)
        ready = dict(poller.poll(max(within, 0.0) * 1000))
        if self._wake.called:
            raise failures.aborted(self.peer)
        return ready.get(self._sock.fileno(), 0)
