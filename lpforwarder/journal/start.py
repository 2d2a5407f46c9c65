"""What happens to a journal's files before SQLite opens them: damage is set aside, exchanges are finished."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from lpforwarder.journal import safe_copy
from lpforwarder.journal.examining import FINE, Finding, examine
from lpforwarder.journal.opening import denied
from lpforwarder.journal.rebuilding import Rebuilt, finish, rebuild
from lpforwarder.journal.safe_copy import SafeCopy
from lpforwarder.journal.taking_over import Progress, unheard


class Start(Struct, frozen=True, kw_only=True):
    """What the start found; then the file is one that SQLite can use."""

    safe: SafeCopy | None = None
    """The last safe copy, as it was."""
    finding: Finding = FINE
    rebuilt: Rebuilt | None = None
    """What became of a file that was damaged."""


def set_right(path: Path, now: str, progress: Progress = unheard) -> Start:
    """Looks at the journal at `path`, and puts a new one in its place when it is damaged.

    Only for the one who has the lock. Transient (LPF501) when the disk has no room for a second file; Denied
    when files or folder cannot be used.
    """
    try:
        finish(path)
        safe = safe_copy.read(path)
        finding = examine(path, safe)
        if not finding.damage:
            return Start(safe=safe, finding=finding)
        return Start(safe=safe, finding=finding, rebuilt=rebuild(path, finding, safe, now, progress))
    except OSError as error:
        raise denied(path.parent, error) from error
