"""How much the sink can take: the cheapest sender there can be, blocks made beforehand.

A process of its own (`python -m bench.blast`), so that it has a core of its own, as senders have.
"""

from __future__ import annotations

import argparse
import socket
import ssl
import subprocess
import sys
from pathlib import Path

from bench.sinks import ROOT, Seen, SinkProcess
from tests.fakes.certificates import Certificates

_BLOCK = 128 * 1024
_MESSAGE = 430
"""Octets; about what an event takes with its header."""


def capacity(events: int, *, tls: Certificates | None, marker: bytes = b'"source":"bench"') -> Seen:
    """What a sink of its own sees when it is sent that many messages as fast as possible."""
    with SinkProcess(marker, tls=tls) as sink:
        command = [sys.executable, "-m", "bench.blast", "--port", str(sink.port), "--events", str(events)]
        command += ["--marker", marker.decode()] + (["--ca", str(tls.ca_file)] if tls is not None else [])
        subprocess.run(command, cwd=ROOT, check=True, timeout=300)
        return sink.wait_for(events, 60.0)


def blocks(marker: bytes) -> tuple[bytes, int]:
    """Some frames in one piece, and how many they are."""
    body = b"<86>1 2025-06-01T00:00:00.000Z bench lpforwarder - - - " + marker
    frame = b"%d %b" % (_MESSAGE, body + b"." * (_MESSAGE - len(body)))
    count = _BLOCK // len(frame)
    return frame * count, count


def blast(port: int, events: int, marker: bytes, ca_file: Path | None) -> None:
    """Sends so many messages and waits until the other side has closed."""
    block, count = blocks(marker)
    link: socket.socket = socket.create_connection(("127.0.0.1", port))
    if ca_file is not None:
        context = ssl.create_default_context(cafile=str(ca_file))
        link = context.wrap_socket(link, server_hostname="localhost")
    with link:
        for _ in range(events // count):
            link.sendall(block)
        link.sendall(block[: events % count * (len(block) // count)])
        if isinstance(link, ssl.SSLSocket):
            link = link.unwrap()
        link.shutdown(socket.SHUT_WR)
        while link.recv(_BLOCK):
            pass


def main() -> None:
    """`python -m bench.blast`."""
    parser = argparse.ArgumentParser(description="Sends messages made beforehand.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--marker", required=True)
    parser.add_argument("--ca", type=Path)
    given = parser.parse_args()
    blast(given.port, given.events, given.marker.encode(), given.ca)


if __name__ == "__main__":
    main()
