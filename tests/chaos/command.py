"""`scripts/chaos`: chosen scenarios side by side, a line for each as it ends, and the report."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import as_completed
from pathlib import Path

from tests.chaos.outcome import Outcome, Scale
from tests.chaos.play import Scenario
from tests.chaos.registry import all_scenarios
from tests.chaos.report import PAGE, read_outcomes, write_page
from tests.chaos.suite import Job, Suite

FOLDER = Path(__file__).parents[2] / "build" / "chaos"
MIX = "30"
FULL_LENGTH = 1800.0  # seconds; a shorter mix is no full run in the report
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_TELL_EVERY = 60.0  # seconds between two words on the progress of the same scenario

DESCRIPTION = """Runs the scenarios of docs/reliability.md, as many side by side as the processors allow.
One line for each: id, seed, lost, copies (of those permitted), recovery, whether log and status said what
they must. The exit code is 3 when one of them went wrong."""


def main(arguments: list[str] | None = None) -> int:
    """0 when all went well."""
    given = _parser().parse_args(arguments)
    scenarios = all_scenarios()
    if given.list:
        for scenario in scenarios.values():
            print(f"{scenario.id:>14}  {scenario.name}: {scenario.expected}")
        return 0
    outcomes = [] if given.only == ["none"] else _play(_jobs(given, scenarios), given)
    if given.report:
        write_page(read_outcomes(given.out))
        print(
            f"the tables are in {PAGE.relative_to(Path.cwd()) if PAGE.is_relative_to(Path.cwd()) else PAGE}"
        )
    failed = [one for one in outcomes if not one.passed]
    for one in failed:
        print(f"FAILED {one.id} seed={one.seed}: " + "; ".join(one.failures))
    print(f"{len(outcomes) - len(failed)} of {len(outcomes)} went well")
    return 3 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=DESCRIPTION)
    parser.add_argument(
        "--seed", "--seeds", default="1", metavar="N or N-M", help="a seed, or a run with each of several"
    )
    parser.add_argument(
        "--long", type=_seconds, metavar="30m", help="the mix of all faults for so long, and nothing else"
    )
    parser.add_argument("--scale", choices=["short", "full"], default="full", help="default: full")
    parser.add_argument("--only", type=lambda text: text.split(","), metavar="4,8", help="these ids; or none")
    parser.add_argument("--processors", type=float, metavar="N", help="default: those of this machine")
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="so many side by side, whatever they take of the processors"
    )
    parser.add_argument(
        "--out", type=Path, default=FOLDER / "outcomes.jsonl", metavar="FILE", help="JSON lines"
    )
    parser.add_argument("--report", action="store_true", help="write the tables into docs/reliability.md")
    parser.add_argument("--list", action="store_true", help="show all scenarios and end")
    parser.set_defaults(processors=None)
    return parser


def _seconds(text: str) -> float:
    """Of `90s`, `30m` or `2h`."""
    number, unit = text[:-1], text[-1:]
    if not number.isdigit() or unit not in _UNITS:
        raise argparse.ArgumentTypeError(f"{text!r} is no length like 90s, 30m or 2h")
    return float(number) * _UNITS[unit]


def _jobs(given: argparse.Namespace, scenarios: dict[str, Scenario]) -> list[Job]:
    chosen = given.only or (list(scenarios) if given.long is None else [MIX])
    if unknown := [id for id in chosen if id not in scenarios]:
        raise SystemExit(f"no such scenario: {', '.join(unknown)}; --list shows all")
    if given.long is not None and chosen != [MIX]:
        raise SystemExit(f"only scenario {MIX} can be made longer or shorter")
    scale: Scale = given.scale if given.long is None or given.long >= FULL_LENGTH else "short"
    return [
        Job(scenario=scenarios[id], seed=seed, scale=scale, lasts=given.long)
        for id in chosen
        for seed in _seeds(given.seed)
    ]


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _play(jobs: list[Job], given: argparse.Namespace) -> list[Outcome]:
    out: Path = given.out
    out.parent.mkdir(parents=True, exist_ok=True)
    suite = Suite(out.parent / "scenes", processors=given.processors, at_once=given.jobs, tell=_Progress())
    outcomes = []
    try:
        started = suite.start(jobs)
        for future in as_completed(started.values()):
            outcome = future.result()
            outcomes.append(outcome)
            print(outcome.line(), flush=True)
            with out.open("a", encoding="utf-8") as file:
                file.write(outcome.as_json() + "\n")
    finally:
        suite.close()
    return outcomes


class _Progress:
    """Says how far each scenario is, on standard error, now and then."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def __call__(self, name: str, what: str) -> None:
        now = time.monotonic()
        if now - self._told.get(name, now - _TELL_EVERY + 5) >= _TELL_EVERY:
            self._told[name] = now
            print(f"   {name}: {what}", file=sys.stderr, flush=True)
        self._told.setdefault(name, now - _TELL_EVERY + 5)


if __name__ == "__main__":
    sys.exit(main())
