"""Named pipes that nobody writes into: whoever opens one and has not looked at it first waits for ever."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TypeVar

from tests.fakes.patience import PATIENCE

Result = TypeVar("Result")


def pipe(path: Path) -> Path:
    """A named pipe there, which its owner alone can read."""
    os.mkfifo(path, 0o600)
    return path


def without_waiting(work: Callable[[], Result], *pipes: Path) -> Result:
    """What `work()` returns or raises; AssertionError when it waits for one of the pipes."""
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(work)
        wait([outcome], PATIENCE)
        is_waiting = not outcome.done()
        while not outcome.done():  # it may open them one after the other, and some twice
            for each in pipes:
                os.close(os.open(each, os.O_RDWR | os.O_NONBLOCK))  # a writer that writes nothing
            wait([outcome], 0.01)
    assert not is_waiting, f"it waits for a writer into {' or '.join(map(str, pipes))}"
    return outcome.result()
