"""A daemon with a small file of events and plain collectors, as most tests of commands want it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.fakes.daemon import Daemon


def collector(port: int, **keys: Any) -> dict[str, Any]:
    """A collector named siem on loopback, over TCP unless the keys say otherwise, tried again soon."""
    made = {"name": "siem", "host": "127.0.0.1", "port": port, "transport": "tcp", "heartbeat": "0s"}
    return made | {"retry": {"first": "100ms", "most": "500ms"}} | keys


@contextlib.contextmanager
def configured(
    folder: Path, records: list[dict[str, Any]], collectors: list[dict[str, Any]]
) -> Iterator[Daemon]:
    """A daemon that is not started, with a file of these records as its source `archive`."""
    path = folder / "events.json"
    path.write_text(json.dumps(records))
    source = {"name": "archive", "type": "file", "path": str(path)}
    daemon = Daemon(folder / "daemon", {"sources": [source], "collectors": collectors})
    with contextlib.closing(daemon):
        yield daemon
