"""How long an event is under way: from its appearance to its octets at the collector."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from bench.events import SOURCE, events
from bench.measuring import Child, running
from bench.medians import percentile
from bench.section import Goal, Section, number, table
from bench.senders.contract import Command, Job, Target
from bench.senders.lpforwarder import collector, file_source, run_with
from bench.setting import Setting, say
from bench.sinks import SinkProcess
from bench.vaulted import lastpass_source
from lpforwarder.simulator.vault.event import VaultEvent
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.server import PretendVault
from lpforwarder.simulator.vault.vault import Answer

P50, P99 = 5.0, 25.0
"""Milliseconds, beyond the poll interval."""
_FILE_POLL = 0.05
_BETWEEN = 0.12
"""Seconds between two events in the followed file."""
_WITHIN = 30.0


class TellingVault(PretendVault):
    """A vault in which an event appears at the very moment it is asked: no wait for the poll is in the time.

    `appeared` has the monotonic time of each; none appears while `is_open` is False.
    """

    def __init__(self) -> None:
        super().__init__(options=VaultOptions(events=0))
        self.appeared: list[float] = []
        self.is_open = False

    def answer(self, body: bytes, query: str = "", *, accepts_gzip: bool = False) -> Answer:
        """One new event, then the usual answer."""
        if self.is_open:
            number = len(self.appeared)
            data = f"Example {number}"
            address = f"192.0.2.{number % 250 + 1}"
            # A second ago: an event of the present second may belong to the next window.
            at = self.now() - 1_000_000
            name = "ana.lind@example.com"
            self.add(VaultEvent(at=at, username=name, ip_address=address, action="Log in", data=data))
            self.appeared.append(time.monotonic())
        return super().answer(body, query, accepts_gzip=accepts_gzip)


def measure_latency(setting: Setting) -> Section:
    """Percentiles over the samples, for a vault and for a followed file, over TLS."""
    vaulted = _vault_samples(setting)
    followed = _file_samples(setting)
    say(f"latency: {len(vaulted)} and {len(followed)} samples")
    rows = [
        ["from the vault's answer to the collector, beyond the poll", *_shown(vaulted)],
        [f"from a line in a followed file, its poll of {_FILE_POLL * 1000:g} ms included", *_shown(followed)],
    ]
    return Section(
        name="latency",
        title="Latency",
        scale=f"{setting.scale.samples} samples each, one event at a time",
        text=table(["ms", "p50", "p90", "p99", "most"], rows),
        goals=(
            Goal(
                what="latency beyond the poll, p50",
                value=percentile(vaulted, 50) * 1e3,
                limit=P50,
                unit=" ms",
            ),
            Goal(
                what="latency beyond the poll, p99",
                value=percentile(vaulted, 99) * 1e3,
                limit=P99,
                unit=" ms",
            ),
        ),
    )


def _shown(seconds: Sequence[float]) -> list[str]:
    values = [percentile(seconds, percent) for percent in (50, 90, 99)] + [max(seconds)]
    return [number(value * 1000) for value in values]


def _vault_samples(setting: Setting) -> list[float]:
    """Each poll finds one new event; the answer that carries it starts the clock."""
    job = Job(file=setting.work, events=0)
    wanted = setting.scale.samples
    with (
        setting.folder() as folder,
        TellingVault() as vault,
        SinkProcess(job.marker, tls=setting.certificates, every=0.0) as sink,
    ):
        target = Target(port=sink.port, certificates=setting.certificates)
        source = lastpass_source(folder, vault.url)
        command = run_with(folder, [source], [collector("sink", job, target)])
        with running(command) as child:
            _wait_until_quiet(vault)
            vault.is_open = True
            _wait_for_appearances(vault, wanted, child)
            vault.is_open = False
            sink.wait_for(len(vault.appeared), _WITHIN, child.is_alive)
            child.stop()
        arrivals = sink.look_back().timeline
    return matched(vault.appeared, arrivals)


def _wait_until_quiet(vault: TellingVault) -> None:
    """The first polls find the account's zone; they are not what we measure."""
    give_up_at = time.monotonic() + _WITHIN
    while len(vault.asked) < 4 and time.monotonic() < give_up_at:
        time.sleep(0.1)


def _wait_for_appearances(vault: TellingVault, wanted: int, child: Child) -> None:
    give_up_at = time.monotonic() + _WITHIN + 3.0 * wanted
    while len(vault.appeared) < wanted:
        if time.monotonic() > give_up_at or not child.is_alive():
            raise TimeoutError(f"asked {len(vault.appeared)} times only: {child.output()}")
        time.sleep(0.05)


def _file_samples(setting: Setting) -> list[float]:
    job = Job(file=setting.work, events=0)
    with (
        setting.folder() as folder,
        SinkProcess(job.marker, tls=setting.certificates, every=0.0) as sink,
    ):
        target = Target(port=sink.port, certificates=setting.certificates)
        file = folder / "growing.jsonl"
        command = _following(folder, file, job, target)
        with running(command) as child:
            appended = _append_slowly(file, setting.scale.samples + 1, sink)
            sink.wait_for(len(appended), _WITHIN, child.is_alive)
            child.stop()
        arrivals = sink.look_back().timeline
    return matched(appended, arrivals)[1:]


def _following(folder: Path, file: Path, job: Job, target: Target) -> Command:
    file.touch()
    source = file_source(file, SOURCE) | {"follow": True, "poll_interval": f"{_FILE_POLL * 1000:g}ms"}
    return run_with(folder, [source], [collector("sink", job, target)])


def _append_slowly(file: Path, count: int, sink: SinkProcess) -> list[float]:
    """When each line was written; the first is waited for, because the forwarder is just starting."""
    appended = []
    for place, event in enumerate(events(count)):
        with file.open("ab", buffering=0) as growing:
            growing.write(event.line + b"\n")
        appended.append(time.monotonic())
        if place == 0:
            sink.wait_for(1, _WITHIN)
        # Not a multiple of the poll, so that the samples spread over it.
        time.sleep(_BETWEEN + 0.0137 * (place % 5))
    return appended


def matched(appeared: Sequence[float], arrivals: Sequence[tuple[float, int]]) -> list[float]:
    """Seconds from each appearance to the first arrival that counts it; both in order of time."""
    delays = []
    place = 0
    for nth, begin in enumerate(appeared, 1):
        while place < len(arrivals) - 1 and arrivals[place][1] < nth:
            place += 1
        delays.append(arrivals[place][0] - begin)
    return delays
