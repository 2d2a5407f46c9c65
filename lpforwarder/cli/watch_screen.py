"""The screen of `status --watch` as lines of text, made of the facts of `status --json`; no terminal here."""

from __future__ import annotations

import textwrap
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
from msgspec import Struct

from lpforwarder.cli.status import http_lines, journal_line, service_line
from lpforwarder.config.restarts import unused
from lpforwarder.endpoint.page.words import ago, count, most_waiting, rank, state_of
from lpforwarder.status import age

KEYS = {"a": "all", "c": "collectors", "s": "sources"}
_HELP = "q quit   c collectors   s sources   a all"
_COUNTED = {"sources": "events", "collectors": "confirmed"}
_COLORS = ("red", "yellow", "green")
"""By rank."""
_VERDICTS = {"ok": "green", "behind": "yellow"}
_LEAST_NAME = 10
_PACE_OVER = 60.0

Facts = Mapping[str, Any]
Named = Sequence[tuple[str, Facts]]


class Pace:
    """Events a minute of each source and collector, from what was seen in the last minute."""

    def __init__(self) -> None:
        self._seen: deque[tuple[str, dict[str, int]]] = deque()

    def note(self, facts: Facts) -> None:
        """Takes a snapshot; they come in order."""
        numbers = {
            f"{kind}:{name}": part[counter]
            for kind, counter in _COUNTED.items()
            for name, part in facts[kind].items()
        }
        self._seen.append((facts["time"], numbers))
        while age(self._seen[0][0], facts["time"]) > _PACE_OVER:
            self._seen.popleft()

    def per_minute(self, kind: str, name: str) -> str:
        """`12.4`; "-" when it has been seen once only. To be asked after the first note()."""
        (begun, first), (ended, last) = self._seen[0], self._seen[-1]
        key, seconds = f"{kind}:{name}", age(begun, ended)
        if seconds <= 0 or key not in first or key not in last:
            return "-"
        pace = max(last[key] - first[key], 0) * 60 / seconds
        return f"{pace:,.0f}" if pace >= 100 else f"{pace:.1f}"


class Look(Struct, frozen=True, kw_only=True):
    """How it is shown."""

    width: int
    height: int
    view: str = "all"
    """`all`, `sources` or `collectors`."""
    color: bool = False


def screen(facts: Facts, pace: Pace, look: Look) -> list[str]:
    """At most `height` lines of `width` columns: the verdict, those in trouble first, totals, keys."""
    head = [*_verdict(facts, look), *(_cut(line, look.width) for line in _notes(facts)), ""]
    told = ["", journal_line(facts), *http_lines(facts), service_line(facts), _keys(facts, look)]
    foot = [_cut(_printable(line), look.width) for line in told]
    room = max(look.height - len(head) - len(foot), 0)
    kinds = ["collectors", "sources"] if look.view == "all" else [look.view]
    sections = [_Section(kind, facts, pace) for kind in kinds]
    shares = _allotted([section.wanted for section in sections], room)
    body: list[str] = []
    for section, share in zip(sections, shares, strict=True):
        body += section.lines(share, look)
    body += [""] * (room - len(body))
    return [*head, *body, *foot][: look.height]


def failed(sentence: str, look: Look) -> list[str]:
    """The screen when nobody can say how the service is."""
    lines = textwrap.wrap(_printable(f"UNKNOWN  {sentence}"), look.width)[: max(look.height - 2, 1)]
    return [*lines, "", _cut("It is asked again every two seconds.   q quit", look.width)][: look.height]


def _verdict(facts: Facts, look: Look) -> list[str]:
    verdict = facts["verdict"].upper()
    lines = textwrap.wrap(_printable(f"{verdict}  {facts['sentence']}"), look.width)
    if look.color:
        told = click.style(verdict, fg=_VERDICTS.get(facts["verdict"], "red"), bold=True)
        lines[0] = told + lines[0].removeprefix(verdict)
    return lines


def _notes(facts: Facts) -> Iterator[str]:
    """What concerns neither a source nor a collector."""
    for warning in facts["journal"].get("warnings", ()):
        yield _printable(f"  journal: {warning['text']} [{warning['code']}]. fix: {warning['fix']}")
    if facts.get("reload") is False:
        yield "  the last reload was refused; the settings before it are in force. See: check-config"
    if keys := facts.get("needs_restart"):
        yield _printable(f"  {unused(keys)}")


def _keys(facts: Facts, look: Look) -> str:
    now = f"{facts['time'][11:19]} UTC"
    return f"{_HELP}{now:>{max(look.width - len(_HELP), len(now) + 2)}}"


