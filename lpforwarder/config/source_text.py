"""The lines of a configuration as they may be shown: secrets masked, control characters harmless."""

from __future__ import annotations

import re

from lpforwarder.config import secrecy

_BREAK = re.compile(
    "\r\n|[\r\n\x85\u2028\u2029]"
)  # what YAML 1.1 counts as line breaks; fewer than splitlines()
_KEY = re.compile(r"""(?P<key>[\w.-]+)["']?\s*:\s*""")
WIDTH = 110
"""Characters of a line that are shown."""
_BEFORE = 60  # of them before the place in question


class SourceText:
    """Lines from 1. Parts can be hidden for good."""

    def __init__(self, text: str) -> None:
        self._lines = _BREAK.split(text.removeprefix("\ufeff"))
        self._hidden: dict[int, list[tuple[int, int]]] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def raw(self, line: int) -> str:
        """The line itself, for looking at, never for showing; empty when there is no such line."""
        return self._lines[line - 1] if 1 <= line <= len(self._lines) else ""

    def hide(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Masks from `start` to before `end`; lines and columns from 0, as YAML marks count."""
        for line in range(start[0], end[0] + 1):
            first = start[1] if line == start[0] else 0
            last = end[1] if line == end[0] else len(self.raw(line + 1))
            if last > first:
                self._hidden.setdefault(line + 1, []).append((first, last))

    def hide_likely_secrets(self) -> None:
        """Masks what stands behind and below keys that look like secrets, for a text that is no YAML.

        Rather too much than too little: lines that are indented deeper than the key, and the lines of a
        quote that is not closed.
        """
        depth, quote = -1, ""
        for line, text in enumerate(self._lines):
            stripped = text.lstrip(" \t")
            indent = len(text) - len(stripped)
            if depth >= 0 and (quote or not stripped or indent > depth or text[:indent].count("\t")):
                self.hide((line, indent), (line, len(text)))
                quote = "" if quote in stripped else quote
                continue
            depth = -1
            for match in _KEY.finditer(text):
                if secrecy.resembles_secret(match["key"]):
                    self.hide((line, match.end()), (line, len(text)))
                    depth, value = indent, text[match.end() :]
                    quote = value[:1] if value[:1] in ("'", '"') and value.count(value[:1]) % 2 else ""
                    break

    def excerpt(self, line: int, column: int) -> tuple[str, int]:
        """The line as it may be shown, and where `column` is in it; a long line is cut around the place."""
        shown, place = "", min(max(column - 1, 0), len(self.raw(line)))
        moved = place
        end = 0
        for first, last in self._masks(line):
            shown += self.raw(line)[end:first] + secrecy.MASK
            if place >= last:
                moved += len(secrecy.MASK) - (last - first)
            elif place > first:
                moved -= place - first
            end = last
        shown += self.raw(line)[end:]
        return _window(_harmless(shown.rstrip()), moved)

    def _masks(self, line: int) -> list[tuple[int, int]]:
        """Parts to mask, in order, none overlapping another."""
        parts = sorted([*self._hidden.get(line, ()), *secrecy.spans(self.raw(line))])
        merged: list[tuple[int, int]] = []
        for first, last in parts:
            if merged and first < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return merged


def _harmless(text: str) -> str:
    """Tabs as →; what a terminal could obey as ?."""
    return "".join("→" if c == "\t" else c if c.isprintable() else "?" for c in text)


def _window(text: str, place: int) -> tuple[str, int]:
    if len(text) <= WIDTH:
        return text, place + 1
    start = max(0, min(place - _BEFORE, len(text) - WIDTH))
    head = "…" if start else ""
    tail = "…" if start + WIDTH < len(text) else ""
    return head + text[start : start + WIDTH] + tail, place - start + len(head) + 1
