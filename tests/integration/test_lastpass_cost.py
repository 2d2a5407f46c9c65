"""What a poll costs, from the vault's answer to the journal's last commit: CPU and memory of 10,000 events.

The vault runs in a process of its own, so that only the reader is measured. The processor's time counts, and
where a busy neighbour makes that dearer, a fixed piece of work in the same process tells by how much. Where
that work takes 0.07 s, 10,000 events take 0.3 s; they need 25 MB, with Data of a thousand characters 46 MB.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

EVENTS = 9_990

VAULT = """
import sys
from lpforwarder.simulator.vault.event import VaultEvent
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.server import PretendVault
from lpforwarder.simulator.vault.vault import Vault
count, longer = int(sys.argv[1]), int(sys.argv[2])
told = Vault(VaultOptions(events=count, days=0.9)).truth()
with PretendVault(options=VaultOptions()) as vault:
    for one in told:
        data = one.data + (f" {one.at}" * longer)[:longer]
        vault.add(
            VaultEvent(
                at=one.at, username=one.username, ip_address=one.ip_address, action=one.action, data=data
            )
        )
    print(vault.url, vault.secret, flush=True)
    sys.stdin.read()
"""

READER = """
import json, re, sys, time
from pathlib import Path
from lpforwarder.intake.poller import Poller
from lpforwarder.intake.sources.lastpass.client import Client, Pace
from lpforwarder.intake.sources.lastpass.options import LastPassOptions
from lpforwarder.intake.sources.lastpass.source import LastPassSource
from lpforwarder.journal.sqlite import open_journal
url, secret, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
options = LastPassOptions(name="acme", type="lastpass", account="40012345", url=url, secret_file=secret)
def memory():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
def yardstick():
    began = time.process_time()
    for number in range(15_000):
        json.loads(json.dumps({"number": number, "text": f"{number:08d}"}))
    return time.process_time() - began
def life(number):
    "A poller with a journal of its own: CPU of its first poll, and of a quiet one."
    source = LastPassSource(options, client=Client(options, pace=Pace(lambda: 0.0, lambda _: None)))
    file = folder / f"{number}.db"
    with open_journal(file, keep=1e9, max_size=2**34, when_full="pause-polling") as journal:
        poller = Poller("acme", source, journal, 60.0)
        poller.step()  # finds the account's zone
        times = [time.process_time()]
        while poller.step():
            pass
        times.append(time.process_time())
        poller.step()
        times.append(time.process_time())
        poller.close()
        return poller.polled, times[1] - times[0], times[2] - times[1]
before = memory()
polled, large, small = life(0)
grown = memory() - before
# A busy machine makes the same work dearer, never cheaper: the least of a few is what it costs.
work = yardstick()
for number in range(1, 6):
    _, once_more, quiet = life(number)
    large, small, work = min(large, once_more), min(small, quiet), min(work, yardstick())
print(json.dumps({"events": polled.events, "cpu": large, "quiet": small, "KiB": grown, "work": work}))
"""


def cost_of(folder: Path, longer: int) -> Any:
    """Of polling 10,000 events whose Data has so many characters more than usual."""
    secret = folder / "acme.secret"
    command = [sys.executable, "-c", VAULT, str(EVENTS), str(longer)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as vault:
        assert vault.stdout is not None
        url, text = vault.stdout.readline().split()
        secret.write_text(text)
        secret.chmod(0o600)
        reader = [sys.executable, "-c", READER, url, str(secret), str(folder)]
        made = subprocess.run(reader, capture_output=True, text=True, check=True)
        vault.communicate()
    cost = json.loads(made.stdout)
    print(cost)
    assert cost["events"] == EVENTS
    return cost


def test_a_poll_of_ten_thousand_events_is_cheap_and_a_quiet_one_costs_next_to_nothing(tmp_path: Path) -> None:
    cost = cost_of(tmp_path, 0)
    assert cost["cpu"] < max(0.5, 5 * cost["work"])
    assert cost["KiB"] < 40_000
    assert cost["quiet"] < 0.05


def test_long_texts_cost_no_more_than_their_length(tmp_path: Path) -> None:
    cost = cost_of(tmp_path, 1_000)
    assert cost["cpu"] < max(1.0, 9 * cost["work"])
    assert cost["KiB"] < 70_000
