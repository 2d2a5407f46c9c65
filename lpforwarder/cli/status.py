"""`status`: how the service is doing; asks the running one, reads the journal when it is down."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from lpforwarder.cli import Globals

EXIT = {"ok": 0, "behind": 5, "down": 6}
NAGIOS = {"ok": (0, "OK"), "behind": (1, "WARNING"), "down": (2, "CRITICAL")}
ASK_WITHIN = 5.0


@click.command(
    epilog="""\b
Examples:
  lpforwarder status
  lpforwarder --json status
  lpforwarder status --watch
  lpforwarder status --check          for Nagios and its kin
"""
)
@click.option("--watch", is_flag=True, help="A screen that renews itself every two seconds; q ends it.")
@click.option("--check", is_flag=True, help="One line and exit code 0, 1, 2 or 3 for Nagios.")
@click.option("--json", "as_json", is_flag=True, help="Facts as JSON on stdout.")
@click.pass_context
def status(ctx: click.Context, watch: bool, check: bool, as_json: bool) -> None:
    """Say how the service is doing: a sentence first, then the facts.

    Works when the service is down, and before its first start. Exit code 0 good, 5 behind or degraded,
    6 not running.
    """
    globals_: Globals = ctx.obj
    as_json = as_json or globals_.json
    if watch and (check or as_json):
        raise click.UsageError("--watch is for people; it goes neither with --check nor with --json.")
    if check:
        ctx.exit(_nagios(globals_))
    if watch:
        ctx.exit(_watch(globals_))
    facts = facts_of(globals_.config)
    click.echo(json.dumps(facts, indent=2) if as_json else page(facts, color=globals_.color))
    ctx.exit(EXIT[facts["verdict"]])


def _watch(globals_: Globals) -> int:
    """The exit code for what was shown last; 3 when nobody could say how the service is."""
    from lpforwarder.cli.watch import Terminal, watch

    if not Terminal.is_there():
        raise click.UsageError("--watch needs a terminal. For a script: lpforwarder --json status")
    facts = watch(lambda: facts_of(globals_.config), color=globals_.color)
    return EXIT[facts["verdict"]] if facts else 3


def facts_of(config: str | None) -> dict[str, Any]:
    """The snapshot of the running service, or one made from the journal alone.

    The files a configuration names are not looked at. When the configuration has mistakes, a service that
    still runs with an older one is asked all the same; ConfigError when none does.
    """
    from lpforwarder.errors import ConfigError
    from lpforwarder.runtime.control import NotRunning, ask
    from lpforwarder.settings import control_socket_in, decode, find, read

    path = find(config)
    text = read(path)
    request = {"command": "status"}
    try:
        settings = decode(text, path)
    except ConfigError:
        try:
            return ask(control_socket_in(text, path), request, ASK_WITHIN)
        except NotRunning:
            pass
        raise
    try:
        return ask(settings.control_socket, request, ASK_WITHIN)
    except NotRunning:
        return _from_journal(settings)


def _from_journal(settings: Any) -> dict[str, Any]:
    from lpforwarder import rfc3339
    from lpforwarder.errors import Failure
    from lpforwarder.journal.reader import open_reader
    from lpforwarder.journal.verifying import resting_damage
    from lpforwarder.status import snapshot

    try:
        with open_reader(settings.journal.path) as journal:
            return snapshot(settings, journal.facts(), journal.waiting, None, now=rfc3339.now())
    except FileNotFoundError:
        return snapshot(settings, None, lambda *_: (0, None), None, now=rfc3339.now())
    except Failure as failure:
        if not resting_damage(settings.journal.path):
            raise
        return _damaged(snapshot(settings, None, lambda *_: (0, None), None, now=rfc3339.now()), failure)


def _damaged(facts: dict[str, Any], failure: Any) -> dict[str, Any]:
    """What is left to say of a journal that cannot even be opened for reading."""
    what = "the journal cannot be read; the next start sets it aside and goes on with all that is whole"
    warning = {"code": failure.code, "text": f"{what} ({failure.what})", "fix": failure.fix, "grave": True}
    facts["journal"]["warnings"] = [warning]
    return {**facts, "sentence": f"Not running, and {what}."}


# ---- for people -----------------------------------------------------------------------------------------


def page(facts: Mapping[str, Any], *, color: bool = False) -> str:
    """The whole screen: verdict and sentence, sources, collectors, journal, service."""
    verdict = facts["verdict"].upper()
    if color:
        verdict = click.style(verdict, fg={"OK": "green", "BEHIND": "yellow"}.get(verdict, "red"), bold=True)
    lines = [f"{verdict}  {facts['sentence']}", *_troubles(facts), ""]
    lines += table(("SOURCE", "LAST POLL", "NEWEST", "EVENTS", "SET ASIDE", "STATE"), _sources(facts))
    lines += [""]
    lines += table(
        ("COLLECTOR", "", "", "WAITING", "OLDEST", "CONFIRMED", "REPEATED", "SET ASIDE", "STATE"),
        _collectors(facts),
    )
    lines += ["", journal_line(facts), *http_lines(facts), *certificate_lines(facts), service_line(facts)]
    return "\n".join(lines)


def _troubles(facts: Mapping[str, Any]) -> list[str]:
    from lpforwarder.config.restarts import unused
    from lpforwarder.counting import counted
    from lpforwarder.delivery.certificates import WARN_DAYS

    found = []
    for warning in facts["journal"].get("warnings", ()):  # an older service has none
        found.append(f"        journal: {warning['text']} [{warning['code']}].")
        found.append(f"        fix: {warning['fix']}")
    if keys := facts.get("needs_restart"):
        found.append(f"        {unused(keys)}")
        found.append("        fix: systemctl restart lpforwarder")
    for kind, command in (("collectors", "test-send --collector"), ("sources", "test-pull --source")):
        for name, part in facts[kind].items():
            for alarm in part.get("alarms", ()):
                found.append(f"        {name}: {alarm['text']} [{alarm['code']}].")
                found.append(f"        fix: {alarm['fix']}")
            for certificate in part.get("certificates", ()):
                if certificate["days"] <= WARN_DAYS:
                    found.append(f"        {name}: {certificate['text']} [LPF205].")
            if lost := part.get("set_aside_lost"):
                gone = counted(lost, "set-aside event")
                found.append(f"        {name}: {gone} had to go: no room [LPF605].")
            if part["error"] is None:
                continue
            again = f" Next try in {_until(part['next_try'], facts)}." if part["next_try"] else ""
            text = part["error"]["text"].removeprefix(f"{name}: ")
            found.append(f"        {name}: {text} [{part['error']['code']}].{again}")
            if part["error"].get("fix"):
                found.append(f"        fix: {part['error']['fix']}")
            if kind == "collectors":
                found.append(f"        Try: lpforwarder {command} {name}")
    return found


def _sources(facts: Mapping[str, Any]) -> list[Sequence[str]]:
    return [
        (
            name,
            _ago(part["last_poll"], facts),
            _ago(part["newest_event"], facts),
            f"{part['events']:,}",
            f"{part.get('rejects_kept', part['rejects']):,}",  # an older service tells all there ever were
            part["state"],
        )
        for name, part in facts["sources"].items()
    ]


def _collectors(facts: Mapping[str, Any]) -> list[Sequence[str]]:
    from lpforwarder.status import age, spoken

    rows: list[Sequence[str]] = []
    for name, part in facts["collectors"].items():
        connected = part["connected_since"]
        state = f"connected {spoken(age(connected, facts['time']))}" if connected else part["state"]
        if part["confirm"] == "kernel":
            state += ", confirmed by the kernel only"
        if connected and part["confirm"] == "relp":
            state += ", acknowledged"
        if part.get("stalled_since"):
            state += f", stalled {_ago(part['stalled_since'], facts, suffix='')}"
        if part.get("held"):
            state += f", held to {part['rate_limit']}"
        rows.append(
            (
                name,
                part["transport"],
                part["target"],
                f"{part['waiting']:,}",
                _ago(part["oldest_waiting"], facts, suffix=""),
                f"{part['confirmed']:,}",
                f"{part['replayed']:,}",
                f"{part['set_aside']:,}",
                state,
            )
        )
    return rows


def journal_line(facts: Mapping[str, Any]) -> str:
    """Size, number of events, room."""
    from lpforwarder.status import events, spoken

    journal = facts["journal"]
    held = max(journal["last"] - journal["first"] + 1, 0) if journal["last"] else 0
    for gap in journal["gaps"]:  # places that hold nothing
        if not gap.get("collector"):
            held -= max(gap["first"] + gap["count"] - max(gap["first"], journal["first"]), 0)
    room = journal["full_in_seconds"]
    parts = [f"{journal['bytes'] / 1e6:,.1f} MB", events(held)]
    if room is not None:
        parts.append(f"room for {spoken(room)} at this pace" if room else "full")
    lost = sum(gap["count"] for gap in journal["gaps"] if gap.get("lost", True) and not gap.get("collector"))
    if lost:
        parts.append(f"{events(lost)} damaged and lost")
    return "JOURNAL  " + ", ".join(parts)


def http_lines(facts: Mapping[str, Any]) -> list[str]:
    """Where the endpoint is, or what is wrong with it; nothing when it is off or the service is down."""
    http = facts.get("http")
    if http is None or not facts["running"]:
        return []
    if http["error"] is not None:
        return [f"HTTP     {http['error']['text']} [{http['error']['code']}]. fix: {http['error']['fix']}"]
    from lpforwarder.endpoint.page.words import count

    scheme = "https" if http["tls"] else "http"
    return [f"HTTP     {scheme}://{http['listen']}/, {count(http['clients'], 'client')}"]


def certificate_lines(facts: Mapping[str, Any]) -> list[str]:
    """Who looks at certificates while the service is down, where any collector has some."""
    has_some = any(part["transport"].endswith("tls") for part in facts["collectors"].values())
    if facts["running"] or not has_some:
        return []
    return ["TLS      certificates are watched by the running service; look now: lpforwarder check-config"]


def service_line(facts: Mapping[str, Any]) -> str:
    """How long it has been up."""
    from lpforwarder import __version__
    from lpforwarder.status import age, spoken

    if not facts["running"]:
        return "SERVICE  not running. Start it: lpforwarder run, or systemctl start lpforwarder"
    up = spoken(age(facts["started"], facts["time"]))
    beat = facts.get("last_heartbeat")
    heartbeat = f", last heartbeat {_ago(beat, facts)}" if beat else ""
    return f"SERVICE  up {up}, pid {facts['pid']}, version {__version__}{heartbeat}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell, two spaces apart."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]


def _ago(then: str | None, facts: Mapping[str, Any], suffix: str = " ago") -> str:
    from lpforwarder.status import age, spoken

    return f"{spoken(age(then, facts['time']))}{suffix}" if then else "-"


def _until(then: str, facts: Mapping[str, Any]) -> str:
    from lpforwarder.status import age, spoken

    return spoken(age(facts["time"], then))


# ---- for Nagios -----------------------------------------------------------------------------------------


def _nagios(globals_: Globals) -> int:
    """One line with performance data; 3 (unknown) when even the configuration cannot be read."""
    from lpforwarder.errors import ConfigError, Failure

    try:
        facts = facts_of(globals_.config)
    except (ConfigError, Failure) as error:
        click.echo(f"UNKNOWN - {error}".partition("\n")[0])
        return 3
    code, word = NAGIOS[facts["verdict"]]
    sentence = facts["sentence"].replace("|", "/")  # what follows a bar are numbers
    click.echo(f"{word} - {sentence} | {' '.join(_performance(facts))}")
    return code


def _performance(facts: Mapping[str, Any]) -> Iterator[str]:
    """Numbers to draw. `lag` and `room` have the thresholds that the verdict looks at."""
    from lpforwarder.journal.room import VERY_LOW
    from lpforwarder.status import BEHIND_AFTER, age, on_the_way

    collectors, sources = facts["collectors"].values(), facts["sources"].values()
    yield f"waiting={on_the_way(facts['collectors'])}"
    oldest = [part["oldest_waiting"] for part in collectors if part["oldest_waiting"]]
    yield f"lag={age(min(oldest, default=None), facts['time']):.0f}s;{BEHIND_AFTER:.0f}"
    if newest := max((part["newest_event"] or "" for part in sources), default=""):
        yield f"newest={age(newest, facts['time']):.0f}s"
    room = facts["journal"]["full_in_seconds"]
    # `U`: nobody can say; a number below the range is trouble (Nagios plugin guidelines, performance data).
    yield f"room={'U' if room is None else f'{room:.0f}s;{VERY_LOW:.0f}:'}"
