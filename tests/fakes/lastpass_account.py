"""A pretend vault, a clock that moves when told to, and sources that read the one by the other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lpforwarder.errors import Transient
from lpforwarder.event import Cursor, Event, Reject
from lpforwarder.intake.sources.lastpass.client import Client, Pace
from lpforwarder.intake.sources.lastpass.options import LastPassOptions
from lpforwarder.intake.sources.lastpass.parts import MOST_EVENTS
from lpforwarder.intake.sources.lastpass.source import LastPassSource
from lpforwarder.simulator.vault.event import VaultEvent
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.server import PretendVault

START = 1_772_647_200.0
"""2026-03-04 18:00:00 UTC."""


class Account:
    """Use it as a context manager: while it is open the vault listens."""

    def __init__(self, folder: Path, *, start: float = START, **switches: Any) -> None:
        self.now = start
        self.folder = folder
        self.secret = folder / "acme.secret"
        self.vault = PretendVault(options=VaultOptions(**switches), clock=lambda: self.now)
        self.write_secret(self.vault.secret)
        self.made: list[LastPassSource] = []

    def __enter__(self) -> Account:
        self.vault.start()
        return self

    def __exit__(self, *_: object) -> None:
        for source in self.made:
            source.close()
        self.vault.close()

    def write_secret(self, text: str) -> None:
        self.secret.write_text(text)
        self.secret.chmod(0o600)
        os.utime(self.secret, (self.now, self.now))

    def options(self, **keys: Any) -> LastPassOptions:
        data = {
            "name": "acme",
            "type": "lastpass",
            "account": self.vault.options.account,
            "url": self.vault.url,
        }
        return LastPassOptions.model_validate(data | keys, context={"folder": self.folder})

    def client(self, *, largest: int = 64 * 2**20, **keys: Any) -> Client:
        return Client(self.options(**keys), pace=Pace(lambda: 0.0, lambda _: None), largest=largest)

    def source(self, *, most_events: int = MOST_EVENTS, **keys: Any) -> LastPassSource:
        options, client = self.options(**keys), self.client(**keys)
        self.made.append(
            LastPassSource(options, clock=lambda: self.now, client=client, most_events=most_events)
        )
        return self.made[-1]

    def add(self, ago: float = 0.0, **fields: str) -> None:
        """An event that many seconds ago; visible at once."""
        values = {
            "username": "ana@example.org",
            "ip_address": "203.0.113.24",
            "action": "Log in",
            "data": "mail.example.org",
        }
        self.vault.add(VaultEvent(at=round((self.now - ago) * 1_000_000), **(values | fields)))

    def calls(self) -> int:
        return len(self.vault.asked)


class Reader:
    """A source with the journal that its cursor is in."""

    def __init__(self, source: LastPassSource) -> None:
        self.source = source
        self.cursor: Cursor | None = None
        self.rejects: list[Reject] = []

    def read(self) -> Sequence[Event]:
        """All new events; transient trouble is tried again."""
        events: list[Event] = []
        more, tries = True, 0
        while more:
            try:
                page = self.source.pull(self.cursor)
            except Transient:
                tries += 1
                if tries > 20:
                    raise
                continue
            events += page.events
            self.rejects += page.rejects
            self.cursor, more = page.cursor, page.more
        return events
