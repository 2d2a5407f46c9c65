"""A command in a pseudo terminal: what a person would see, and the keys that a person would press."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_WITHIN = 60.0


class Terminal:
    """Runs a command on a terminal of `width` and `height`; killed at the end if it still runs.

    `said` is all it wrote.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        width: int = 80,
        height: int = 24,
    ) -> None:
        self._master, self._slave = pty.openpty()
        self.resize(width, height)
        self.before = self.settings()
        self.said = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *command],  # so that Ctrl-C is a signal
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env={**environment, "TERM": "xterm"},
            cwd=folder,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)
        os.close(self._slave)

    def settings(self) -> list[Any]:
        """Of the terminal, as `stty` shows them."""
        return termios.tcgetattr(self._slave)

    def resize(self, width: int, height: int) -> None:
        """The window has another size; whoever is in front hears of it."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def press(self, keys: str) -> None:
        """Types."""
        os.write(self._master, keys.encode())

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the command."""
        self._process.send_signal(number)

    @property
    def screen(self) -> list[str]:
        """The last picture that is complete, without colours, lines as far as they are not empty."""
        frames = self.said.split("\x1b[H")[1:]
        whole = [frame for frame in frames if "\x1b[J" in frame]
        if not whole:
            return []
        return [_STYLE.sub("", line).rstrip() for line in whole[-1].partition("\x1b[J")[0].split("\r\n")]

    def wait_until(self, is_so: Callable[[str], bool]) -> list[str]:
        """The first screen of which it is so, its lines joined; TimeoutError with the last one."""
        give_up_at = time.monotonic() + _WITHIN
        while not is_so("\n".join(self.screen)):
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"it never was so: {self.said[-3000:]!r}")
            self._read(0.2)
        return self.screen

    def wait(self) -> int:
        """The exit code, once it has ended."""
        give_up_at = time.monotonic() + _WITHIN
        while (code := self._process.poll()) is None:
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"it still runs: {self.said[-3000:]!r}")
            self._read(0.05)
        while self._read(0.0):
            pass
        return code

    def _read(self, within: float) -> bool:
        if not select.select([self._master], [], [], within)[0]:
            return False
        self.said += self._decoder.decode(os.read(self._master, 65_536))
        return True
