"""A large number of kills in parts, each a process of its own, some side by side; one table for all.

`scripts/kill-report --full` runs it. A part keeps its events and what its collectors got until it is judged:
one part of a thousand kills would need gigabytes, and one that fails would take all the others with it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from tests.e2e.conftest import Outcome

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / "build" / "kills"
DAEMON = "test_nothing_is_lost_when_the_daemon_is_killed"
COLLECTORS = "test_nothing_is_lost_when_the_collectors_are_killed_and_restarted"
BREATH = 1.0  # seconds that a daemon may get no processor, as in tests/chaos
RECOVERY = 30.0  # seconds; parts side by side wait for each other's processor
_COUNTS = re.compile(r" killed \d+, restarted \d+ times")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One run of one test with so many accidents."""

    test: str
    number: int
    kills: int
    restarts: int = 0

    @property
    def name(self) -> str:
        """Unique among the parts of a run."""
        return re.sub(r"[^a-z0-9.]+", "-", f"{self.test.partition('[')[2]} {self.number}".lower()).strip("-")


def planned(*, daemon: int, collectors: int, restarts: int, each: int) -> list[Part]:
    """Parts of about `each` accidents. `collectors` and `restarts` count for each receiver on each link."""
    parts = []
    for links in ("one collector", "three collectors"):
        count = -(-(daemon // 2) // each)
        parts += [
            Part(test=f"{DAEMON}[{links}]", number=number, kills=kills)
            for number, kills in enumerate(_shares(daemon // 2, count))
        ]
    for name in ("receiver", "rsyslog", "syslog-ng"):
        count = -(-(collectors + restarts) // each)
        shares = zip(_shares(collectors, count), _shares(restarts, count), strict=True)
        parts += [
            Part(test=f"{COLLECTORS}[{name}]", number=number, kills=kills, restarts=ended)
            for number, (kills, ended) in enumerate(shares)
        ]
    return sorted(parts, key=lambda part: part.number)


def _shares(total: int, count: int) -> list[int]:
    return [total * (number + 1) // count - total * number // count for number in range(count)]


def play(part: Part, folder: Path, rate: int) -> list[Outcome]:
    """What came of it; RuntimeError with its last words when it did not end well."""
    place = folder / part.name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    report = place / "outcomes.jsonl"
    environment = os.environ | {
        "LPFORWARDER_DAEMON_KILLS": str(part.kills),
        "LPFORWARDER_COLLECTOR_KILLS": str(part.kills),
        "LPFORWARDER_RESTARTS": str(part.restarts),
        "LPFORWARDER_KILL_SEED": f"/{part.number}",
        "LPFORWARDER_KILL_RATE": str(rate),
        "LPFORWARDER_KILL_RECOVERY": str(RECOVERY),
        "LPFORWARDER_KILL_BREATH": str(BREATH),
        "LPFORWARDER_REPORT": str(report),
    }
    options = ["-q", "-p", "no:cacheprovider", "--basetemp", str(place / "scene")]
    command = [sys.executable, "-m", "pytest", *options, f"tests/e2e/test_kills.py::{part.test}"]
    ended = subprocess.run(
        command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    (place / "output.log").write_text(ended.stdout + ended.stderr, encoding="utf-8")
    if ended.returncode:
        raise RuntimeError(f"{part.name} ended with {ended.returncode}; see {place}")
    shutil.rmtree(place / "scene", ignore_errors=True)
    lines = report.read_text(encoding="utf-8").splitlines()
    return [Outcome(**json.loads(line)) for line in lines]


def summed(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """One for each scenario: counts added, the worst recovery."""
    found: dict[str, Outcome] = {}
    for one in outcomes:
        name = _COUNTS.sub(" killed and restarted", one.scenario)
        before = found.get(name)
        found[name] = replace(one, scenario=name) if before is None else _added(before, one)
    return [found[name] for name in sorted(found)]


def _added(before: Outcome, one: Outcome) -> Outcome:
    return replace(
        before,
        rounds=before.rounds + one.rounds,
        sent=before.sent + one.sent,
        lost=before.lost + one.lost,
        duplicates=before.duplicates + one.duplicates,
        allowed=before.allowed + one.allowed,
        worst_recovery=max(before.worst_recovery, one.worst_recovery),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when nothing was lost in any part, 3 otherwise."""
    given = _parser().parse_args(arguments)
    parts = planned(
        daemon=given.daemon, collectors=given.collectors, restarts=given.restarts, each=given.each
    )
    outcomes, failed, began = [], [], time.monotonic()
    with ThreadPoolExecutor(given.jobs) as side_by_side:
        started = {side_by_side.submit(play, part, given.folder, given.rate): part for part in parts}
        for future in as_completed(started):
            try:
                outcomes += future.result()
            except RuntimeError as error:
                failed.append(str(error))
            done = sum(one.done() for one in started)
            told = f"   {time.monotonic() - began:5.0f} s: {done} of {len(parts)}, {started[future].name}"
            print(told, file=sys.stderr, flush=True)
    for one in summed(outcomes):
        print(one.line())
    for complaint in failed:
        print(f"FAILED {complaint}")
    return 3 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/kill-report --full", description=__doc__)
    parser.add_argument("--daemon", type=int, default=1000, metavar="N", help="kills of the daemon, in all")
    parser.add_argument(
        "--collectors",
        type=int,
        default=500,
        metavar="N",
        help="kills of each receiver on each of three links",
    )
    parser.add_argument("--restarts", type=int, default=100, metavar="N", help="polite ends of the same")
    parser.add_argument("--each", type=int, default=50, metavar="N", help="accidents in a part")
    parser.add_argument("--rate", type=int, default=2000, metavar="N", help="events a second")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="parts side by side")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    return parser


if __name__ == "__main__":
    sys.exit(main())
