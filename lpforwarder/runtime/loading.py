"""Modules are loaded without the garbage collector, which would look at them over and over.

And without `rich`, where it is installed: structlog would load it, 50 ms, to draw tracebacks, and ours go to
the log in a line.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_UNWANTED = "rich"


@contextmanager
def loading() -> Iterator[None]:
    """What is made meanwhile stays and is never looked at later: a tenth less CPU until the service is up."""
    gc.disable()
    modules: dict[str, object] = sys.modules  # type: ignore[assignment]
    modules.setdefault(_UNWANTED, None)  # whoever would import it gets an ImportError
    try:
        yield
    finally:
        if modules[_UNWANTED] is None:
            del modules[_UNWANTED]
        gc.freeze()
        gc.enable()
