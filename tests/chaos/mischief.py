"""What can be done to a stage, by actors that go about it on their own until they are told to stop."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path
from random import Random
from typing import Self

from lpforwarder.simulator.vault.faults import LASTING, FaultPlan
from tests.chaos.resolver import Mood, Resolver
from tests.chaos.stage import Stage
from tests.chaos.vaults import VaultFeed
from tests.chaos.wire import Habit, Wire
from tests.fakes.children import ChildCollector
from tests.fakes.daemon import Daemon

_PIECE = 2**18
PATIENCE = 120.0  # seconds for a start or an end where ten runs share a processor


class Actor(ABC):
    """Does something bad, lets it last, mends it, rests, and begins again; from its own thread.

    Leaving the context waits until everything is mended. `done` counts what was done.
    """

    lasts = (0.2, 5.0)
    rests = (2.0, 15.0)
    calm = 1.0
    """How many times as long it rests as it is used to."""

    def __init__(self, seed: str) -> None:
        self.done: Counter[str] = Counter()
        self.random = Random(f"{type(self).__name__}/{seed}")
        self.error: BaseException | None = None
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._act, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._thread.join()
        if self.error is not None:
            raise self.error

    def _act(self) -> None:
        while not self._leaving.wait(self.random.uniform(*self.rests) * self.calm):
            try:
                self.done[self.begin()] += 1
                self._leaving.wait(self.random.uniform(*self.lasts))
                self.mend()
            except (OSError, RuntimeError, TimeoutError) as error:
                self.error = error
                return

    @abstractmethod
    def begin(self) -> str:
        """Begins the bad thing; what to call it."""

    @abstractmethod
    def mend(self) -> None:
        """Ends it."""


class CollectorActor(Actor):
    """Kills, restarts and freezes a collector."""

    def __init__(self, seed: str, process: ChildCollector) -> None:
        super().__init__(f"{seed}/{process.folder.name}")
        self._process = process
        self._is_frozen = False

    def begin(self) -> str:
        what = self.random.choice(("collector killed", "collector stopped", "collector frozen"))
        self._is_frozen = what == "collector frozen"
        {"killed": self._process.kill, "stopped": self._process.stop, "frozen": self._process.freeze}[
            what.split()[1]
        ]()
        return what

    def mend(self) -> None:
        if self._is_frozen:
            self._process.thaw()
        else:
            self._process.start()


class WireActor(Actor):
    """Stalls, hangs up, garbles and resets the way to a collector."""

    def __init__(self, seed: str, wire: Wire, habits: tuple[Habit, ...]) -> None:
        super().__init__(seed)
        self._wire = wire
        self._habits = habits

    def begin(self) -> str:
        self._wire.habit = self.random.choice(self._habits)
        if self._wire.habit is Habit.HANG_UP or self.random.random() < 0.5:
            self._wire.reset()
        return f"way: {self._wire.habit.value}"

    def mend(self) -> None:
        self._wire.reset()  # what stalled half-way or was changed must not go on as if nothing had been
        self._wire.habit = Habit.PASS


class NameActor(Actor):
    """Lets the name service fail; the collector restarts, so that names are needed."""

    def __init__(self, seed: str, resolver: Resolver, process: ChildCollector) -> None:
        super().__init__(seed)
        self._resolver = resolver
        self._process = process

    def begin(self) -> str:
        self._resolver.delay = self.random.uniform(1.0, 6.0)
        self._resolver.mood = self.random.choice((Mood.NXDOMAIN, Mood.SERVFAIL, Mood.LATE))
        self._process.restart()
        return f"names: {self._resolver.mood.name}"

    def mend(self) -> None:
        self._resolver.mood = Mood.GOOD


class VaultActor(Actor):
    """Lets a share of the vault's answers fail in every way that heals by itself."""

    lasts = (2.0, 10.0)

    def __init__(self, seed: str, feed: VaultFeed) -> None:
        super().__init__(seed)
        self._feed = feed

    def begin(self) -> str:
        share = self.random.choice((0.2, 0.5, 1.0))
        plan = FaultPlan.evenly(share, seed=self.random.randrange(10**6), without=LASTING)
        self._feed.vault.plan_faults(plan)
        return f"vault: {share:.0%} of its answers fail"

    def mend(self) -> None:
        self._feed.vault.plan_faults(FaultPlan())


class DiskActor(Actor):
    """Takes all the room of the journal's disk, and gives it back."""

    lasts = (1.0, 8.0)
    rests = (10.0, 40.0)

    def __init__(self, seed: str, disk: Path) -> None:
        super().__init__(seed)
        self._ballast = disk / "ballast"

    def begin(self) -> str:
        # Unbuffered: nothing may be left that is written when the file is closed, on a disk that is full.
        with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(_PIECE))
        return "disk full"

    def mend(self) -> None:
        self._ballast.unlink()


class DaemonActor(Actor):
    """Kills, ends and reloads the daemon, and starts a second one beside it."""

    lasts = (0.1, 1.0)
    rests = (2.0, 12.0)

    def __init__(self, seed: str, stage: Stage) -> None:
        super().__init__(seed)
        self._stage = stage
        self.refused = 0
        self.broken = 0

    def begin(self) -> str:
        self._is_down = False
        return self.random.choice((self._kill, self._end, self._reload, self._break, self._second))()

    def mend(self) -> None:
        daemon = self._stage.daemon
        if self._is_down:
            daemon.start()
        daemon.wait_until(lambda facts: facts["running"], PATIENCE)

    def _kill(self) -> str:
        self._stage.daemon.kill()
        self._stage.daemon_kills += 1
        self._is_down = True
        return "daemon killed"

    def _end(self) -> str:
        code = self._stage.daemon.terminate(PATIENCE)
        self._stage.play.expect(code == 0, f"SIGTERM ended the daemon with {code}")
        self._stage.daemon_kills += 1
        self._is_down = True
        return "daemon ended"

    def _reload(self) -> str:
        self._stage.daemon.hup()
        return "daemon reloaded"

    def _break(self) -> str:
        """A broken configuration, and the good one again before anybody starts with it."""
        daemon = self._stage.daemon
        good = daemon.file.read_bytes()
        daemon.file.write_bytes(b"sources: [")
        daemon.hup()
        daemon.file.write_bytes(good)
        self.broken += 1
        return "daemon reloaded with a broken file"

    def _second(self) -> str:
        first = self._stage.daemon
        second = Daemon(first.folder.with_name("second"), first.settings)
        second.configure(first.settings)
        try:
            second.start()
            code = second.wait(PATIENCE)
            said = second.output()
        finally:
            second.close()
        self._stage.play.expect(code == 75, f"a second daemon on the same journal ended with {code}")
        self._stage.play.expect_said(str(first.pid) in said, "the first daemon's pid, to the second one")
        self.refused += 1
        return "second daemon"
