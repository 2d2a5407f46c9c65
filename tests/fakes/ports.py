"""Ports for collectors that stop and start again during a test."""

from __future__ import annotations

import socket
from pathlib import Path

# States of include/net/tcp_states.h in which the listening side still holds the connection.
_ESTABLISHED, _CLOSE_WAIT, _LISTEN = "01", "08", "0A"


class ReservedPort:
    """A loopback TCP port that is ours until close(), whether or not somebody listens on it.

    The socket is bound with SO_REUSEADDR and never listens, so a child process with the same option can
    listen there. While it does not, connections are refused, and the kernel cannot lend the port to
    anybody's outgoing connection, which would make a restart fail once in a thousand times.
    """

    def __init__(self, host: str = "127.0.0.1", number: int = 0) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, number))
        self.number: int = self._socket.getsockname()[1]

    def close(self) -> None:
        """Gives the port back."""
        self._socket.close()


def is_listening(port: int, seen_by: int | str = "self") -> bool:
    """Whether somebody listens on that TCP port; asks the kernel's table, so no connection is made.

    `seen_by` is a process whose network name space is asked.
    """
    return _LISTEN in _states(port, seen_by)


def has_connections(port: int, seen_by: int | str = "self") -> bool:
    """Whether a connection to that port is still held by the side that listens there."""
    return not {_ESTABLISHED, _CLOSE_WAIT}.isdisjoint(_states(port, seen_by))


def _states(port: int, seen_by: int | str) -> set[str]:
    """The states of the IPv4 sockets whose own port it is."""
    rows = [row.split() for row in Path(f"/proc/{seen_by}/net/tcp").read_text().splitlines()[1:]]
    return {row[3] for row in rows if row[1].endswith(f":{port:04X}")}
