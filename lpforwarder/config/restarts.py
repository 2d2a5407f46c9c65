"""Settings that a reload reads and cannot apply: which they are, and what people are told of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from lpforwarder.config.sections import JournalOptions


class _Settings(Protocol):
    """The part of the settings that is looked at."""

    @property
    def journal(self) -> JournalOptions: ...

    @property
    def control_socket(self) -> Path: ...


def needs_restart(in_use: _Settings, settings: _Settings) -> tuple[str, ...]:
    """The keys that are not as they were at the start, and that only another start can apply."""
    pairs = {
        "journal.path": (in_use.journal.path, settings.journal.path),
        "control_socket": (in_use.control_socket, settings.control_socket),
    }
    return tuple(key for key, (old, new) in pairs.items() if old != new)


def unused(keys: Sequence[str]) -> str:
    """What is said of such keys, without their values."""
    return f"not in use before the next start: {', '.join(keys)}"
