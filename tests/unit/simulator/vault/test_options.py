from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lpforwarder.simulator.vault.event import SECOND, VaultEvent
from lpforwarder.simulator.vault.options import Renaming, VaultOptions

MakeEvent = Callable[..., VaultEvent]


@pytest.mark.parametrize(
    "switches",
    [
        {"page_size": 0},
        {"events": -1},
        {"rate": -1.0},
        {"hostile_share": 1.5},
        {"late_share": -0.1},
        {"empty": "nothing"},
        {"order": "sorted"},
        {"days": 0.0, "events": 1},
        {"drip_octets": 0},
    ],
)
def test_nonsense_is_refused(switches: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        VaultOptions(**switches)


def test_the_defaults_are_the_attested_behaviour() -> None:
    options = VaultOptions()
    assert (options.zone, options.page_size, options.order) == ("America/New_York", 10_000, "descending")
    assert (options.empty, options.next_is, options.next_type) == ("list", "first left out", "number")
    assert (options.spelling, options.own_username) == ("sentence", "empty")
    assert options.from_inclusive
    assert options.to_inclusive


@pytest.mark.parametrize(
    ("old_too", "at", "now", "shown"),
    [
        (False, 5, 5, "Log in"),
        (False, 15, 15, "Sign in"),
        (False, 5, 15, "Log in"),
        (True, 5, 5, "Log in"),
        (True, 5, 15, "Sign in"),
    ],
)
def test_a_renaming_counts_from_its_instant(
    old_too: bool, at: int, now: int, shown: str, event: MakeEvent
) -> None:
    renaming = Renaming(names={"Log in": "Sign in"}, since=10 * SECOND, old_too=old_too)
    assert renaming.apply(event(at), now * SECOND) == shown


def test_a_renaming_leaves_other_actions_alone(event: MakeEvent) -> None:
    assert Renaming(names={"Log in": "Sign in"}).apply(event(1, action="Data export"), 1) == "Data export"
