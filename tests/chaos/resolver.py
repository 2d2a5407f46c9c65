"""A name server on loopback that answers as a scenario says, and a place where programs ask it."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import threading
from enum import Enum
from pathlib import Path
from typing import Self

_HEADER = struct.Struct("!6H")
_ANSWER = 0x8180
_TYPE_A = 1
_TIME_TO_LIVE = 0


class Mood(Enum):
    """How it answers; the value is the response code of RFC 1035 §4.1.1."""

    GOOD = 0
    SERVFAIL = 2
    NXDOMAIN = 3
    LATE = 100
    """Rightly, after `delay` seconds."""


class Resolver:
    """Answers on UDP port 53 while it is entered: every name has the one address `points_to`.

    It listens on an address of 127/8 that belongs to this process: several may play at the same time.
    use_here() makes it the machine's only name server, for this mount name space alone.
    """

    def __init__(self, points_to: str) -> None:
        self.points_to = points_to
        self.mood = Mood.GOOD
        self.delay = 30.0
        self.asked = 0
        process = os.getpid()
        self._host = f"127.{53 + (process >> 16)}.{process >> 8 & 255}.{process & 255}"
        self._leaving = threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._socket.bind((self._host, 53))
        self._socket.settimeout(0.1)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._thread.join()
        self._socket.close()

    def use_here(self, folder: Path) -> None:
        """From now on programs started here ask us; needs a mount name space of our own."""
        file = folder / "resolv.conf"
        file.write_text(f"nameserver {self._host}\noptions timeout:5 attempts:1\n", encoding="ascii")
        subprocess.run(["mount", "--bind", str(file), "/etc/resolv.conf"], check=True)

    def _serve(self) -> None:
        while not self._leaving.is_set():
            try:
                question, asker = self._socket.recvfrom(512)
            except TimeoutError:
                continue
            self.asked += 1
            if self.mood is Mood.LATE:
                timer = threading.Timer(self.delay, self._answer, [question, asker])
                timer.daemon = True
                timer.start()
            else:
                self._answer(question, asker)

    def _answer(self, question: bytes, asker: tuple[str, int]) -> None:
        if not self._leaving.is_set():
            self._socket.sendto(self._answer_to(question), asker)

    def _answer_to(self, question: bytes) -> bytes:
        number = _HEADER.unpack_from(question)[0]
        end = question.index(b"\0", _HEADER.size) + 5
        asked = question[_HEADER.size : end]
        code = 0 if self.mood is Mood.LATE else self.mood.value
        if code or struct.unpack("!H", asked[-4:-2])[0] != _TYPE_A:
            return _HEADER.pack(number, _ANSWER | code, 1, 0, 0, 0) + asked
        record = struct.pack("!HHHIH", 0xC00C, _TYPE_A, 1, _TIME_TO_LIVE, 4) + socket.inet_aton(
            self.points_to
        )
        return _HEADER.pack(number, _ANSWER, 1, 1, 0, 0) + asked + record
