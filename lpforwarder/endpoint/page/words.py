"""Numbers and times as people read them."""

from __future__ import annotations

from html import escape as escape

from lpforwarder import rfc3339

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
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
