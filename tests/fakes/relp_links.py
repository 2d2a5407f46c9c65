"""RELP links for tests: transports, the collector's end in a test's own hands, and the pretend collector."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lpforwarder.delivery.transports.relp import RelpTransport
from lpforwarder.delivery.transports.relp_options import RelpOptions, RelpTlsOptions
from lpforwarder.errors import Failure
from lpforwarder.simulator.collector import PretendCollector
from lpforwarder.simulator.relp import RelpManners
from tests.fakes.links import FarEnd
from tests.fakes.patience import beside, until
from tests.fakes.strict_relp import ACCEPTANCE, Command, NotRelp, read_one

OK = b"200 OK"
NO = b"500 no"


class RelpEnd:
    """The collector's end of one connection: reads commands strictly, says what the test says."""

    def __init__(self, far: socket.socket) -> None:
        self.far = far
        self._octets = b""
        self._read = 0

    def take(self, count: int = 1) -> list[Command]:
        """The next so many commands; waits for them."""
        taken: list[Command] = []
        while len(taken) < count:
            try:
                command, after = read_one(self._octets, 0)
            except NotRelp:
                piece = self.far.recv(2**16)
                if not piece:
                    raise
                self._octets += piece
                continue
            self._octets = self._octets[after:]
            self._read += 1
            if command.number != self._read:
                raise NotRelp(f"TXNR {command.number} where {self._read} was due")
            taken.append(command)
        return taken

    def say(self, number: int, data: bytes = b"200 OK", command: bytes = b"rsp") -> None:
        """One frame."""
        self.shout(b"%d %b %d%b\n" % (number, command, len(data), b" " + data if data else b""))

    def shout(self, octets: bytes) -> None:
        """Any octets."""
        self.far.sendall(octets)

    def agree(self) -> None:
        """Takes the `open` and accepts the session."""
        (opening,) = self.take()
        assert opening.name == "open"
        self.say(1, ACCEPTANCE)

    def answer(self, *answers: bytes) -> list[bytes]:
        """Takes as many messages as there are answers, then gives these; the messages."""
        commands = self.take(len(answers))
        for command, data in zip(commands, answers, strict=True):
            self.say(command.number, data)
        return [command.data for command in commands]


def relp_options(address: tuple[str, int], **values: Any) -> RelpOptions:
    """The options of a plain RELP link to that address, as a configuration would give them."""
    return RelpOptions.model_validate({"host": address[0], "port": address[1], **values}, context={})


def relp_tls_options(address: tuple[str, int], **tls: Any) -> RelpTlsOptions:
    """The same over TLS; paths in `tls` may be Path objects."""
    written = {key: str(value) if isinstance(value, Path) else value for key, value in tls.items()}
    given = {"host": address[0], "port": address[1], "tls": written}
    return RelpTlsOptions.model_validate(given, context={"folder": Path("/")})


@contextlib.contextmanager
def relp_to(
    far_end: FarEnd, *, longest_session: int | None = None, **options: Any
) -> Iterator[RelpTransport]:
    """A transport, not yet open, that leads to the far end; ended without waiting. `clock` is its clock."""
    extra = {key: options.pop(key) for key in ("clock",) if key in options}
    if longest_session is not None:
        extra["longest_session"] = longest_session
    made = RelpTransport(relp_options(far_end.address, **options), **extra)
    try:
        yield made
    finally:
        made.abort()
        made.close()


@contextlib.contextmanager
def in_session(far_end: FarEnd, **options: Any) -> Iterator[tuple[RelpTransport, RelpEnd]]:
    """The same with a session open, and the collector's end of it."""
    with relp_to(far_end, **options) as transport:
        yield transport, open_to(far_end, transport)


def open_to(far_end: FarEnd, transport: RelpTransport) -> RelpEnd:
    """Opens the transport, and the collector's end of its session."""
    ends: list[RelpEnd] = []

    def agree() -> None:
        ends.append(RelpEnd(far_end.accept()))
        ends[0].agree()

    with beside(agree):
        transport.open()
    return ends[0]


def numbered(count: int, first: int = 1) -> list[bytes]:
    """So many messages that can be told apart."""
    return [b"<86>1 - - - - - - %d" % number for number in range(first, first + count)]


@contextlib.contextmanager
def pretending(**manners: Any) -> Iterator[tuple[PretendCollector, list[bytes]]]:
    """A collector of these manners, and what it has received."""
    received: list[bytes] = []
    with PretendCollector(
        ("127.0.0.1", 0),
        on_message=received.append,
        relp=RelpManners(**manners),
        on_problem=lambda _: None,
    ) as collector:
        yield collector, received


@contextlib.contextmanager
def transport_to(collector: PretendCollector, **options: Any) -> Iterator[RelpTransport]:
    """An open transport to it."""
    made = RelpTransport(relp_options(collector.address, **options))
    try:
        made.open()
        yield made
    finally:
        made.abort()
        made.close()


def broken_by(transport: RelpTransport) -> Failure:
    """What the link is said to have broken by."""
    told: list[Failure] = []

    def breaks() -> bool:
        try:
            transport.confirmed(0.0)
        except Failure as error:
            told.append(error)
        return bool(told)

    until(breaks, "an error")
    return told[0]


def goodbye(end: RelpEnd) -> None:
    """Ends a session as librelp does: an empty answer, the hint, the end of the stream."""
    (command,) = end.take()
    assert command.name == "close"
    end.say(command.number, b"")
    end.say(0, b"", b"serverclose")
    end.far.close()
