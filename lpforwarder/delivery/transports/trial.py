"""A link tried step by step, for people: what each step found, and what is wrong in plain words.

Used by `test-send`. Nothing is sent to a TLS peer that was not verified; second looks are connections of
their own that carry no message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from lpforwarder.delivery.framing import by_name
from lpforwarder.delivery.transports import advice, diagnosis
from lpforwarder.delivery.transports.certificate_facts import describe
from lpforwarder.delivery.transports.connection import JUDGEMENT, Connection, Wake
from lpforwarder.delivery.transports.dialing import Address, connect, connect_any, resolve
from lpforwarder.delivery.transports.lookups import LookUp, Lookups
from lpforwarder.delivery.transports.options import LinkOptions, TcpOptions, TlsLinkOptions
from lpforwarder.delivery.transports.tls import asks_for_certificate, check_fingerprint, context, server_name
from lpforwarder.errors import Blocked, Failure, Transient

LINGER = 0.5  # seconds in which a collector that dislikes what it got usually hangs up
CLOSE_WITHIN = 5.0


class Step(Struct, frozen=True, kw_only=True):
    """One step of a trial: `result` is a word (`ok`, `handed over`, `confirmed`), `seconds` what it took."""

    name: str
    result: str
    detail: str = ""
    seconds: float | None = None


class Trial:
    """Walks through name lookup, connection, TLS, messages and the end; raises Failure where it stops.

    Afterwards it looks whether the other addresses and hosts of the collector would take us as well.
    """

    def __init__(
        self,
        options: LinkOptions,
        *,
        clock: Callable[[], float] = time.monotonic,
        look_up: LookUp = resolve,
    ) -> None:
        self._options = options
        self._clock = clock
        self._wake = Wake()
        self._lookups = Lookups(look_up)
        self._connection: Connection | None = None
        self._host = ""
        self._addresses: list[Address] = []
        self.doing = ""
        """The step under way; after a failure, the one that failed."""

    def steps(self, messages: Sequence[bytes]) -> Iterator[Step]:
        """Each step as it is done. The link is ended politely, also when a step fails."""
        try:
            yield from self._reach()
            used = Address(*self._live().address)
            yield from self._send(messages)
        finally:
            if self._connection is not None:
                self._connection.hang_up(0.0)
        yield from self._others(used)

    @property
    def _framing(self) -> str:
        assert isinstance(self._options, TcpOptions)
        return self._options.framing

    def _live(self) -> Connection:
        assert self._connection is not None
        return self._connection

    # ---- reaching the collector -----------------------------------------------------------------------

    def _reach(self) -> Iterator[Step]:
        failure: Failure | None = None
        for host in self._options.host:
            try:
                yield from self._reach_host(host)
            except Failure as error:
                # What a person must mend is worth more than what time may mend.
                failure = failure if isinstance(failure, Blocked) else error
                if host != self._options.host[-1]:
                    yield Step(name="next host", result="trying", detail=error.what)
            else:
                return
        assert failure is not None
        raise failure

    def _reach_host(self, host: str) -> Iterator[Step]:
        self._host = host
        yield self._look_up(host)
        yield self._connect()
        if isinstance(self._options, TlsLinkOptions):
            yield from self._secure(self._options, host)

    def _look_up(self, host: str) -> Step:
        began = self._clock()
        self.doing = "name lookup"
        port, within = self._options.port, self._options.connect_timeout
        try:
            self._addresses = self._lookups.addresses(host, port, within, self._wake)
        except Failure as error:
            raise advice.about_name(error, host, port, self._lookups, self._wake) from error
        shown = ", ".join(str(address.place[0]) for address in self._addresses)
        return Step(name="name lookup", result="ok", detail=shown, seconds=self._clock() - began)

    def _connect(self) -> Step:
        began = self._clock()
        self.doing = "connect"
        within = self._options.connect_timeout
        try:
            self._connection = connect_any(self._addresses, within, self._wake)
        except Failure as error:
            raise advice.about_connecting(error, self._addresses[0], within, self._wake) from error
        return Step(name="connect", result="ok", detail=self._live().peer, seconds=self._clock() - began)

    def _secure(self, options: TlsLinkOptions, host: str) -> Iterator[Step]:
        connection = self._live()
        self.doing = "TLS"
        address, made = Address(*connection.address), context(options.tls)
        is_asked = asks_for_certificate(made)
        began = self._clock()
        try:
            connection.start_tls(made, server_name(options.tls, host), options.connect_timeout)
            session = connection.tls
            assert session is not None
            certificate = session.getpeercert(binary_form=True) or b""
            if options.tls.fingerprints:
                check_fingerprint(certificate, options.tls.fingerprints, connection.peer)
            version = (session.version() or "TLS").replace("TLSv", "TLS ")
            taken = self._clock() - began
            yield Step(name=version, result="ok", detail=describe(certificate), seconds=taken)
            self.doing = "client certificate"
            connection.settle_tls(JUDGEMENT)
            connection.probe()
        except Failure as error:
            connection.close()
            raise self._explained(error, options, host, address) from error
        yield Step(name="client certificate", result="ok", detail=_about_ours(options, is_asked()))

    def _explained(self, error: Failure, options: TlsLinkOptions, host: str, address: Address) -> Failure:
        if error.code == "LPF209":
            return advice.about_tls(error, address, self._wake)

        def look() -> bytes:
            return diagnosis.certificate_at(address, options.tls, host, self._wake)

        return diagnosis.explained(error, options.tls, host, look)

    # ---- sending --------------------------------------------------------------------------------------

    def _send(self, messages: Sequence[bytes]) -> Iterator[Step]:
        connection = self._live()
        try:
            yield from self._hand_over(connection, messages)
            yield self._linger(connection)
            yield self._end(connection)
        except Transient as error:
            raise self._disliked(error) from error

    def _hand_over(self, connection: Connection, messages: Sequence[bytes]) -> Iterator[Step]:
        framer = by_name(self._framing)
        for number, message in enumerate(messages, 1):
            self.doing = f"message {number}"
            connection.probe()
            connection.write(framer.frame([message]), self._options.connect_timeout)
            yield Step(name=f"message {number}", result="handed over", detail=sized(message))

    def _linger(self, connection: Connection) -> Step:
        self.doing = f"linger {LINGER * 1000:.0f} ms"
        began = self._clock()
        while (left := LINGER - (self._clock() - began)) > 0:
            connection.wait(min(left, 0.1))
            connection.probe()
        return Step(name=self.doing, result="ok", detail="collector kept the connection open")

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

    def _disliked(self, error: Transient) -> Failure:
        """A collector that hangs up on what it has got, and what that usually means."""
        if error.code not in ("LPF212", "LPF214", "LPF221"):
            return error
        is_tls = isinstance(self._options, TlsLinkOptions)
        if not is_tls and diagnosis.speaks_tls(self._addresses[0], self._wake):
            return advice.plain_to_tls(error)
        return advice.about_hanging_up(error, self._framing, is_tls=is_tls)

    # ---- the addresses and hosts that were not needed -------------------------------------------------

    def _others(self, used: Address) -> Iterator[Step]:
        for address in self._addresses:
            if address != used:
                yield self._knock(f"also {address.place[0]}", address)
        for host in self._options.host:
            if host != self._host:
                yield self._try_standby(host)

    def _knock(self, name: str, address: Address) -> Step:
        began = self._clock()
        try:
            connect(address, self._options.connect_timeout, self._wake).close()
        except Failure as error:
            return Step(name=name, result="FAIL", detail=error.what)
        return Step(name=name, result="ok", seconds=self._clock() - began)

    def _try_standby(self, host: str) -> Step:
        """Everything but the messages with another host; a failure is told, and fails nothing."""
        other = Trial(self._options.model_copy(update={"host": (host,)}), clock=self._clock)
        other._lookups, other._wake = self._lookups, self._wake
        name, began = f"also {host}", self._clock()
        try:
            steps = list(other._reach())
        except Failure as error:
            return Step(name=name, result="FAIL", detail=error.what)
        finally:
            if other._connection is not None:
                other._connection.hang_up(0.0)
        detail = next((step.detail for step in steps if step.name.startswith("TLS")), steps[-1].detail)
        return Step(name=name, result="ok", detail=detail, seconds=self._clock() - began)


def sized(message: bytes) -> str:
    """`433 bytes, contains a line break`; JSON has one as backslash and n, CEF likewise."""
    has_break = b"\n" in message or b"\\n" in message
    return f"{len(message)} bytes" + (", contains a line break" if has_break else "")


def _about_ours(options: TlsLinkOptions, is_asked: bool | None) -> str:
    """What became of our client certificate; `is_asked` is None when nobody can say."""
    sent = options.tls.cert_file is not None
    if is_asked is None:
        return "sent" if sent else "none sent, and none missed"
    if is_asked:
        return "asked for and sent" if sent else "asked for, and not insisted on"
    return "not asked for, so not sent" if sent else "not asked for"
