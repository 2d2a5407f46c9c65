"""Syslog over TCP and TLS, with the confirmation that plain syslog does not have.

Under `confirm: close` a connection is fenced: the next one is opened, the old one half-closed, and its
messages count once the collector has closed it without a reset while the next one stays healthy. Under
`confirm: kernel` a message counts once the collector's kernel has acknowledged its last octet.
"""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lpforwarder.delivery.contract import Refusal
from lpforwarder.delivery.framing import by_name
from lpforwarder.delivery.transports.connection import JUDGEMENT, UNEVENTFUL, Connection, Wake
from lpforwarder.delivery.transports.hosts import Hosts
from lpforwarder.delivery.transports.options import TcpOptions, TlsOptions
from lpforwarder.delivery.transports.tls import check_fingerprint, context
from lpforwarder.errors import Failure, Transient

FENCE_TIMEOUT = 30.0  # seconds until a collector that has not closed counts as not answering
FENCE_FAILURES = 3  # in a row, until we no longer ask for it
SETTLE = 0.025  # seconds a process that dies needs at most to close all its sockets
WARINESS = 0.3  # seconds in which a collector that takes one connection only hangs up on a second one
LINGER = 2.0  # seconds for a polite end of a link that carries nothing unconfirmed


@dataclass(slots=True)
class _Fenced:
    """A half-closed connection: its messages end at `upto`, counted since open()."""

    connection: Connection
    upto: int
    deadline: float
    ended_at: float | None = None


