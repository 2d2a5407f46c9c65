"""How the service is doing: one snapshot from which command line, status page, API and metrics read alike.

Pure: facts of the journal, states of the workers and the settings go in, plain JSON values come out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from lpforwarder import rfc3339
from lpforwarder.config.sections import address_text
from lpforwarder.counting import counted
from lpforwarder.delivery.certificates import URGENT_DAYS, WARN_DAYS, Certificate, ends_in
from lpforwarder.delivery.filters import chosen_by
from lpforwarder.delivery.options import CollectorOptions, rate_text
from lpforwarder.delivery.standstill import confirms_nothing
from lpforwarder.errors import PAUSED
from lpforwarder.journal.facts import Facts, SetAsideFacts
from lpforwarder.journal.notice import LOW as ROOM_LOW
from lpforwarder.journal.notice import Notice
from lpforwarder.journal.scan import Gap
from lpforwarder.runtime.worker import WorkerError, WorkerState
from lpforwarder.settings import Settings

BEHIND_AFTER = 60.0  # seconds an event may wait before we call it behind
_REFUSED_RELOAD = "The changed configuration has mistakes and was not used. See: lpforwarder check-config."
VERSION = 1

Waiting = Callable[[int, Callable[[str, str, str, int], bool]], tuple[int, str | None]]
"""JournalReader.waiting: (checkpoint, wanted) → (how many, received time of the oldest)."""


class LinkState(Struct, frozen=True, kw_only=True):
    """What a running collector knows beyond its state; times are RFC 3339."""

    connected_since: str | None = None
    peer: str = ""
    confirm: str = ""
    last_sent: str | None = None
    unconfirmed: int = 0
    unmoved_since: str | None = None
    """Since when something waits for its confirmation and nothing new was confirmed."""
    is_stalled: bool = False
    """That lasts too long: the collector takes connections and gets nowhere."""
    is_held: bool = False
    """Events wait because of `rate_limit`."""
    certificates: Sequence[Certificate] = ()
    alarms: Sequence[WorkerError] = ()
    """What a person should look at although the link works."""


class EndpointState(Struct, frozen=True, kw_only=True):
    """The HTTP endpoint of a running service."""

    address: str
    clients: int


class Life(Struct, frozen=True, kw_only=True):
    """The running process; None stands for a service that is down."""

    pid: int
    started: str
    workers: Mapping[str, WorkerState]
    """By worker name, `source:NAME` and `collector:NAME`."""
    links: Mapping[str, LinkState]
    """By the collector's configured name."""
    polls: Mapping[str, str | None]
    """When each source last answered."""
    alarms: Mapping[str, Sequence[WorkerError]] = field(default_factory=dict)
    """By the source's name: what a person should mend although events still flow."""
    full_in: float | None = None
    """Seconds until the journal is full at the present pace; None when nobody can say."""
    warnings: Sequence[Notice] = ()
    """What the journal has to say although events still flow."""
    heartbeat: str | None = None
    """When the last one was written; RFC 3339."""
    reload: bool | None = None
    """False when the last reload was refused and the settings before it stay; None before the first one."""
    endpoint: EndpointState | None = None
    """None when it is switched off."""
    configured: str | None = None
    """When the settings in force were applied; RFC 3339."""
    needs_restart: Sequence[str] = ()
    """Keys of these settings that are not in use before the next start."""
    journal: str | None = None
    """Where the journal in use is; None when that is where the settings say."""


def snapshot(
    settings: Settings, facts: Facts | None, waiting: Waiting, life: Life | None, *, now: str
) -> dict[str, Any]:
    """All there is to say, as INTERFACE fixes it; `facts` is None before the first start."""
    sources = {source.name: _source(source.name, facts, life) for source in settings.sources}
    collectors = {
        collector.name: _collector(collector, facts, waiting, life, now) for collector in settings.collectors
    }
    made: dict[str, Any] = {
        "version": VERSION,
        "time": now,
        "running": life is not None,
        "pid": life.pid if life else None,
        "started": life.started if life else None,
        "last_heartbeat": life.heartbeat if life else None,
        "configured": life.configured if life else None,
        "reload": life.reload if life else None,
        "needs_restart": list(life.needs_restart) if life else [],
        "sources": sources,
        "collectors": collectors,
        "journal": _journal(settings, facts, life),
        "http": _http(settings, life),
    }
    verdict, sentence = judge(made)
    return {"version": VERSION, "verdict": verdict, "sentence": sentence, **made}


def _source(name: str, facts: Facts | None, life: Life | None) -> dict[str, Any]:
    known = facts.sources.get(name) if facts else None
    return {
        **_state(f"source:{name}", life),
        "last_poll": (life.polls.get(name) if life else None) or (known.appended if known else None),
        "newest_event": known.newest if known else None,
        "events": known.events if known else 0,
        "duplicates": known.duplicates if known else 0,
        "rejects": known.rejects if known else 0,
        "rejects_kept": known.kept if known else 0,
        "alarms": [_error(alarm) for alarm in (life.alarms.get(name, ()) if life else ())],
    }


