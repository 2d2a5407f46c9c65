"""One scenario in a process of its own: `python -m tests.chaos.one ID --seed N --scale short --folder F`.

Progress goes to standard error; the last line of standard output is the outcome as JSON.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.chaos.play import Play
from tests.chaos.registry import all_scenarios


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs one scenario.")
    parser.add_argument("id")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", choices=["short", "full"], default="short")
    parser.add_argument("--lasts", type=float, metavar="SECONDS", help="how long a mix of faults lasts")
    parser.add_argument("--folder", type=Path, required=True)
    return parser.parse_args()


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def main() -> int:
    """0 when it passed, 3 when not."""
    given = _arguments()
    given.folder.mkdir(parents=True, exist_ok=True)
    play = Play(
        all_scenarios()[given.id],
        seed=given.seed,
        scale=given.scale,
        folder=given.folder.resolve(),
        tell=_tell,
        lasts=given.lasts,
    )
    play.run()
    outcome = play.outcome()
    print(outcome.as_json(), flush=True)
    return 0 if outcome.passed else 3


if __name__ == "__main__":
    sys.exit(main())
