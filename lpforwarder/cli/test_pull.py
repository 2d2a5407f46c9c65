"""`test-pull`: log in to each source and fetch one window; every step shown, nothing kept."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from lpforwarder.cli import Globals

if TYPE_CHECKING:
    from lpforwarder.event import Event
    from lpforwarder.intake.contract import Page, Source, SourceOptions
    from lpforwarder.privacy import Privacy

MOST_SHOWN = 5
_MOST_PAGES = 3
"""A first page may only find the way; the next ones hold events."""


@click.command(
    epilog="""\b
Examples:
  lpforwarder test-pull
  lpforwarder test-pull --source acme
"""
)
@click.option("--source", "name", metavar="NAME", help="Only this one of the configuration.")
@click.option("--json", "as_json", is_flag=True, help="Facts as JSON on stdout.")
@click.pass_context
def test_pull(ctx: click.Context, name: str | None, as_json: bool) -> None:
    """Log in to each source, fetch one window and show what it becomes. Keeps nothing.

    Exit code 0 when all sources answered, 3 when none did, 4 when some did.
    """
    from lpforwarder.runtime import logs

    globals_: Globals = ctx.obj
    logs.configure("error")  # what it found is printed as steps
    as_json = as_json or globals_.json
    sources, privacy = _chosen(globals_.config, name)
    results = [_try(options, privacy, quiet=as_json) for options in sources]
    good = sum(1 for result in results if result["ok"])
    if as_json:
        click.echo(json.dumps({"version": 1, "sources": results}, indent=2))
    else:
        click.echo(f"{good} of {len(results)} sources answered. Nothing was kept.")
    ctx.exit(0 if good == len(results) else 4 if good else 3)


def _chosen(config: str | None, name: str | None) -> tuple[list[SourceOptions], Privacy | None]:
    """The sources that are meant, and what their events must not say."""
    from lpforwarder.building import privacy_of
    from lpforwarder.settings import find, load

    settings = load(find(config))
    sources = list(settings.sources)
    chosen = [options for options in sources if name in (None, options.name)]
    if not chosen:
        known = ", ".join(options.name for options in sources)
        raise click.UsageError(f"no source named {name!r}; the configuration has: {known}")
    return chosen, privacy_of(settings.privacy)


def _try(options: SourceOptions, privacy: Privacy | None, *, quiet: bool) -> dict[str, Any]:
    """One source: the steps as they are done, and what became of it."""
    from lpforwarder import plugins
    from lpforwarder.cli.failures import show
    from lpforwarder.errors import Failure

    result: dict[str, Any] = {"name": options.name, "ok": False, "events": 0, "rejects": 0, "error": None}
    if not quiet:
        click.echo(f"{options.name}   {options.type}  {_address(options)}".rstrip())
    source: Source | None = None
    began = time.monotonic()
    try:
        source = plugins.load("sources", options.type)(options)
        assert source is not None
        page = _first_events(source)
        shown = [privacy.event(event) if privacy else event for event in page.events[-MOST_SHOWN:]]
    except Failure as error:
        result["error"] = {"code": error.code, "text": error.what, "fix": error.fix}
        if not quiet:
            click.echo(f"  {'log in ':.<20} FAIL")
            show(error)
    else:
        result |= {"ok": True, "events": len(page.events), "rejects": len(page.rejects)}
        result |= _facts(source, options)
        result["sample"] = [dict(event.fields) for event in shown]
        if not quiet:
            _show(result, shown, time.monotonic() - began)
    finally:
        if source is not None:
            source.close()
    return result


def _first_events(source: Source) -> Page:
    """The first page that holds something; the last one asked for if none does."""
    cursor = None
    for _ in range(_MOST_PAGES):
        page = source.pull(cursor)
        if page.events or page.rejects or not page.more:
            break
        cursor = page.cursor
    while getattr(source, "left", 0):  # the rest of a large window is at hand
        rest = source.pull(page.cursor)
        page = replace(rest, events=[*page.events, *rest.events])
    return page


def _address(options: SourceOptions) -> str:
    return str(getattr(options, "url", getattr(options, "path", "")))


def _facts(source: Source, options: SourceOptions) -> dict[str, Any]:
    """What a source of type lastpass found besides events."""
    from lpforwarder.intake.sources.lastpass.source import LastPassSource

    if not isinstance(source, LastPassSource):
        return {}
    return {
        "time_zone": getattr(options, "time_zone", None),
        "measured_offset": source.measured_offset,
        "unknown_actions": source.counts.unknown_actions,
        "alarms": [{"code": a.code, "text": a.text, "fix": a.fix} for a in source.alarms],
    }


def _show(result: dict[str, Any], shown: list[Event], seconds: float) -> None:
    _step("log in", "ok", f"{seconds * 1000:.0f} ms; the rights are enough")
    if "time_zone" in result:
        _step("time zone", "WRONG" if result["alarms"] else "ok", _zone_text(result))
    _step("events", "ok", f"{result['events']:,} in the first window, {result['rejects']:,} set aside")
    for event in shown:
        click.echo(f"    {_line(event)}")
    for alarm in result.get("alarms", ()):
        click.echo(f"  note [{alarm['code']}] {alarm['text']}\n   fix    {alarm['fix']}")


def _zone_text(result: dict[str, Any]) -> str:
    measured = result["measured_offset"]
    if measured is None:
        return f"{result['time_zone']}; no event of our own calls is to be seen yet, so it is not measured"
    return f"{result['time_zone']}; the account's clock is at UTC{measured}"


def _line(event: Event) -> str:
    from lpforwarder.runtime.concealing import escape

    return escape(f"{event.text('timestamp')}  {event.text('eventType')}  {event.text('message')}")


def _step(name: str, result: str, detail: str) -> None:
    click.echo(f"  {name + ' ':.<20} {result}   {detail}")
