"""Syslog over TLS: a link over TCP whose far end is known before the first octet is sent.

Files that change are taken up at the next change of connections, which a fence makes anyway.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

from lpforwarder.delivery.certificates import Certificate
from lpforwarder.delivery.transports import diagnosis
from lpforwarder.delivery.transports.connection import Connection
from lpforwarder.delivery.transports.credentials import Credentials
from lpforwarder.delivery.transports.dialing import Address
from lpforwarder.delivery.transports.options import TlsOptions
from lpforwarder.delivery.transports.tcp import TcpTransport
from lpforwarder.delivery.transports.tls import check_fingerprint, server_name
from lpforwarder.delivery.transports.told_certificates import of_session
from lpforwarder.errors import Blocked, Failure


class TlsTransport(TcpTransport):
    """A link over TLS (RFC 5425): octet counting, verified before the first octet is sent."""

    Options = TlsOptions  # type: ignore[assignment]

    def __init__(self, options: TlsOptions, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(options, clock=clock)
        self._tls = options.tls
        self._credentials = Credentials(options.tls, clock=clock)
        self._made_with: WeakKeyDictionary[Connection, int] = WeakKeyDictionary()
        """The generation of the files that a connection was made with."""

    @property
    def certificates(self) -> Sequence[Certificate]:
        """The collector's, ours, and the authorities', as far as they are known."""
        return self._credentials.certificates

    @property
    def alarms(self) -> Sequence[Failure]:
        problem = self._credentials.problem
        return [*super().alarms, *([problem] if problem is not None else [])]

    def _prepare(self) -> None:
        self._credentials.read()

    def _is_outdated(self) -> bool:
        self._credentials.look()
        return self._made_with.get(self._live()) != self._credentials.generation

    def _rotate(self) -> None:
        self._credentials.look()
        super()._rotate()

    def _verify(self, connection: Connection, host: str) -> None:
        address = Address(*connection.address)
        try:
            super()._verify(connection, host)
        except Blocked as error:
            told = diagnosis.explained(
                error,
                self._tls,
                host,
                lambda: diagnosis.certificate_at(address, self._tls, host, self._wake),
            )
            raise diagnosis.in_one_sentence(told, connection.peer) from error

    def _secure(self, connection: Connection, host: str, within: float) -> None:
        self._made_with[connection] = self._credentials.generation
        connection.start_tls(self._credentials.context, server_name(self._tls, host), within)
        session = connection.tls
        certificate = (session.getpeercert(binary_form=True) if session else None) or b""
        self._credentials.show(certificate, of_session(session) if session else {})
        if self._tls.fingerprints:
            check_fingerprint(certificate, self._tls.fingerprints, connection.peer)
