"""Takes the port of the endpoint, and says who has it when that fails."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lpforwarder.errors import Blocked

BACKLOG = 512
_LISTENS = "0A"  # TCP_LISTEN in /proc/net/tcp


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens, for the taker to close; port 0 means any free one. Blocked (LPF504)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise _refused(host, port, error) from error
    return listener


def shown(host: str, port: int) -> str:
    """`127.0.0.1:9470`, `[::1]:9470`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _refused(host: str, port: int, error: OSError) -> Blocked:
    address = shown(host, port)
    if error.errno == errno.EADDRINUSE:
        taker = holder(port)
        fix = f"http: {{listen: {shown(host, port + 1 if port < 65535 else 9471)}}}"
        return Blocked(f"{address} is taken by {taker or 'another program'}", code="LPF504", fix=fix)
    fix = "http: {listen: 127.0.0.1:9470}"
    return Blocked(f"cannot listen on {address}: {error.strerror or error}", code="LPF504", fix=fix)


def holder(port: int) -> str:
    """`prometheus (pid 411)`: the process that listens on this port; "" when nobody can say."""
    wanted = {f"socket:[{inode}]" for inode in _inodes(port)}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                if os.readlink(descriptor) in wanted:
                    name = (process / "comm").read_text(errors="replace").strip()
                    return f"{name} (pid {process.name})"
    return ""


def _inodes(port: int) -> Iterator[str]:
    """Of the sockets that listen on this port."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]
