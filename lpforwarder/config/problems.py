"""Problems as people read them: code, place, sentence, the line itself, a caret and the remedy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lpforwarder.config.document import parse
from lpforwarder.config.source_text import SourceText
from lpforwarder.errors import Problem

PERMISSION = frozenset({"LPF110", "LPF111", "LPF122"})
"""What the operating system or a file's mode forbids: exit code 77 when nothing else is wrong."""


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once, by place in the file."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.line, p.column, p.code, p.what)))


def exit_code(problems: Iterable[Problem]) -> int:
    """0 without errors, 77 when only permissions are wrong, else 78. Notes do not count."""
    errors = {problem.code for problem in problems if not problem.note}
    if not errors:
        return 0
    return 77 if errors <= PERMISSION else 78


def render(
    problems: Sequence[Problem], source: SourceText | None = None, *, verdict: str = "Nothing was started."
) -> str:
    """All problems with their source lines, how many there are, and the verdict; ends without a line feed.

    Without `source` the file named by the problems is read again. No secret is shown.
    """
    blocks = [_block(problem, source or _read_again(problem.file)) for problem in problems]
    return "\n".join([*blocks, f"{_counted_errors(problems)}. {verdict}"])


def as_json(problem: Problem) -> dict[str, Any]:
    """One problem for scripts."""
    return {
        "code": problem.code,
        "level": "note" if problem.note else "error",
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "key": problem.key,
        "what": problem.what,
        "fix": problem.fix,
    }


def _block(problem: Problem, source: SourceText) -> str:
    kind = "note" if problem.note else "error"
    if problem.line == 0:
        remedy = f"\n      fix  {problem.fix}" if problem.fix else ""
        place = f"{problem.file}: " if problem.file else ""
        return f"{kind}[{problem.code}] {place}{problem.what}{remedy}"
    head = f"{kind}[{problem.code}] {problem.file}:{problem.line}:{problem.column}: {problem.what}"
    text, column = source.excerpt(problem.line, problem.column)
    caret = f"      | {' ' * (column - 1)}^ {problem.fix}"
    return f"{head}\n{problem.line:5} | {text}\n{caret.rstrip()}"


def _counted_errors(problems: Sequence[Problem]) -> str:
    return counted(sum(not problem.note for problem in problems), "error")


def counted(number: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _read_again(file: str) -> SourceText:
    try:
        text = Path(file).read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return SourceText("")
    return parse(text, file).source  # parsing finds the secrets to mask