def _allotted(wanted: Sequence[int], room: int) -> list[int]:
    """Lines for each section: what it wants where that leaves room, else its share and what others leave."""
    if len(wanted) == 1:
        return [room]
    first = min(wanted[0], max(room // 2, room - wanted[1]))
    return [first, room - first]


class _Section:
    """All sources, or all collectors."""

    def __init__(self, kind: str, facts: Facts, pace: Pace) -> None:
        self._kind = kind
        self._now = facts["time"]
        self._pace = pace
        self._parts: Named = sorted(facts[kind].items(), key=lambda item: rank(item[1]))
        self._told = [list(self._troubles(part)) for _, part in self._parts]
        self.wanted = 3 + sum(1 + len(told) for told in self._told)
        """Lines it would fill: title, heads, one for each part and its troubles, and a gap."""

    def lines(self, room: int, look: Look) -> list[str]:
        """As many parts as find room, those in trouble first, and how many are left out."""
        if room < 3:
            return [_cut(self._title(), look.width)][:room]
        shown = self._fitting(room - (3 if room < self.wanted else 2))
        rows = [self._row(name, part) for name, part in self._parts[:shown]]
        heads, *lines = _table(self._heads(), rows, look.width)
        made = [_cut(self._title(), look.width), heads]
        for place, line in enumerate(lines):
            made.append(_styled(line, rows[place][1], rank(self._parts[place][1]), look))
            made += [_cut(_printable(f"    {text}"), look.width) for text in self._told[place]]
        made += _left_out(self._parts[shown:])
        return [*made, ""][:room]

    def _fitting(self, room: int) -> int:
        """How many parts fit with their troubles."""
        for place, told in enumerate(self._told):
            room -= 1 + len(told)
            if room < 0:
                return place
        return len(self._told)

    def _title(self) -> str:
        bad = sum(rank(part) == 0 for _, part in self._parts)
        told = [f"{len(self._parts):,} in all", f"{bad or 'none'} in trouble"]
        if self._kind == "collectors":
            told.append(f"{most_waiting(self._parts)} waiting")
        else:
            told.append(count(sum(part["events"] for _, part in self._parts), "event"))
        return f"{self._kind.upper()}  {', '.join(told)}"

    def _heads(self) -> Sequence[str]:
        if self._kind == "collectors":
            return ("  NAME", "STATE", "WAITING", "OLDEST", "LAST SENT", "PER MIN")
        return ("  NAME", "STATE", "LAST POLL", "NEWEST", "EVENTS", "PER MIN")

    def _row(self, name: str, part: Facts) -> Sequence[str]:
        state, now = state_of(self._kind, part), self._now
        pace = self._pace.per_minute(self._kind, name)
        if self._kind == "collectors":
            oldest = _ago(part["oldest_waiting"] if part["waiting"] else None, now).removesuffix(" ago")
            return (f"  {name}", state, f"{part['waiting']:,}", oldest, _ago(part["last_sent"], now), pace)
        times = [_ago(part[key], now) for key in ("last_poll", "newest_event")]
        return (f"  {name}", state, *times, f"{part['events']:,}", pace)

    def _troubles(self, part: Facts) -> Iterator[str]:
        """One line for each thing a person should know of."""
        if (error := part["error"]) is not None:
            again = f" Next try {ago(part['next_try'], self._now)}." if part["next_try"] else ""
            yield f"{error['text']} [{error['code']}].{again}"
        if part.get("stalled_since"):
            yield f"connected, and has confirmed nothing for {_ago(part['stalled_since'], self._now)[:-4]}"
        for alarm in part["alarms"]:
            yield f"{alarm['text']} [{alarm['code']}]."
        if part.get("set_aside"):
            yield f"{count(part['set_aside'], 'event')} set aside. See: lpforwarder rejects list"


def _left_out(parts: Named) -> list[str]:
    if not parts:
        return []
    bad = sum(rank(part) == 0 for _, part in parts)
    return [f"  and {len(parts):,} more, {f'{bad:,}' if bad else 'none'} of them in trouble"]


# ---- text -----------------------------------------------------------------------------------------------


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Columns as wide as their widest cell; where the screen is too narrow, the names are cut."""
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    others = sum(widths[1:]) + 2 * (len(widths) - 1)
    widths[0] = min(widths[0], max(width - others, _LEAST_NAME))
    return [
        _cut("  ".join(_cut(cell, wide).ljust(wide) for cell, wide in zip(row, widths, strict=True)), width)
        for row in (heads, *rows)
    ]


def _styled(line: str, state: str, place: int, look: Look) -> str:
    """The line with its state in colour, where the state stands in it whole."""
    if not look.color:
        return line
    before, found, behind = line.rpartition(f"  {state}  ")
    return f"{before}  {click.style(state, fg=_COLORS[place])}  {behind}" if found else line


def _cut(text: str, width: int) -> str:
    text = text.rstrip()
    return text if len(text) <= width else f"{text[: max(width - 1, 0)]}…"


def _ago(time: str | None, now: str) -> str:
    return ago(time, now) if time else "-"


def _printable(text: str) -> str:
    """Without anything a terminal would obey: a collector's own words may be part of it."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