def _collector(
    options: CollectorOptions, facts: Facts | None, waiting: Waiting, life: Life | None, now: str
) -> dict[str, Any]:
    known = facts.collectors.get(options.name) if facts else None
    checkpoint = known.checkpoint if known else 0
    if known is None and facts is not None and options.start == "newest":
        checkpoint = facts.last
    count, oldest = waiting(checkpoint, chosen_by(options)) if facts else (0, None)
    link = (life.links.get(options.name) if life else None) or LinkState()
    aside = (facts.set_asides.get(options.name) if facts else None) or SetAsideFacts()
    confirmed = known.confirmed if known else 0
    return {
        **_collector_state(options.name, link, life),
        "waiting": count,
        "oldest_waiting": oldest,
        "checkpoint": checkpoint,
        "sent": confirmed + min(link.unconfirmed, count),
        "confirmed": confirmed,
        "confirm": link.confirm or getattr(options, "confirm", ""),
        "replayed": known.replayed if known else 0,
        "set_aside": aside.kept,
        "set_aside_total": aside.total,
        "set_aside_lost": aside.lost,
        "lost": sum(gap.missed.get(options.name, 0) for gap in (facts.gaps if facts else ())),
        "connected_since": link.connected_since,
        "last_sent": link.last_sent,
        "stalled_since": (link.unmoved_since or now) if link.is_stalled else None,
        "rate_limit": rate_text(options.rate_limit),
        "held": link.is_held,
        "certificates": [_certificate(each, now) for each in link.certificates],
        "alarms": [_error(alarm) for alarm in link.alarms],
        "last_confirmed": known.moved if known and known.confirmed else None,
        "transport": options.transport,
        "target": target(options),
    }


def _collector_state(name: str, link: LinkState, life: Life | None) -> dict[str, Any]:
    """As of any worker; one that gets nowhere is in trouble although its link is up."""
    state = _state(f"collector:{name}", life)
    if link.is_stalled and state["error"] is None:
        nothing = confirms_nothing(link.peer)
        state["error"] = {"code": nothing.code, "text": nothing.what, "fix": nothing.fix}
    return state


def _certificate(certificate: Certificate, now: str) -> dict[str, Any]:
    return {
        "kind": certificate.kind,
        "subject": certificate.subject,
        "not_after": certificate.not_after,
        "days": certificate.days_left(now),
        "ends_soon": certificate.days_left(now) <= WARN_DAYS,
        "text": f"{certificate.called()} {ends_in(certificate.days_left(now))}",
    }


def target(options: CollectorOptions) -> str:
    """`siem.example.net:6514`, as people name the far side."""
    hosts = getattr(options, "host", ())
    shown = [f"[{host}]" if ":" in host else host for host in hosts]
    port = getattr(options, "port", None)
    return ",".join(f"{host}:{port}" if port else host for host in shown)


def _state(worker: str, life: Life | None) -> dict[str, Any]:
    state = life.workers.get(worker) if life else None
    if state is None:
        return {"state": "stopped", "error": None, "next_try": None, "failures": {}, "measures": {}}
    error = _error(state.error) if state.error else None
    return {
        "state": state.state,
        "since": state.since,
        "error": error,
        "next_try": state.next_try,
        "failures": dict(state.failed),
        "measures": dict(state.measures),
    }


def _error(error: WorkerError) -> dict[str, str]:
    return {"code": error.code, "text": error.text, "fix": error.fix}


def _journal(settings: Settings, facts: Facts | None, life: Life | None) -> dict[str, Any]:
    return {
        "path": (life.journal if life else None) or str(settings.journal.path),
        "first": facts.first if facts else 0,
        "last": facts.last if facts else 0,
        "bytes": facts.octets if facts else 0,
        "gaps": [_gap(gap) for gap in facts.gaps] if facts else [],
        "rejects": facts.rejects if facts else 0,
        "full_in_seconds": life.full_in if life else None,
        "warnings": [
            {"code": one.code, "text": one.text, "fix": one.fix, "grave": one.is_grave}
            for one in (life.warnings if life else ())
        ],
    }


def _http(settings: Settings, life: Life | None) -> dict[str, Any] | None:
    """None when it is switched off; `wanted` when the configuration asks for this address by itself."""
    options = settings.http
    if options.listen is None:
        return None
    known = life.endpoint if life else None
    return {
        **_state("endpoint", life),
        "listen": known.address if known else address_text(options.listen),
        "tls": options.tls.cert_file is not None,
        "clients": known.clients if known else 0,
        "wanted": options.is_wanted,
    }


def _gap(gap: Gap) -> dict[str, Any]:
    """`lost` is False for places whose events come once more, and `collector` None when it concerns all."""
    return {
        "first": gap.first,
        "count": gap.count,
        "reason": gap.reason,
        "found": gap.found,
        "lost": gap.is_loss,
        "collector": gap.collector or None,
        "missed": dict(gap.missed),
    }


