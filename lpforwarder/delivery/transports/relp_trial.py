"""A RELP link tried step by step, for people: like any link, and the collector acknowledges each message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lpforwarder.delivery.transports import failures
from lpforwarder.delivery.transports.connection import Connection
from lpforwarder.delivery.transports.relp import listen, open_session, session_on
from lpforwarder.delivery.transports.relp_session import Session
from lpforwarder.delivery.transports.trial import CLOSE_WITHIN, Step, Trial
from lpforwarder.errors import Transient

ACKNOWLEDGED = "acknowledged by the collector"


class RelpTrial(Trial):
    """Walks through name lookup, connection, TLS, session, messages and the end; raises where it stops."""

    def _send(self, messages: Sequence[bytes]) -> Iterator[Step]:
        connection = self._live()
        session = session_on(connection)
        yield self._open_session(connection, session)
        for number, message in enumerate(messages, 1):
            yield self._offer(connection, session, number, message)
        yield self._close_session(connection, session)

    def _open_session(self, connection: Connection, session: Session) -> Step:
        self.doing = "session"
        began = self._clock()
        open_session(connection, session, self._options.connect_timeout)
        return Step(name=self.doing, result="ok", detail=session.software, seconds=self._clock() - began)

    def _offer(self, connection: Connection, session: Session, number: int, message: bytes) -> Step:
        self.doing = f"message {number}"
        began = self._clock()
        within = self._options.connect_timeout
        connection.write(session.messages([message]), within)
        listen(connection, lambda: bool(session.verdicts), within)
        if not session.verdicts:
            raise failures.unanswered(connection.peer, within)
        if isinstance(verdict := session.verdicts.popleft(), str):
            what = f"{connection.peer} refuses the message: {verdict}"
            raise Transient(what, code="LPF233", fix="the collector's own log should say what it dislikes")
        taken = self._clock() - began
        return Step(name=self.doing, result=ACKNOWLEDGED, detail=f"{len(message)} octets", seconds=taken)

    def _close_session(self, connection: Connection, session: Session) -> Step:
        self.doing = "close"
        began = self._clock()
        connection.write(session.close(), CLOSE_WITHIN)
        listen(connection, lambda: session.is_closed, CLOSE_WITHIN)
        if not session.is_closed:
            return Step(
                name=self.doing, result="unknown", detail="it does not answer; nothing is lost by that"
            )
        taken = self._clock() - began
        return Step(name=self.doing, result="ok", detail="the collector ended the session", seconds=taken)
