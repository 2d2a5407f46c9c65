"""How long each worker may be silent: longer than anything honest it can be waiting for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lpforwarder import patience
from lpforwarder.delivery.options import CollectorOptions
from lpforwarder.intake.contract import SourceOptions
from lpforwarder.runtime.vigil import PATIENCE
from lpforwarder.settings import decode

LASTPASS = "{name: acme, type: lastpass, account: '1234567', secret_file: secret, time_zone: UTC%s}"


def collector(keys: str) -> CollectorOptions:
    text = f"sources: [{{name: a, type: sample}}]\ncollectors: [{{name: siem, {keys}}}]\n"
    return decode(text, Path("/c.yaml")).collectors[0]


def source(text: str) -> SourceOptions:
    both = f"sources: [{text}]\ncollectors: [{{name: siem, host: h.example.net, transport: tcp}}]\n"
    return decode(both, Path("/c.yaml")).sources[0]


@pytest.mark.parametrize(
    ("keys", "least"),
    [
        ("host: h.example.net, transport: tcp", 120.0 + 120.0),
        ("host: h.example.net, transport: tls, stall_timeout: 10s", 90.0 + 10.0),
        ("host: h.example.net, transport: tcp, stall_timeout: 500s", 2 * 500.0),
        ("host: h.example.net, transport: relp, stall_timeout: 1s", 91.0),
        ("host: h.example.net, transport: relp, stall_timeout: 200s", 2 * 200.0),
        (
            "host: [a.example.net, b.example.net, c.example.net], transport: tls, connect_timeout: 100s",
            3 * (3 * 100.0 + 10.0) + 120.0 + 30.0,
        ),
    ],
)
def test_a_collector_may_take_all_its_time_limits_and_what_a_step_takes_at_home(
    keys: str, least: float
) -> None:
    assert patience.of_collector(collector(keys)) == pytest.approx(PATIENCE + least)


def test_a_collector_without_limits_of_its_own_may_take_what_a_step_takes_at_home() -> None:
    class Plain(CollectorOptions):
        pass

    assert patience.of_collector(Plain.model_construct(name="plain")) == PATIENCE + 90.0


@pytest.mark.parametrize(
    ("text", "keys", "least"),
    [
        ("{name: a, type: sample}", {"sources": 1, "has_pulse": False}, 0.1),
        ("{name: a, type: sample}", {"sources": 1000, "has_pulse": False}, 100.0),
        (LASTPASS % "", {"sources": 1, "has_pulse": True}, 120.0 + 60.0 + 0.1),
        (LASTPASS % ", timeout: 10s", {"sources": 1, "has_pulse": True}, 10.0 + 60.0 + 0.1),
        (LASTPASS % ", timeout: 10s", {"sources": 1, "has_pulse": False}, 6 * (10.0 + 60.0) + 0.1),
    ],
)
def test_a_source_may_take_its_time_limit_for_each_call(
    text: str, keys: dict[str, Any], least: float
) -> None:
    assert patience.of_source(source(text), **keys) == pytest.approx(PATIENCE + least)
