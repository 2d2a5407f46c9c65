"""What tests over real sockets wait, count and measure with."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self

import pytest

from lpforwarder.errors import Failure, Transient

PATIENCE = 10.0
"""Seconds a test waits for what comes at once unless something is wrong."""


class LaterClock:
    """The monotonic clock, and as much later as a test says."""

    def __init__(self) -> None:
        self.later = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.later


class StandingClock:
    """A clock that moves only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def until(true: Callable[[], bool], what: str = "it", within: float = PATIENCE) -> None:
    """Returns as soon as `true()`; AssertionError when it takes longer than `within` seconds."""
    give_up_at = time.monotonic() + within
    pause = threading.Event()
    while not true():
        assert time.monotonic() < give_up_at, f"{what} did not happen"
        pause.wait(0.002)


@contextlib.contextmanager
def fails(code: str, kind: type[Failure] = Transient) -> Iterator[None]:
    """The body must raise that failure: `kind` says who mends it, `code` what is told."""
    with pytest.raises(kind) as raised:
        yield
    assert raised.value.code == code, raised.value


@contextlib.contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Does `work` in a thread of its own while the body runs, and waits for its end."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(PATIENCE)
        assert not thread.is_alive()


@contextlib.contextmanager
def a_moment_later(work: Callable[[], object], seconds: float = 0.05) -> Iterator[None]:
    """Does `work` from another thread, a moment after the body has begun."""
    timer = threading.Timer(seconds, work)
    timer.start()
    try:
        yield
    finally:
        timer.join(PATIENCE)


class Stopwatch:
    """As a context: the wall-clock seconds its body took, and the seconds this thread was computing."""

    wall = 0.0
    computing = 0.0

    def __enter__(self) -> Self:
        self._wall, self._computing = time.monotonic(), time.thread_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.monotonic() - self._wall
        self.computing = time.thread_time() - self._computing


def open_descriptors() -> int:
    """How many files and sockets this process has open now, but for those that only a cycle keeps."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))
