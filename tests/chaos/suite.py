"""Runs many scenarios side by side, as far as the processors allow, each in a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.outcome import Outcome, Scale, from_json
from tests.chaos.play import Scenario

_CHECKOUT = Path(__file__).parents[2]
_SETTLES = 900.0  # seconds that a long run may take before and after its faults
_IDLE = 0.25  # a scenario with a smaller load mostly waits, and is started first


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One scenario with one seed."""

    scenario: Scenario
    seed: int
    scale: Scale
    lasts: float | None = None
    """Seconds that a mix of faults is to last; None for those of its scale."""

    @property
    def name(self) -> str:
        """Unique among the jobs of a run."""
        return f"{self.scenario.id}-{self.seed}"

    @property
    def limit(self) -> float:
        """Seconds after which it is given up."""
        if self.lasts is not None:
            return self.lasts + _SETTLES
        return self.scenario.limit[0 if self.scale == "short" else 1]


class Suite:
    """Runs jobs in processes. `tell` gets the job's name and how far it is, from any thread.

    They share `processors`; with `at_once` so many run side by side, whatever they take.
    Folders of jobs that failed are kept below `folder`, with everything that was written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        processors: float | None = None,
        at_once: int | None = None,
        tell: Callable[[str, str], object] = lambda _name, _what: None,
    ) -> None:
        self._folder = folder
        self._at_once = at_once
        self._free = at_once or processors or float(len(os.sched_getaffinity(0)))
        self._most = self._free
        self._tell = tell
        self._changed = threading.Condition()
        self._running: set[subprocess.Popen[str]] = set()
        self._closed = False
        self._threads = ThreadPoolExecutor(64)

    def start(self, jobs: Iterable[Job]) -> dict[str, Future[Outcome]]:
        """Begins them, those that mostly wait first; their outcomes to come, by the job's name."""
        ordered = sorted(jobs, key=lambda job: job.scenario.load >= _IDLE)
        return {job.name: self._threads.submit(self._run, job) for job in ordered}

    def close(self) -> None:
        """Ends what still runs."""
        with self._changed:
            self._closed = True
            for process in self._running:
                os.killpg(process.pid, signal.SIGKILL)
            self._changed.notify_all()
        self._threads.shutdown(cancel_futures=True)

    def load(self, job: Job) -> float:
        """What it takes: of the processors, or of the number that may run side by side."""
        return 1.0 if self._at_once is not None else min(job.scenario.load, self._most)

    def _run(self, job: Job) -> Outcome:
        load = self.load(job)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= load or self._closed)
            self._free -= load
        try:
            return self._play(job)
        finally:
            with self._changed:
                self._free += load
                self._changed.notify_all()

    def _play(self, job: Job) -> Outcome:
        folder = self._folder / job.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        process = self._begin(job, folder)
        timer = threading.Timer(job.limit, _kill_all_of, [process])
        timer.start()
        reader = threading.Thread(target=self._listen, args=(job, process, folder), daemon=True)
        reader.start()
        try:
            assert process.stdout is not None
            with process.stdout:
                said = process.stdout.read()
            process.wait()
            reader.join()
        finally:
            timer.cancel()
            _kill_all_of(process)
            with self._changed:
                self._running.discard(process)
        outcome = _outcome(job, said, folder)
        if outcome.passed:
            shutil.rmtree(folder, ignore_errors=True)
        return outcome

    def _begin(self, job: Job, folder: Path) -> subprocess.Popen[str]:
        """Started with a process group of its own, so that all it started ends with it."""
        with self._changed:
            if self._closed:
                raise RuntimeError("the suite is closed")
            process = subprocess.Popen(
                [*_unshared(job.scenario), *command(job, folder)],
                cwd=_CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                process_group=0,
            )
            self._running.add(process)
            return process

    def _listen(self, job: Job, process: subprocess.Popen[str], folder: Path) -> None:
        assert process.stderr is not None
        with process.stderr, (folder / "progress.log").open("w", encoding="utf-8") as log:
            for line in process.stderr:
                log.write(line)
                self._tell(job.name, line.rstrip("\n"))


def command(job: Job, folder: Path) -> list[str]:
    """Program and arguments of the process that plays it below `folder`."""
    options = {"--seed": str(job.seed), "--scale": job.scale, "--folder": str(folder / "scene")}
    if job.lasts is not None:
        options["--lasts"] = str(job.lasts)
    flat = [word for option in options.items() for word in option]
    return [sys.executable, "-m", "tests.chaos.one", job.scenario.id, *flat]


def _unshared(scenario: Scenario) -> list[str]:
    """A command that gives the scenario name spaces of its own; they go away with its last process."""
    if not scenario.space:
        return []
    own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *own, *scenario.space, "--"]


def _kill_all_of(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # everything has ended in order


def _outcome(job: Job, said: str, folder: Path) -> Outcome:
    try:
        return from_json(said.splitlines()[-1])
    except (IndexError, KeyError, TypeError, ValueError):
        last = (folder / "progress.log").read_text(encoding="utf-8")[-1500:]
        return Outcome(
            id=job.scenario.id,
            name=job.scenario.name,
            seed=job.seed,
            scale=job.scale,
            seconds=job.limit,
            message_ok=False,
            failures=(f"it did not end within {job.limit:g} s, or without a word: {last}",),
        )
