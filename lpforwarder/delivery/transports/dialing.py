"""From a host name to a connected socket: look up, connect, set the options every link has.

The addresses of a name are raced as RFC 8305 ("Happy Eyeballs") wants it: a dead IPv6 route costs a quarter
of a second, not the whole time a connection may take.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain, zip_longest
from typing import Any, NamedTuple

from lpforwarder.delivery.transports import failures
from lpforwarder.delivery.transports.connection import Connection, Wake
from lpforwarder.delivery.transports.liveness import USER_TIMEOUT
from lpforwarder.errors import Transient

SEND_BUFFER = 256 * 1024  # bounds what is at risk in our kernel; measured: no loss of speed
USER_TIMEOUT_MS = round(USER_TIMEOUT * 1000)
KEEP_ALIVE = (10, 5, 3)  # idle seconds, interval, probes: a dead idle link is noticed in 25 s
HEAD_START = 0.25  # seconds an address has before the next one is tried beside it: RFC 8305 §5


class Address(NamedTuple):
    """Where to connect: an address of a host, as the resolver gave it (an IPv6 one may have a scope)."""

    family: int
    place: tuple[Any, ...]

    def __str__(self) -> str:
        """`192.0.2.1:6514`, `[2001:db8::1]:6514`."""
        host, port = self.place[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def resolve(host: str, port: int, look_up: Callable[..., Any] = socket.getaddrinfo) -> list[Address]:
    """All addresses of a name, each once, asked anew at each call; Transient LPF201 when there is none.

    In the resolver's order of preference, but with the families taking turns (RFC 8305 §4).
    """
    try:
        found = look_up(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:  # ValueError: no encoding as a host name
        raise failures.unresolved(host, error) from error
    return _in_turns(dict.fromkeys(Address(family, place) for family, _, _, _, place in found))


def _in_turns(addresses: dict[Address, None]) -> list[Address]:
    families: dict[int, list[Address]] = {}
    for address in addresses:
        families.setdefault(address.family, []).append(address)
    rounds = zip_longest(*families.values())
    return [address for address in chain.from_iterable(rounds) if address is not None]


def connect_any(addresses: Sequence[Address], within: float, wake: Wake) -> Connection:
    """A connection to the address that answers first; Transient tells why none did.

    They are tried in order. Each has a head start of HEAD_START seconds before the next one; one that
    refuses makes way at once. Whoever is second is hung up on.
    """
    with _Race(addresses, wake) as race:
        return race.run(within)


def connect(address: Address, within: float, wake: Wake) -> Connection:
    """A connection to one address, with the socket options every link has; Transient says why not."""
    return connect_any([address], within, wake)


class _Race:
    """Connection attempts side by side; those that did not win are closed at the end."""

    def __init__(self, addresses: Sequence[Address], wake: Wake) -> None:
        self._waiting = deque(addresses)
        self._wake = wake
        self._running: dict[int, tuple[socket.socket, Address]] = {}
        self._told: list[Transient] = []
        self._next_start = float("-inf")

    def __enter__(self) -> _Race:
        return self

    def __exit__(self, *_: object) -> None:
        for sock, _address in self._running.values():
            sock.close()

    def run(self, within: float) -> Connection:
        began = now = time.monotonic()
        deadline, head_start = began + within, min(HEAD_START, within / len(self._waiting))
        while self._running or self._waiting:
            if self._waiting and now >= self._next_start:
                self._next_start = now + head_start
                self._start(self._waiting.popleft())
            until = min(deadline, self._next_start) if self._waiting else deadline
            for descriptor in self._ready(until - time.monotonic()):
                if winner := self._judge(*self._running.pop(descriptor)):
                    return winner
            now = time.monotonic()
            if now >= deadline:
                break
        for _sock, address in self._running.values():
            self._lose(address, errno.ETIMEDOUT)
        raise failures.none_answered(self._told)

    def _start(self, address: Address) -> None:
        try:
            sock = _socket(address.family)
        except OSError as error:  # no IPv6 on this machine, or no descriptor left
            self._lose(address, error.errno or 0)
            return
        code = sock.connect_ex(address.place)
        if code in (0, errno.EINPROGRESS):
            self._running[sock.fileno()] = sock, address
        else:
            sock.close()
            self._lose(address, code)

    def _lose(self, address: Address, code: int) -> None:
        self._told.append(failures.unreachable(str(address), code))
        self._next_start = float("-inf")  # makes way for the next one

    def _ready(self, within: float) -> list[int]:
        """The attempts of which the outcome is known, after `within` seconds at most."""
        poller = select.poll()
        poller.register(self._wake.fd, select.POLLIN)
        for descriptor in self._running:
            poller.register(descriptor, select.POLLOUT)
        ready = poller.poll(max(within, 0.0) * 1000) if self._running else []
        if self._wake.called:
            raise failures.aborted(", ".join(str(address) for _, address in self._running.values()))
        return [descriptor for descriptor, _ in ready]

    def _judge(self, sock: socket.socket, address: Address) -> Connection | None:
        try:
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if not code and not is_own(sock):
                return Connection(sock, str(address), self._wake)
        except OSError as error:  # ended between two questions
            code = error.errno or 0
        sock.close()
        self._lose(address, code or errno.ECONNREFUSED)
        return None


def is_own(sock: socket.socket) -> bool:
    """True when both ends of the connection are this socket.

    Where nobody listens on a high port of this machine, the kernel may lend us that very port, and TCP
    connects a socket with itself. We would keep the collector from starting, and hear our own messages.
    """
    return bool(sock.getsockname() == sock.getpeername())


def _socket(family: int) -> socket.socket:
    """A socket with the options every link has."""
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        _tune(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def _tune(sock: socket.socket) -> None:
    idle, interval, probes = KEEP_ALIVE
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, probes)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
