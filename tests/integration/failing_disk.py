"""Appends single events and says which are safe, until the disk fails; then tries once more.

Run as `python -m tests.integration.failing_disk FOLDER` under a tracer that injects the failure.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lpforwarder.errors import Failure
from lpforwarder.journal.sqlite import open_journal
from tests.fakes.pages import event


def main() -> None:
    """Prints the name of each acknowledged event, then how two more attempts ended."""
    path = Path(sys.argv[1]) / "journal.db"
    with open_journal(
        path, keep=1.0, max_size=2**30, when_full="pause-polling", reserve_size=2**16
    ) as journal:
        endings = 0
        for number in range(10_000):
            try:
                journal.append("acme", [event(str(number))], (), str(number))
            except Failure as failure:
                print(type(failure).__name__, failure.code)
                endings += 1
                if endings == 2:
                    return
            else:
                print(number)


if __name__ == "__main__":
    main()
