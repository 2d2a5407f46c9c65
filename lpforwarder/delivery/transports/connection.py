"""One TCP connection to a collector, plain or TLS: connect, write, notice, end.

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
from fcntl import ioctl

from lpforwarder.delivery.transports.tls import broken_tls
from lpforwarder.errors import Transient

SEND_BUFFER = 256 * 1024  # bounds what is at risk in our kernel; measured: no loss of speed
USER_TIMEOUT_MS = 30_000  # 10 s kills live but slow collectors; without it a dead link takes 939 s
KEEP_ALIVE = (10, 5, 3)  # idle seconds, interval, probes: a dead idle link is noticed in 25 s
MOST_ANSWER = 64 * 1024  # octets a collector may say before we hang up; syslog collectors say nothing
READ_SIZE = 64 * 1024


class Wake:
    """Ends every wait of one transport from another thread."""

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
        self._sock = sock
        self._wake = wake
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._ended = False
        self._heard = 0
        self._heard_tls = False

    # ---- beginning ------------------------------------------------------------------------------------

    def start_tls(self, context: ssl.SSLContext, server_name: str, within: float) -> None:
        """Makes the handshake; Blocked or Transient names what is wrong with it."""
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        deadline = time.monotonic() + within
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush(deadline)
                self._receive_handshake(deadline)
            except ssl.SSLError as error:
                with contextlib.suppress(Transient):
                    self._flush(deadline)  # the alert, so that the far side can log why
                raise broken_tls(error, self.peer) from error
            else:
                self._flush(deadline)
                return

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
        self._transmit(self._encrypt(data) if self._tls is not None else data, stall)

    def _encrypt(self, data: bytes) -> bytes:
        assert self._tls is not None
        view = memoryview(data)
        try:
            while view:
                view = view[self._tls.write(view) :]
        except ssl.SSLError as error:
            raise broken_tls(error, self.peer) from error
        return self._outgoing.read()

    def _transmit(self, wire: bytes, stall: float) -> None:
        view = memoryview(wire)
        deadline = time.monotonic() + stall
        while view:
            try:
                taken = self._sock.send(view)
            except BlockingIOError:
                self._wait_writable(deadline)
                continue
            except OSError as error:
                raise lost(self.peer, error) from error
            self.wire_sent += taken
            view = view[taken:]
            deadline = time.monotonic() + stall

    def _wait_writable(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        events = self._poll(select.POLLIN | select.POLLOUT, max(left, 0.0))
        if not events and left <= 0:
            raise Transient(
                f"{self.peer} has taken nothing for too long; giving this connection up",
                code="LPF211",
                fix="look at the collector: it is connected but does not read",
            )
        if events & ~select.POLLOUT:
            self.probe()

    # ---- noticing -------------------------------------------------------------------------------------

    def probe(self) -> None:
        """Raises Transient when the collector has closed or reset; reads and drops what it says.

        Needed before each write: the first write after the peer's FIN "succeeds" and is lost. Under TLS
        1.3 it also takes the session tickets, which unread would turn our close into a reset.
        """
        while True:
            try:
                data = self._sock.recv(READ_SIZE)
            except BlockingIOError:
                return
            except OSError as error:
                raise lost(self.peer, error) from error
            if not data:
                self._ended = True
                raise Transient(f"{self.peer} closed the connection", code="LPF212")
            self._take(data)

    def _take(self, data: bytes) -> None:
        if self._tls is None:
            self._heard += len(data)
        else:
            self._incoming.write(data)
            self._heard_tls = True
            self._heard += self._decrypt()
        if self._heard > MOST_ANSWER:
            raise Transient(f"{self.peer} sends data instead of taking it; hanging up", code="LPF213")

    def _decrypt(self) -> int:
        """Octets of plain text waiting; raises what the collector's alert means."""
        assert self._tls is not None
        heard = 0
        while True:
            try:
                plain = self._tls.read(READ_SIZE)
            except ssl.SSLWantReadError:
                return heard
            except ssl.SSLZeroReturnError:
                raise Transient(f"{self.peer} closed the TLS session", code="LPF212") from None
            except ssl.SSLError as error:
                raise broken_tls(error, self.peer) from error
            if not plain:
                return heard
            heard += len(plain)

    def unacknowledged(self) -> int:
        """Octets the collector's kernel has not acknowledged; raises Transient when the link is broken.

        A reset socket keeps its last count for ever, so the counter is read first and the error second.
        """
        count: int = struct.unpack("i", ioctl(self._sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0]
        failed = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            raise lost(self.peer, OSError(failed, os.strerror(failed)))
        return count

    def wait(self, within: float) -> None:
        """Returns when the collector says or ends something, or after `within` seconds."""
        if within > 0:
            self._poll(select.POLLIN, within)

    # ---- ending ---------------------------------------------------------------------------------------

    def finish(self, stall: float) -> None:
        """Says that nothing more will come: reads what is pending, close_notify, half-close."""
        self.probe()
        if self._tls is not None:
            with contextlib.suppress(ssl.SSLWantReadError):
                self._tls.unwrap()
            self._transmit(self._outgoing.read(), stall)
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise lost(self.peer, error) from error
        self.finished = True

    def ended(self) -> bool:
        """True once the collector has closed after our half-close, without a reset and with nothing left.

        On Linux a process that dies with unread input sends a reset, so this means that it read all.
        What it still says is dropped undecrypted: rsyslog with GnuTLS answers close_notify by closing.
        """
        while not self._ended:
            try:
                data = self._sock.recv(READ_SIZE)
            except BlockingIOError:
                return False
            except OSError as error:
                raise lost(self.peer, error) from error
            self._ended = not data
            self._heard += len(data)
            if self._heard > MOST_ANSWER:
                raise Transient(f"{self.peer} sends data instead of closing; hanging up", code="LPF213")
        # A collector that closed before our last octets arrived has not acknowledged them.
        return self.unacknowledged() == 0

    def close(self) -> None:
        """Gives the socket back; safe to call twice. What the kernel still holds is sent on."""
        self._sock.close()

    def hang_up(self, within: float) -> None:
        """A polite end without a result: half-close, then read until the collector closes or time is up."""
        deadline = time.monotonic() + within
        try:
            if not self.finished:
                self.finish(within)
            while not self.ended() and (left := deadline - time.monotonic()) > 0:
                self._poll(select.POLLIN, left)
        except Transient:
            pass
        finally:
            self.close()

    # ---- waiting --------------------------------------------------------------------------------------

    def _flush(self, deadline: float) -> None:
        self._transmit(self._outgoing.read(), deadline - time.monotonic())

    def _receive_handshake(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0 or not self._poll(select.POLLIN, left):
            raise Transient(
                f"{self.peer} does not answer the TLS handshake",
                code="LPF209",
                fix="does this port speak TLS? if it is plain TCP: transport: tcp",
            )
        try:
            data = self._sock.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            raise hung_up_in_handshake(self.peer, error) from error
        if not data:
            raise hung_up_in_handshake(self.peer, None)
        self._incoming.write(data)

    def _poll(self, events: int, within: float) -> int:
        """The socket's events, 0 when the time is up; Transient when abort() was called."""
        poller = select.poll()
        poller.register(self._sock, events)
        poller.register(self._wake.fd, select.POLLIN)
        ready = dict(poller.poll(max(within, 0.0) * 1000))
        if self._wake.called:
            raise aborted(self.peer)
        return ready.get(self._sock.fileno(), 0)


def resolve(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
    """All addresses of a name, asked anew at each call; Transient LPF201 when there is none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else "not a valid host name"
        raise Transient(
            f'the name "{host}" cannot be resolved: {reason}',
            code="LPF201",
            fix="check the spelling and this machine's name servers",
        ) from error
    return [(family, address[:2]) for family, _, _, _, address in found]  # type: ignore[misc]


def connect(host: str, port: int, within: float, wake: Wake) -> Connection:
    """A connection to the first address that answers; Transient tells what the last one said."""
    deadline = time.monotonic() + within
    failure: Transient | None = None
    for family, address in resolve(host, port):
        try:
            return connect_address(family, address, deadline - time.monotonic(), wake)
        except Transient as error:
            failure = error
            if wake.called:
                break
    assert failure is not None
    raise failure


def connect_address(
    family: socket.AddressFamily, address: tuple[str, int], within: float, wake: Wake
) -> Connection:
    """A connection to one address, with the socket options every link has."""
    peer = f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        _tune(sock)
        code = sock.connect_ex(address)
        if code == errno.EINPROGRESS:
            code = _wait_connected(sock, within, wake, peer)
        if code:
            raise unreachable(peer, code)
    except BaseException:
        sock.close()
        raise
    return Connection(sock, peer, wake)


def _wait_connected(sock: socket.socket, within: float, wake: Wake, peer: str) -> int:
    poller = select.poll()
    poller.register(sock, select.POLLOUT)
    poller.register(wake.fd, select.POLLIN)
    ready = dict(poller.poll(max(within, 0.0) * 1000))
    if wake.called:
        raise aborted(peer)
    if sock.fileno() not in ready:
        return errno.ETIMEDOUT
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def _tune(sock: socket.socket) -> None:
    idle, interval, probes = KEEP_ALIVE
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, probes)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)


def unreachable(peer: str, code: int) -> Transient:
    """What a failed connect means, in words."""
    if code == errno.ECONNREFUSED:
        return Transient(
            f"{peer} refused the connection: nobody listens there",
            code="LPF202",
            fix="start the collector's syslog input, or correct host and port",
        )
    if code in (errno.ETIMEDOUT, errno.EAGAIN):
        return Transient(
            f"no answer from {peer}: packets are dropped on the way, usually by a firewall",
            code="LPF203",
            fix="ask for the way from this machine to the collector to be opened",
        )
    return Transient(f"cannot reach {peer}: {os.strerror(code)}", code="LPF203")


def lost(peer: str, error: OSError) -> Transient:
    """A link that broke after it was up."""
    if error.errno == errno.ETIMEDOUT:
        return Transient(f"{peer} no longer answers: the connection timed out", code="LPF203")
    if error.errno in (errno.ECONNRESET, errno.EPIPE):
        return Transient(f"{peer} reset the connection", code="LPF214")
    return Transient(f"the connection to {peer} broke: {error.strerror or error}", code="LPF214")


def hung_up_in_handshake(peer: str, error: OSError | None) -> Transient:
    """A peer that closes instead of shaking hands."""
    how = "hung up" if error is None else f"broke off ({error.strerror})"
    return Transient(
        f"{peer} {how} during the TLS handshake",
        code="LPF209",
        fix="does this port speak TLS? if it is plain TCP: transport: tcp",
    )


def aborted(peer: str) -> Transient:
    """abort() was called while we waited."""
    return Transient(f"the connection to {peer} was given up because we are stopping", code="LPF290")
