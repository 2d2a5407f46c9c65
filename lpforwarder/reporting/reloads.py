"""What a reload made of a changed configuration, as events 8003. Pure."""

from __future__ import annotations

from lpforwarder.event import Event
from lpforwarder.own_events import Stamp, make, number_of


def configured(stamp: Stamp, *, before: str, after: str, changed: str) -> Event:
    """A changed configuration took effect; `changed` names what was started, stopped or started anew."""
    files = "" if before != after else " Only files that it names have changed."
    return _configured(stamp, f"The configuration was changed: {changed}.{files}", before, after, changed)


def mended(stamp: Stamp, *, before: str, changed: str) -> Event:
    """A configuration that was refused is the one in force again, or came back without its mistakes."""
    what = "It is the one that stayed in force; nothing changed."
    return _configured(stamp, f"The configuration has no mistakes any more. {what}", before, before, changed)


def _configured(stamp: Stamp, message: str, before: str, after: str, changed: str) -> Event:
    return make(
        stamp,
        "8003",
        "success",
        message,
        hashBefore=before,
        hashAfter=after,
        changed=changed,
    )


def refused(stamp: Stamp, *, before: str, problems: int, code: str, place: str, reason: str) -> Event:
    """A changed configuration has mistakes; `code`, `place` and `reason` are those of the first."""
    first = f"{place}: {reason}" if place else reason
    also = "the first: " if problems > 1 else ""
    return make(
        stamp,
        "8003",
        "failure",
        f"A changed configuration was refused: {number_of(problems, 'mistake')}, {also}{first}. "
        "The old one stays in force.",
        hashBefore=before,
        problems=problems,
        code=code,
        place=place,
        reason=reason,
        fix="lpforwarder check-config",
    )
