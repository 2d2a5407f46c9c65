"""What to tell a person whose link does not come up: guesses are made only where they were verified."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from lpforwarder.delivery.transports.connection import Wake
from lpforwarder.delivery.transports.diagnosis import like, name_servers, open_ports, own_address
from lpforwarder.delivery.transports.dialing import Address
from lpforwarder.delivery.transports.lookups import Lookups
from lpforwarder.errors import Failure

RESOLV_CONF = Path("/etc/resolv.conf")
GUESSING = 2.0  # seconds for looking up names that may have been meant
MOST_GUESSES = 20
TLS_PORT = 6514

_UNKNOWN_NAME = (socket.EAI_NONAME, socket.EAI_NODATA)


def about_name(error: Failure, host: str, port: int, lookups: Lookups, wake: Wake) -> Failure:
    """Which name server does not know the name, or does not answer; and a near name that exists."""
    servers = _servers()
    if _is_unknown(error):
        told = like(error, what=f'the name "{host}" is not known to {servers}')
        near = _near_name(host, port, lookups, wake)
        if near is not None:
            told.found, told.fix = f'"{near}" exists', f"host: {near}, if that was meant"
        return told
    return like(error, found=f"asked: {servers}")


def _is_unknown(error: Failure) -> bool:
    cause = error.__cause__
    return isinstance(cause, socket.gaierror) and cause.errno in _UNKNOWN_NAME


def _servers() -> str:
    try:
        found: Sequence[str] = name_servers(RESOLV_CONF.read_text(errors="replace"))
    except OSError:
        found = ()
    return f"the name server {' or '.join(found)}" if found else "any name server"


def _near_name(host: str, port: int, lookups: Lookups, wake: Wake) -> str | None:
    """A name with two neighbouring letters changed round that resolves; None if there is none."""
    deadline = time.monotonic() + GUESSING
    for number, name in enumerate(_transposed(host)):
        left = deadline - time.monotonic()
        if left <= 0 or number == MOST_GUESSES:
            break
        try:
            lookups.addresses(name, port, left, wake)
        except Failure:
            continue
        return name
    return None


def _transposed(host: str) -> Iterator[str]:
    for place in range(len(host) - 1):
        left, right = host[place], host[place + 1]
        if left != right and left.isalnum() and right.isalnum():
            yield host[:place] + right + left + host[place + 2 :]


def about_connecting(error: Failure, address: Address, within: float, wake: Wake) -> Failure:
    """Which other port is open where one is closed; what to ask the owner of a firewall for."""
    if error.code == "LPF202":
        found = open_ports(address, wake)
        if not found:
            return error
        ports = " and ".join(str(port) for port in found)
        is_are = "is" if len(found) == 1 else "are"
        return like(error, found=f"port {ports} on the same host {is_are} open")
    if error.code == "LPF203":
        what = error.what.replace(f"from {address}", f"from {address} in {within:g} s")
        wanted = f"{_ourselves(address)} to {address.place[0]}, TCP {_port(address)}"
        return like(error, what=what, fix=f"ask for: {wanted}")
    return error


def _ourselves(address: Address) -> str:
    own = own_address(address)
    return f"{socket.gethostname()} ({own})" if own else socket.gethostname()


def _port(address: Address) -> int:
    return int(address.place[1])


def about_tls(error: Failure, address: Address, wake: Wake) -> Failure:
    """A port that does not speak TLS: the usual one, if it is open."""
    port = _port(address)
    other = f", or port: {TLS_PORT}" if TLS_PORT in open_ports(address, wake) else ""
    return like(error, what=f"port {port} does not speak TLS", found=error.what, fix=f"transport: tcp{other}")


def plain_to_tls(error: Failure) -> Failure:
    """A collector that speaks TLS and got plain text."""
    told = like(error, what="the collector hung up right after plain text: it expects TLS", found=error.what)
    told.code, told.fix = "LPF209", "transport: tls"
    return told


def about_hanging_up(error: Failure, framing: str, *, is_tls: bool) -> Failure:
    """A collector that hangs up on what it has got."""
    told = like(error, what="the collector hangs up right after the messages", found=error.what)
    told.code, told.fix = "LPF210", "the collector's own log should say what it dislikes"
    if framing == "octet-counting" and not is_tls:
        told.fix = "many collectors cannot read octet counting. try   framing: newline"
    return told
