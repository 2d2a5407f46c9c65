"""A second look at what refused us, so that people are told more than an error number.

Each look is a connection of its own that carries no message and trusts nobody with anything.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Sequence

from lpforwarder.delivery.transports.connection import Connection, Wake
from lpforwarder.delivery.transports.dialing import Address, connect
from lpforwarder.delivery.transports.options import TlsSettings
from lpforwarder.delivery.transports.tls import context, server_name
from lpforwarder.errors import Failure, Transient

WITHIN = 5.0  # seconds a look may take at each step
GREETING = 2.0  # seconds for the answer to a handshake that is only a question
GLIMPSE = 0.5  # seconds for a port that is open on a machine that answers
USUAL_PORTS = (514, 601, 6514, 1514, 5514, 2514, 10514)

_ABOUT_CERTIFICATES = ("LPF204", "LPF205", "LPF206", "LPF207")


def explained(error: Failure, tls: TlsSettings, host: str, look: Callable[[], bytes]) -> Failure:
    """The same failure with what the certificate says; `look` gets it, in DER. Unchanged if it cannot.

    What was found is in `found`, another remedy in `instead`.
    """
    if error.code == "LPF208":
        return _about_ours(error, tls)
    if error.code not in _ABOUT_CERTIFICATES:
        return error
    # Takes a while to load, and most links never need it.
    from lpforwarder.delivery.transports.certificate_words import about

    try:
        return about(error, look(), tls, host)
    except (Failure, ValueError):
        return error


def in_one_sentence(error: Failure, peer: str) -> Failure:
    """The same for a log, where only `what` is shown: who it is about comes first, what was found last."""
    what = error.what if peer in error.what else f"{peer}: {error.what}"
    if error.found:
        what = f"{what}; {error.found}"
    return like(error, what=what)


def like(error: Failure, *, what: str = "", fix: str = "", found: str = "", instead: str = "") -> Failure:
    """A failure of the same kind and code with other words; what is left out stays."""
    made = type(error)(what or error.what, code=error.code, fix=fix or error.fix)
    made.found, made.instead = found or error.found, instead or error.instead
    return made


def _about_ours(error: Failure, tls: TlsSettings) -> Failure:
    if tls.cert_file is None:
        return like(
            error,
            what="the collector wants a client certificate; none is configured",
            fix="tls: {cert_file: client.pem, key_file: client.key}",
        )
    return like(
        error,
        what=f"the collector refuses our client certificate, {tls.cert_file.name}",
        fix="have it issued by an authority that the collector trusts, for a name that it lets in",
        found=error.what,
    )


def certificate_at(address: Address, tls: TlsSettings, host: str, wake: Wake) -> bytes:
    """What a collector shows that was refused, in DER; b"" for nothing."""
    with contextlib.closing(connect(address, WITHIN, wake)) as connection:
        with contextlib.suppress(Failure):
            connection.start_tls(_unverified(tls), server_name(tls, host), WITHIN)
        session = connection.tls
        return (session.getpeercert(binary_form=True) if session else None) or b""


def speaks_tls(address: Address, wake: Wake) -> bool:
    """Whether a TLS handshake gets an answer there, whoever it is."""
    try:
        with contextlib.closing(connect(address, WITHIN, wake)) as connection:
            return _shakes_hands(connection)
    except Failure:
        return False


def _shakes_hands(connection: Connection) -> bool:
    tls = TlsSettings.model_construct(verify=False, allow_insecure=True)
    connection.start_tls(_unverified(tls), "collector.invalid", GREETING)
    return True


def _unverified(tls: TlsSettings) -> ssl.SSLContext:
    return context(TlsSettings.model_construct(**{**dict(tls), "verify": False, "fingerprints": ()}))


def open_ports(address: Address, wake: Wake) -> list[int]:
    """Which of the ports that syslog collectors use are open on that machine, but for the one given."""
    host, port, *scope = address.place
    found = []
    for other in USUAL_PORTS:
        if other == port:
            continue
        with contextlib.suppress(Transient):
            connect(Address(address.family, (host, other, *scope)), GLIMPSE, wake).close()
            found.append(other)
    return found


def own_address(address: Address) -> str:
    """The address of this machine from which that one is reached; sends nothing. "" when there is none."""
    with contextlib.suppress(OSError), socket.socket(address.family, socket.SOCK_DGRAM) as sock:
        sock.connect(address.place)
        return str(sock.getsockname()[0])
    return ""


def name_servers(text: str) -> Sequence[str]:
    """The servers in a resolv.conf, in its order."""
    rows = [line.split() for line in text.splitlines()]
    return [row[1] for row in rows if len(row) > 1 and row[0] == "nameserver"]
