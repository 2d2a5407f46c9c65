"""A flame graph as SVG: every function as wide as its share, what it calls above it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from bench.sampling import Stack

_WIDTH, _ROW, _CHARACTER = 1100.0, 17, 6.6
_NARROWEST = 1.0
"""Pixels; what is narrower is left out, with all above it."""
_COLOURS = ("#f0a860", "#e8935a", "#f3bd7a", "#dd8452", "#f5c98f")


@dataclass(slots=True)
class _Node:
    name: str
    count: int = 0
    children: dict[str, _Node] = field(default_factory=dict)


def flame_graph(title: str, stacks: Counter[Stack]) -> str:
    """The picture; a click does nothing, but each box says its name and share when pointed at."""
    root = _Node("all")
    for stack, count in stacks.items():
        _add(root, stack, count)
    boxes = list(_boxes(root, 0.0, 0, _WIDTH / max(root.count, 1)))
    rows = max((row for row, *_ in boxes), default=0) + 1
    height = rows * _ROW + 34
    drawn = [_drawn(box, height, root.count) for box in boxes]
    head = f'<text x="6" y="18" font-weight="bold">{escape(title)}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH:.0f}" height="{height}" '
        'font-family="monospace" font-size="11">\n<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join([head, *drawn])
        + "\n</svg>\n"
    )


def _add(node: _Node, stack: Stack, count: int) -> None:
    node.count += count
    for name in stack:
        node = node.children.setdefault(name, _Node(name))
        node.count += count


_Box = tuple[int, float, float, str, int]
"""Row from below, left edge, width, name, samples."""


def _boxes(node: _Node, left: float, row: int, scale: float) -> Iterator[_Box]:
    yield row, left, node.count * scale, node.name, node.count
    for name in sorted(node.children):
        child = node.children[name]
        if child.count * scale >= _NARROWEST:
            yield from _boxes(child, left, row + 1, scale)
        left += child.count * scale


def _drawn(box: _Box, height: int, total: int) -> str:
    row, left, width, name, count = box
    top = height - (row + 1) * _ROW - 4
    colour = _COLOURS[sum(name.encode()) % len(_COLOURS)]
    room = int((width - 4) / _CHARACTER)
    short = name.rpartition("/")[2]
    shown = short if len(short) <= room else short.rpartition(":")[2][: max(room, 0)]
    told = f"{name} {count / total:.1%}" if total else name
    text = f'<text x="{left + 2:.1f}" y="{top + 12}">{escape(shown)}</text>' if room >= 3 else ""
    return (
        f'<g><title>{escape(told)}</title><rect x="{left:.1f}" y="{top}" width="{max(width - 0.5, 0.5):.1f}" '
        f'height="{_ROW - 1}" fill="{colour}"/>{text}</g>'
    )
