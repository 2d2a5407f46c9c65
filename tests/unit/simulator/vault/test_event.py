from __future__ import annotations

import pytest

from lpforwarder.simulator.vault.event import VaultEvent, micros


def test_a_clocks_seconds_become_whole_microseconds() -> None:
    assert micros(1_772_648_527.918273) == 1_772_648_527_918_273


def test_an_event_cannot_be_changed() -> None:
    event = VaultEvent(at=1, username="a", ip_address="b", action="c", data="d")
    with pytest.raises(AttributeError):
        event.at = 2  # type: ignore[misc]
