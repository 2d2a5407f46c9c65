"""Syslog over TCP and TLS, with the confirmation that plain syslog does not have.

Under `confirm: close` a connection is fenced: the next one is opened, the old one half-closed, and its
messages count once the collector has closed it without a reset while the next one stays healthy. Under
`confirm: kernel` a message counts once the collector's kernel has acknowledged its last octet.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lpforwarder.delivery.framing import by_name
from lpforwarder.delivery.transports.connection import Connection, Wake, connect
from lpforwarder.delivery.transports.options import TcpOptions, TlsOptions
from lpforwarder.delivery.transports.tls import check_fingerprint, context
from lpforwarder.errors import Failure, Transient

FENCE_TIMEOUT = 30.0  # seconds until a collector that has not closed counts as not answering
FENCE_FAILURES = 3  # in a row, until we no longer ask for it
SETTLE = 0.025  # seconds a process that dies needs at most to close all its sockets
JUDGEMENT = 0.3  # seconds in which a TLS 1.3 collector refuses a client certificate
WRITE_SIZE = 256 * 1024
LINGER = 2.0  # seconds for a polite end of a connection that carries nothing unconfirmed


@dataclass(slots=True)
class _Fenced:
    """A half-closed connection: its messages end at `upto`, counted since open()."""

    connection: Connection
    upto: int
    deadline: float
    ended_at: float | None = None


class TcpTransport:
    """A link over plain TCP. See delivery/contract.py for what each call promises."""

    Options = TcpOptions

    def __init__(self, options: TcpOptions, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.confirm: str = options.confirm
        self.peer = ""
        self.unanswered_fences = 0
        self._options = options
        self._clock = clock
        self._framer = by_name(options.framing)
        self._wake = Wake()
        self._current: Connection | None = None
        self._fenced: deque[_Fenced] = deque()
        self._sent = 0
        self._confirmed = 0
        self._marks: deque[tuple[int, int]] = deque()
        """Under `kernel`: (octets on the wire, messages sent) after each write."""
        self._failure: Failure | None = None
        self._ask_again_at = float("-inf")
        self._host = ""

    # ---- the contract ---------------------------------------------------------------------------------

    def open(self) -> None:
        self._sent = self._confirmed = 0
        self._marks.clear()
        self._failure = None
        self._prepare()
        self._current = self._dial()
        self._secure(self._current)
        self._current.settle_tls(JUDGEMENT)
        self._current.probe()
        self.peer = self._current.peer

    def send(self, messages: Sequence[bytes]) -> None:
        try:
            self._keep_order()
            connection = self._live()
            connection.probe()
            connection.write(self._framer.frame(messages), self._options.stall_timeout)
        except Failure as error:
            self._failure = error
            raise
        self._sent += len(messages)
        if self.confirm == "kernel":
            self._marks.append((connection.wire_sent, self._sent))

    def confirmed(self, within: float) -> int:
        before = self._confirmed
        deadline = self._clock() + within
        while True:
            try:
                self._collect()
            except Failure as error:
                self._failure = self._failure or error
            if self._confirmed > before or (self._failure is None and self._clock() >= deadline):
                return self._confirmed
            if self._failure is not None:
                raise self._failure
            self._pause(deadline - self._clock())

    def fence(self, within: float) -> None:
        if (
            self.confirm == "close"
            and self._sent > self._fenced_upto()
            and self._clock() >= self._ask_again_at
        ):
            try:
                self._rotate()
            except Failure as error:
                self._failure = error
                raise
        deadline = self._clock() + within
        while self._confirmed < self._sent and (left := deadline - self._clock()) > 0:
            self.confirmed(left)

    def close(self) -> None:
        connections = [fenced.connection for fenced in self._fenced]
        self._fenced.clear()
        if self._current is not None:
            connections.append(self._current)
            self._current = None
        for connection in connections:
            if self._failure is not None or self._wake.called:
                connection.close()
            else:
                connection.hang_up(LINGER)

    def abort(self) -> None:
        self._wake.call()

    # ---- opening --------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """What is done once per link, before the first connection."""

    def _dial(self) -> Connection:
        """A TCP connection to the first of the configured hosts that answers."""
        failure: Failure | None = None
        for host in self._options.host:
            try:
                connection = connect(host, self._options.port, self._options.connect_timeout, self._wake)
            except Transient as error:
                failure = error
            else:
                self._host = host
                return connection
        assert failure is not None
        raise failure

    def _secure(self, connection: Connection) -> None:
        """Verifies the peer; plain TCP cannot."""

    def _live(self) -> Connection:
        if self._failure is not None:
            raise self._failure
        if self._current is None:
            raise Transient("the link is not open", code="LPF290")
        return self._current

    def _keep_order(self) -> None:
        """Waits until the collector has read the previous connection to its end.

        It may read two connections in any order; what we send must not overtake what we sent before.
        """
        while self.confirm == "close" and self._fenced and self._fenced[-1].ended_at is None:
            self._collect()
            self._pause(0.5)

    # ---- confirming -----------------------------------------------------------------------------------

    def _fenced_upto(self) -> int:
        return self._fenced[-1].upto if self._fenced else self._confirmed

    def _rotate(self) -> None:
        """Opens the next connection, then half-closes the present one.

        TCP first, half-close, then the handshake: a collector that serves one connection after the other
        would otherwise wait for us and we for it.
        """
        old = self._live()
        try:
            following = self._dial()
        except Transient:
            old.probe()  # a dead link is worth an exception; a collector that takes one link only is not
            self._count_unanswered()
            self._ask_again_at = self._clock() + FENCE_TIMEOUT / FENCE_FAILURES
            return
        try:
            old.finish(self._options.stall_timeout)
            self._secure(following)
        except Failure:
            following.close()
            raise
        self._fenced.append(_Fenced(old, self._sent, self._clock() + FENCE_TIMEOUT))
        self._current = following

    def _collect(self) -> None:
        """Counts what is confirmed by now; raises what broke, after counting."""
        if self.confirm == "close":
            self._collect_closed()
        else:
            self._collect_acknowledged()
        if self._current is not None:
            self._current.probe()

    def _collect_closed(self) -> None:
        now = self._clock()
        for fenced in self._fenced:
            self._look_for_end(fenced, now)
        while self._fenced and now - (self._fenced[0].ended_at or now) >= SETTLE:
            # Only a process that is still alive is known to have kept what it read.
            self._live().probe()
            oldest = self._fenced.popleft()
            oldest.connection.close()
            self._confirmed = oldest.upto
            self.unanswered_fences = 0

    def _look_for_end(self, fenced: _Fenced, now: float) -> None:
        if fenced.ended_at is not None:
            return
        if fenced.connection.ended():
            fenced.ended_at = now
        elif now >= fenced.deadline:
            fenced.deadline = now + FENCE_TIMEOUT
            self._count_unanswered()

    def _count_unanswered(self) -> None:
        """A collector that does not answer a fence three times in a row is believed by its kernel instead."""
        self.unanswered_fences += 1
        if self.unanswered_fences >= FENCE_FAILURES:
            self.confirm = "kernel"

    def _collect_acknowledged(self) -> None:
        while self._fenced:  # left from `close`, before the fall-back
            oldest = self._fenced[0]
            if oldest.connection.unacknowledged():
                return
            self._confirmed = max(self._confirmed, oldest.upto)
            oldest.connection.close()
            self._fenced.popleft()
        connection = self._current
        if connection is None:
            return
        acknowledged = connection.wire_sent - connection.unacknowledged()
        if acknowledged == connection.wire_sent:
            self._confirmed = self._sent
            self._marks.clear()
        while self._marks and self._marks[0][0] <= acknowledged:
            self._confirmed = self._marks.popleft()[1]

    def _pause(self, left: float) -> None:
        """Waits for the next thing that can change a count; the kernel's queue gives no event."""
        watched = next((fenced for fenced in self._fenced if fenced.ended_at is None), None)
        if watched is not None and self.confirm == "close":
            watched.connection.wait(min(left, 0.5))
        elif self._current is not None:
            self._current.wait(min(left, 0.005))


class TlsTransport(TcpTransport):
    """A link over TLS (RFC 5425): octet counting, verified before the first octet is sent."""

    Options = TlsOptions  # type: ignore[assignment]

    def __init__(self, options: TlsOptions, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(options, clock=clock)
        self._tls = options.tls
        self._context: ssl.SSLContext | None = None

    def _prepare(self) -> None:
        self._context = context(self._tls)

    def _secure(self, connection: Connection) -> None:
        assert self._context is not None
        name = self._tls.server_name or self._host
        try:
            connection.start_tls(self._context, name, self._options.connect_timeout)
            if self._tls.fingerprints:
                assert connection.tls is not None
                certificate = connection.tls.getpeercert(binary_form=True) or b""
                check_fingerprint(certificate, self._tls.fingerprints, connection.peer)
        except Failure:
            with contextlib.suppress(Failure):
                connection.close()
            raise
