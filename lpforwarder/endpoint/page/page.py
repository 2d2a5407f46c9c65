"""The page for people: a verdict, the picture of the flow, each part, a day in strips, what happened last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lpforwarder import __version__
from lpforwarder.endpoint.history import STEP, History
from lpforwarder.endpoint.page import drawing
from lpforwarder.endpoint.page.parts import note, section
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
        _picture(facts, history),
        section("collectors", facts, history),
        section("sources", facts, history),
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
    return f"<h1>{sign} {escape(facts['sentence'])}</h1>{''.join(_notes(facts))}"


def _notes(facts: Mapping[str, Any]) -> Iterable[str]:
    """What concerns neither a source nor a collector."""
    for warning in facts["journal"]["warnings"]:
        yield note(warning, bad=warning["grave"])
    if facts["http"] is not None and facts["http"]["error"] is not None:
        yield note(facts["http"]["error"])
    if facts["reload"] is False:
        yield (
            '<p class="note">The last reload was refused; the settings before it are in force. '
            "Try: <code>lpforwarder check-config</code></p>"
        )


def _picture(facts: Mapping[str, Any], history: History) -> str:
    rates, room = _rates(facts, history), _room(facts)
    forms = (drawing.WIDE, drawing.NARROW)
    return "".join(drawing.flow(facts, rates, room, form) for form in forms)


def _rates(facts: Mapping[str, Any], history: History) -> dict[str, float]:
    """Events a minute of the last quarter of an hour, of the parts that are drawn."""
    rates = {}
    for kind in ("sources", "collectors"):
        for name, _ in drawing.boxes(facts[kind]):
            if steps := history.steps(kind, name, _RATE_STEPS):
                rates[f"{kind}:{name}"] = sum(step.events for step in steps) / (STEP / 60 * len(steps))
    return rates


def _room(facts: Mapping[str, Any]) -> str:
    left = facts["journal"]["full_in_seconds"]
    if left is None:
        return octets(facts["journal"]["bytes"])
    if not left:
        return "full"
    return f"room for {left / _DAYS:,.0f} d" if left > 2 * _DAYS else f"full in {span(left)}"


def _happenings(happenings: Iterable[tuple[str, str]], now: str) -> str:
    rows = [
        f'<tr><td title="{escape(time)}">{ago(time, now)}</td><td>{escape(text)}</td></tr>'
        for time, text in happenings
    ]
    return f'<h2>What happened last</h2><table class="log">{"".join(rows)}</table>' if rows else ""


def _foot(facts: Mapping[str, Any]) -> str:
    now = facts["time"]
    return (
        "<footer><p>In the strips: red is a time in trouble, grey is before the service started or the part "
        "was added; higher bars are more events, on a logarithmic scale.</p>"
        f"<p>lpforwarder {__version__}, up {_age(facts['started'], now)}, "
        f"configuration of {ago(facts['configured'], now)}. {_journal(facts['journal'])} {_endpoint(facts)} "
        f"As of {escape(now)}; refreshes every {REFRESH} s.</p>"
        '<p><a href="/metrics">metrics</a> · <a href="/healthz">health</a> · '
        '<a href="/readyz">readiness</a> · <a href="/openapi.json">API description</a></p></footer>'
    )


def _age(time: str | None, now: str) -> str:
    return ago(time, now).removesuffix(" ago")


def _journal(journal: Mapping[str, Any]) -> str:
    kept = max(journal["last"] - journal["first"] + 1, 0) if journal["last"] else 0
    lost = sum(gap["count"] for gap in journal["gaps"] if gap["lost"] and not gap["collector"])
    damaged = f", {count(lost, 'event')} damaged and lost" if lost else ""
    return f"Journal: {count(kept, 'event')}, {octets(journal['bytes'])}{damaged}."


def _endpoint(facts: Mapping[str, Any]) -> str:
    http = facts["http"]
    if http is None:
        return ""
    scheme = "https" if http["tls"] else "http"
    return f"Endpoint: {scheme}://{escape(http['listen'])}/, {count(http['clients'], 'client')}."
