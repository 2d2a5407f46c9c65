"""`bench/run`: measures what is asked for, prints it, and writes docs/performance.md."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench import page as pages
from bench import peers, plot, section
from bench.backlog import measure_backlog
from bench.fan_out import measure_fan_out, measure_sources
from bench.latency import measure_latency
from bench.medians import spread
from bench.profile import measure_profile
from bench.section import Section
from bench.senders.contract import FORMATS, LINKS
from bench.setting import FULL, QUICK, Setting, say
from bench.sinks import ROOT
from bench.stages import measure_stages
from bench.startup import measure_startup
from bench.vaulted import measure_vault
from tests.fakes.certificates import make_certificates

OTHERS: dict[str, Callable[[Setting], Section]] = {
    "vault": measure_vault,
    "stages": measure_stages,
    "latency": measure_latency,
    "backlog": measure_backlog,
    "collectors": measure_fan_out,
    "sources": measure_sources,
    "start": measure_startup,
}
SECTIONS = ("peers", *OTHERS, "profile")
"""In the order of the page."""
PAGE = ROOT / "docs" / "performance.md"
RESULTS = ROOT / "bench" / "results.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when everything was measured, whatever it says; an exception when something could not be."""
    given = _parser().parse_args(arguments)
    scale = replace(QUICK if given.quick else FULL, **_chosen_numbers(given))
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        setting = Setting(scale=scale, work=Path(work), certificates=make_certificates(Path(work)))
        made, pictures = _measure(setting, given)
    for one in made:
        say(f"\n## {one.title}\n{one.scale}\n\n{one.text}")
    goals = [goal for one in made for goal in one.goals]
    say(f"\n{pages.goal_table(goals)}" if goals else "")
    target = given.page if given.page is not None else None if given.quick else PAGE
    if target is not None:
        results = RESULTS if target == PAGE else target.with_suffix(".json")
        write(made, pictures, target, results)
        say(f"written: {target}")
    return 0


def write(made: Sequence[Section], pictures: Mapping[str, str], page: Path, results: Path) -> None:
    """The page with these sections, and with those of earlier runs that were not measured now.

    The picture of a section lies beside the page, as PAGE-SECTION.svg.
    """
    known = {}
    if results.exists():
        known = {one["name"]: section.from_json(one) for one in json.loads(results.read_text("utf-8"))}
    known |= {one.name: one for one in made}
    ordered = [known[name] for name in SECTIONS if name in known]
    names = {one.name: f"{page.stem}-{one.name}.svg" for one in ordered}
    for name, picture in pictures.items():
        (page.parent / names[name]).write_text(picture, encoding="utf-8")
    shown = {name: file for name, file in names.items() if (page.parent / file).exists()}
    page.write_text(pages.page(ordered, pages.machine(), shown), encoding="utf-8")
    results.write_text(json.dumps([section.as_json(one) for one in ordered], indent=1) + "\n", "utf-8")


def _measure(setting: Setting, given: argparse.Namespace) -> tuple[list[Section], dict[str, str]]:
    """The sections that were asked for, and the pictures of those that have one."""
    made: list[Section] = []
    pictures: dict[str, str] = {}
    for name in SECTIONS:
        if name not in given.only:
            continue
        if name == "peers":
            chosen = [one for one in (*peers.SENDERS, *peers.EXTRA) if one.name in given.senders]
            rounds = peers.run_rounds(setting, chosen, given.formats, given.links)
            pictures[name] = draw(rounds)
            made.append(peers.section(setting, rounds))
        elif name == "profile":
            profile, pictures[name] = measure_profile(setting)
            made.append(profile)
        else:
            made.append(OTHERS[name](setting))
    return made, pictures


def draw(rounds: peers.Rounds) -> str:
    """Events a second and CPU per event of every sender, medians."""
    groups = []
    for job in rounds.jobs():
        for what, of in (("events/s (longer is better)", rounds.rates), ("CPU µs/event", rounds.cpu)):
            values = tuple((name, spread(of(name, job)).median) for name in rounds.senders(job))
            groups.append(plot.Bars(title=f"{job}: {what}", values=values))
    return plot.bars("lpforwarder, rsyslog, syslog-ng", "medians of all rounds", groups)


def _chosen_numbers(given: argparse.Namespace) -> dict[str, int]:
    names = ("events", "rounds", "backlog", "samples", "sources")
    return {name: getattr(given, name) for name in names if getattr(given, name) is not None}


def _parser() -> argparse.ArgumentParser:
    names = [one.name for one in peers.SENDERS]
    parser = argparse.ArgumentParser(prog="bench/run", description="Measures; see docs/benchmarks.md.")
    parser.add_argument("--quick", action="store_true", help="small numbers, one round; writes no page")
    parser.add_argument("--only", type=_list(SECTIONS), default=SECTIONS, help=", ".join(SECTIONS))
    known = [*names, *(one.name for one in peers.EXTRA)]
    parser.add_argument("--senders", type=_list(known, ";"), default=names, help="; ".join(known))
    parser.add_argument("--formats", type=_list(FORMATS), default=FORMATS, help="cef, json")
    parser.add_argument("--links", type=_list(LINKS), default=LINKS, help="tcp, tls")
    for name in ("events", "rounds", "backlog", "samples", "sources"):
        parser.add_argument(f"--{name}", type=int, help=f"instead of {getattr(FULL, name):,}")
    parser.add_argument("--page", type=Path, help=f"instead of {PAGE.relative_to(ROOT)}")
    return parser


def _list(known: Sequence[str], between: str = ",") -> Callable[[str], list[str]]:
    """Names with a comma, or something else, between two."""

    def read(text: str) -> list[str]:
        names = [name.strip() for name in text.split(between)]
        if wrong := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{wrong[0]!r} is none of {', '.join(known)}")
        return names

    return read


if __name__ == "__main__":
    raise SystemExit(main())
