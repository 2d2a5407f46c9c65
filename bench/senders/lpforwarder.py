"""lpforwarder as it is installed: `lpforwarder run`, everything on that a real one has on.

The journal is synced, checkpoints are confirmed with fences, a filter is asked for each event, messages are
numbered, own events and heartbeats are sent, metrics and pull API listen.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.events import SOURCE
from bench.senders.contract import CHECKOUT, Command, Job, Target

PROGRAM = (sys.executable, "-m", "lpforwarder")


class Lpforwarder:
    """The product in its usual configuration; `name` is what the tables call it."""

    def __init__(self, name: str = "lpforwarder") -> None:
        self.name = name

    def command(self, folder: Path, job: Job, target: Target) -> Command:
        """One file source, one collector."""
        return run_with(folder, [file_source(job.file)], [collector("sink", job, target)])


def file_source(path: Path, name: str = SOURCE) -> dict[str, Any]:
    """A source that reads the file to its end."""
    return {"name": name, "type": "file", "path": str(path)}


def collector(name: str, job: Job, target: Target, **more: Any) -> dict[str, Any]:
    """A collector for the sink; `sources` makes it one that asks its filter about each event."""
    options = {"name": name, "host": "127.0.0.1", "port": target.port, "transport": job.link}
    options |= {"format": job.format, "min_severity": 1}
    if job.link == "tls":
        options["tls"] = {"ca_file": str(target.certificates.ca_file)}
    return options | more


def run_with(
    folder: Path, sources: Sequence[dict[str, Any]], collectors: Sequence[dict[str, Any]], **more: Any
) -> Command:
    """`lpforwarder run` with these; `more` are other keys at the top of the configuration."""
    settings = {
        "sources": list(sources),
        "collectors": list(collectors),
        "journal": {"path": "journal.db"},
        "control_socket": "control.sock",
        "http": {"listen": f"127.0.0.1:{_free_port()}"},
        "log": {"level": "info", "format": "json"},
    }
    file = folder / "lpforwarder.yaml"
    file.write_text(json.dumps(settings | more), encoding="utf-8")
    return Command(arguments=(*PROGRAM, "-c", str(file), "run"), folder=folder, environment=environment())


def environment() -> dict[str, str]:
    """Ours, without what changes how Python or lpforwarder work: an installation has bytecode, for one."""
    others = ("LPFORWARDER_", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return kept | {"PYTHONPATH": str(CHECKOUT)}


def _free_port() -> int:
    """A port nobody had a moment ago: good enough for a page that nobody here asks for."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
