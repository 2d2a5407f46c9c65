"""Sends an answer octet by octet, or fails to in the way a fault says.

A web framework repairs, buffers or forbids most of this; hence plain sockets.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from email.utils import formatdate
from io import BufferedIOBase
from typing import Protocol

from lpforwarder.simulator.vault.answers import Reply
from lpforwarder.simulator.vault.event import SECOND
from lpforwarder.simulator.vault.faults import Fault
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.vault import Answer

_CHUNK = 16_384


class Link(Protocol):
    """The connection a request came over."""

    def write(self, octets: bytes) -> None:
        """Hands all octets to the kernel. Raises OSError when the caller is gone."""

    def reset(self) -> None:
        """Ends the connection with a reset."""

    def end(self) -> None:
        """No further request on this connection; it is closed in order once the answer is written."""

    def wait(self, seconds: float) -> bool:
        """Pauses; True when the server is closing and nothing more should be sent."""


def send(answer: Answer, link: Link, options: VaultOptions, *, keep: bool, may_chunk: bool) -> None:
    """The whole answer, or what `answer.fault` leaves of it. `keep`: the connection stays open after it."""
    way = _WAYS.get(answer.fault) if answer.fault is not None else None
    if way is not None:
        link.end()
        way(answer, link, options)
    elif options.chunked and may_chunk and answer.reply.status == 200:
        link.write(head(answer, options, length=None, keep=keep) + b"".join(_chunks(answer.reply.body)))
    else:
        link.write(_head(answer, options, keep=keep) + answer.reply.body)


def head(answer: Answer, options: VaultOptions, *, length: int | None, keep: bool) -> bytes:
    """Status line and headers; a `length` of None announces chunks."""
    reply = answer.reply
    off = options.date_error_seconds
    if answer.fault is Fault.CLOCK_ERROR:
        off += options.clock_error_seconds
    size = ("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))
    end = () if keep else (("Connection", "close"),)
    fields = (*reply.headers, ("Date", formatdate(answer.at / SECOND + off, usegmt=True)), size, *end)
    lines = [f"HTTP/1.1 {reply.status} {reply.reason}", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def abort(connection: socket.socket, reader: BufferedIOBase) -> None:
    """Closes a connection with a reset. The reader goes first: it holds the socket open otherwise."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    reader.close()
    connection.close()


def _head(answer: Answer, options: VaultOptions, *, keep: bool = False) -> bytes:
    return head(answer, options, length=len(answer.reply.body), keep=keep)


def _chunks(body: bytes) -> list[bytes]:
    pieces = [body[start : start + _CHUNK] for start in range(0, len(body), _CHUNK)]
    return [*(_chunk(piece) for piece in pieces), b"0\r\n\r\n"]


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def _half(reply: Reply) -> bytes:
    return reply.body[: len(reply.body) // 2]


def _reset_in_headers(answer: Answer, link: Link, options: VaultOptions) -> None:
    whole = _head(answer, options)
    link.write(whole[: len(whole) // 2])
    link.reset()


def _reset_in_body(answer: Answer, link: Link, options: VaultOptions) -> None:
    link.write(_head(answer, options) + _half(answer.reply))
    link.reset()


def _truncated(answer: Answer, link: Link, options: VaultOptions) -> None:
    """The length of the whole, half of the octets, and a polite end."""
    link.write(_head(answer, options) + _half(answer.reply))


def _broken_chunks(answer: Answer, link: Link, options: VaultOptions) -> None:
    """One good chunk, then a size that is no number."""
    start = head(answer, options, length=None, keep=False)
    link.write(start + _chunk(_half(answer.reply)) + b"zz\r\n" + b"?" * 64 + b"\r\n")


def _slow_drip(answer: Answer, link: Link, options: VaultOptions) -> None:
    """Everything, but for a long while a few octets at a time."""
    link.write(_head(answer, options))
    body = answer.reply.body
    dripped = min(len(body), options.drip_octets * options.drip_pieces)
    for start in range(0, dripped, options.drip_octets):
        if link.wait(options.drip_pause_seconds):
            return
        link.write(body[start : min(start + options.drip_octets, dripped)])
    link.write(body[dripped:])


def _silence(_answer: Answer, link: Link, options: VaultOptions) -> None:
    link.wait(options.silence_seconds)


def _closed(_answer: Answer, _link: Link, _options: VaultOptions) -> None:
    """Nothing: the end comes by itself."""


_WAYS: dict[Fault, Callable[[Answer, Link, VaultOptions], None]] = {
    Fault.RESET_IN_HEADERS: _reset_in_headers,
    Fault.RESET_IN_BODY: _reset_in_body,
    Fault.TRUNCATED_BODY: _truncated,
    Fault.BROKEN_CHUNKS: _broken_chunks,
    Fault.SLOW_DRIP: _slow_drip,
    Fault.SILENCE: _silence,
    Fault.CLOSED: _closed,
}
