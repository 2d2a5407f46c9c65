"""One source to one, two and eight collectors; eight slow ones beside a fast one; a thousand sources."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from bench.events import SOURCE
from bench.measuring import patience, running
from bench.medians import ratios, spread
from bench.section import Goal, Section, number, table
from bench.senders.contract import Job, Target
from bench.senders.lpforwarder import collector, file_source, run_with
from bench.setting import Setting, say
from bench.sinks import SinkProcess

TWO, SLOWED = 1.7, 0.9
_EIGHT = 8
_SIP_EVERY = 0.25
"""Seconds between two sips of 4 KiB that a slow sink takes."""
_PER_SOURCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """One run of lpforwarder."""

    rate: float
    """Events a second at the fast sink, all its collectors together."""
    cpu: float
    """Seconds."""
    peak: int


def measure_fan_out(setting: Setting) -> Section:
    """Runs in turns, so that one and two collectors see the same minutes."""
    cases = {"one collector": 1, "two collectors": 2, "eight collectors": _EIGHT}
    spent: dict[str, list[Spent]] = {name: [] for name in (*cases, "one, and eight slow ones")}
    starts: list[float] = []
    for _ in range(setting.scale.rounds):
        starts.append(_run(setting, fast=1, slow=0, events=1).cpu)
        for name, fast in cases.items():
            spent[name].append(_run(setting, fast=fast, slow=0))
        spent["one, and eight slow ones"].append(_run(setting, fast=1, slow=_EIGHT))
    say("collectors: measured")
    start, events = min(starts), setting.scale.events
    cpu = {name: [(one.cpu - start) / events * 1e6 for one in runs] for name, runs in spent.items()}
    rows = [
        [
            name,
            number(spread([one.rate for one in runs]).median),
            number(spread(cpu[name]).median),
            number(spread([one.peak / 2**20 for one in runs]).median),
        ]
        for name, runs in spent.items()
    ]
    two = ratios(cpu["two collectors"], cpu["one collector"]).median
    beside = [one.rate for one in spent["one, and eight slow ones"]]
    slowed = ratios(beside, [one.rate for one in spent["one collector"]]).median
    heads = ["CEF over TLS", "messages/s at the fast sink", "CPU µs/event", "peak MiB"]
    return Section(
        name="collectors",
        title="Several collectors",
        scale=f"{events:,} events, {setting.scale.rounds} rounds; slow is 4 KiB each {_SIP_EVERY:g} s",
        text=table(heads, rows),
        goals=(
            Goal(what="two collectors, CPU by that of one", value=two, limit=TWO),
            Goal(
                what="a fast one beside eight slow ones, events/s", value=slowed, limit=SLOWED, is_floor=True
            ),
        ),
    )


def measure_sources(setting: Setting) -> Section:
    """As many events from one file and from very many, read side by side."""
    count = setting.scale.sources
    files = [file_source(setting.lines(_PER_SOURCE, n * _PER_SOURCE), f"{SOURCE}{n}") for n in range(count)]
    events = count * _PER_SOURCE
    spent: dict[str, list[Spent]] = {"1 source": [], f"{count:,} sources": []}
    for _ in range(setting.scale.rounds):
        for runs, sources in zip(spent.values(), ((), files), strict=True):
            runs.append(_run(setting, fast=1, slow=0, events=events, sources=sources))
    say("sources: measured")
    rows = [
        [
            name,
            number(spread([one.rate for one in runs]).median),
            number(spread([one.cpu for one in runs]).median / events * 1e6),
            number(spread([one.peak for one in runs]).median / 2**20),
        ]
        for name, runs in spent.items()
    ]
    heads = ["CEF over TLS", "events/s", "CPU µs/event, start included", "peak MiB"]
    scale = f"{events:,} events, {_PER_SOURCE} from each file, {setting.scale.rounds} rounds"
    return Section(name="sources", title="Many sources", scale=scale, text=table(heads, rows))


def _run(
    setting: Setting,
    *,
    fast: int,
    slow: int,
    events: int = 0,
    sources: Sequence[dict[str, Any]] = (),
) -> Spent:
    """From one file, unless `sources` are given, to that many collectors."""
    events = events or setting.scale.events
    job = Job(file=setting.lines(events) if not sources else setting.work, events=events)
    with ExitStack() as stack:
        folder = stack.enter_context(setting.folder())
        sink, lame = (
            stack.enter_context(SinkProcess(job.marker, tls=setting.certificates, pause=pause))
            for pause in (0.0, _SIP_EVERY)
        )
        collectors = [
            collector(f"{kind}-{number}", job, Target(port=port, certificates=setting.certificates))
            for kind, port, count in (("fast", sink.port, fast), ("slow", lame.port, slow))
            for number in range(count)
        ]
        # What slow collectors have not taken by the end is not waited for.
        command = run_with(folder, list(sources) or [file_source(job.file)], collectors, drain="1s")
        with running(command) as child:
            seen = sink.wait_for(events * fast, patience(events * fast), child.is_alive)
            peak = child.memory()
            bill = child.stop()
    return Spent(rate=seen.rate, cpu=bill.cpu, peak=peak)
