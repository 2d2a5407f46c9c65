"""A clock that tests move, events in one line, and a caller without a network."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lpforwarder.simulator.vault.event import SECOND, VaultEvent
from lpforwarder.simulator.vault.vault import Vault


class Watch:
    """Seconds since 1970 that pass only when told to; starts at 2026-03-04 18:00:00 UTC."""

    def __init__(self) -> None:
        self.seconds = 1_772_647_200.0

    def __call__(self) -> float:
        return self.seconds

    def forward(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def event() -> Callable[..., VaultEvent]:
    """event(seconds since 1970, any field=…)."""

    def make(seconds: float, **fields: str) -> VaultEvent:
        values = {
            "username": "ana.ruiz@example.org",
            "ip_address": "203.0.113.24",
            "action": "Log in",
            "data": "mail.example.org",
        }
        return VaultEvent(at=round(seconds * SECOND), **(values | fields))

    return make


@pytest.fixture
def ask() -> Callable[..., dict[str, Any]]:
    """ask(vault, data=…, any top-level field=…) is the decoded answer to a reporting call."""

    def call(vault: Vault, data: Any = None, **fields: Any) -> dict[str, Any]:
        body = {
            "cid": int(vault.options.account),
            "provhash": vault.secret,
            "cmd": "reporting",
            "data": data or {},
        }
        answer = vault.answer(json.dumps(body | fields).encode())
        decoded: dict[str, Any] = json.loads(answer.reply.body)
        return decoded

    return call
