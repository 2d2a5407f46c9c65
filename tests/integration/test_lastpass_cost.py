"""What a poll costs: 10,000 events in under a second of CPU and under 100 MB, one event next to nothing.

The vault runs in a process of its own, so that only the reader is measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

VAULT = """
import sys, threading
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.server import PretendVault
with PretendVault(options=VaultOptions(events=9_990, days=0.9)) as vault:
    print(vault.url, vault.secret, flush=True)
    sys.stdin.read()
"""

READER = """
import json, re, sys, time
from pathlib import Path
from lpforwarder.intake.sources.lastpass.client import Client, Pace
from lpforwarder.intake.sources.lastpass.options import LastPassOptions
from lpforwarder.intake.sources.lastpass.source import LastPassSource
options = LastPassOptions(
    name="acme", type="lastpass", account="40012345", url=sys.argv[1], secret_file=Path(sys.argv[2])
)
source = LastPassSource(options, client=Client(options, pace=Pace(lambda: 0.0, lambda _: None)))
def pull(cursor):
    began = time.process_time()
    page = source.pull(cursor)
    return page, time.process_time() - began
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
begun, _ = pull(None)
before = peak()
page, large = pull(begun.cursor)
after = peak()
for _ in range(2):
    large = min(large, pull(begun.cursor)[1])
events = len(page.events)
_, small = min((pull(page.cursor) for _ in range(3)), key=lambda pair: pair[1])
print(json.dumps({"events": events, "large": large, "small": small, "before": before, "after": after}))
source.close()
"""


def test_a_large_poll_is_cheap_and_a_small_one_costs_next_to_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "acme.secret"
    vault = subprocess.Popen(
        [sys.executable, "-c", VAULT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with vault:
        assert vault.stdout is not None
        url, text = vault.stdout.readline().split()
        secret.write_text(text)
        secret.chmod(0o600)
        made = subprocess.run(
            [sys.executable, "-c", READER, url, str(secret)], capture_output=True, text=True, check=True
        )
        vault.communicate()
    cost = json.loads(made.stdout)
    print(cost)
    assert cost["events"] == 9_990
    assert cost["large"] < 1.0
    assert cost["after"] - cost["before"] < 100_000  # KiB of memory at the peak
    assert cost["small"] < 0.1
