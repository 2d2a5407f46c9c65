"""The common scene: sources with truth lists, a daemon, collectors with files; the verdict at the end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self

from tests.chaos import oracle
from tests.chaos.discretion import expect_discretion, secrets_of
from tests.chaos.oracle import Arrivals, Judgement
from tests.chaos.play import Play
from tests.chaos.truth import FileTruth, TruthList
from tests.fakes.children import ChildCollector
from tests.fakes.daemon import Daemon, Facts

FENCE, REPLAY, REPLAY_SECONDS = 500, 500, 0.2
_RECORDED_SECONDS = 0.25  # a killed daemon has not noted down what was confirmed in the last quarter second
_BREATH = 1.0  # a daemon that gets no processor for so long hands over that much at once
PATIENCE = 60.0
STARTED = "8001"
SMALL: Mapping[str, Any] = {
    "fence": {"events": FENCE, "time": "200ms"},
    "replay": {"events": REPLAY, "time": f"{REPLAY_SECONDS:g}s"},
    "retry": {"first": "100ms", "most": "500ms"},
}
"""Small fences and short waits, so that one run holds many accidents."""


@dataclass(slots=True, kw_only=True)
class Party:
    """A collector, and the keys of its configuration besides name and address."""

    process: ChildCollector
    keys: dict[str, Any]
    wants: tuple[str, ...] | None = None
    """Letters of the truth lists it is to get; None for all."""
    earlier: list[ChildCollector] = field(default_factory=list)
    """Those that stood in its place before."""
    arrivals: Arrivals = field(init=False)

    def __post_init__(self) -> None:
        self.arrivals = Arrivals(self.process.file)

    def move_to(self, process: ChildCollector) -> None:
        """From now on its events are expected there, in addition to what it has got so far."""
        self.earlier.append(self.process)
        self.process = process
        self.arrivals = Arrivals(process.file)

    def lines(self) -> list[bytes]:
        """All it has written down, in order of arrival."""
        return [line for process in (*self.earlier, self.process) for line in process.lines()]

    def is_for(self, letter: str) -> bool:
        """Whether it is to get the truth list of that letter."""
        return self.wants is None or letter in self.wants

    def settings(self, name: str) -> dict[str, Any]:
        host, port = self.process.address
        fixed = {"name": name, "host": host, "port": port, "transport": "tcp", "heartbeat": "0s"}
        return fixed | self.keys


@dataclass(slots=True, kw_only=True)
class Feed:
    """A source, its keys, and what it must get."""

    truth: TruthList
    keys: dict[str, Any]
    unordered: list[str] = field(default_factory=list)
    """Keys that were late at the vault."""
    extra: int = 0
    """Events beyond the truth list that the source is known to give."""
    extra_actions: tuple[str, ...] = ()
    """What they are called at the vault."""
    poison: tuple[str, ...] = ()
    """Keys that never come in a form that can be read: set aside and counted."""

    @property
    def expected(self) -> int:
        """How many events the journal must hold of what is written by now."""
        return self.truth.written + self.extra - len(self.poison)


class Stage:
    """Set up with collector(), follow() and feed(), then entered: everything starts. finish() judges."""

    def __init__(
        self,
        play: Play,
        *,
        wrapper: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        self.play = play
        self.parties: dict[str, Party] = {}
        self.feeds: dict[str, Feed] = {}
        self.daemon: Daemon
        self.daemon_kills = 0
        self.judged: dict[str, Judgement] = {}
        """By collector, after finish()."""
        self.may_overtake: set[str] = set()
        """Collectors that may read later events first: those on another connection than the one before."""
        self.old_secrets: list[str] = []
        """What sources logged in with before; nobody may find those either."""
        self._settings = settings
        self._wrapper = wrapper
        self._environment = environment
        self._stack = ExitStack()

    # ---- setting up -----------------------------------------------------------------------------------

    def collector(self, name: str, process: ChildCollector, **keys: Any) -> ChildCollector:
        """A collector with small fences and short waits unless the keys say otherwise."""
        self.parties[name] = Party(process=process, keys={**SMALL, **keys})
        return process

    def plain(self, name: str, process: ChildCollector, **keys: Any) -> ChildCollector:
        """A collector with the product's own defaults."""
        self.parties[name] = Party(process=process, keys=keys)
        return process

    def follow(self, name: str = "file", letter: str = "a", *, rate: float, **keys: Any) -> FileTruth:
        """A followed file that grows."""
        truth = FileTruth(self.play.folder / f"{name}.jsonl", letter, rate=rate)
        fixed = {"type": "file", "path": str(truth.path), "follow": True, "poll_interval": "20ms"}
        self.feed(name, truth, **{**fixed, **keys})
        return truth

    def feed(self, name: str, truth: TruthList, **keys: Any) -> Feed:
        """Any other source."""
        self.feeds[name] = Feed(truth=truth, keys=keys)
        return self.feeds[name]

    def settings(self) -> dict[str, Any]:
        """The configuration as it stands."""
        return {
            "sources": [{"name": name, **feed.keys} for name, feed in self.feeds.items()],
            "collectors": [party.settings(name) for name, party in self.parties.items()],
            **self._settings,
        }

    def __enter__(self) -> Self:
        try:
            with ThreadPoolExecutor() as together:
                processes = [party.process for party in self.parties.values()]
                list(together.map(self._stack.enter_context, processes))
            self.daemon = Daemon(
                self.play.folder / "daemon",
                self.settings(),
                wrapper=self._wrapper,
                environment=self._environment,
            )
            self._stack.enter_context(self.daemon)
            for feed in self.feeds.values():
                self._stack.enter_context(feed.truth)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # ---- waiting --------------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """Of the collectors."""
        return list(self.parties)

    @property
    def per_accident(self) -> int:
        """2F + W: copies that one kill may cause at one collector with the small fences.

        W is what had been confirmed a moment ago: so many events, or those of the replay time.
        """
        rate = sum(feed.truth.rate for feed in self.feeds.values())
        window = int(rate * (REPLAY_SECONDS + _RECORDED_SECONDS + _BREATH))
        return 2 * FENCE + max(REPLAY, FENCE, window)

    def pause(self, seconds: float) -> None:
        """Lets time pass, with a word on progress now and then."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.play.progress(f"{left:.0f} s of waiting left")
            time.sleep(min(left, 1.0))

    def wait_until_settled(self, names: Iterable[str] | None = None, within: float = PATIENCE) -> Facts:
        """Returns once all that was in the journal a moment after the call is confirmed."""
        chosen = list(self.parties if names is None else names)
        written = {name: feed.expected for name, feed in self.feeds.items()}
        there = self.daemon.wait_until(
            lambda facts: all(facts["sources"][name]["events"] >= count for name, count in written.items()),
            within,
        )
        last = there["journal"]["last"]
        return self.daemon.wait_until(
            lambda facts: all(facts["collectors"][name]["checkpoint"] >= last for name in chosen), within
        )

    def wait_for_a_random_moment(self) -> None:
        """Returns some time after all that was written before the call has been confirmed.

        The replay window begins behind the accident before when that is nearer than its own length, so the
        moment lies a little further from that.
        """
        self.wait_until_settled()
        time.sleep(REPLAY_SECONDS + self.play.random.uniform(0.05, 0.35))

    def reached(self, name: str) -> dict[str, int]:
        """How far each truth list it wants has come at that collector, by its letter."""
        party = self.parties[name]
        return {letter: party.arrivals.reached(letter) for letter in self._letters() if party.is_for(letter)}

    def _letters(self) -> list[str]:
        return [feed.truth.letter for feed in self.feeds.values()]

    def standstill(self, name: str, within: float = PATIENCE) -> dict[str, int]:
        """The same once nothing arrives any more for a moment: what was on the way has arrived."""
        until = time.monotonic() + within
        before: dict[str, int] = {}
        while (now := self.reached(name)) != before and time.monotonic() < until:
            before = now
            time.sleep(0.1)
        return before

    def first_arrival(
        self, name: str, before: Mapping[str, int], since: float, within: float = PATIENCE
    ) -> float:
        """Seconds from `since` (monotonic) until more has arrived than `before`."""
        while self.reached(name) == before:
            if time.monotonic() - since > within:
                self.play.expect(False, f"nothing arrives at {name} within {within:g} s of the repair")
                break
            time.sleep(0.005)
        return time.monotonic() - since

    def recover(
        self, names: Iterable[str] | None = None, *, since: float | None = None, within: float = PATIENCE
    ) -> dict[str, float]:
        """Waits until all written by now has arrived; seconds by collector. The worst goes on the sheet.

        `since` (monotonic) is the moment of the repair; None for now.
        """
        since = time.monotonic() if since is None else since
        goal = {feed.truth.letter: feed.truth.written for feed in self.feeds.values()}
        missing = list(self.parties if names is None else names)
        took: dict[str, float] = {}
        while missing:
            for name in list(missing):
                if all(count >= goal[letter] for letter, count in self.reached(name).items()):
                    took[name] = time.monotonic() - since
                    self.play.recovered(took[name])
                    missing.remove(name)
            if time.monotonic() - since > within:
                self.play.expect(False, f"after {within:g} s not all has arrived at {', '.join(missing)}")
                return took
            time.sleep(0.005)
        return took

    # ---- the verdict ----------------------------------------------------------------------------------

    def finish(
        self,
        *,
        within: float = PATIENCE,
        exit_within: float = 15.0,
        leave_open: Iterable[str] = (),
        may_lose: Iterable[str] = (),
    ) -> Facts:
        """Lets everything arrive, ends the daemon in order, and judges; the last facts before the end.

        `leave_open` names collectors that never close a connection, so that nobody waits for it; `may_lose`
        those that are known to lose what they had taken, so that it is found but no failure.
        """
        for feed in self.feeds.values():
            feed.truth.stop()
        facts: Facts = {}
        try:
            self.wait_until_settled(within=within)
            facts = self.daemon.wait_until(
                lambda now: all(now["collectors"][name]["waiting"] == 0 for name in self.parties), within
            )
        except TimeoutError as error:
            self.play.expect(False, f"not everything is confirmed after {within:g} s: {str(error)[:300]}")
        self.play.expect(self.daemon.terminate(exit_within) == 0, "the daemon does not end with 0")
        for name in self.parties.keys() - set(leave_open):
            self.parties[name].process.wait_until_idle()
        self._wait_for_the_last(set(self.parties) - set(may_lose))
        self.judge(facts, may_lose)
        return facts

    def _wait_for_the_last(self, names: Iterable[str], within: float = 20.0) -> None:
        """A collector may write later than it confirms."""
        until = time.monotonic() + within
        for name in names:
            goal = {feed.truth.letter: feed.truth.written for feed in self.feeds.values()}
            while time.monotonic() < until and any(
                count < goal[letter] for letter, count in self.reached(name).items()
            ):
                time.sleep(0.05)

    def truth(self) -> list[str]:
        """All keys of all lists but those that nobody can read."""
        return [key for feed in self.feeds.values() for key in feed.truth.all() if key not in feed.poison]

    def judge(self, facts: Facts, may_lose: Iterable[str] = ()) -> None:
        """Compares each collector's file with the truth, and the counters with both."""
        truth = self.truth()
        unordered = [key for feed in self.feeds.values() for key in feed.unordered]
        extra = [action for feed in self.feeds.values() for action in feed.extra_actions]
        self.play.sent += len(truth)
        for name, party in self.parties.items():
            arrived = oracle.read(party.lines(), extra)
            wanted = [key for key in truth if party.is_for(key[0])]
            judged = self.judged[name] = oracle.judge(arrived, wanted, unordered=unordered)
            self.play.dup += judged.dup
            if name in may_lose:
                continue
            self.play.lost += len(judged.lost)
            self._expect_good(name, judged)
            self._expect_told(name, arrived)
            if facts:
                self._expect_counted(name, facts["collectors"][name], judged, len(wanted), len(arrived.own))
        if facts:
            self._expect_all_taken(facts, may_lose)
        if self.play.dup_allowed is not None:
            self.play.expect(
                self.play.dup <= self.play.dup_allowed,
                f"{self.play.dup} copies, but no more than {self.play.dup_allowed} are permitted",
            )
        expect_discretion(self.play, self.daemon.folder, [*secrets_of(self.settings()), *self.old_secrets])

    def _expect_good(self, name: str, judged: Judgement) -> None:
        expect = self.play.expect
        expect(not judged.lost, f"{name} lacks {len(judged.lost)} events, first {judged.lost[:3]}")
        expect(not judged.strange, f"{name} has what nobody sent: {judged.strange[:3]}")
        expect(
            not judged.disordered or name in self.may_overtake,
            f"{name} got {len(judged.disordered)} out of order: {judged.disordered[:3]}",
        )
        expect(
            not judged.doubled,
            f"{name}: {len(judged.doubled)} are in the journal twice: {judged.doubled[:3]}",
        )

    def _expect_told(self, name: str, arrived: oracle.Arrived) -> None:
        """Each life tells its start; one that was killed may not have come so far."""
        told, lives = len(arrived.own_ids(STARTED)), len(self.daemon.log_of("service.started"))
        least = 1 if self.daemon_kills else lives
        self.play.expect_said(least <= told <= lives, f"8001 at {name}: {told}, but it started {lives} times")

    def _expect_counted(self, name: str, said: Facts, judged: Judgement, truth: int, own: int) -> None:
        """Every loss of guarantee is counted: sums of counters are differences of sets."""
        expect = self.play.expect
        expect(
            len(judged.lost) == said["set_aside"],
            f"{name} lacks {len(judged.lost)} events, counters say {said['set_aside']} set aside",
        )
        expect(
            truth <= said["confirmed"] + said["set_aside"] <= truth + own,
            f"{name}: {said['confirmed']} confirmed, the truth has {truth} and {own} own events arrived",
        )
        if not self.daemon_kills:  # nobody is left to count what a killed daemon had sent and not confirmed
            expect(
                judged.dup <= said["replayed"],
                f"{name} has {judged.dup} copies, but only {said['replayed']} are counted as sent again",
            )

    def _expect_all_taken(self, facts: Facts, may_lose: Iterable[str]) -> None:
        for name, feed in self.feeds.items():
            said = facts["sources"][name]
            self.play.expect(
                said["events"] == feed.expected,
                f"{name}: {said['events']} events in the journal instead of {feed.expected}",
            )
            self.play.expect(
                said["rejects"] >= len(feed.poison), f"{name}: only {said['rejects']} rejects are counted"
            )
        gaps = sum(gap["count"] for gap in facts["journal"]["gaps"] if gap["collector"] not in may_lose)
        self.play.expect(gaps == 0, f"the journal has gaps of {gaps} events")
