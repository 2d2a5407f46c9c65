"""Signals that are read like requests, not handled: no code of ours ever runs inside a signal handler."""

from __future__ import annotations

import os
import queue
import signal
import threading
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
    # Not sigtimedwait: in CPython 3.11 it makes signals up when the process was frozen beyond the timeout.
    inbox: queue.SimpleQueue[signal.Signals] = queue.SimpleQueue()
    threading.Thread(target=_collect, args=(inbox,), name="signals", daemon=True).start()
    while True:
        try:
            received = inbox.get(timeout=every)
        except queue.Empty:
            yield None
        else:
            yield None if received == _NUDGE else received


def _collect(inbox: queue.SimpleQueue[signal.Signals]) -> None:
    while True:
        inbox.put(signal.Signals(signal.sigwaitinfo(_BLOCKED).si_signo))


def nudge() -> None:
    """Makes requests() yield None at once; from any thread, and only after block()."""
    os.kill(os.getpid(), _NUDGE)
