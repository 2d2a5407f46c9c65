"""The real path under a sampler: a flame graph, and a sentence on each of the largest blocks."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.flame import flame_graph
from bench.path import ThePath, open_path
from bench.sampling import Stack, own_shares, sampled
from bench.section import Section, number
from bench.senders.contract import Job, Target
from bench.setting import Setting, say
from bench.sinks import SinkProcess

LARGEST = 5
BLOCKS = Path(__file__).with_name("blocks.json")
"""Function → why it takes what it takes. Written by hand; a test asks whether these functions still exist."""
_THREADS: tuple[tuple[str, str, Callable[[ThePath], None]], ...] = (
    ("the source's thread", "intake/poller.py:Poller.step", ThePath.take_in),
    ("the collector's thread", "delivery/pump.py:Pump.run_to_end", ThePath.hand_over),
)


def measure_profile(setting: Setting) -> tuple[Section, str]:
    """What the source's thread does, then what the collector's does; the section and the picture of both.

    One after the other: whoever looks from outside gets its turn when a thread waits for the disk or the
    network, and would see it there and nowhere else.
    """
    events = setting.scale.events
    job = Job(file=setting.lines(events), events=events)
    both: Counter[Stack] = Counter()
    parts: list[str] = []
    with setting.folder() as folder, SinkProcess(job.marker, tls=setting.certificates) as sink:
        target = Target(port=sink.port, certificates=setting.certificates)
        with open_path(job, target, folder) as path:
            for name, loop, work in _THREADS:
                began = time.process_time()
                with sampled() as samples:
                    work(path)
                micros = (time.process_time() - began) / events * 1e6
                stacks = samples.below(loop)
                both += Counter({(name, *stack): count for stack, count in stacks.items()})
                parts.append(described(name, stacks, micros, sentences()))
    say("profile: taken")
    parts.append("A block is a function's own code and what it calls in C.")
    scale = f"{events:,} events, {both.total():,} looks, file to journal and journal to {job.name}"
    section = Section(name="profile", title="Where the CPU goes", scale=scale, text="\n\n".join(parts))
    return section, flame_graph(f"lpforwarder, file to {job.name}", both)


def described(thread: str, stacks: Counter[Stack], micros: float, known: Mapping[str, str]) -> str:
    """The largest blocks of a thread that spends so much on an event, as Markdown."""
    lines = [f"**{thread[:1].upper()}{thread[1:]}: {number(micros)} µs an event.** Its largest blocks:", ""]
    for place, (name, share) in enumerate(own_shares(stacks)[:LARGEST] if stacks else [], 1):
        told = known.get(name, "nobody has said why yet; a sentence belongs into `bench/blocks.json`")
        lines.append(f"{place}. `{name}`, {share:.0%} or {number(share * micros)} µs: {told}.")
    return "\n".join(lines)


def sentences() -> dict[str, str]:
    """Function → sentence, without its full stop."""
    found: dict[str, str] = json.loads(BLOCKS.read_text("utf-8"))
    return found
