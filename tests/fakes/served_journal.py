"""The pull API on a real port of this machine, with a journal in memory behind it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lpforwarder.endpoint.access import Doorkeeper
from lpforwarder.endpoint.application import Service, application
from lpforwarder.endpoint.contract import Access
from lpforwarder.endpoint.cursors import Cursors
from lpforwarder.endpoint.listening import listen
from lpforwarder.endpoint.metrics import exposition
from lpforwarder.endpoint.server import EndpointServer
from lpforwarder.endpoint.tokens import TokenFile, make
from lpforwarder.runtime.stop import Stop
from tests.fakes.facts import busy_facts
from tests.fakes.pulled_journal import KEY, FakePulledJournal

_NOW = "2026-01-01T00:00:00.000Z"


@dataclass
class ServedJournal:
    """What a test has in its hands; `accesses` are the requests so far."""

    url: str
    journal: FakePulledJournal
    accesses: list[Access]
    _tokens: TokenFile

    def token(self, name: str = "reader", rate: float | None = None) -> str:
        """A new token's text, valid at once."""
        text, token = make(name, now=_NOW, expires=None, sources=None, rate=rate)
        self._tokens.add(token)
        return text


@contextmanager
def served_journal(
    folder: Path, port: int = 0, journal: FakePulledJournal | None = None
) -> Iterator[ServedJournal]:
    """It answers until the end of the block, on any free port unless one is given; tokens are in `folder`."""
    journal, accesses = journal or FakePulledJournal(), list[Access]()
    tokens = TokenFile(folder / "tokens.json")
    service = Service(
        journal=journal,
        cursors=Cursors(KEY),
        doorkeeper=Doorkeeper(tokens, accesses.append, now=lambda: _NOW),
        snapshot=busy_facts,
        troubles=list,
        metrics=lambda: exposition(busy_facts()),
        page=None,
    )
    with listen("127.0.0.1", port) as listener:
        port = listener.getsockname()[1]
        server, stop = EndpointServer(lambda: application(service), listener), Stop()
        thread = threading.Thread(target=server.run, args=(stop, lambda: None))
        thread.start()
        try:
            yield ServedJournal(f"http://127.0.0.1:{port}", journal, accesses, tokens)
        finally:
            stop.set(1.0)
            thread.join(10)
            assert not thread.is_alive()
