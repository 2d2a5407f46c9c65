"""`status --watch`: the terminal it takes, gives back whatever happens, and reads its keys from."""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

import click

from lpforwarder.cli.watch_screen import KEYS, Look, Pace, failed, screen
from lpforwarder.errors import ConfigError, Failure

REFRESH = 2.0
"""Seconds."""
_OPEN, _CLOSE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""A screen of its own without a cursor; the one before comes back as it was."""
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
_SEQUENCE = re.compile(rb"\x1b(\[[0-9;]*[A-Za-z~]|O.|.)?")
"""An arrow or function key; its last letter is none of ours."""
_ENDED = 128 + signal.SIGTERM


class Terminal:
    """The screen and the keyboard while the context lasts; signals that end us end it in order."""

    def __init__(self) -> None:
        self._keys, self._screen = sys.stdin.fileno(), sys.stdout.fileno()
        self._wake, self._woken = -1, -1

    @staticmethod
    def is_there() -> bool:
        """False in pipes and jobs, and on terminals that cannot move their cursor."""
        return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self._keys)
        self._handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGWINCH)}
        self._woken, self._wake = os.pipe()
        try:
            self._take()
        except BaseException:
            self._give_back()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()

    def look(self, view: str, *, color: bool) -> Look:
        """How large it is now."""
        size = os.get_terminal_size(self._screen)
        return Look(width=size.columns or 80, height=size.lines or 24, view=view, color=color)

    def draw(self, lines: list[str]) -> None:
        """Shows the lines in place of those before; without a flicker, since nothing is cleared first."""
        text = _HOME + f"{_REST_OF_LINE}\r\n".join(lines) + _REST_OF_LINE + _REST_OF_SCREEN
        self._write(text)

    def key(self, within: float) -> str:
        """The key that was pressed; "" for none or another size of the screen, "q" for a lost terminal."""
        ready, _, _ = select.select([self._keys, self._woken], [], [], max(within, 0.0))
        if self._woken in ready:
            os.read(self._woken, 1024)
        if self._keys not in ready:
            return ""
        typed = os.read(self._keys, 1024)
        letters = _SEQUENCE.sub(b"", typed).decode("ascii", "ignore").lower()
        if not typed or "q" in letters:
            return "q"
        return letters[-1:]

    # ---- its parts ------------------------------------------------------------------------------------

    def _take(self) -> None:
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, _end)
        signal.signal(signal.SIGWINCH, _ignore)  # only so that select wakes up
        tty.setcbreak(self._keys)
        settings = termios.tcgetattr(self._keys)
        settings[6][termios.VSUSP] = b"\0"  # stopped by Ctrl-Z, it would leave its screen behind
        termios.tcsetattr(self._keys, termios.TCSANOW, settings)
        self._write(_OPEN)

    def _give_back(self) -> None:
        """The terminal as it was; no signal may end us half-way."""
        with_signals = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        try:
            termios.tcsetattr(self._keys, termios.TCSADRAIN, self._before)
            self._write(_CLOSE)
        except (OSError, termios.error):
            pass  # the terminal is gone, and nothing is left to give back
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            os.close(self._wake)
            os.close(self._woken)
            signal.pthread_sigmask(signal.SIG_SETMASK, with_signals)

    def _write(self, text: str) -> None:
        sys.stdout.buffer.write(text.encode(sys.stdout.encoding, "replace"))
        sys.stdout.buffer.flush()


def watch(ask: Callable[[], dict[str, Any]], *, color: bool, every: float = REFRESH) -> dict[str, Any] | None:
    """Shows what `ask` says, anew every so many seconds, until `q`; the last facts, None if they failed.

    What `ask` cannot say the first time is raised; later it is shown, and asked again.
    """
    facts: dict[str, Any] | None = ask()
    sentence, view, pace = "", "all", Pace()
    with Terminal() as terminal:
        while True:
            due = time.monotonic() + every
            if facts is not None:
                pace.note(facts)
            key = ""
            while key != "q" and time.monotonic() < due:
                look = terminal.look(view, color=color)
                terminal.draw(failed(sentence, look) if facts is None else screen(facts, pace, look))
                key = terminal.key(due - time.monotonic())
                view = KEYS.get(key, view)
            if key == "q":
                return facts
            try:
                facts = ask()
            except (ConfigError, Failure) as error:
                facts, sentence = None, str(error)


def _end(number: int, frame: FrameType | None) -> None:
    raise click.exceptions.Exit(_ENDED)


def _ignore(number: int, frame: FrameType | None) -> None:
    pass