class TcpTransport:
    """A link over plain TCP. See delivery/contract.py for what each call promises.

    abort() is for good: it also ends what is begun after it.
    """

    Options = TcpOptions

    def __init__(self, options: TcpOptions, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.confirm: str = options.confirm
        self.peer = ""
        self.unanswered_fences = 0
        self._options = options
        self._clock = clock
        self._framer = by_name(options.framing)
        self._wake = Wake()
        self._hosts = Hosts(
            options.host,
            options.port,
            self._wake,
            self._verify,
            connect_timeout=options.connect_timeout,
            clock=clock,
        )
        self._host = ""
        self._current: Connection | None = None
        self._fenced: deque[_Fenced] = deque()
        self._sent = 0
        self._confirmed = 0
        self._told = 0
        """How many of them confirmed() has told of."""
        self._marks: deque[tuple[int, int]] = deque()
        """Under `kernel`: (octets on the wire, messages sent) after each write."""
        self._failure: Failure | None = None
        self._ask_again_at = float("-inf")
        self._is_wary = False
        """The last fence cost us the link: look longer at the next connection before half-closing."""

    # ---- the contract ---------------------------------------------------------------------------------

    def open(self) -> None:
        self._sent = self._confirmed = self._told = 0
        self._marks.clear()
        self._failure = None
        self._prepare()
        self._host, self._current = self._hosts.reach()
        self.peer = self._current.peer

    def send(self, messages: Sequence[bytes]) -> None:
        try:
            self._keep_order()
            connection = self._live()
            self._check_health(connection)
            connection.write(self._framer.frame(messages), self._options.stall_timeout)
        except Failure as error:
            self._failure = error
            raise
        self._sent += len(messages)
        if self.confirm == "kernel":
            self._marks.append((connection.wire_sent, self._sent))

    def confirmed(self, within: float) -> int:
        self._wait_for(lambda: self._confirmed > self._told, within)
        self._told = self._confirmed
        return self._told

    def refused(self) -> Sequence[Refusal]:
        return ()  # plain syslog has no way to say no

    def fence(self, within: float) -> None:
        if self._may_rotate():
            try:
                self._rotate()
            except Failure as error:
                self._failure = error
                raise
        self._wait_for(lambda: self._confirmed >= self._sent, within)

    def close(self) -> None:
        connections = [fenced.connection for fenced in self._fenced]
        if self._current is not None:
            connections.append(self._current)
        self._fenced.clear()
        self._current = None
        # What is broken has nothing more to tell; it still says goodbye, so that what is on the way arrives.
        is_patient = self._failure is None and not self._wake.called
        deadline = time.monotonic() + (LINGER if is_patient else 0.0)
        for connection in connections:
            connection.hang_up(max(deadline - time.monotonic(), 0.0))

    def abort(self) -> None:
        self._wake.call()

    # ---- opening --------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """What is done once per link, before the first connection."""

    def _verify(self, connection: Connection, host: str) -> None:
        """Makes sure that this is the collector and that it accepts us; closes the connection if not."""
        try:
            self._secure(connection, host, self._options.connect_timeout)
            connection.settle_tls(JUDGEMENT)
            connection.probe()
        except BaseException:
            connection.close()
            raise

    def _secure(self, connection: Connection, host: str, within: float) -> None:
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
        while not self._is_in_order():
            self._wait_for(self._is_in_order, 1.0)

    def _is_in_order(self) -> bool:
        return self.confirm != "close" or not self._fenced or self._fenced[-1].ended_at is not None

    # ---- confirming -----------------------------------------------------------------------------------

    def _fenced_upto(self) -> int:
        return self._fenced[-1].upto if self._fenced else self._confirmed

    def _may_rotate(self) -> bool:
        has_unfenced = self._sent > self._fenced_upto()
        return self.confirm == "close" and has_unfenced and self._clock() >= self._ask_again_at

    def _rotate(self) -> None:
        """Opens the next connection, then half-closes the present one.

        TCP first, half-close, then the handshake: a collector that serves one connection after the other
        would otherwise wait for us and we for it.
        """
        old = self._live()
        following = self._following(old)
        if following is None:
            self._count_unanswered()
            self._ask_again_at = self._clock() + FENCE_TIMEOUT / FENCE_FAILURES
            return
        host, connection = following
        try:
            old.finish(self._options.stall_timeout)
            if connection.tls is None:
                self._secure(connection, host, min(FENCE_TIMEOUT, self._options.stall_timeout))
        except BaseException:
            connection.close()
            if old.finished:
                self._died_young()
            raise
        self._fenced.append(_Fenced(old, self._sent, self._clock() + FENCE_TIMEOUT))
        self._host, self._current, self.peer = host, connection, connection.peer

    def _following(self, old: Connection) -> tuple[str, Connection] | None:
        """The next connection, or None from a collector that takes one only; raises when the link is dead."""
        try:
            host, connection = self._hosts.reach_next(self._host, old)
        except Failure:
            old.probe()  # a dead link is worth an exception; a collector that takes one link only is not
            if self._wake.called:
                raise
            return None
        if self._is_wary and not self._survives(connection):
            connection.close()
            old.probe()
            return None
        return host, connection

    def _survives(self, connection: Connection) -> bool:
        deadline = time.monotonic() + WARINESS
        try:
            while (left := deadline - time.monotonic()) > 0:
                connection.wait(left)
                connection.probe()
        except Failure:
            if self._wake.called:
                raise
            return False
        return True

    def _check_health(self, connection: Connection) -> None:
        """Raises when the present connection is dead."""
        try:
            connection.probe()
        except Failure:
            if self._failure is None and self._fenced and self._sent == self._fenced[-1].upto:
                self._died_young()
            raise

    def _died_young(self) -> None:
        """The next connection broke before it carried anything: the collector died, or takes one only.

        The first time we only become wary. If that does not help, the fence counts as not answered: else
        such a collector would cost a reconnect and a replay with every fence, for ever.
        """
        if self._is_wary:
            self._count_unanswered()
        self._is_wary = True

    def _wait_for(self, enough: Callable[[], bool], within: float) -> None:
        """Looks until that is true or the time is up; raises what broke if it is not true by then."""
        deadline = self._clock() + within
        while True:
            self._look()
            if enough():
                return
            if self._failure is not None:
                raise self._failure
            if (left := deadline - self._clock()) <= 0:
                return
            self._pause(left)

    def _look(self) -> None:
        """Counts what is confirmed by now; keeps what broke for those who ask."""
        try:
            self._collect()
        except Failure as error:
            self._failure = self._failure or error

    def _collect(self) -> None:
        """Counts what is confirmed by now; raises what broke, after counting."""
        if self.confirm == "close":
            self._collect_closed()
        else:
            self._collect_acknowledged()
        if self._current is not None:
            self._check_health(self._current)

    def _collect_closed(self) -> None:
        now = self._clock()
        for fenced in self._fenced:
            self._look_for_end(fenced, now)
        while self._fenced and now - (self._fenced[0].ended_at or now) >= SETTLE:
            self._settle(self._fenced[0].connection)
            oldest = self._fenced.popleft()
            oldest.connection.close()
            self._confirmed = oldest.upto
            self.unanswered_fences = 0
            self._is_wary = False

    def _settle(self, connection: Connection) -> None:
        """Raises unless the end was a good one: no reset after it, and the next connection still healthy.

        Only a process that is still alive is known to have kept what it read.
        """
        assert self._current is not None
        connection.unacknowledged()
        self._check_health(self._current)

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
            self._current.wait(min(left, UNEVENTFUL))


class TlsTransport(TcpTransport):
    """A link over TLS (RFC 5425): octet counting, verified before the first octet is sent."""

    Options = TlsOptions  # type: ignore[assignment]

    def __init__(self, options: TlsOptions, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(options, clock=clock)
        self._tls = options.tls
        self._context: ssl.SSLContext | None = None

    def _prepare(self) -> None:
        self._context = context(self._tls)

    def _secure(self, connection: Connection, host: str, within: float) -> None:
        assert self._context is not None
        connection.start_tls(self._context, self._tls.server_name or host, within)
        if self._tls.fingerprints:
            assert connection.tls is not None
            certificate = connection.tls.getpeercert(binary_form=True) or b""
            check_fingerprint(certificate, self._tls.fingerprints, connection.peer)
