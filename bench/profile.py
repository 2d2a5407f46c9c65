"""The real path under a sampler: a flame graph, and the five functions that take the most."""

from __future__ import annotations

import importlib
import time
from collections import Counter
from collections.abc import Callable

from bench.flame import flame_graph
from bench.path import ThePath, open_path
from bench.sampling import Stack, own_shares, sampled
from bench.section import Section, number, table
from bench.senders.contract import Job, Target
from bench.setting import Setting, say
from bench.sinks import SinkProcess

LARGEST = 5
_HALVES: tuple[tuple[str, str, Callable[[ThePath], None]], ...] = (
    ("intake", "intake/poller.py:Poller.step", ThePath.take_in),
    ("delivery", "delivery/pump.py:Pump.run_to_end", ThePath.hand_over),
)


def measure_profile(setting: Setting) -> tuple[Section, str]:
    """Intake first, then delivery, in one thread each; the section and the flame graph of both."""
    events = setting.scale.events
    job = Job(file=setting.lines(events), events=events)
    both: Counter[Stack] = Counter()
    parts: list[str] = []
    with setting.folder() as folder, SinkProcess(job.marker, tls=setting.certificates) as sink:
        target = Target(port=sink.port, certificates=setting.certificates)
        with open_path(job, target, folder) as path:
            for name, loop, work in _HALVES:
                began = time.process_time()
                with sampled() as samples:
                    work(path)
                micros = (time.process_time() - began) / events * 1e6
                stacks = samples.below(loop)
                both += Counter({(name, *stack): count for stack, count in stacks.items()})
                parts.append(_blocks(name, stacks, micros))
    say("profile: taken")
    text = "\n\n".join(
        [
            *parts,
            "A function's own code only, what it calls in C included; its docstring says what it is for.",
        ]
    )
    scale = f"{events:,} events, {both.total():,} samples, file to journal and journal to {job.name}"
    section = Section(name="profile", title="Where the CPU goes", scale=scale, text=text)
    return section, flame_graph(f"lpforwarder, file to {job.name}", both)


def _blocks(half: str, stacks: Counter[Stack], micros: float) -> str:
    shares = own_shares(stacks)[:LARGEST] if stacks else []
    rows = [
        [f"`{name}`", f"{share:.0%}", number(share * micros), _first_line(name)] for name, share in shares
    ]
    heads = [f"{half}: {number(micros)} µs/event", "share", "µs/event", "what it is for"]
    return table(heads, rows)


def _first_line(name: str) -> str:
    """The first line of the docstring of one of our functions; "" when there is none."""
    file, _, qualified = name.partition(":")
    if "/" not in file and file not in ("event.py", "privacy.py", "rfc3339.py"):
        return ""
    try:
        found: object = importlib.import_module("lpforwarder." + file.removesuffix(".py").replace("/", "."))
    except ImportError:
        return ""
    for part in qualified.replace(".<locals>", "").split("."):
        found = getattr(found, part, None)
    told = getattr(found, "__doc__", None) or ""
    return str(told).partition("\n")[0] if callable(found) else ""
