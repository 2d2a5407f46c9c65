"""Where the CPU goes: the stack of the running Python code, looked at whenever some CPU has been used."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dis import opmap
from pathlib import Path
from types import CodeType, FrameType

from bench.sinks import ROOT

EVERY = 0.001
"""Seconds of CPU between two looks; the kernel may make it 4 ms."""

_ENTRY = opmap["RESUME"]
"""The instruction a function begins with, and goes on with where it is a generator."""

Stack = tuple[str, ...]
"""From the outermost function to the innermost, each `file:function`."""


class Samples:
    """How often each stack was seen. What happens within C counts for the Python function that called it."""

    def __init__(self) -> None:
        self.stacks: Counter[Stack] = Counter()
        self._names: dict[CodeType, str] = {}

    def look(self, frame: FrameType | None) -> None:
        """Notes the stack of this frame, or of its caller when it has only just been entered.

        The interpreter hands a signal over at the end of a call or the beginning of a function. What passed
        before the latter was its caller's, such as a compiled module that asks a function in Python.
        """
        if frame is not None and frame.f_code.co_code[frame.f_lasti] == _ENTRY:
            frame = frame.f_back
        stack = []
        while frame is not None:
            stack.append(self._name(frame.f_code))
            frame = frame.f_back
        self.stacks[tuple(reversed(stack))] += 1

    def below(self, name: str) -> Counter[Stack]:
        """The stacks that pass through this function, cut off above it."""
        cut: Counter[Stack] = Counter()
        for stack, count in self.stacks.items():
            if name in stack:
                cut[stack[stack.index(name) :]] += count
        return cut

    def _name(self, code: CodeType) -> str:
        if code not in self._names:
            path = Path(code.co_filename)
            place = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else _short(path)
            self._names[code] = f"{place.removeprefix('lpforwarder/')}:{code.co_qualname}"
        return self._names[code]


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}" if path.name == "__init__.py" else path.name


@contextmanager
def sampled() -> Iterator[Samples]:
    """Looks at this thread, which must be the main one, while the block runs."""
    samples = Samples()
    before = signal.signal(signal.SIGPROF, lambda _, frame: samples.look(frame))
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    try:
        yield samples
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


def own_shares(stacks: Counter[Stack]) -> list[tuple[str, float]]:
    """(function, share of all samples in its own code), greatest first."""
    total = stacks.total()
    own: Counter[str] = Counter()
    for stack, count in stacks.items():
        own[stack[-1].partition(".<locals>.<")[0]] += count  # a comprehension counts for its function
    return [(name, count / total) for name, count in own.most_common()]
