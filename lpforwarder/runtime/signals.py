"""Signals that are read like requests, not handled: no code of ours ever runs inside a signal handler."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

WATCHED = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})

_NUDGE = signal.SIGUSR1
_BLOCKED = WATCHED | {_NUDGE}


def block() -> None:
    """Keeps the watched signals for requests(). Call it before any thread exists: threads inherit it.

    Child processes inherit it too: one that is not ours must be started before, or calls unblock().
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)


def unblock() -> None:
    """Lets the watched signals act on the process again."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _BLOCKED)


def requests(every: float) -> Iterator[signal.Signals | None]:
    """The signals as they come, and None after `every` seconds in which none came, or after a nudge().

    Never ends. Several signals of one kind that came together are one request.
    """
    while True:
        received = signal.sigtimedwait(_BLOCKED, every)
        if received is None or received.si_signo == _NUDGE:
            yield None
        else:
            yield signal.Signals(received.si_signo)


def nudge() -> None:
    """Makes requests() yield None at once; from any thread, and only after block()."""
    os.kill(os.getpid(), _NUDGE)
