"""A pretend vault in a process of its own, and lpforwarder reading from it: the whole way from the API on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.events import SOURCE
from bench.measuring import Measured, patience, running
from bench.medians import spread
from bench.section import Goal, Section, number, table
from bench.senders.contract import Job, Target
from bench.senders.lpforwarder import collector, run_with
from bench.setting import Setting, say
from bench.sinks import ROOT, SinkProcess
from lpforwarder.simulator.vault.options import VaultOptions

_DAYS = 0.9
_OPTIONS = VaultOptions()
GOAL = 25.0
"""Microseconds of CPU an event, from LastPass records over HTTP to CEF over TLS."""


@contextmanager
def vault(events: int) -> Iterator[str]:
    """The URL of a pretend vault with so many past events."""
    command = [sys.executable, "-m", "lpforwarder", "simulate", "vault", "--rate", "0"]
    command += ["--events", str(events), "--days", str(_DAYS)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield process.stderr.readline().rpartition(" ")[2].strip()
        finally:
            process.terminate()


def lastpass_source(folder: Path, url: str, **more: Any) -> dict[str, Any]:
    """A source for the pretend vault, its secret in `folder`."""
    secret = folder / "vault.secret"
    secret.touch(mode=0o600)
    secret.write_text(_OPTIONS.secret)
    source = {"name": SOURCE, "type": "lastpass", "account": _OPTIONS.account, "url": url}
    return source | {"secret_file": str(secret), "poll_interval": "1s"} | more


def measure_vault(setting: Setting) -> Section:
    """CPU of the whole process for an event that comes over HTTP."""
    events = setting.scale.events
    with vault(events) as url, vault(1) as empty:
        start = min(_run(setting, empty, 1).cpu for _ in range(setting.scale.rounds))
        runs = [_run(setting, url, events) for _ in range(setting.scale.rounds)]
    say("vault: measured")
    cpu = spread([(run.cpu - start) / events * 1e6 for run in runs])
    rows = [
        [
            "LastPass records over HTTP to CEF over TLS",
            number(spread([run.rate for run in runs]).median),
            f"**{number(cpu.median)}** ({number(cpu.least)} to {number(cpu.most)})",
            number(spread([run.peak / 2**20 for run in runs]).median),
        ]
    ]
    text = table(["", "events/s", "CPU µs/event", "peak MiB"], rows) + (
        "\n\nThe rate is that of the vault and of the pace its clients keep, not of the forwarder."
    )
    goal = Goal(what="LastPass over HTTP to CEF over TLS, CPU", value=cpu.median, limit=GOAL, unit=" µs")
    scale = f"{events:,} events, {setting.scale.rounds} rounds"
    return Section(name="vault", title="From the vault's API on", scale=scale, text=text, goals=(goal,))


def _run(setting: Setting, url: str, events: int) -> Measured:
    job = Job(file=setting.work, events=events)
    with setting.folder() as folder, SinkProcess(job.marker, tls=setting.certificates) as sink:
        target = Target(port=sink.port, certificates=setting.certificates)
        command = run_with(folder, [lastpass_source(folder, url)], [collector("sink", job, target)])
        with running(command) as child:
            sink.wait_for(events, patience(events), child.is_alive)
            peak = child.memory()
            bill = child.stop()
        seen = sink.look()
    return Measured(
        sender="lpforwarder",
        job=job.name,
        events=events,
        rate=seen.rate,
        cpu=bill.cpu,
        peak=peak,
        written=bill.written,
        sink_cpu=seen.cpu,
        octets=seen.octets,
    )
