"""The page for people: a verdict, the picture of the flow, each part, a day in strips, what happened last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lpforwarder import __version__
from lpforwarder.endpoint.history import History, Step
from lpforwarder.endpoint.page import drawing
from lpforwarder.endpoint.page.style import STYLE
from lpforwarder.endpoint.page.words import ago, count, escape, octets, span

REFRESH = 5
"""Seconds."""
_SIGNS = {"ok": "✓ OK", "behind": "! BEHIND", "down": "✗ DOWN"}
_RATE_STEPS = 3
_DAYS = 86_400


def page(facts: Mapping[str, Any], history: History, happenings: Iterable[tuple[str, str]]) -> str:
    """The whole page, made of the facts of `status --json`; `happenings` are (time, sentence), newest first.

    It shows no audit event: states and numbers only.
    """
    body = [
        _verdict(facts),
        f'<div class="picture">{drawing.flow(facts, _rates(facts, history), _room(facts))}</div>',
        _section(
            "Collectors",
            [_collector(name, part, facts, history) for name, part in facts["collectors"].items()],
        ),
        _section("Sources", [_source(name, part, facts, history) for name, part in facts["sources"].items()]),
        _happenings(happenings, facts["time"]),
        _foot(facts),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="refresh" content="{REFRESH}">'
        f"<title>{_SIGNS[facts['verdict']]} lpforwarder</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>"
    )


def _verdict(facts: Mapping[str, Any]) -> str:
    sign = f'<span class="verdict {facts["verdict"]}">{_SIGNS[facts["verdict"]]}</span>'
    notes = [_note(warning) for warning in facts["journal"].get("warnings", ())]
    return f"<h1>{sign} {escape(facts['sentence'])}</h1>{''.join(notes)}"


def _note(trouble: Mapping[str, str], *, bad: bool = False) -> str:
    fix = f" To do: {escape(trouble['fix'])}" if trouble.get("fix") else ""
    kind = "note bad" if bad else "note"
    return f'<p class="{kind}">{escape(trouble["text"])} [{escape(trouble["code"])}].{fix}</p>'


def _section(title: str, parts: Sequence[str]) -> str:
    return f"<h2>{title}</h2>{''.join(parts)}"


def _collector(name: str, part: Mapping[str, Any], facts: Mapping[str, Any], history: History) -> str:
    now = facts["time"]
    days = [certificate.get("days_left") for certificate in part.get("certificates", ())]
    known = [number for number in days if number is not None]
    rows = [
        ("waiting", f"{part['waiting']:,}"),
        ("oldest", ago(part["oldest_waiting"], now) if part["waiting"] else "–"),
        ("last sent", ago(part["last_sent"], now)),
        ("confirmed", f"{part['confirmed']:,}"),
        ("confirmed by", part["confirm"] or "–"),
        ("sent again", f"{part['replayed']:,}"),
        ("set aside", f"{part['set_aside']:,}"),
        ("connected", ago(part["connected_since"], now).removesuffix(" ago")),
    ]
    if known:
        rows.append(("certificate ends in", count(min(known), "day")))
    hint = f"lpforwarder test-send --collector {name}"
    head = f"{escape(name)} <span>{escape(part['transport'])} {escape(part['target'])}</span>"
    return _part(head, part, rows, now, hint, history.steps("collectors", name), "out")


def _source(name: str, part: Mapping[str, Any], facts: Mapping[str, Any], history: History) -> str:
    now = facts["time"]
    rows = [
        ("last poll", ago(part["last_poll"], now)),
        ("newest event", ago(part["newest_event"], now)),
        ("events", f"{part['events']:,}"),
        ("known already", f"{part['duplicates']:,}"),
        ("set aside", f"{part['rejects']:,}"),
    ]
    hint = f"lpforwarder test-pull --source {name}"
    return _part(escape(name), part, rows, now, hint, history.steps("sources", name), "in")


def _part(
    head: str,
    part: Mapping[str, Any],
    rows: Iterable[tuple[str, str]],
    now: str,
    hint: str,
    steps: Sequence[Step],
    way: str,
) -> str:
    """One source or collector."""
    state = "ok" if part["error"] is None and part["state"] == "running" else "behind"
    cells = "".join(f"<div><dt>{title}</dt><dd>{escape(value)}</dd></div>" for title, value in rows)
    notes = [_note(alarm) for alarm in part.get("alarms", ())]
    if part["error"] is not None:
        again = f" Next try {ago(part['next_try'], now)}." if part["next_try"] else ""
        notes.append(_note(part["error"], bad=True))
        notes.append(f'<p class="note bad">{again} Try: <code>{escape(hint)}</code></p>')
    day = drawing.strip(steps, f"24 hours {way}")
    return (
        f'<div class="part"><h3><span class="{state}">{escape(part["state"])}</span> {head}</h3>'
        f"<dl>{cells}</dl>{''.join(notes)}{day}"
        '<div class="scale"><span>24 h ago</span><span>12 h</span><span>now</span></div></div>'
    )


def _happenings(happenings: Iterable[tuple[str, str]], now: str) -> str:
    rows = [
        f'<tr><td title="{escape(time)}">{ago(time, now)}</td><td>{escape(text)}</td></tr>'
        for time, text in happenings
    ]
    return f"<h2>What happened last</h2><table>{''.join(rows)}</table>" if rows else ""


def _rates(facts: Mapping[str, Any], history: History) -> dict[str, float]:
    """Events a minute of the last quarter of an hour."""
    rates = {}
    for kind in ("sources", "collectors"):
        for name in facts[kind]:
            steps = history.steps(kind, name)[-_RATE_STEPS:]
            if steps:
                rates[f"{kind}:{name}"] = sum(step.events for step in steps) / (5 * len(steps))
    return rates


def _room(facts: Mapping[str, Any]) -> str:
    left = facts["journal"]["full_in_seconds"]
    if left is None:
        return octets(facts["journal"]["bytes"])
    return f"room for {left / _DAYS:,.0f} days" if left > 2 * _DAYS else f"full in {span(left)}"


def _foot(facts: Mapping[str, Any]) -> str:
    journal = facts["journal"]
    kept = max(journal["last"] - journal["first"] + 1, 0) if journal["last"] else 0
    up = ago(facts["started"], facts["time"]).removesuffix(" ago")
    return (
        f"<footer><p>lpforwarder {__version__}, up {up}. "
        f"Journal: {count(kept, 'event')}, {octets(journal['bytes'])}. "
        f"As of {escape(facts['time'])}; refreshes every {REFRESH} s.</p>"
        '<p><a href="/metrics">metrics</a> · <a href="/healthz">health</a> · '
        '<a href="/readyz">readiness</a> · <a href="/openapi.json">API description</a></p></footer>'
    )
