"""An endpoint of its own for each test, called without a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from lpforwarder.endpoint.access import Doorkeeper
from lpforwarder.endpoint.application import Service, application
from lpforwarder.endpoint.contract import Access
from lpforwarder.endpoint.cursors import Cursors
from lpforwarder.endpoint.tokens import TokenFile, make
from tests.fakes.pulled_journal import KEY, FakePulledJournal

NOW = "2026-01-01T00:00:00.000Z"


@dataclass
class Endpoint:
    """What a test has in its hands."""

    client: TestClient
    journal: FakePulledJournal
    tokens: TokenFile
    accesses: list[Access]
    troubles: list[str]

    def token(self, name: str = "reader", sources: list[str] | None = None, rate: float | None = None) -> str:
        """A new token's text."""
        text, token = make(name, now=NOW, expires=None, sources=sources, rate=rate)
        self.tokens.add(token)
        return text

    def bearer(self, **of: object) -> dict[str, str]:
        """The header with a new token."""
        return {"Authorization": f"Bearer {self.token(**of)}"}  # type: ignore[arg-type]


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    journal = FakePulledJournal()
    accesses: list[Access] = []
    troubles: list[str] = []
    tokens = TokenFile(tmp_path / "tokens.json")
    service = Service(
        journal=journal,
        cursors=Cursors(KEY),
        doorkeeper=Doorkeeper(tokens, accesses.append, now=lambda: NOW),
        snapshot=lambda: {"version": 1, "verdict": "ok"},
        troubles=lambda: troubles,
        metrics=lambda: b"lpforwarder_up 1\n",
        page=lambda: "<!doctype html><title>lpforwarder</title>",
    )
    with TestClient(application(service), raise_server_exceptions=False) as client:
        yield Endpoint(client, journal, tokens, accesses, troubles)
