"""A proxy on loopback between forwarder and collector that misbehaves on request.

It passes on half-closes and resets as they come, so a fence through it speaks of the collector behind it.
Trouble is changed at any moment with the attributes; connections of the moment and later ones obey.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import threading
from enum import Enum
from typing import Self

_CHUNK = 64 * 1024
_LOOK_AGAIN_MS = 20
_RESET = struct.pack("ii", 1, 0)
_GARBAGE = b"\x00\xffgarbage " * 6553


class Habit(Enum):
    """What happens to a connection."""

    PASS = "passed on"
    HANG_UP = "closed as soon as it is accepted"
    STALL = "accepted, and nothing is read any more"
    BABBLE = "answered with garbage, up to `garbage` octets, while nothing is read"
    GARBLE = "passed on with octets changed on the way to the collector"


class Wire:
    """Listens on `address` while it is entered, and leads to `target`."""

    def __init__(self, target: tuple[str, int], *, host: str = "127.0.0.1", garbage: int = 0) -> None:
        self.habit = Habit.PASS
        self.delay = 0.0
        """Seconds that each piece waits before it is passed on, in both directions."""
        self.accepted = 0
        """Connections so far."""
        self.most_garbage = 0
        """Octets of garbage that one connection took at most."""
        self._target = target
        self._garbage = garbage
        self._lock = threading.Lock()
        self._cut = 0
        self._leaving = threading.Event()
        self._listener = socket.create_server((host, 0), backlog=256)
        self._listener.settimeout(_LOOK_AGAIN_MS / 1000)
        self.address: tuple[str, int] = self._listener.getsockname()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def reset(self) -> None:
        """Resets all connections of the moment; what is in the proxy is lost."""
        with self._lock:
            self._cut += 1

    def _accept(self) -> None:
        while not self._leaving.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.accepted += 1
            if self.habit is Habit.HANG_UP:
                connection.close()
                continue
            thread = threading.Thread(target=self._serve, args=(connection, self._cut), daemon=True)
            self._threads = [one for one in self._threads if one.is_alive()] + [thread]
            thread.start()

    def _serve(self, near: socket.socket, born: int) -> None:
        with near:
            if self.habit is Habit.BABBLE:
                self._babble(near)
                return
            try:
                far = socket.create_connection(self._target)
            except OSError:
                _reset(near)
                return
            with far, contextlib.suppress(OSError):
                self._pass_on(near, far, born)

    def _babble(self, near: socket.socket) -> None:
        near.settimeout(1.0)
        # Else our own kernel takes megabytes, and more the later the far side hangs up.
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _CHUNK)
        said = 0
        with contextlib.suppress(OSError):
            while said < self._garbage and not self._leaving.is_set():
                said += near.send(_GARBAGE)
        self.most_garbage = max(self.most_garbage, said)

    def _pass_on(self, near: socket.socket, far: socket.socket, born: int) -> None:
        """Until both directions have ended; an error on one side becomes a reset of the other."""
        open_ends = {near: far, far: near}
        try:
            while open_ends:
                if self._leaving.is_set() or self._cut != born:
                    raise ConnectionResetError
                if self.habit is Habit.STALL:
                    self._leaving.wait(_LOOK_AGAIN_MS / 1000)
                    continue
                for source in _readable(list(open_ends)):
                    if not self._move(source, open_ends[source], to_collector=source is near):
                        del open_ends[source]
        except OSError:
            _reset(near)
            _reset(far)
            raise

    def _move(self, source: socket.socket, target: socket.socket, *, to_collector: bool) -> bool:
        """One piece; False at the end of that direction."""
        piece = source.recv(_CHUNK)
        if self.delay:
            self._leaving.wait(self.delay)
        if not piece:
            target.shutdown(socket.SHUT_WR)
            return False
        target.sendall(_garbled(piece) if to_collector and self.habit is Habit.GARBLE else piece)
        return True


def _readable(sockets: list[socket.socket]) -> list[socket.socket]:
    poller = select.poll()
    for one in sockets:
        poller.register(one, select.POLLIN)
    ready = {number for number, _ in poller.poll(_LOOK_AGAIN_MS)}
    return [one for one in sockets if one.fileno() in ready]


def _garbled(piece: bytes) -> bytes:
    spoilt = bytearray(piece)
    for place in range(0, len(spoilt), 97):
        spoilt[place] ^= os.urandom(1)[0] | 1
    return bytes(spoilt)


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
