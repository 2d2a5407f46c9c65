from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lpforwarder.simulator.vault.faults import Fault, FaultPlan
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.orders import ORDERS, obey, plan, switches
from lpforwarder.simulator.vault.vault import Vault

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def vault(watch: Callable[[], float]) -> Vault:
    return Vault(VaultOptions(), clock=watch)


def test_switches_have_the_types_of_the_options() -> None:
    pairs = ["order=shuffled", "next-type=string", "page_size=1,000", "chunked=Yes", "compress=off"]
    pairs += ["hostile_share=0.5", "ending=1772647200", "retry_after=", "next_is=last returned"]
    assert switches(pairs) == {
        "order": "shuffled",
        "next_type": "string",
        "page_size": 1000,
        "chunked": True,
        "compress": False,
        "hostile_share": 0.5,
        "ending": 1772647200.0,
        "retry_after": "",
        "next_is": "last returned",
    }
    VaultOptions(**switches(pairs))


@pytest.mark.parametrize(
    "pair", ["order", "colour=blue", "chunked=perhaps", "page_size=many", "latency_seconds=x", "faults=1"]
)
def test_what_is_no_switch_is_refused_by_name(pair: str) -> None:
    with pytest.raises(ValueError, match=pair.partition("=")[0]):
        switches([pair])


def test_faults_are_named_as_they_are_or_all_together() -> None:
    assert plan([], seed=3) == FaultPlan(seed=3)
    some = plan(["rate-limited=0.25", "GZIP_BOMB=0.5", "rate-limited=0.25"], seed=1)
    assert some.chances == {Fault.RATE_LIMITED: 0.5, Fault.GZIP_BOMB: 0.5}
    assert plan(["all=0.1"], seed=7) == FaultPlan.evenly(0.1, seed=7)
    assert plan(["closed"], seed=1).chances == {Fault.CLOSED: 1.0}


@pytest.mark.parametrize("wrong", ["flood=1", "closed=lots", "closed=2", "all=-1"])
def test_what_is_no_plan_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        plan([wrong], seed=1)


def test_a_vault_does_as_it_is_told(vault: Vault, ask: Ask, tmp_path: Path) -> None:
    assert obey(vault, "  \n") == ""
    obey(vault, 'add {"data": "café", "ago": 5, "action": "Site added"}\n')
    obey(vault, "rename Site added = Site created")
    obey(vault, "zone Asia/Tokyo")
    obey(vault, "set empty=null")
    (event,) = ask(vault)["data"].values()
    assert (event["Time"], event["Action"], event["Data"]) == ("2026-03-05 02:59:55", "Site created", "café")
    obey(vault, "fail status-not-ok none")
    assert [ask(vault)["status"] for _ in range(2)] == ["FAIL", "OK"]
    obey(vault, "faults status-not-ok=1")
    assert ask(vault)["status"] == "FAIL"
    obey(vault, "faults")
    assert ask(vault)["status"] == "OK"
    assert obey(vault, "reset-secret") == f"secret {vault.secret}"
    assert vault.secret != VaultOptions().secret
    told = obey(vault, f"truth {tmp_path / 'truth.jsonl'}")
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    assert told.startswith(f"{len(lines)} events")
    assert lines[0]["data"] == "café"
    assert obey(vault, "help") == ORDERS


@pytest.mark.parametrize(
    "order",
    [
        *("dance", "zone Mars/Phobos", "fail flood", "set zone=UTC", "set page_size=0", "rename a", "add x"),
        *("add []", 'add {"colour": 1}', 'add {"ago": "x"}', "truth /nowhere/at/all", "faults all=2"),
    ],
)
def test_what_cannot_be_done_says_why(vault: Vault, order: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        obey(vault, order)


def test_every_order_of_the_list_is_one() -> None:
    words = {line.split()[0] for line in ORDERS.splitlines()}
    assert words == {"zone", "reset-secret", "fail", "faults", "set", "rename", "add", "truth", "help"}
