"""Clients of the pull API, good and bad, each in a thread of its own or held open by whoever made it."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import threading
import time
from collections import Counter
from typing import Self

import orjson

from tests.chaos.oracle import key_of

_RESET = struct.pack("ii", 1, 0)
_WITHIN = 60.0
_PIECE = 64 * 1024

Address = tuple[str, int]


class Puller:
    """Pages through everything from the beginning while it is entered, a page of `limit` events at a time.

    With a `nap` it is slow: it rests so many seconds before each 64 KiB of an answer. finish() lets it read
    what there is and ends it.
    """

    def __init__(self, address: Address, token: str, *, limit: int = 1000, nap: float = 0.0) -> None:
        self.keys: list[str] = []
        """Of the truth lists, in the order of their coming."""
        self.statuses: Counter[int] = Counter()
        self.error: Exception | None = None
        self._address = address
        self._headers = {"Authorization": f"Bearer {token}"}
        self._limit = limit
        self._nap = nap
        self._cursor = ""
        self._finishing = threading.Event()
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._thread.join(_WITHIN)

    def finish(self, within: float = _WITHIN) -> None:
        """Returns once it has read to the end of the journal; TimeoutError when that takes longer."""
        self._finishing.set()
        self._thread.join(within)
        if self._thread.is_alive():
            raise TimeoutError(
                f"a client has read {len(self.keys)} events after {within:g} s, and is not through"
            )

    def _run(self) -> None:
        line = http.client.HTTPConnection(*self._address, timeout=_WITHIN)
        try:
            while not self._leaving.is_set():
                is_last = self._finishing.is_set()
                if not self._page(line) and is_last:
                    return
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.error = error
        finally:
            line.close()

    def _page(self, line: http.client.HTTPConnection) -> bool:
        """Whether there was anything."""
        after = f"&after={self._cursor}" if self._cursor else ""
        line.request("GET", f"/v1/events?limit={self._limit}&wait=1{after}", headers=self._headers)
        answer = line.getresponse()
        self.statuses[answer.status] += 1
        body = b"".join(iter(lambda: self._piece(answer), b""))
        if answer.status != 200:
            raise ValueError(f"status {answer.status}")
        self._cursor = answer.headers["Lpforwarder-Cursor"]
        events = orjson.loads(body)
        self.keys += [key for event in events if (key := key_of(event))]
        return bool(events)

    def _piece(self, answer: http.client.HTTPResponse) -> bytes:
        if self._nap:
            self._leaving.wait(self._nap)
        return answer.read(_PIECE)


class Loris:
    """So many connections that begin a request and add an octet a second to it, while it is entered."""

    def __init__(self, address: Address, count: int) -> None:
        self.closed = 0
        """How many the far side has ended."""
        self.longest = 0.0
        """Seconds that one was left open at most, of those that were ended."""
        self._address = address
        self._open: dict[socket.socket, float] = {}
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._drip, daemon=True)
        for _ in range(count):
            self._begin()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._thread.join(_WITHIN)
        for one in self._open:
            one.close()

    @property
    def left(self) -> int:
        """How many are open."""
        return len(self._open)

    def _begin(self) -> None:
        one = socket.create_connection(self._address, timeout=_WITHIN)
        one.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        one.setblocking(False)
        self._open[one] = time.monotonic()

    def _drip(self) -> None:
        while not self._leaving.wait(1.0):
            for one in list(self._open):
                if not _drips(one):
                    self.closed += 1
                    self.longest = max(self.longest, time.monotonic() - self._open.pop(one))
                    one.close()


def _drips(one: socket.socket) -> bool:
    """Whether it is still open, with an octet more."""
    try:
        one.send(b"a")
        return one.recv(_PIECE) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def ask(address: Address, headers: dict[str, str]) -> int:
    """The status of one answer on a connection of its own; 0 when it is ended without one."""
    line = http.client.HTTPConnection(*address, timeout=_WITHIN)
    try:
        line.request("GET", "/v1/events?limit=1", headers=headers)
        return line.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        line.close()


def begin_page(address: Address, token: str) -> socket.socket:
    """A connection with a large page on its way, of which the first octets have come. It reads no more."""
    one = socket.socket()
    with contextlib.ExitStack() as undo:
        undo.callback(one.close)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.settimeout(_WITHIN)
        one.connect(address)
        asked = (
            f"GET /v1/events?limit=10000 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        )
        one.sendall(asked.encode("ascii"))
        one.recv(16)
        undo.pop_all()
    return one


def die(one: socket.socket) -> None:
    """Ends it as the kernel does for a killed process that has not read everything."""
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    one.close()