# ---- the sentence ---------------------------------------------------------------------------------------


def judge(made: Mapping[str, Any]) -> tuple[str, str]:
    """The verdict (`ok`, `behind`, `down`) and one sentence a tired person can act on."""
    total = on_the_way(made["collectors"])
    if not made["running"]:
        if not made["journal"]["last"]:
            return "down", "Not running; there is no event in the journal yet."
        return "down", f"Not running. Journal readable: {events(total)} {_wait(total)}."
    now = made["time"]
    grave = [warning for warning in made["journal"]["warnings"] if warning["grave"]]
    for warning in grave:
        if warning["code"] != ROOM_LOW:
            return "behind", _sentence(warning["text"])
    for kind in ("collectors", "sources"):
        for name, part in made[kind].items():
            if part["error"] is not None:
                return "behind", _trouble(name, part, kind, now)
    for warning in grave:
        return "behind", _sentence(warning["text"])
    for name, collector in made["collectors"].items():
        if age(collector["oldest_waiting"], now) > BEHIND_AFTER:
            return "behind", _slowness(name, collector, now)
    if (http := made["http"]) and http["error"] is not None and http["wanted"]:
        return "behind", _sentence(f"the HTTP endpoint is down: {http['error']['text']}")
    if made["reload"] is False:
        return "behind", _REFUSED_RELOAD
    for name, source in made["sources"].items():
        if source["alarms"]:
            return "behind", f"{name}: {source['alarms'][0]['text']}."
    for name, collector in made["collectors"].items():
        if collector["set_aside"]:
            return "behind", _set_aside(name, collector["set_aside"])
        for certificate in collector["certificates"]:
            if certificate["days"] <= URGENT_DAYS:
                return "behind", f"{name}: {certificate['text']}."
    newest = max((source["newest_event"] or "" for source in made["sources"].values()), default="")
    told = f" Newest event {spoken(age(newest, now))} ago." if newest else " No event has come in yet."
    if total:
        return "ok", f"All is well: {events(total)} on the way.{told}"
    return "ok", f"Everything is handed over and confirmed.{told}"


def on_the_way(collectors: Mapping[str, Mapping[str, Any]]) -> int:
    """How many events are still to be handed over: those of the collector that has to get the most.

    An event for three collectors is one event.
    """
    return max((collector["waiting"] for collector in collectors.values()), default=0)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _slowness(name: str, collector: Mapping[str, Any], now: str) -> str:
    count, oldest = collector["waiting"], collector["oldest_waiting"]
    waits = f"{events(count)} {_wait(count)} safely"
    held = f" It is held to {collector['rate_limit']} by rate_limit." if collector["held"] else ""
    return f"{name} is behind: {waits}, the oldest for {spoken(age(oldest, now))}.{held}"


def _set_aside(name: str, count: int) -> str:
    """Nothing is broken and nothing held up, but a person has to decide."""
    them = "it is" if count == 1 else "they are"
    what = f"{name} could not take {events(count)}; {them} set aside, all others go on"
    return f"{what}. See: lpforwarder rejects list."


def _trouble(name: str, part: Mapping[str, Any], kind: str, now: str) -> str:
    since = f" since {part['since'][11:16]} UTC ({spoken(age(part['since'], now))})"
    if part["error"]["code"] in PAUSED:
        return f"{name} is paused{since}: {part['error']['text']}."
    what = {"blocked": "needs a person", "crashed": "fails with a bug of ours"}.get(
        part["state"], "is unreachable" if kind == "collectors" else "cannot be read"
    )
    waits = ""
    if kind == "collectors":
        waits = f" {events(part['waiting'])} {_wait(part['waiting'])} safely."
        if part["stalled_since"] is not None and part["state"] not in ("blocked", "crashed"):
            how = "is connected" if part["connected_since"] else "takes connections"
            silent = spoken(age(part["stalled_since"], now))
            return f"{name} {how} and has confirmed nothing for {silent}.{waits}"
    return f"{name} {what}{since}.{waits}"


def events(count: int) -> str:
    """`1 event`, `48,112 events`."""
    return counted(count, "event")


def _wait(count: int) -> str:
    return "waits" if count == 1 else "wait"


def age(then: str | None, now: str) -> float:
    """Seconds between two RFC 3339 times, 0 when one is missing or in the future."""
    before, after = rfc3339.parse(then or ""), rfc3339.parse(now)
    return max(after - before, 0) / 1000 if before is not None and after is not None else 0.0


def spoken(seconds: float) -> str:
    """`40 s`, `12 min`, `2 h 10 min`, `3 d 4 h`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if minutes < 60:
        return f"{minutes} min"
    if hours < 24:
        return f"{hours} h {minutes % 60} min"
    return f"{days} d {hours % 24} h"
