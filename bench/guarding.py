"""`bench/guard`: a minute's comparison with rsyslog against what it was before. Warns; never fails on noise.

A ratio taken within one run hardly depends on the machine. It is compared with the one in bench/ratios.json.
Only when the best round is worse than what noise explains is there a warning, and the exit code is 0 all the
same; it is 1 only when an event went missing or a sender could not be started.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.medians import Spread, ratios
from bench.peers import OURS, Rounds, run_rounds
from bench.section import number
from bench.senders.lpforwarder import Lpforwarder
from bench.senders.rsyslog import Rsyslog
from bench.setting import Scale, Setting, say
from bench.sinks import ROOT
from tests.fakes.certificates import make_certificates
from tests.fakes.peers import peers_folder

STORED = ROOT / "bench" / "ratios.json"
JOB, PEER = "CEF over TLS", "rsyslog"
NOISE = 1.25
"""So many times the stored ratio is no news: shared machines differ by that from one hour to the next."""
_KEPT = 30
"""Entries of the trend."""
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """What was recorded: the ratio to be compared with, and those before."""

    ratio: float
    history: tuple[tuple[str, float], ...] = ()
    """(day, ratio), oldest first."""

    def with_(self, day: str, ratio: float) -> Trend:
        """With one more, which is the one to be compared with from now on."""
        return Trend(ratio=ratio, history=(*self.history, (day, ratio))[-_KEPT:])


def main(arguments: Sequence[str] | None = None) -> int:
    """0, or 1 when something did not work at all."""
    given = _parser().parse_args(arguments)
    try:
        peers_folder()
    except RuntimeError as error:
        say(f"guard: not run: {error}")
        return 0
    try:
        measured = measure(given.events, given.rounds)
    except (RuntimeError, TimeoutError, OSError) as error:
        say(f"guard: failed: {error}")
        return 1
    trend = read(given.stored)
    say(report(measured, trend))
    if given.record or trend is None:
        day = datetime.now(UTC).date().isoformat()
        write(given.stored, (trend or Trend(ratio=measured.median)).with_(day, round(measured.median, 3)))
        say(f"guard: recorded in {given.stored.name}")
    return 0


def measure(events: int, rounds: int) -> Spread:
    """Our CPU per event by rsyslog's, round by round."""
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        scale = Scale(events=events, rounds=rounds)
        setting = Setting(scale=scale, work=Path(work), certificates=make_certificates(Path(work)))
        taken: Rounds = run_rounds(setting, [Lpforwarder(OURS), Rsyslog("memory")], ["cef"], ["tls"])
    return ratios(taken.cpu(OURS, JOB), taken.cpu(PEER, JOB))


def report(measured: Spread, trend: Trend | None) -> str:
    """What there is to say, the trend in small bars, and a warning when even the best round is worse."""
    lines = [
        f"guard: {JOB}, CPU per event by that of {PEER}: {number(measured.median)} "
        f"({number(measured.least)} to {number(measured.most)} in {measured.runs} rounds)"
    ]
    if trend is None:
        return lines[0] + "\nguard: nothing is stored to compare it with"
    values = [ratio for _, ratio in trend.history] + [measured.median]
    lines.append(f"guard: stored {number(trend.ratio)}; trend {drawn(values)} (oldest to now)")
    if measured.least > trend.ratio * NOISE:
        worse = measured.median / trend.ratio - 1
        lines.append(
            f"::warning::{JOB} takes {worse:.0%} more CPU than before, compared with {PEER}. "
            "If that is wanted, run: bench/guard --record"
        )
    elif measured.most < trend.ratio / NOISE:
        lines.append("guard: better than stored; keep it with: bench/guard --record")
    else:
        lines.append("guard: no change that noise does not explain")
    return "\n".join(lines)


def drawn(values: Sequence[float]) -> str:
    """The values as small bars, the greatest as the highest."""
    most = max(values, default=0.0) or 1.0
    return "".join(_BARS[min(int(value / most * len(_BARS)), len(_BARS) - 1)] for value in values)


def read(file: Path) -> Trend | None:
    """What is stored; None when there is nothing."""
    if not file.exists():
        return None
    values = json.loads(file.read_text("utf-8"))
    history = tuple((str(day), float(ratio)) for day, ratio in values["history"])
    return Trend(ratio=float(values["ratio"]), history=history)


def write(file: Path, trend: Trend) -> None:
    """Stores it."""
    values = {
        "what": f"{JOB}: CPU per event by that of {PEER}",
        "ratio": trend.ratio,
        "history": trend.history,
    }
    file.write_text(json.dumps(values, indent=1) + "\n", "utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/guard", description="Compares; see docs/benchmarks.md.")
    parser.add_argument("--record", action="store_true", help="store what is measured now")
    parser.add_argument("--stored", type=Path, default=STORED, help="instead of bench/ratios.json")
    parser.add_argument("--events", type=int, default=60_000, help="instead of 60,000")
    parser.add_argument("--rounds", type=int, default=3, help="instead of 3")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
