"""Errors, sorted by who can mend them.

`Transient` is mended by time, `Blocked` by a person (password, certificate, quota), `ConfigError` by
the person editing the file. Everything else is a bug of ours. Only the supervisor retries.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

JOURNAL_FULL = "LPF501"
PAUSED = frozenset({JOURNAL_FULL, "LPF509"})
"""The journal takes nothing, so no source is asked: it is full, or on a disk that is read-only."""


class Failure(Exception):
    """Something went wrong and we know what: a catalogue code, a sentence, and a remedy if there is one.

    `what` names the part and the peer, never an event's content or a secret. A command that shows one thing
    a line may get more of it: `found` is what was seen instead, `instead` another remedy.
    """

    found: str = ""
    instead: str = ""

    def __init__(self, what: str, *, code: str = "LPF001", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.code = code
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what} [{self.code}]"


class Transient(Failure):
    """Time mends it: try again, not before `retry_after` seconds if the far side said so."""

    def __init__(
        self, what: str, *, code: str = "LPF200", fix: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(what, code=code, fix=fix)
        self.retry_after = retry_after


class Blocked(Failure):
    """A person must mend it: try again slowly, and say so loudly."""

    rest: float = 0.0
    """Seconds for which whoever says this spares the far side, however often it is asked to try again."""


class Busy(Failure):
    """Another instance holds what we need; the command ends with exit code 75."""


class Denied(Failure):
    """The operating system or a file mode forbids it; the command ends with exit code 77."""


class Fatal(Failure):
    """Going on would risk events (a failed fsync): nobody retries, the process ends and starts afresh."""


class Problem(Struct, frozen=True, kw_only=True):
    """One mistake in a configuration: where, which key, what is wrong and how to mend it.

    `line` and `column` count from 1; 0 means the file as a whole.
    """

    code: str
    file: str
    line: int = 0
    column: int = 0
    key: str = ""
    what: str
    fix: str = ""
    note: bool = False
    """True for advice that does not stop the start."""


class ConfigError(Exception):
    """A configuration that cannot be used, with every problem found in it."""

    def __init__(self, problems: Sequence[Problem], *, exit_code: int = 78) -> None:
        super().__init__("; ".join(f"{p.file}:{p.line}:{p.column}: {p.what}" for p in problems))
        self.problems = tuple(problems)
        self.exit_code = exit_code
