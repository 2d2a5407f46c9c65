"""What nobody outside LastPass knows can be so or so: with every answer to it the journal holds the truth,
and a fresh one that reads it all at once holds the same under the same ids.

Each case plays two days across the autumn change of the clocks, with late events, twins and hostile names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.lastpass_account import Account, Reader
from tests.fakes.vault_story import expected, judge, keep

pytestmark = pytest.mark.slow

START = 1_793_404_800  # 2026-10-31 00:00:00 UTC; the clocks of New York go back on 1 November, 06:00 UTC
HOURS = 60

UNKNOWNS: list[dict[str, Any]] = [
    {},
    {"order": "ascending"},
    {"order": "shuffled"},
    {"numbering": "report"},
    {"next_is": "last returned"},
    {"next_type": "string"},
    {"next_is": "last returned", "next_type": "string", "order": "ascending"},
    {"second_aligned": True},
    {"second_aligned": True, "next_is": "last returned"},
    {"from_inclusive": False},
    {"to_inclusive": False},
    {"from_inclusive": False, "to_inclusive": False, "next_is": "last returned"},
    {"honour_offset": True},
    {"user_place": "data"},
    {"user_place": "top"},
    {"own_username": "api"},
    {"own_username": "label"},
    {"empty": "map"},
    {"empty": "null"},
    {"empty": "missing"},
    {"escape_unicode": False},
    {"compress": True, "chunked": True},
    {"spelling": "title"},
    {"spelling": "every"},
    {"zone_rule": "event"},
    {"date_error_seconds": 200.0},
    {"date_error_seconds": -200.0},
    {"caller_address": "2001:db8::9"},
    {"zone": "Australia/Lord_Howe"},
    {"zone": "Asia/Kolkata", "order": "shuffled"},
]


class Ticking(Account):
    """Time goes on with every look at the clock, or all calls of a chain would fall into one microsecond."""

    @property
    def now(self) -> float:
        self._now += 0.001
        return self._now

    @now.setter
    def now(self, now: float) -> None:
        self._now = now


@pytest.mark.parametrize("switches", UNKNOWNS, ids=lambda one: " ".join(f"{k}={v}" for k, v in one.items()))
def test_the_journal_holds_the_truth_however_the_vault_is(switches: dict[str, Any], tmp_path: Path) -> None:
    history = {"events": 700, "days": HOURS / 24, "ending": START + HOURS * 3600.0}
    odd = {"late_share": 0.05, "late_seconds": 1200.0, "twin_share": 0.1, "hostile_share": 0.2}
    zone = switches.get("zone", "America/New_York")
    with Ticking(tmp_path, start=float(START), page_size=40, **history | odd | switches) as account:
        reader = Reader(account.source(time_zone=zone, overlap="1h", first_start="1h"))
        kept = []
        for hour in range(HOURS + 3):
            kept += [keep(event) for event in reader.read()]
            account.now = START + (hour + 1) * 3600.0
        kept += [keep(event) for event in reader.read()]
        assert reader.source.alarms == ()
        assert reader.rejects == []
        fresh = Reader(account.source(time_zone=zone, overlap="1h", first_start="2026-10-30T23:00:00Z"))
        again = [keep(event) for event in fresh.read()]
        truth = [expected(one) for one in account.vault.truth() if "lpforwarder/" not in one.data]
    assert len(truth) == 700
    assert judge(kept, truth).unexplained == []
    assert judge(again, truth).unexplained == []
    assert {one.id for one in again} == {one.id for one in kept}
    assert len({one.id for one in kept}) == len(kept)
