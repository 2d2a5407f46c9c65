"""The pictures of the page as inline SVG: the flow of events, and a day as a strip of bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lpforwarder.endpoint.history import STEPS, Step
from lpforwarder.endpoint.page.words import count, escape

_BOX = 170
_ROW = 44
_WIDTH = 720
_MOST_BOXES = 12
_STRIP_HEIGHT = 36


def flow(facts: Mapping[str, Any], rates: Mapping[str, float], room: str) -> str:
    """Sources left, the journal in the middle, collectors right.

    The thicker a line, the more events pass (`rates` a minute, by `kind:name`); a broken line is an
    outage, and the number on it is what waits.
    """
    sources, collectors = _boxes(facts["sources"]), _boxes(facts["collectors"])
    height = max(len(sources), len(collectors), 1) * _ROW + 12
    middle = height / 2
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{_spoken(facts)}" class="flow">',
    ]
    for row, (name, part) in enumerate(sources):
        y = _place(row, len(sources), height)
        parts += [
            _line(_BOX, y, 275, middle, part, rates.get(f"sources:{name}", 0.0)),
            _box(0, y, name, part),
        ]
    for row, (name, part) in enumerate(collectors):
        y = _place(row, len(collectors), height)
        x = _WIDTH - _BOX
        parts += [
            _line(445, middle, x, y, part, rates.get(f"collectors:{name}", 0.0)),
            _box(x, y, name, part),
        ]
        if part.get("waiting"):
            label = f"{part['waiting']:,} waiting"
            parts.append(f'<text x="{x - 8}" y="{y - 8:.1f}" class="on">{label}</text>')
    parts.append(f'<rect x="275" y="{middle - 24:.1f}" width="170" height="48" rx="6" class="journal"/>')
    parts.append(f'<text x="360" y="{middle - 3:.1f}" class="name">journal</text>')
    parts.append(f'<text x="360" y="{middle + 14:.1f}" class="small">{escape(room)}</text>')
    return "".join([*parts, "</svg>"])


def strip(steps: Sequence[Step], what: str) -> str:
    """24 hours in bars of five minutes, the present at the right; troubled times are shaded."""
    most = max((step.events for step in steps), default=0)
    total = sum(step.events for step in steps)
    troubled = sum(step.in_trouble for step in steps)
    label = f"{what}: {count(total, 'event')}" + (f", {troubled * 5} min in trouble" if troubled else "")
    parts = [
        f'<svg viewBox="0 0 {STEPS} {_STRIP_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}" class="strip"><title>{escape(label)}</title>'
    ]
    for place, step in enumerate(steps, STEPS - len(steps)):
        if step.in_trouble:
            parts.append(f'<rect x="{place}" y="0" width="1" height="{_STRIP_HEIGHT}" class="trouble"/>')
        if step.events:
            # The logarithm keeps a quiet hour visible beside a busy one.
            tall = _STRIP_HEIGHT * math.log1p(step.events) / math.log1p(most)
            parts.append(f'<rect x="{place}" y="{_STRIP_HEIGHT - tall:.1f}" width="1" height="{tall:.1f}"/>')
    return "".join([*parts, "</svg>"])


def _boxes(parts: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The parts to draw: those in trouble first when there are too many for a picture."""
    known = list(parts.items())
    if len(known) <= _MOST_BOXES:
        return known
    known.sort(key=lambda item: item[1]["error"] is None)
    rest = len(known) - _MOST_BOXES + 1
    return [*known[: _MOST_BOXES - 1], (f"and {rest} more", {"state": "", "error": None})]


def _place(row: int, rows: int, height: float) -> float:
    return height / 2 + (row - (rows - 1) / 2) * _ROW


def _box(x: float, y: float, name: str, part: Mapping[str, Any]) -> str:
    kind = "box bad" if part["error"] else "box"
    shown = name if len(name) <= 22 else name[:21] + "…"
    return (
        f'<rect x="{x}" y="{y - 17:.1f}" width="{_BOX}" height="34" rx="6" class="{kind}"/>'
        f'<text x="{x + _BOX / 2}" y="{y - 1:.1f}" class="name">{escape(shown)}</text>'
        f'<text x="{x + _BOX / 2}" y="{y + 12:.1f}" class="small">{escape(part["state"])}</text>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, part: Mapping[str, Any], rate: float) -> str:
    kind = "link broken" if part["error"] else "link"
    width = min(1.5 + math.log10(1 + rate) * 1.5, 8)
    return (
        f'<path d="M{x1:.0f} {y1:.1f} C{(x1 + x2) / 2:.0f} {y1:.1f} {(x1 + x2) / 2:.0f} {y2:.1f} '
        f'{x2:.0f} {y2:.1f}" class="{kind}" stroke-width="{width:.1f}"/>'
    )


def _spoken(facts: Mapping[str, Any]) -> str:
    parts = [
        f"{name} {part['state']}" for kind in ("sources", "collectors") for name, part in facts[kind].items()
    ]
    return escape("; ".join(parts[:40]))
