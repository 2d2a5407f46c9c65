"""Numbers and times as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape as escape
from typing import Any

from lpforwarder import rfc3339
from lpforwarder.counting import counted
from lpforwarder.errors import PAUSED

_FAILING = {"sources": "cannot be read", "collectors": "unreachable"}
_STATES = {"blocked": "needs a person", "crashed": "crashed: a bug of ours"}
_RECEIPTS = {"close": "its close", "kernel": "its kernel only", "relp": "acknowledged"}
_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def span(seconds: float) -> str:
    """`40 s`, `2 h 10 min`, `3 d 4 h`: the two largest units."""
    left = max(int(seconds), 0)
    parts: list[str] = []
    for size, unit in _STEPS:
        number, left = divmod(left, size)
        if number or (unit == "s" and not parts):
            parts.append(f"{number} {unit}")
        if len(parts) == 2 or (parts and unit in ("min", "s")):
            break
    return " ".join(parts)


def ago(time: str | None, now: str) -> str:
    """`40 s ago`; a dash when it never was."""
    then, present = rfc3339.parse(time or ""), rfc3339.parse(now)
    if then is None or present is None:
        return "–"
    return (
        f"{span((present - then) / 1000)} ago" if present >= then else f"in {span((then - present) / 1000)}"
    )


def octets(number: float) -> str:
    """`214 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def count(number: int, thing: str) -> str:
    """`1 event`, `48,112 events`."""
    return counted(number, thing)


def most_waiting(collectors: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """`12 events` for one collector; `up to 12 events` for several: an event for three is one event."""
    waiting = [part["waiting"] for _, part in collectors]
    most = max(waiting, default=0)
    return f"{'up to ' if most and len(waiting) > 1 else ''}{count(most, 'event')}"


def state_of(kind: str, part: Mapping[str, Any]) -> str:
    """How a source or collector is, in a few words; `kind` is `sources` or `collectors`."""
    if part.get("stalled_since") and part["state"] not in _STATES:
        return "stalled"
    if part["error"] is not None:
        if part["error"]["code"] in PAUSED:
            return "paused"
        return _STATES.get(part["state"], _FAILING[kind])
    if part.get("connected_since"):
        return "connected"
    return str(part["state"])


def rank(part: Mapping[str, Any]) -> int:
    """0 for a part in trouble, 1 for one that a person should look at, 2 for one that is well."""
    if part["error"] is not None or part.get("stalled_since"):
        return 0
    is_odd = part["alarms"] or part.get("set_aside") or part.get("lost") or part["state"] == "stopped"
    return 1 if is_odd else 2


def receipt(confirm: str) -> str:
    """How we know that a collector has read what was sent."""
    return _RECEIPTS.get(confirm, confirm or "–")
