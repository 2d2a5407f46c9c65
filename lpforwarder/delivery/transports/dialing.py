"""From a host name to a connected socket: look up, connect, set the options every link has."""

from __future__ import annotations

import errno
import select
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from lpforwarder.delivery.transports import failures
from lpforwarder.delivery.transports.connection import Connection, Wake
from lpforwarder.errors import Transient

SEND_BUFFER = 256 * 1024  # bounds what is at risk in our kernel; measured: no loss of speed
USER_TIMEOUT_MS = 30_000  # 10 s kills live but slow collectors; without it a dead link takes 939 s
KEEP_ALIVE = (10, 5, 3)  # idle seconds, interval, probes: a dead idle link is noticed in 25 s


class Address(NamedTuple):
    """Where to connect: an address of a host, as the resolver gave it (an IPv6 one may have a scope)."""

    family: int
    place: tuple[Any, ...]

    def __str__(self) -> str:
        """`192.0.2.1:6514`, `[2001:db8::1]:6514`."""
        host, port = self.place[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def resolve(host: str, port: int, look_up: Callable[..., Any] = socket.getaddrinfo) -> list[Address]:
    """All addresses of a name, each once, asked anew at each call; Transient LPF201 when there is none."""
    try:
        found = look_up(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:  # ValueError: no encoding as a host name
        raise failures.unresolved(host, error) from error
    return list(dict.fromkeys(Address(family, place) for family, _, _, _, place in found))


def connect_any(addresses: Sequence[Address], within: float, wake: Wake) -> Connection:
    """A connection to the first address that answers; Transient tells what the last one said.

    Each gets its share of what is left of `within` seconds: one that swallows packets leaves time for the
    others.
    """
    deadline = time.monotonic() + within
    failure: Transient | None = None
    for number, address in enumerate(addresses):
        share = (deadline - time.monotonic()) / (len(addresses) - number)
        try:
            return connect(address, share, wake)
        except Transient as error:
            failure = error
            if wake.called:
                break
    assert failure is not None
    raise failure


def connect(address: Address, within: float, wake: Wake) -> Connection:
    """A connection to one address, with the socket options every link has; Transient says why not."""
    peer = str(address)
    try:
        sock = socket.socket(address.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    except OSError as error:  # no IPv6 on this machine, or no descriptor left
        raise failures.unreachable(peer, error.errno or 0) from error
    try:
        _tune(sock)
        code = sock.connect_ex(address.place)
        if code == errno.EINPROGRESS:
            code = _wait_connected(sock, within, wake, peer)
        if code or is_own(sock):
            raise failures.unreachable(peer, code or errno.ECONNREFUSED)
    except BaseException:
        sock.close()
        raise
    return Connection(sock, peer, wake)


def _wait_connected(sock: socket.socket, within: float, wake: Wake, peer: str) -> int:
    poller = select.poll()
    poller.register(sock, select.POLLOUT)
    poller.register(wake.fd, select.POLLIN)
    ready = dict(poller.poll(max(within, 0.0) * 1000))
    if wake.called:
        raise failures.aborted(peer)
    if sock.fileno() not in ready:
        return errno.ETIMEDOUT
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def is_own(sock: socket.socket) -> bool:
    """True when both ends of the connection are this socket.

    Where nobody listens on a high port of this machine, the kernel may lend us that very port, and TCP
    connects a socket with itself. We would keep the collector from starting, and hear our own messages.
    """
    return bool(sock.getsockname() == sock.getpeername())


def _tune(sock: socket.socket) -> None:
    idle, interval, probes = KEEP_ALIVE
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, probes)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
