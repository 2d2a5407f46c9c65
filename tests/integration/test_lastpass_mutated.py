"""Whatever comes back from the vault is read, set aside or named: never a bug, never a line that is no event.

LPFORWARDER_MUTATED_ANSWERS and LPFORWARDER_MUTATED_SEED make it larger and another: 100000 answers take some
ten minutes of CPU. The kinds of outcomes and the peak of memory are printed (`pytest -s`).
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from lpforwarder.config.secrets import Secret
from lpforwarder.errors import Failure
from lpforwarder.event import Cursor, Event
from lpforwarder.intake.contract import Page
from lpforwarder.intake.sources.lastpass import cursor
from lpforwarder.intake.sources.lastpass.answers import Response
from lpforwarder.intake.sources.lastpass.client import Client
from lpforwarder.intake.sources.lastpass.options import LastPassOptions
from lpforwarder.intake.sources.lastpass.source import LastPassSource
from lpforwarder.simulator.vault.event import VaultEvent
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.vault import Vault
from tests.fakes.mutated_answers import mutated, with_one_odd_value

pytestmark = pytest.mark.slow

ANSWERS = int(os.environ.get("LPFORWARDER_MUTATED_ANSWERS", "400"))
SEED = int(os.environ.get("LPFORWARDER_MUTATED_SEED", "1"))

POLLS, MOST_POLLS = 25, 100
"""With damage, and until a life has caught up without; each has an account of its own."""
WHOLE = 0.4  # of the answers: a pull asks several times, and some should get on
MOST_MEMORY = 200  # MiB by which the process may grow at most, vaults included; alone it begins with some 55
ACTION, DATA = "Created shared folder", "After the storm"

STARTS = (1_772_647_200, 1_762_063_200, 1_772_953_200)
"""A day in March 2026, and New York's two changes of the clocks."""
ZONES = ("America/New_York", "UTC", "Australia/Lord_Howe", "Asia/Kolkata")


class DamagedClient(Client):
    """Asks a vault in this process, and damages what comes back."""

    def __init__(self, options: LastPassOptions, vault: Vault, random: Random) -> None:
        super().__init__(options)
        self._account, self._vault, self._random = options.account, vault, random
        self.damage: Callable[[Response], Response] | None = None
        self.answers = 0
        """How many were damaged."""

    def ask(self, secret: Secret, label: str, data: dict[str, Any]) -> Response:
        call = {"cid": self._account, "provhash": secret.reveal(), "apiuser": label, "cmd": "reporting"}
        reply = self._vault.answer(json.dumps({**call, "data": data}).encode()).reply
        headers = {name.lower(): value for name, value in reply.headers}
        answer = Response(status=reply.status, headers=headers, body=reply.body)
        if self.damage is None or self._random.random() < WHOLE:
            return answer
        self.answers += 1
        return self.damage(answer)


class Life:
    """One account with a source that polls it."""

    def __init__(self, folder: Path, random: Random, **switches: Any) -> None:
        self.random = random
        self.now = float(random.choice(STARTS) + random.randrange(-7200, 7200))
        usual = {"seed": random.randrange(1000), "events": 40, "days": 0.5, "hostile_share": 0.3}
        self.vault = Vault(VaultOptions(**(usual | switches)), clock=self.clock)
        secret = folder / "acme.secret"
        secret.touch(mode=0o600)
        secret.write_text(self.vault.secret)
        options = LastPassOptions(
            name="acme", type="lastpass", account=self.vault.options.account, secret_file=secret
        )
        self.client = DamagedClient(options, self.vault, random)
        self.source = LastPassSource(options, clock=self.clock, client=self.client)
        self.cursor: Cursor | None = None
        self.outcomes: Counter[str] = Counter()

    def clock(self) -> float:
        """The vault's and ours; goes on whenever somebody looks at it."""
        self.now += 0.01
        return self.now

    def poll(self) -> list[Event]:
        """What one pull brings; a failure by its code, and any other error is a bug of ours."""
        self.now += self.random.choice((1, 60, 900, 4000))
        self.source.try_again()
        try:
            page = self.source.pull(self.cursor)
        except Failure as error:
            self.outcomes[f"{type(error).__name__} {error.code}"] += 1
            return []
        check(page)
        self.outcomes["read"] += 1
        self.outcomes["events"] += len(page.events)
        self.outcomes["set aside"] += len(page.rejects)
        self.cursor = page.cursor
        return list(page.events)

    def finds(self, data: str) -> bool:
        """Whether an event with these Data is read now that nothing is damaged any more."""
        polls = (self.poll() for _ in range(MOST_POLLS))
        return any(event.fields.get("vendorData") == data for events in polls for event in events)

    def add(self, data: str) -> None:
        at = round((self.now - 1) * 1_000_000)
        self.vault.add(VaultEvent(at=at, username="ana", ip_address="192.0.2.1", action=ACTION, data=data))


def of_many_kinds(random: Random) -> dict[str, Any]:
    """Switches of a vault that behaves in one of the ways that are possible."""
    return {
        "zone": random.choice(ZONES),
        "events": random.randrange(40),
        "twin_share": 0.1,
        "page_size": random.choice((60, 10_000)),
        "order": random.choice(("descending", "ascending", "shuffled")),
        "next_type": random.choice(("number", "string")),
        "next_is": random.choice(("first left out", "last returned")),
        "empty": random.choice(("list", "map", "null", "missing")),
    }


def check(page: Page) -> None:
    """Every event is one line that says what its fields say, with an id of its own; every reject a reason."""
    assert len({event.text("id") for event in page.events}) == len(page.events)
    for event in page.events:
        assert event.line.isascii()
        assert min(event.line) >= 0x20
        assert json.loads(event.line) == event.fields
    assert all(reject.reason and reject.where for reject in page.rejects)
    cursor.decode(page.cursor)


def test_mutated_answers_are_read_set_aside_or_named(tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here on, whatever ran before
    before = mebibytes("VmRSS")
    began, answers, lives = time.process_time(), 0, 0
    while answers < ANSWERS:
        lives += 1
        random = Random(f"{SEED} {lives}")
        life = Life(tmp_path, random, **of_many_kinds(random))
        life.client.damage = partial(mutated, random=random)
        for number in range(POLLS):
            life.add(str(number))
            life.poll()
        life.client.damage = None
        life.add(DATA)
        assert life.finds(DATA), f"seed {SEED}, life {lives}: not itself again"
        life.source.close()
        answers += life.client.answers
        outcomes += life.outcomes
    peak, took = mebibytes("VmHWM"), time.process_time() - began
    print(f"\nseed {SEED}: {answers} mutated answers, {lives} lives, {took:.0f} s CPU, peak {peak} MiB")
    print(dict(outcomes.most_common()))
    assert peak - before <= MOST_MEMORY


def mebibytes(field: str) -> int:
    """`VmRSS`, what is resident now, or `VmHWM`, the most so far."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) // 1024


def test_one_odd_value_costs_one_record_at_most(tmp_path: Path) -> None:
    for number in range(max(ANSWERS // 50, 40)):
        whole, damaged = (Life(tmp_path, Random(f"{SEED} {number}")) for _ in range(2))
        random = Random(number)
        damaged.poll()  # finds the zone
        damaged.client.damage = partial(with_one_odd_value, random=random)
        whole.poll()
        ids = {event.text("id") for event in whole.poll()}
        left = {event.text("id") for event in damaged.poll()}
        assert len(ids) > 20
        assert len(ids - left) <= 1
        assert damaged.outcomes["read"] == 2
        assert damaged.outcomes["set aside"] <= 1
