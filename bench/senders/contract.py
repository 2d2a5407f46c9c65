"""What a sender is: something that reads a file of events and sends each to the sink."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from bench.events import marker
from tests.fakes.certificates import Certificates

Format = Literal["cef", "json"]
Link = Literal["tcp", "tls"]
FORMATS: tuple[Format, ...] = ("cef", "json")
LINKS: tuple[Link, ...] = ("tcp", "tls")
CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be sent, and how."""

    file: Path
    """JSON Lines."""
    events: int
    format: Format = "cef"
    link: Link = "tls"

    @property
    def name(self) -> str:
        """As in the tables: `CEF over TLS`."""
        return f"{self.format.upper()} over {self.link.upper()}"

    @property
    def marker(self) -> bytes:
        """What each message holds exactly once."""
        return marker(self.format)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to send: a port of 127.0.0.1, and what proves who listens there."""

    port: int
    certificates: Certificates


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A process to start; it stays in the foreground and ends on SIGTERM."""

    arguments: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


class Sender(Protocol):
    """One product in one configuration."""

    @property
    def name(self) -> str:
        """As in the tables; the queue it keeps is part of it."""

    def command(self, folder: Path, job: Job, target: Target) -> Command:
        """Writes its configuration into the empty `folder` and says how to start it."""
