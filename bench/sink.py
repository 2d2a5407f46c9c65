"""The collector that everybody sends to: reads as fast as Python can, counts, keeps nothing.

A process of its own, so that what it costs is not mistaken for what the sender costs. It is asked on stdin
(`look`, `timeline`), answers on stdout with one line of JSON, and ends when stdin does.
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import ssl
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from bench.counting import MarkerCount

_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_GULP = 256 * 1024
_SIP = 4096
"""Octets that a slow sink takes of a connection at a time."""


class Connection:
    """One sender's connection, with its own count: markers never reach across two connections."""

    def __init__(self, link: socket.socket, marker: bytes, kept: BinaryIO | None) -> None:
        self.link = link
        self.is_ready = not isinstance(link, ssl.SSLSocket)
        self._count = MarkerCount(marker, _GULP)
        self._kept = kept

    def shake_hands(self) -> None:
        """Goes on with the TLS handshake; raises what would block."""
        if isinstance(self.link, ssl.SSLSocket):
            self.link.do_handshake()
        self.is_ready = True

    def read(self, most: int) -> tuple[int, int]:
        """Octets and markers of one read; (0, 0) at the end."""
        octets = self.link.recv_into(self._count.room, most)
        if self._kept is not None:
            self._kept.write(self._count.room[:octets])
        return octets, self._count.taken(octets)

    def close(self) -> None:
        """Everything was read, so the sender sees no reset."""
        with suppress(OSError, ValueError):
            if isinstance(self.link, ssl.SSLSocket) and self.is_ready:
                self.link.unwrap()
        self.link.close()
        if self._kept is not None:
            self._kept.close()


class Sink:
    """Listens on a loopback port of its own until stdin ends."""

    def __init__(
        self, marker: bytes, *, tls: ssl.SSLContext | None, every: float, pause: float, keep: Path | None
    ) -> None:
        self._marker, self._tls, self._every, self._pause, self._keep = marker, tls, every, pause, keep
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(sys.stdin.buffer, selectors.EVENT_READ, "question")
        self.port: int = self._listener.getsockname()[1]
        self.count = self.octets = self.connections = 0
        self.timeline: list[tuple[float, int]] = []
        """(when, events so far), at most once in `every` seconds."""
        self.last = 0.0
        self._started_with = time.process_time()

    def run(self) -> None:
        """Serves until stdin ends."""
        while True:
            for key, _ in self._selector.select():
                if key.data == "question":
                    if not self._answer(sys.stdin.buffer.readline()):
                        return
                elif key.data is None:
                    self._accept()
                else:
                    self._serve(key.data)
            if self._pause:
                time.sleep(self._pause)

    def _accept(self) -> None:
        link, _ = self._listener.accept()
        link.setblocking(False)
        if self._tls is not None:
            link = self._tls.wrap_socket(link, server_side=True, do_handshake_on_connect=False)
        kept = (
            self._keep.with_name(f"{self._keep.name}.{self.connections}").open("wb") if self._keep else None
        )
        self.connections += 1
        self._selector.register(link, selectors.EVENT_READ, Connection(link, self._marker, kept))

    def _serve(self, connection: Connection) -> None:
        try:
            if not connection.is_ready:
                connection.shake_hands()
            # A record that OpenSSL has already taken from the socket wakes no selector: read until it blocks.
            while (taken := connection.read(_SIP if self._pause else _GULP))[0]:
                self._note(*taken)
                if self._pause:
                    return
        except _WOULD_BLOCK:
            return
        except OSError:
            pass  # a sender that is killed; what it had sent was counted
        self._selector.unregister(connection.link)
        connection.close()

    def _note(self, octets: int, count: int) -> None:
        self.octets += octets
        if count:
            self.count += count
            self.last = time.monotonic()
            if not self.timeline or self.last - self.timeline[-1][0] >= self._every:
                self.timeline.append((self.last, self.count))

    def _answer(self, question: bytes) -> bool:
        if not question:
            return False
        first, behind_first = self.timeline[0] if self.timeline else (0.0, 0)
        facts: dict[str, object] = {
            "count": self.count,
            "octets": self.octets,
            "connections": self.connections,
            "first": first,
            "behind_first": behind_first,
            "last": self.last,
            "cpu": time.process_time() - self._started_with,
        }
        if question.strip() == b"timeline":
            facts["timeline"] = [*self.timeline, (self.last, self.count)]
        print(json.dumps(facts), flush=True)
        return True


def main() -> None:
    """`python -m bench.sink`; the first line of stdout is the port."""
    parser = argparse.ArgumentParser(description="A collector that counts.")
    parser.add_argument("--marker", required=True, help="what each message holds exactly once")
    parser.add_argument("--cert", type=Path, help="speak TLS with this certificate and --key")
    parser.add_argument("--key", type=Path)
    parser.add_argument("--every", type=float, default=0.02, help="seconds between two notes of the time")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds to sleep after each 4 KiB")
    parser.add_argument("--keep", type=Path, help="write what connection N sends to PATH.N")
    given = parser.parse_args()
    tls = None
    if given.cert is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(given.cert, given.key)
    sink = Sink(given.marker.encode(), tls=tls, every=given.every, pause=given.pause, keep=given.keep)
    print(sink.port, flush=True)
    sink.run()


if __name__ == "__main__":
    main()
