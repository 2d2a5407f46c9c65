"""A link tried step by step, for people: what each step found, and what is wrong in plain words.

Used by `test-send`. Nothing is sent to a TLS peer that was not verified; the second look at a refused
certificate is a connection of its own that carries no message.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID

from lpforwarder.delivery.framing import by_name
from lpforwarder.delivery.hygiene import one_line
from lpforwarder.delivery.transports.connection import JUDGEMENT, Connection, Wake
from lpforwarder.delivery.transports.dialing import connect_any, resolve
from lpforwarder.delivery.transports.options import TcpOptions, TlsOptions, TlsSettings
from lpforwarder.delivery.transports.tls import check_fingerprint, context
from lpforwarder.errors import Failure, Transient

LINGER = 0.5  # seconds in which a collector that dislikes what it got usually hangs up
CLOSE_WITHIN = 5.0
MOST_NAMES = 3
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a trial: `result` is a word (`ok`, `handed over`, `confirmed`), `seconds` what it took."""

    name: str
    result: str
    detail: str = ""
    seconds: float | None = None


class Trial:
    """Walks through name lookup, connection, TLS, messages and the end; raises Failure where it stops."""

    def __init__(self, options: TcpOptions, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._options = options
        self._clock = clock
        self._wake = Wake()
        self._connection: Connection | None = None
        self.doing = ""
        """The step under way; after a failure, the one that failed."""

    def steps(self, messages: Sequence[bytes]) -> Iterator[Step]:
        """Each step as it is done. The link is ended politely, also when a step fails."""
        try:
            yield from self._reach()
            yield from self._send(messages)
        finally:
            if self._connection is not None:
                self._connection.hang_up(0.0)

    def _live(self) -> Connection:
        assert self._connection is not None
        return self._connection

    def _reach(self) -> Iterator[Step]:
        failure: Failure | None = None
        for host in self._options.host:
            try:
                yield from self._reach_host(host)
            except Transient as error:
                failure = error
                if host != self._options.host[-1]:
                    yield Step(name="next host", result="trying", detail=error.what)
            else:
                return
        assert failure is not None
        raise failure

    def _reach_host(self, host: str) -> Iterator[Step]:
        began = self._clock()
        self.doing = "name lookup"
        addresses = resolve(host, self._options.port)
        shown = ", ".join(str(address.place[0]) for address in addresses)
        yield Step(name="name lookup", result="ok", detail=shown, seconds=self._clock() - began)
        began = self._clock()
        self.doing = "connect"
        self._connection = connect_any(addresses, self._options.connect_timeout, self._wake)
        yield Step(name="connect", result="ok", detail=self._live().peer, seconds=self._clock() - began)
        if isinstance(self._options, TlsOptions):
            yield from self._secure(self._options, host)

    def _secure(self, options: TlsOptions, host: str) -> Iterator[Step]:
        connection = self._live()
        self.doing = "TLS"
        name = options.tls.server_name or host
        began = self._clock()
        try:
            connection.start_tls(context(options.tls), name, options.connect_timeout)
            session = connection.tls
            assert session is not None
            certificate = session.getpeercert(binary_form=True) or b""
            if options.tls.fingerprints:
                check_fingerprint(certificate, options.tls.fingerprints, connection.peer)
        except Failure as error:
            connection.close()
            raise self._explained(error, options, host) from error
        taken = self._clock() - began
        yield Step(name=session.version() or "TLS", result="ok", detail=describe(certificate), seconds=taken)
        self.doing = "client certificate"
        connection.settle_tls(JUDGEMENT)
        connection.probe()
        offered = "sent" if options.tls.cert_file else "none configured, none needed"
        yield Step(name="client certificate", result="ok", detail=offered)

    def _send(self, messages: Sequence[bytes]) -> Iterator[Step]:
        connection = self._live()
        try:
            yield from self._hand_over(connection, messages)
            yield self._linger(connection)
            yield self._end(connection)
        except Transient as error:
            raise self._disliked(error) from error

    def _hand_over(self, connection: Connection, messages: Sequence[bytes]) -> Iterator[Step]:
        framer = by_name(self._options.framing)
        for number, message in enumerate(messages, 1):
            self.doing = f"message {number}"
            connection.probe()
            connection.write(framer.frame([message]), self._options.connect_timeout)
            yield Step(name=f"message {number}", result="handed over", detail=f"{len(message)} octets")

    def _linger(self, connection: Connection) -> Step:
        self.doing = f"linger {LINGER * 1000:.0f} ms"
        began = self._clock()
        while (left := LINGER - (self._clock() - began)) > 0:
            connection.wait(min(left, 0.1))
            connection.probe()
        return Step(name=self.doing, result="ok", detail="the connection stays open")

    def _end(self, connection: Connection) -> Step:
        self.doing = "close"
        began = self._clock()
        connection.finish(CLOSE_WITHIN)
        while (left := CLOSE_WITHIN - (self._clock() - began)) > 0:
            if connection.ended():
                taken = self._clock() - began
                detail = "the collector read everything and closed"
                return Step(name="close", result="confirmed", detail=detail, seconds=taken)
            connection.wait(min(left, 0.1))
        return Step(name="close", result="unknown", detail="it does not close: set confirm: kernel")

    def _disliked(self, error: Transient) -> Transient:
        """A collector that hangs up on what it has got, and what that usually means."""
        if error.code not in ("LPF212", "LPF214"):
            return error
        fix = (
            "many collectors cannot read octet counting: framing: newline; or it expects TLS: transport: tls"
        )
        if isinstance(self._options, TlsOptions) or self._options.framing == "newline":
            fix = "the collector's own log should say what it dislikes"
        return Transient(f"{error.what} right after the messages", code="LPF210", fix=fix)

    # ---- a second look at a refused certificate -------------------------------------------------------

    def _explained(self, error: Failure, options: TlsOptions, host: str) -> Failure:
        """The same failure with what the certificate says, when it can be had."""
        if error.code not in ("LPF204", "LPF205", "LPF206", "LPF207"):
            return error
        try:
            certificate = x509.load_der_x509_certificate(self._look(options, host))
        except (Failure, ValueError):
            return error
        what, fix = error.what, error.fix
        wanted = options.tls.server_name or host
        if error.code == "LPF204":
            names = names_of(certificate)
            what = f'the certificate is not for "{wanted}"; it names {listed(names)}'
            if names:
                fix = f"host: {names[0]}; or keep the host and add tls: {{server_name: {names[0]}}}"
        elif error.code == "LPF205":
            what = f"the collector's certificate {period(certificate)}"
        elif error.code == "LPF206":
            what = f'the certificate was issued by "{issuer(certificate)}", which this machine does not trust'
        return type(error)(what, code=error.code, fix=fix)

    def _look(self, options: TlsOptions, host: str) -> bytes:
        unverified = TlsSettings.model_construct(**{**dict(options.tls), "verify": False, "fingerprints": ()})
        connection = connect_any(resolve(host, options.port), options.connect_timeout, self._wake)
        try:
            with contextlib.suppress(ssl.SSLError):
                connection.start_tls(context(unverified), host, options.connect_timeout)
            assert connection.tls is not None
            return connection.tls.getpeercert(binary_form=True) or b""
        finally:
            connection.close()


def describe(der: bytes) -> str:
    """`siem.example.net; issuer Corp CA 2; 210 days left`."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError:
        return "a certificate we cannot read"
    left = _days(certificate.not_valid_after_utc - datetime.now(UTC))
    return f"{listed(names_of(certificate))}; issuer {issuer(certificate)}; {left} left"


def names_of(certificate: x509.Certificate) -> list[str]:
    """The DNS names and addresses in subjectAltName; only they count (RFC 9525)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    names = [_harmless(name) for name in found.get_values_for_type(x509.DNSName)]
    return names + [str(address) for address in found.get_values_for_type(x509.IPAddress)]


def listed(names: Sequence[str]) -> str:
    """`a.example.net, b.example.net, c.example.net and 4 more`; `no name`."""
    shown = ", ".join(names[:MOST_NAMES]) or "no name"
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"


def issuer(certificate: x509.Certificate) -> str:
    """The issuer's common name, or its whole name when it has none."""
    common = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return _harmless(str(common[0].value) if common else certificate.issuer.rfc4514_string())


def period(certificate: x509.Certificate) -> str:
    """`expired on 2026-11-20, 2 days ago`, `is not valid before …`, or from when to when it is valid."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    now = datetime.now(UTC)
    if end < now:
        return f"expired on {end:%Y-%m-%d}, {_days(now - end)} ago"
    if now < begin:
        return f"is not valid before {begin:%Y-%m-%d %H:%M} UTC"
    return f"is valid from {begin:%Y-%m-%d} to {end:%Y-%m-%d}"


def _days(span: timedelta) -> str:
    return "1 day" if span.days == 1 else f"{span.days} days"


def _harmless(text: str) -> str:
    """What a stranger wrote into a certificate, fit for a terminal."""
    return one_line(text, LONGEST_NAME)
