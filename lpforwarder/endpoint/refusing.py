"""A TLS handshake that fails: the far side is told why by an alert, and our log in one line.

asyncio drops the alert and closes at once. A client then sees a connection that breaks and nothing more; one
with TLS 1.3 believes that the handshake was good, because it is refused after its own end of it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import Any

import structlog

from lpforwarder.config.openssl import certificate_fault, connection_fault
from lpforwarder.endpoint.pace import Pace

LINGER_SECONDS = 1.0
"""Until the connection is closed after an alert; what the client still sends would destroy it otherwise."""
LINES_A_MINUTE, LINES_AT_ONCE = 1.0, 5.0
"""Of one address in the log; a scanner, or a client that tries for ever, does not fill it."""

_WORDS = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it shows no certificate",
    "NO_SHARED_CIPHER": "it has no cipher in common with us",
    "UNSUPPORTED_PROTOCOL": "it speaks no TLS 1.2 or newer",
    "VERSION_TOO_LOW": "it speaks no TLS 1.2 or newer",
    "HTTP_REQUEST": "it speaks plain HTTP",
    "WRONG_VERSION_NUMBER": "it speaks no TLS",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the authority of our certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not take our certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it does not take our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it finds our certificate expired",
}

log = structlog.get_logger()


class Handshake:
    """Stands for the TLS settings in one handshake, and says the last word of one that fails."""

    def __init__(self, tls: ssl.SSLContext, connection: socket.socket) -> None:
        self._tls = tls
        self._connection = connection
        self._left: socket.socket | None = None
        self.is_done = False
        """It has succeeded; from then on the connection belongs to its protocol."""

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, **of: Any) -> ssl.SSLObject:
        """As that of the settings; what asyncio calls."""
        made = self._tls.wrap_bio(incoming, outgoing, **of)
        shake = made.do_handshake

        def do_handshake() -> None:
            try:
                shake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError:
                self._tell(outgoing.read())
                raise
            self.is_done = True

        made.do_handshake = do_handshake  # type: ignore[method-assign]
        return made

    def _tell(self, alert: bytes) -> None:
        """Sends the alert, and keeps the connection beyond asyncio's closing of it."""
        with suppress(OSError):
            self._left = self._connection.dup()
            self._connection.send(alert)
            self._connection.shutdown(socket.SHUT_WR)

    async def linger(self) -> None:
        """After a failure: until the client has closed as well, or LINGER_SECONDS."""
        if self._left is None:
            return
        receive = asyncio.get_running_loop().sock_recv
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while await receive(self._left, 65536):
                    pass
        except OSError:  # TimeoutError, too
            pass

    def close(self) -> None:
        """After the end, whatever it was."""
        if self._left is not None:
            self._left.close()


class Refusals:
    """Tells the log of handshakes that failed, with measure."""

    def __init__(self) -> None:
        self._pace = Pace()

    def note(self, error: ssl.SSLError, client: str) -> None:
        """One line with the address of the client; beyond LINES_A_MINUTE for `debug` alone."""
        is_new = not self._pace.wait_of(client.rpartition(":")[0], LINES_A_MINUTE / 60, LINES_AT_ONCE)
        told = {"code": "LPF534", "client": client, "reason": _reason(error)}
        if is_new:
            log.warning("endpoint.handshake_refused", **told)
        else:
            log.debug("endpoint.handshake_refused", **told)


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not taken: {certificate_fault(error)}"
    return _WORDS.get(str(getattr(error, "reason", None))) or connection_fault(error)
