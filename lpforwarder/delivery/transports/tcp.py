"""Syslog over TCP, with the confirmation that plain syslog does not have.

Under `confirm: close` a connection is fenced: the next one is opened, the old one half-closed, and its
messages count once the collector has closed it without a reset while the next one stays healthy. Under
`confirm: kernel` a message counts once the collector's kernel has acknowledged its last octet.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from lpforwarder.delivery.contract import Refusal
from lpforwarder.delivery.framing import by_name
from lpforwarder.delivery.transports import failures
from lpforwarder.delivery.transports.connection import JUDGEMENT, UNEVENTFUL, Connection, Wake
from lpforwarder.delivery.transports.fences import FENCE_TIMEOUT, Fences
from lpforwarder.delivery.transports.hosts import Hosts
from lpforwarder.delivery.transports.options import TcpOptions
from lpforwarder.errors import Failure, Transient

LINGER = 2.0  # seconds for a polite end of a link that carries nothing unconfirmed
CHANGE_WITHIN = 1.0  # seconds a batch waits at most until the link is free to change to a better host

_DISTRUSTED = frozenset({"LPF211", "LPF220", "LPF221"})  # takes nothing, gone silent, closed unread


class TcpTransport:
    """A link over plain TCP. See delivery/contract.py for what each call promises.

    abort() is for good: it also ends what is begun after it.
    """

    Options = TcpOptions

    def __init__(self, options: TcpOptions, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.peer = ""
        self._options = options
        self._clock = clock
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
        self._better: tuple[str, Connection] | None = None
        """A connection to a host that is preferred to this one, for when this one carries nothing."""
        self._fences = Fences(options.confirm, clock)
        self._sent = 0
        self._confirmed = 0
        self._told = 0
        """How many of them confirmed() has told of."""
        self._marks: deque[tuple[int, int]] = deque()
        """Under `kernel`: (octets on the wire, messages sent) after each write."""
        self._failure: Failure | None = None
        self._has_tried = False
        """Something was sent to this host, or we tried to."""
        self._confirmed_before = 0
        """What was confirmed before this host was taken."""

    # ---- the contract ---------------------------------------------------------------------------------

    @property
    def confirm(self) -> str:
        return self._fences.confirm

    @property
    def pulse(self) -> int:
        """Octets that the present connection has taken."""
        current = self._current
        return current.wire_sent if current is not None else 0

    @property
    def unanswered_fences(self) -> int:
        """Fences in a row that the collector did not answer in time."""
        return self._fences.unanswered

    @property
    def alarms(self) -> Sequence[Failure]:
        """What a person should look at although the link works: hosts that are preferred and down."""
        if self._current is None:
            return ()
        down = self._hosts.before(self._host)
        return [failures.second_choice(self._host, host, error) for host, error in down.items()]

    def open(self) -> None:
        self._sent = self._confirmed = self._told = 0
        self._marks.clear()
        self._failure = None
        self._prepare()
        self._take(*self._hosts.reach())

    def send(self, messages: Sequence[bytes]) -> None:
        try:
            self._keep_order()
            self._let_change()
            self._has_tried = True
            connection = self._live()
            self._check_health(connection)
            connection.write(by_name(self._options.framing).frame(messages), self._options.stall_timeout)
        except Failure as error:
            self._fail(error)
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
                self._fail(error)
                raise
        self._wait_for(lambda: self._confirmed >= self._sent, within)

    def close(self) -> None:
        self._hosts.give_up()
        connections = self._fences.take_all()
        connections += [self._current] if self._current is not None else []
        connections += [self._better[1]] if self._better is not None else []
        self._current = self._better = None
        # What is broken has nothing more to tell; it still says goodbye, so that what is on the way arrives.
        is_patient = self._failure is None and not self._wake.called
        deadline = time.monotonic() + (LINGER if is_patient else 0.0)
        for connection in connections:
            connection.hang_up(max(deadline - time.monotonic(), 0.0))

    def abort(self) -> None:
        self._wake.call()

    # ---- opening --------------------------------------------------------------------------------------

    def _take(self, host: str, connection: Connection) -> None:
        """From now on that is the connection we write to."""
        if host != self._host or self._current is None:
            self._has_tried, self._confirmed_before = False, self._confirmed
        self._host, self._current, self.peer = host, connection, connection.peer

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
        while not self._fences.are_read:
            self._wait_for(lambda: self._fences.are_read, 1.0)

    def _fail(self, error: Failure) -> None:
        """Keeps what broke. A host that takes connections and nothing else makes way for the next one."""
        self._failure = self._failure or error
        took_nothing = self._has_tried and self._confirmed <= self._confirmed_before
        if self._wake.called:
            return
        if took_nothing or error.code in _DISTRUSTED:
            self._hosts.distrust(self._host)
        elif self._confirmed > self._confirmed_before:
            self._hosts.trust(self._host)

    # ---- changing to a better connection --------------------------------------------------------------

    def _is_free(self) -> bool:
        """The connection carries nothing that is unconfirmed, so it can be replaced without a repeat."""
        return self._confirmed >= self._sent and not self._fences

    def _improve(self) -> None:
        """Goes back to a better host that has healed, and renews a connection that is outdated."""
        if self._better is None:
            self._better = self._hosts.better(self._host)
        if not self._is_free():
            return
        if self._better is not None:
            self._change_over(*self._better)
        elif self._is_outdated() and self._fences.is_due:
            self._rotate()

    def _is_outdated(self) -> bool:
        """Files have changed since the connection was made; plain TCP has none."""
        return False

    def _change_over(self, host: str, connection: Connection) -> None:
        self._better = None
        try:
            connection.probe()
        except Failure:  # it did not wait for us; there will be another one
            connection.close()
            return
        old = self._live()
        self._take(host, connection)
        self._leave(old)

    def _leave(self, connection: Connection) -> None:
        """Ends a connection that carries nothing unconfirmed, and waits for it."""
        connection.hang_up(LINGER)  # what comes next must not overtake what this one still has to read

    def _let_change(self) -> None:
        """Under load no moment is free by itself: waits for one as soon as no more than a fence is open."""
        if self._better is not None and (self.confirm != "close" or self._sent <= self._fenced_upto()):
            self._wait_for(lambda: self._better is None, CHANGE_WITHIN)

    # ---- confirming -----------------------------------------------------------------------------------

    def _fenced_upto(self) -> int:
        upto = self._fences.upto
        return self._confirmed if upto is None else upto

    def _may_rotate(self) -> bool:
        return self._sent > self._fenced_upto() and self._fences.may_begin()

    def _rotate(self) -> None:
        """Opens the next connection, then half-closes the present one.

        TCP first, half-close, then the handshake: a collector that serves one connection after the other
        would otherwise wait for us and we for it.
        """
        old = self._live()
        following = self._following(old)
        if following is None:
            self._fences.ask_later()
            return
        host, connection = following
        try:
            old.finish(self._options.stall_timeout)
            if connection.tls is None:
                self._secure(connection, host, min(FENCE_TIMEOUT, self._options.stall_timeout))
        except BaseException:
            connection.close()
            if old.finished:
                self._fences.died_young()
            raise
        self._fences.add(old, self._sent)
        self._take(host, connection)

    def _following(self, old: Connection) -> tuple[str, Connection] | None:
        """The next connection, or None from a collector that takes one only; raises when the link is dead."""
        try:
            return self._hosts.reach_next(self._host, old, is_wary=self._fences.is_wary)
        except Failure:
            old.probe()  # a dead link is worth an exception; a collector that takes one link only is not
            if self._wake.called:
                raise
            return None

    def _check_health(self, connection: Connection) -> None:
        """Raises when the present connection is dead."""
        try:
            connection.probe()
        except Failure:
            if self._failure is None and self._sent == self._fences.upto:
                self._fences.died_young()
            raise

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
            if self._failure is None:
                self._fail(error)

    def _collect(self) -> None:
        """Counts what is confirmed by now; raises what broke, after counting."""
        if self.confirm == "close":
            for upto in self._fences.answered(self._check_present):
                self._confirmed = upto
        else:
            self._collect_acknowledged()
        if self._current is not None:
            self._check_health(self._current)
            self._improve()

    def _check_present(self) -> None:
        self._check_health(self._live())

    def _collect_acknowledged(self) -> None:
        for upto in self._fences.acknowledged():
            self._confirmed = max(self._confirmed, upto)
        connection = self._current
        if connection is None or self._fences:
            return
        acknowledged = connection.wire_sent - connection.unacknowledged()
        if acknowledged == connection.wire_sent:
            self._confirmed = self._sent
            self._marks.clear()
        while self._marks and self._marks[0][0] <= acknowledged:
            self._confirmed = self._marks.popleft()[1]

    def _pause(self, left: float) -> None:
        """Waits for the next thing that can change a count; the kernel's queue gives no event."""
        watched = self._fences.watched
        if watched is not None and self.confirm == "close":
            watched.wait(min(left, 0.5))
        elif self._current is not None:
            self._current.wait(min(left, UNEVENTFUL))
