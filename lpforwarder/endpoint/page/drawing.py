"""The pictures of the page as inline SVG: the flow of events, and a day as a strip of bars."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from msgspec import Struct

from lpforwarder.endpoint.history import STEP, STEPS, Step
from lpforwarder.endpoint.page.words import count, escape, rank, span, state_of

_MOST_BOXES = 12
_STRIP_HEIGHT = 36
_HALF_BOX = 17

Part = Mapping[str, Any]


class Form(Struct, frozen=True, kw_only=True):
    """Measures of the picture, in its own units."""

    kind: str
    """The class that the style sheet shows or hides."""
    width: int
    box: int
    journal: int
    row: int
    letters: int
    """Of a name; the rest is cut."""


WIDE = Form(kind="wide", width=720, box=170, journal=170, row=44, letters=22)
NARROW = Form(kind="narrow", width=344, box=116, journal=64, row=42, letters=14)
"""For a telephone."""


def flow(facts: Mapping[str, Any], rates: Mapping[str, float], room: str, form: Form = WIDE) -> str:
    """Sources left, the journal in the middle, collectors right.

    The thicker a line, the more events pass (`rates` a minute, by `kind:name`); a broken line is an
    outage, and the number on it is what waits.
    """
    sides = {kind: boxes(facts[kind]) for kind in ("sources", "collectors")}
    height = max(*map(len, sides.values()), 2) * form.row + 12
    lines, shapes = [], [_journal(form, height, room)]
    for kind, parts in sides.items():
        for row, (name, part) in enumerate(parts):
            y = height / 2 + (row - (len(parts) - 1) / 2) * form.row
            lines.append(_line(form, kind, y, height, part, rates.get(f"{kind}:{name}", 0.0)))
            shapes.append(_box(form, kind, y, name, part))
            if form is WIDE and part.get("waiting"):
                shapes.append(_number(y, height, part["waiting"]))
    return (
        f'<svg viewBox="-1 0 {form.width + 2} {height}" role="img" aria-label="{_spoken(facts)}" '
        f'class="flow {form.kind}">{"".join([*lines, *shapes])}</svg>'
    )


def boxes(parts: Mapping[str, Part]) -> list[tuple[str, Part]]:
    """The parts to draw: those in trouble first when there are too many for a picture."""
    known = list(parts.items())
    if len(known) <= _MOST_BOXES:
        return known
    known.sort(key=lambda item: rank(item[1]))
    rest = len(known) - _MOST_BOXES + 1
    return [*known[: _MOST_BOXES - 1], (f"and {rest:,} more", {"state": "", "error": None})]


def strip(steps: Sequence[Step]) -> str:
    """24 hours in bars of five minutes, the present at the right; troubled times are shaded.

    Grey is the time before the first step: nobody watched.
    """
    label = _label(steps)
    begin = STEPS - len(steps)
    parts = [
        f'<svg viewBox="0 0 {STEPS} {_STRIP_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{label}" class="strip"><title>{label}</title>'
    ]
    if begin:
        parts.append(f'<rect width="{begin}" height="{_STRIP_HEIGHT}" class="unknown"/>')
    parts += _troubles(steps, begin)
    if bars := "".join(_bars(steps, begin)):
        parts.append(f'<path d="{bars}"/>')
    return "".join([*parts, "</svg>"])


def _bars(steps: Sequence[Step], begin: int) -> Iterator[str]:
    """One path for all: a thousand rectangles would be most of the page."""
    most = max((step.events for step in steps), default=0)
    for place, step in enumerate(steps, begin):
        if step.events:
            # The logarithm keeps a quiet hour visible beside a busy one.
            tall = _STRIP_HEIGHT * math.log1p(step.events) / math.log1p(most)
            yield f"M{place} {_STRIP_HEIGHT}v-{max(tall, 1):.0f}h1v{max(tall, 1):.0f}z"


def _troubles(steps: Sequence[Step], begin: int) -> Iterator[str]:
    place = begin
    for in_trouble, run in groupby(steps, key=lambda step: step.in_trouble):
        width = len(list(run))
        if in_trouble:
            yield f'<rect x="{place}" width="{width}" height="{_STRIP_HEIGHT}" class="trouble"/>'
        place += width


def _label(steps: Sequence[Step]) -> str:
    total = sum(step.events for step in steps)
    troubled = sum(step.in_trouble for step in steps)
    label = f"{count(total, 'event')} in the last {span(len(steps) * STEP)}" if steps else "not watched yet"
    return f"{label}, up to {span(troubled * STEP)} in trouble" if troubled else label


# ---- the parts of the flow ------------------------------------------------------------------------------


def _journal(form: Form, height: float, room: str) -> str:
    """The box in the middle; what it has room for stands below where the box is too small for it."""
    x, y = (form.width - form.journal) / 2, height / 2
    name, told = (y - 3, y + 14) if form is WIDE else (y + 4, y + 38)
    return (
        f'<rect x="{x:.0f}" y="{y - 24:.0f}" width="{form.journal}" height="48" rx="6" class="journal"/>'
        f'<text x="{form.width / 2:.0f}" y="{name:.0f}" class="name">journal</text>'
        f'<text x="{form.width / 2:.0f}" y="{told:.0f}" class="small">{escape(room)}</text>'
    )


def _box(form: Form, kind: str, y: float, name: str, part: Part) -> str:
    x = 0 if kind == "sources" else form.width - form.box
    shown = name if len(name) <= form.letters else f"{name[: form.letters - 1]}…"
    below = state_of(kind, part)
    if form is NARROW and part.get("waiting"):  # there is no room for it on the line
        below = f"{part['waiting']:,} waiting"
    return (
        f'<rect x="{x}" y="{y - _HALF_BOX:.0f}" width="{form.box}" height="{2 * _HALF_BOX}" rx="6" '
        f'class="{"box" if _is_good(part) else "box bad"}"/>'
        f'<text x="{x + form.box / 2:.0f}" y="{y - 1:.0f}" class="name">{escape(shown)}</text>'
        f'<text x="{x + form.box / 2:.0f}" y="{y + 12:.0f}" class="small">{escape(below)}</text>'
    )


def _line(form: Form, kind: str, y: float, height: float, part: Part, rate: float) -> str:
    """From the box to the journal, or from the journal to the box."""
    inner, middle = (form.width - form.journal) / 2, height / 2
    ends = [(form.box, y), (inner, middle)]
    if kind == "collectors":
        ends = [(form.width - inner, middle), (form.width - form.box, y)]
    (x1, y1), (x2, y2) = ends
    bend = (x1 + x2) / 2
    width = min(1.5 + math.log10(1 + rate) * 1.5, 8)
    return (
        f'<path d="M{x1:.0f} {y1:.1f}C{bend:.0f} {y1:.1f} {bend:.0f} {y2:.1f} {x2:.0f} {y2:.1f}" '
        f'class="{"link" if _is_good(part) else "link broken"}" stroke-width="{width:.1f}"/>'
    )


def _number(y: float, height: float, waiting: int) -> str:
    """What waits, beside the end of the line where the curve leaves room."""
    at = y + 16 if y > height / 2 else y - 8
    return f'<text x="{WIDE.width - WIDE.box - 8}" y="{at:.0f}" class="on">{waiting:,} waiting</text>'


def _is_good(part: Part) -> bool:
    return part["error"] is None and not part.get("stalled_since")


def _spoken(facts: Mapping[str, Any]) -> str:
    """The picture in words, of those that are drawn."""
    parts = [
        f"{name} {state_of(kind, part)}"
        for kind in ("sources", "collectors")
        for name, part in boxes(facts[kind])
    ]
    return escape("; ".join(parts))
