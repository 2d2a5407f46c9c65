"""What a command says when it fails, and the exit code that goes with it."""

from __future__ import annotations

import sys
import traceback

from lpforwarder.errors import Busy, ConfigError, Denied, Failure, Problem


def explain(error: BaseException) -> int:
    """Prints what happened, why and what to do; the exit code of INTERFACE: 78, 77, 75, 3 or 1."""
    if isinstance(error, ConfigError):
        show_problems(error.problems)
        return error.exit_code
    if isinstance(error, Failure):
        show(error)
        return exit_code(error)
    traceback.print_exception(error, file=sys.stderr)
    print("This is a bug of lpforwarder. Nothing that was journaled is lost.", file=sys.stderr)
    return 1


def exit_code(error: Failure) -> int:
    """75 busy, 77 permission, 3 everything a check or test can find."""
    return 75 if isinstance(error, Busy) else 77 if isinstance(error, Denied) else 3


def show(error: Failure, *, prefix: str = "", where: str = "") -> None:
    """One failure as `error[CODE] what`, `where`, `found`, `fix` and `or`, on stderr; only what there is."""
    print(f"error[{error.code}] {prefix}{error.what}", file=sys.stderr)
    rows = {"where": where, "found": error.found, "fix": error.fix, "or": error.instead}
    for name, text in rows.items():
        if text:
            print(f"   {name:<6} {text}", file=sys.stderr)


def show_problems(problems: tuple[Problem, ...]) -> None:
    """Every problem of a configuration, with the lines it stands on."""
    from lpforwarder.config.problems import render

    print(render(problems), file=sys.stderr)
