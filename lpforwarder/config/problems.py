"""Problems as people read them: code, place, sentence, the line itself, a caret and the remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lpforwarder.config import files, secrecy
from lpforwarder.config.document import parse
from lpforwarder.config.source_text import SourceText
from lpforwarder.counting import counted
from lpforwarder.errors import Problem

PERMISSION = frozenset({"LPF110", "LPF111", "LPF122"})
"""What the operating system or a file's mode forbids: exit code 77 when nothing else is wrong."""

_QUOTED = re.compile(r"""(?<!\w)(?:"[^"]*"|'[^']*')(?!\w)|(?<=the tag )\S+""")
_NAMES_SECRET = re.compile("secret|passw|passphrase|token|key", re.IGNORECASE)
_NOTHING_THERE = frozenset({"LPF111", "LPF119"})
"""What is named is not there, or holds nothing: it may be no name at all."""


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


def place(problem: Problem) -> str:
    """`config.yaml:14:5`; the file alone when all of it is meant, and nothing when there is none."""
    if problem.line == 0:
        return problem.file
    return f"{problem.file}:{problem.line}:{problem.column}"


def without_values(problem: Problem) -> str:
    """What is wrong, for logs and events: what the file says there is ***, since it may be a secret.

    The terminal of whoever reads the file may show more; a SIEM has many readers.
    """
    key = problem.key.rpartition(".")[2]
    if problem.code in _NOTHING_THERE and _NAMES_SECRET.search(key):
        return f"what `{key}` names cannot be used"
    return _QUOTED.sub(secrecy.MASK, problem.what)


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
    where = f"{place(problem)}: " if place(problem) else ""
    head = f"{kind}[{problem.code}] {where}{problem.what}"
    if problem.line == 0:
        return f"{head}\n      fix  {problem.fix}" if problem.fix else head
    text, column = source.excerpt(problem.line, problem.column)
    caret = f"      | {' ' * (column - 1)}^ {problem.fix}"
    return f"{head}\n{problem.line:5} | {text}\n{caret.rstrip()}"


def _counted_errors(problems: Sequence[Problem]) -> str:
    return counted(sum(not problem.note for problem in problems), "error")


def _read_again(file: str) -> SourceText:
    try:
        text = files.content(Path(file)).decode("utf-8", errors="replace")
    except (OSError, ValueError):
        return SourceText("")
    return parse(text, file).source  # parsing finds the secrets to mask
