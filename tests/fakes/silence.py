"""Peers that vanish from the network without a word, on loopback and without any rights.

A socket filter that lets nothing pass makes the kernel drop all that arrives for a socket before TCP sees
it: no acknowledgement, no answer to a probe, no reset. For the other end that is a cable cut in two.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
from collections.abc import Iterator

_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27  # asm-generic/socket.h; Python has no names for them
_DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF_RET | BPF_K, 0 octets


def cut_off(sock: socket.socket) -> None:
    """From now on nothing reaches this socket; on a listener nobody can connect."""
    program = ctypes.create_string_buffer(_DROP_ALL)
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))


def heal(sock: socket.socket) -> None:
    """What arrives reaches the socket again."""
    sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


@contextlib.contextmanager
def silent(sock: socket.socket) -> Iterator[None]:
    """The same while the body runs."""
    cut_off(sock)
    try:
        yield
    finally:
        if sock.fileno() >= 0:
            heal(sock)
