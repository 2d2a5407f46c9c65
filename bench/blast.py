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

from bench.events import events, marker
from bench.sinks import ROOT, Seen, SinkProcess
from tests.fakes.certificates import Certificates

_BLOCK = 128 * 1024
_MESSAGE = 430
"""Octets that an event takes with its header, about."""


def capacity(count: int, *, tls: Certificates | None) -> Seen:
    """What a sink of its own sees when it is sent that many messages, or a few more, as fast as possible."""
    in_block = blocks()[1]
    rounds = -(-count // in_block)
    with SinkProcess(marker("json"), tls=tls) as sink:
        command = [sys.executable, "-m", "bench.blast", "--port", str(sink.port), "--blocks", str(rounds)]
        command += ["--ca", str(tls.ca_file)] if tls is not None else []
        subprocess.run(command, cwd=ROOT, check=True, timeout=300)
        return sink.wait_for(rounds * in_block, 60.0)


def blocks() -> tuple[bytes, int]:
    """Some frames of real events in one piece of about 128 KiB, and how many they are."""
    frames = []
    for event in events(_BLOCK // _MESSAGE):
        message = b"<86>1 2025-06-01T00:00:00.000Z bench lpforwarder - - - " + event.line
        frames.append(b"%d %b" % (len(message), message))
    return b"".join(frames), len(frames)


def blast(port: int, rounds: int, ca_file: Path | None) -> None:
    """Sends that many blocks and waits until the other side has closed."""
    block, _ = blocks()
    link: socket.socket = socket.create_connection(("127.0.0.1", port))
    if ca_file is not None:
        context = ssl.create_default_context(cafile=str(ca_file))
        link = context.wrap_socket(link, server_hostname="localhost")
    with link:
        for _ in range(rounds):
            link.sendall(block)
        if isinstance(link, ssl.SSLSocket):
            link = link.unwrap()
        link.shutdown(socket.SHUT_WR)
        while link.recv(_BLOCK):
            pass


def main() -> None:
    """`python -m bench.blast`."""
    parser = argparse.ArgumentParser(description="Sends messages made beforehand.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--blocks", type=int, required=True)
    parser.add_argument("--ca", type=Path)
    given = parser.parse_args()
    blast(given.port, given.blocks, given.ca)


if __name__ == "__main__":
    main()
