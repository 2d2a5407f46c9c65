"""A bar chart as SVG, and nothing else: a plot in the repository needs no library. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _LABEL, _VALUE = 720, 190, 90
_BAR, _GAP, _HEAD = 16, 4, 34
_COLOURS = ("#1b7f5c", "#b0483a", "#d98a7e", "#3a5fb0", "#8fa5d9", "#888888")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """One group: a heading, and a bar for each name."""

    title: str
    values: tuple[tuple[str, float], ...]
    """(name, value); the same name has the same colour in every group."""


def bars(title: str, unit: str, groups: Sequence[Bars]) -> str:
    """The chart; every group has a scale of its own, from 0."""
    names = list(dict.fromkeys(name for group in groups for name, _ in group.values))
    parts: list[str] = [_text(8, 22, f"{title}, {unit}", bold=True)]
    top = _HEAD
    for group in groups:
        top += 18
        parts.append(_text(8, top, group.title, bold=True))
        top += 8
        most = max((value for _, value in group.values), default=0.0) or 1.0
        for name, value in group.values:
            parts += _bar(top, name, value, value / most, _COLOURS[names.index(name) % len(_COLOURS)])
            top += _BAR + _GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top + 10}" '
        f'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _bar(top: float, name: str, value: float, share: float, colour: str) -> list[str]:
    length = max(share * (_WIDTH - _LABEL - _VALUE), 1.0)
    shown = f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
    return [
        _text(_LABEL - 8, top + 12, name, anchor="end"),
        f'<rect x="{_LABEL}" y="{top}" width="{length:.1f}" height="{_BAR}" fill="{colour}"/>',
        _text(_LABEL + length + 6, top + 12, shown),
    ]


def _text(x: float, y: float, text: str, *, bold: bool = False, anchor: str = "start") -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'
