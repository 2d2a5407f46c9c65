"""Sources and collectors on the page: those in trouble first, a few in full, hundreds as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lpforwarder.endpoint.history import STEP, History, Step
from lpforwarder.endpoint.page import drawing
from lpforwarder.endpoint.page.words import ago, count, escape, most_waiting, rank, receipt, span, state_of

MOST_CARDS = 12
FEW_CARDS = 6
"""In full when there are more than MOST_CARDS: the troubled ones."""
MOST_ROWS = 100

Part = Mapping[str, Any]
Named = Sequence[tuple[str, Part]]
_SIGNS = ("bad", "warn", "good")
"""Classes of the style sheet, by rank."""


def section(kind: str, facts: Mapping[str, Any], history: History) -> str:
    """All sources, or all collectors; `kind` is `sources` or `collectors`."""
    parts = sorted(facts[kind].items(), key=lambda item: rank(item[1]))
    cards, rest = parts, parts[:0]
    if len(parts) > MOST_CARDS:
        few = min(sum(rank(part) < 2 for _, part in parts), FEW_CARDS)
        cards, rest = parts[:few], parts[few:]
    totals = f'<span class="total">{_totals(kind, parts, facts["time"])}</span>'
    return (
        f"<section><h2>{kind.capitalize()} {totals}</h2>"
        f"{''.join(_card(kind, name, part, facts['time'], history) for name, part in cards)}"
        f"{_table(kind, rest, facts['time']) if rest else ''}</section>"
    )


def _totals(kind: str, parts: Named, now: str) -> str:
    bad, look = (sum(rank(part) == wanted for _, part in parts) for wanted in (0, 1))
    told = [f"{len(parts):,} in all", f"{bad:,} in trouble" if bad else "none in trouble"]
    if look:
        told.append(f"{look:,} to look at")
    if kind == "collectors":
        told.append(f"{most_waiting(parts)} waiting")
    else:
        told.append(count(sum(part["events"] for _, part in parts), "event"))
        newest = max((part["newest_event"] or "" for _, part in parts), default="")
        told += [f"the newest {ago(newest, now)}"] if newest else []
    return ", ".join(told)


# ---- in full --------------------------------------------------------------------------------------------


def _card(kind: str, name: str, part: Part, now: str, history: History) -> str:
    steps = history.steps(kind, name)
    shown = _collector(part, now) if kind == "collectors" else _source(part, now)
    rows = "".join(f"<div><dt>{title}</dt><dd>{escape(value)}</dd></div>" for title, value in shown)
    sign = _SIGNS[rank(part)]
    head = f'<span class="state {sign}">{escape(_state(kind, part, now))}</span>'
    if kind == "collectors":
        head += f' <span class="to">{escape(part["target"])}, {escape(part["transport"])}</span>'
    return (
        f'<article class="part {sign}"><h3>{escape(name)} {head}</h3>'
        f"<dl>{rows}</dl>{''.join(_notes(kind, name, part, now))}"
        f"{_day(steps)}</article>"
    )


def _state(kind: str, part: Part, now: str) -> str:
    """The state and how long it has been so."""
    state = state_of(kind, part)
    since = part.get("stalled_since") or part.get("connected_since") or ""
    if part["error"] is not None and not part.get("stalled_since"):
        since = part["since"]
    return f"{state} {_for(since, now)}".rstrip()


def _for(since: str, now: str) -> str:
    """`for 2 h 10 min`; "" when nobody knows."""
    return f"for {ago(since, now).removesuffix(' ago')}" if since else ""


def _collector(part: Part, now: str) -> Iterator[tuple[str, str]]:
    yield "waiting", f"{part['waiting']:,}"
    yield "of these sent", f"{part['sent'] - part['confirmed']:,}"
    yield "oldest waiting", ago(part["oldest_waiting"], now).removesuffix(" ago") if part["waiting"] else "–"
    yield "last sent", ago(part["last_sent"], now)
    yield "confirmed", f"{part['confirmed']:,}"
    yield "receipt", receipt(part["confirm"])
    yield "sent again", f"{part['replayed']:,}"
    yield "set aside", f"{part['set_aside']:,}"
    if part["lost"]:
        yield "lost", f"{part['lost']:,}"
    if part["held"]:
        yield "held by rate_limit to", part["rate_limit"]
    if days := [certificate["days"] for certificate in part["certificates"]]:
        yield "certificates", f"{count(min(days), 'day')} left" if min(days) >= 0 else "expired"


def _source(part: Part, now: str) -> Iterator[tuple[str, str]]:
    yield "last poll", ago(part["last_poll"], now)
    yield "newest event", ago(part["newest_event"], now)
    yield "events", f"{part['events']:,}"
    yield "known already", f"{part['duplicates']:,}"
    yield "set aside", f"{part['rejects_kept']:,}"


def _notes(kind: str, name: str, part: Part, now: str) -> Iterator[str]:
    """What is wrong, what to do, and the command that tells more."""
    if part["error"] is not None:
        again = "" if part.get("stalled_since") else " It is tried now."
        again = f" Next try {ago(part['next_try'], now)}." if part["next_try"] else again
        command = "test-send --collector" if kind == "collectors" else "test-pull --source"
        hint = f"{again} Try: <code>lpforwarder {command} {escape(name)}</code>"
        yield note(part["error"], hint, bad=True)
    for alarm in part["alarms"]:
        yield note(alarm)
    for certificate in part.get("certificates", ()):
        if certificate["ends_soon"]:
            yield f'<p class="note">{escape(certificate["text"])} [LPF205].</p>'
    if part.get("set_aside"):
        told = f"{count(part['set_aside'], 'event')} it could not take, set aside"
        yield f'<p class="note">{told}. See: <code>lpforwarder rejects list</code></p>'


def note(trouble: Mapping[str, Any], more: str = "", *, bad: bool = False) -> str:
    """A trouble with its code and remedy; `more` is markup."""
    fix = f" To do: {escape(trouble['fix'])}." if trouble["fix"] else ""
    kind = "note bad" if bad else "note"
    return f'<p class="{kind}">{escape(trouble["text"])} [{escape(trouble["code"])}].{fix}{more}</p>'


def _day(steps: Sequence[Step]) -> str:
    total = sum(step.events for step in steps)
    told = f"{count(total, 'event')} in {span(len(steps) * STEP)}" if steps else "not watched yet"
    return (
        f'{drawing.strip(steps)}<div class="scale"><span>24 h ago</span><span>{told}</span>'
        "<span>now</span></div>"
    )


# ---- as a table -----------------------------------------------------------------------------------------


def _table(kind: str, parts: Named, now: str) -> str:
    titles = {
        "collectors": ("collector", "state", "waiting", "oldest", "last sent", "confirmed"),
        "sources": ("source", "state", "last poll", "newest event", "events", "set aside"),
    }[kind]
    head = "".join(f"<th>{title}</th>" for title in titles)
    rows = "".join(_row(kind, name, part, now) for name, part in parts[:MOST_ROWS])
    return f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>{_left_out(parts[MOST_ROWS:])}'


def _row(kind: str, name: str, part: Part, now: str) -> str:
    if kind == "collectors":
        oldest = ago(part["oldest_waiting"], now).removesuffix(" ago") if part["waiting"] else "–"
        cells = [f"{part['waiting']:,}", oldest, ago(part["last_sent"], now), f"{part['confirmed']:,}"]
    else:
        times = [ago(part[key], now) for key in ("last_poll", "newest_event")]
        cells = [*times, f"{part['events']:,}", f"{part['rejects_kept']:,}"]
    code = f" {part['error']['code']}" if part["error"] is not None else ""
    state = f'<td class="{_SIGNS[rank(part)]}">{escape(state_of(kind, part) + code)}</td>'
    return f"<tr><td>{escape(name)}</td>{state}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _left_out(parts: Named) -> str:
    if not parts:
        return ""
    bad = sum(rank(part) == 0 for _, part in parts)
    told = f"{bad:,} of them in trouble" if bad else "none of them in trouble"
    return f"<p>And {len(parts):,} more, {told}. All of them: <code>lpforwarder status</code></p>"
