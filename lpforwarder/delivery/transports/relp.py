"""Syslog over RELP, plain and TLS: the collector acknowledges every message itself.

A session lasts as long as its connection. At most `window` messages wait for their answer at any time; what
is not answered when a link breaks was not confirmed, and the pump sends it again.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

from msgspec import Struct
from msgspec.structs import replace

from lpforwarder.delivery.contract import Refusal
from lpforwarder.delivery.transports import failures
from lpforwarder.delivery.transports.connection import Connection
from lpforwarder.delivery.transports.relp_options import RelpOptions, RelpTlsOptions
from lpforwarder.delivery.transports.relp_session import Session
from lpforwarder.delivery.transports.tcp import LINGER, TcpTransport
from lpforwarder.delivery.transports.tls_transport import TlsTransport
from lpforwarder.errors import Failure, Transient

LONGEST_SESSION = 100_000_000  # commands; librelp's own counter fails at 1,000,000,000
TRIES = 3  # a message is offered so often before it counts as refused
PAUSE = 0.1  # seconds between two of them
LOOK = 0.5  # seconds between two looks at the clock while nothing arrives


class _Refused(Struct, frozen=True, kw_only=True):
    """A message that the collector has answered with an error; `number` counts from open()."""

    number: int
    message: bytes
    reason: str


class RelpTransport(TcpTransport):
    """A RELP link over plain TCP. See delivery/contract.py for what each call promises.

    A refused message is offered again, TRIES times in all, before anything else is sent. It is refused for
    good only if the collector takes another message meanwhile: one that refuses all of them is sick, and
    setting aside what it does not take would set aside the whole stream. Then the link is given up instead.
    """

    Options = RelpOptions  # type: ignore[assignment]

    def __init__(
        self,
        options: RelpOptions,
        *,
        clock: Callable[[], float] = time.monotonic,
        longest_session: int = LONGEST_SESSION,
    ) -> None:
        super().__init__(options, clock=clock)  # type: ignore[arg-type]
        self._window = options.window
        self._longest_session = longest_session
        self._sessions: WeakKeyDictionary[Connection, Session] = WeakKeyDictionary()
        """Also of connections that are made beside the present one."""
        self._answered = 0
        """Messages since open() that have an answer, good or bad; those that come next are `_waiting`."""
        self._waiting: deque[bytes] = deque()
        self._refused: list[_Refused] = []
        """Answered with an error, and not settled yet."""
        self._refusals: list[Refusal] = []
        self._taken: bytes | None = None
        """What the collector took last, on this or an earlier link: it would take it again if it is well."""
        self._takes_others = False
        """Something behind the first of `_refused` was taken."""
        self._heard_at = 0.0
        """When the collector last answered, or began to owe an answer."""

    # ---- the contract ---------------------------------------------------------------------------------

    def open(self) -> None:
        self._answered = 0
        self._waiting.clear()
        self._refused.clear()
        self._refusals.clear()
        self._takes_others = False
        super().open()

    def send(self, messages: Sequence[bytes]) -> None:
        place = 0
        while place < len(messages):
            place += self.offer(messages[place:], LOOK)

    def offer(self, messages: Sequence[bytes], within: float) -> int:
        """Hands over the first of these that the window has room for; how many, none if it stays full.

        Waits `within` seconds at most for answers that make room; longer for the collector to read what is
        written, or to answer once more what it has refused.
        """
        try:
            self._let_change()
            self._has_tried = True
            room = self._room(len(messages), within)
            if room:
                self._hand_over(messages[:room])
        except Failure as error:
            self._fail(error)
            raise
        return room

    def refused(self) -> Sequence[Refusal]:
        refusals, self._refusals = self._refusals, []
        return refusals

    def fence(self, within: float) -> None:
        """Waits for the answers; those that are no good are settled, which may take longer."""
        try:
            self._wait_for(lambda: not self._waiting, within)
            if not self._waiting:
                self._settle_refused()
        except Failure as error:
            self._fail(error)
            raise

    def close(self) -> None:
        if self._current is not None and self._failure is None:
            self._leave(self._current)
        super().close()

    # ---- opening and ending a session -----------------------------------------------------------------

    def _verify(self, connection: Connection, host: str) -> None:
        """In addition opens the session: a host that does not speak RELP is none of ours."""
        session = session_on(connection)
        super()._verify(connection, host)
        try:
            open_session(connection, session, self._options.connect_timeout)
        except BaseException:
            connection.close()
            raise
        self._sessions[connection] = session

    def _leave(self, connection: Connection) -> None:
        """Says goodbye first, and waits for the answer unless we were aborted."""
        session, deadline = self._sessions[connection], time.monotonic() + LINGER
        with contextlib.suppress(Failure):
            connection.write(session.close(), LINGER)
            listen(connection, lambda: session.is_closed, LINGER)
        connection.hang_up(max(deadline - time.monotonic(), 0.0) if session.is_closed else 0.0)

    def _rotate(self) -> None:
        """A session of its own for what comes next; everything sent so far has its answer."""
        old, self._current = self._live(), None
        self._leave(old)
        self._take(*self._hosts.reach())

    def _present(self) -> tuple[Connection, Session]:
        connection = self._live()
        return connection, self._sessions[connection]

    # ---- sending --------------------------------------------------------------------------------------

    def _room(self, wanted: int, within: float) -> int:
        """How many of so many messages may go out now; waits for the answers that make room.

        It waits for half a window: a write for each answer that comes in would cost more than the messages.
        """
        self._live()
        least = min(wanted, max(self._window // 2, 1))
        self._wait_for(lambda: self._window - len(self._waiting) >= least, within)
        _, session = self._present()
        is_long = session.sent + self._window > self._longest_session
        if self._refused or is_long:
            self._wait_for(lambda: not self._waiting, within)
            if self._waiting:
                return 0
            self._settle_refused()
        if is_long:
            self._rotate()
        return min(wanted, self._window - len(self._waiting))

    def _hand_over(self, messages: Sequence[bytes]) -> None:
        connection, session = self._present()
        if not self._waiting:
            self._heard_at = self._clock()
        # Noted first: what broke half-way may have arrived, and counts as sent.
        self._waiting.extend(messages)
        self._sent += len(messages)
        connection.write(session.messages(messages), self._options.stall_timeout)

    # ---- answers --------------------------------------------------------------------------------------

    def _collect(self) -> None:
        if self._current is None:
            return
        connection, session = self._present()
        try:
            connection.probe()
        finally:
            for verdict in self._verdicts(session):
                if isinstance(verdict, int):
                    self._note_taken(verdict)
                else:
                    self._note_refused(verdict)
        if self._waiting:
            self._check_stall(connection)
        self._improve()

    def _verdicts(self, session: Session) -> list[int | str]:
        """What the collector has said about messages since the last call."""
        verdicts = list(session.verdicts)
        if verdicts:
            session.verdicts.clear()
            self._heard_at = self._clock()
        return verdicts

    def _note_taken(self, count: int) -> None:
        waiting = self._waiting
        if count == len(waiting):
            self._taken = waiting[-1]
            waiting.clear()
        else:
            for _ in range(count):
                self._taken = waiting.popleft()
        self._answered += count
        if self._refused:
            self._takes_others = True
        else:
            self._confirmed = self._answered

    def _note_refused(self, reason: str) -> None:
        self._answered += 1
        message = self._waiting.popleft()
        self._refused.append(_Refused(number=self._answered, message=message, reason=reason))

    def _check_stall(self, connection: Connection) -> None:
        stall = self._options.stall_timeout
        if self._clock() - self._heard_at >= stall:
            raise failures.unanswered(connection.peer, stall)

    def _pause(self, left: float) -> None:
        self._live().wait(min(left, LOOK))

    # ---- refusals -------------------------------------------------------------------------------------

    def _settle_refused(self) -> None:
        """Offers again what was refused, and notes what is refused for good."""
        for _ in range(TRIES - 1):
            if self._refused:
                listen(self._live(), lambda: False, PAUSE)
                self._offer_again()
        if self._refused and not (self._takes_others or self._takes_again()):
            # The code alone: the collector's words may repeat what is in the message, and this is logged.
            raise failures.takes_nothing(self.peer, self._refused[0].reason.partition(" ")[0])
        self._refusals += [Refusal(one.number, one.reason) for one in self._refused]
        self._refused.clear()
        self._takes_others = False
        self._confirmed = self._answered

    def _offer_again(self) -> None:
        told = self._ask([one.message for one in self._refused])
        self._takes_others = self._takes_others or None in told
        self._refused = [
            replace(one, reason=reason)
            for one, reason in zip(self._refused, told, strict=True)
            if reason is not None
        ]

    def _takes_again(self) -> bool:
        """Whether the collector still takes what it took last: then nothing but the message is to blame."""
        return self._taken is not None and self._ask([self._taken]) == [None]

    def _ask(self, messages: Sequence[bytes]) -> list[str | None]:
        """Sends these and waits for all answers: None for each that was taken, or why not."""
        connection, session = self._present()
        self._heard_at = self._clock()
        connection.write(session.messages(messages), self._options.stall_timeout)
        told: list[str | None] = []
        while True:
            connection.probe()
            for verdict in self._verdicts(session):
                told += [None] * verdict if isinstance(verdict, int) else [verdict]
            if len(told) == len(messages):
                return told
            self._check_stall(connection)
            connection.wait(LOOK)


class RelpTlsTransport(TlsTransport, RelpTransport):
    """The same over TLS, from the first octet on; verified before anything is said."""

    Options = RelpTlsOptions  # type: ignore[assignment]

    def __init__(self, options: RelpTlsOptions, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(options, clock=clock)  # type: ignore[arg-type]


def session_on(connection: Connection) -> Session:
    """A session that hears what the collector says on this connection; not yet open."""
    session = Session(connection.peer)

    def hear(piece: bytes) -> None:
        before = session.unanswered
        session.hear(piece)
        if session.unanswered < before:
            connection.understood()

    connection.listener = hear
    return session


def open_session(connection: Connection, session: Session, within: float) -> None:
    """Opens the session; Transient when the far side does not speak RELP, Blocked when not with us."""
    try:
        connection.write(session.open(), within)
        listen(connection, lambda: session.is_open, within)
    except Transient as error:
        if error.code in ("LPF212", "LPF214"):
            raise failures.not_relp(connection.peer, "hangs up") from error
        raise
    if not session.is_open:
        raise failures.not_relp(connection.peer, "says nothing")


def listen(connection: Connection, enough: Callable[[], bool], within: float) -> None:
    """Takes what the collector says until that is true or the time is up; raises if the link ends first."""
    deadline = time.monotonic() + within
    while not enough() and (left := deadline - time.monotonic()) > 0:
        connection.wait(left)
        try:
            connection.probe()
        except Failure:
            if not enough():
                raise
